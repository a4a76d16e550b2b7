/* unwind mode (R16): no caller stubs; a wrapper's caller is found by walking out of the wrapper's code
 *
 * A call at one address always has the same way out: it is read from the unwind tables (cfi.c) when the address is
 * first met, and is an addition and a load from then on.
 */
#include "code.h"
#include <string.h>

int rt_unwinding;
static uint32_t nodes_before; /* made when no range was known */

/* what is known of a call's address: the wrapper that it is in, and how that one is left */
struct call {
	_Atomic uintptr_t site;
	struct alloc_wrapper *wrapper; /* NULL: in none */
	struct way way;
	int8_t leads_out;              /* whether it is known */
	int8_t looks_on;               /* whoever called the function may be a wrapper: a helper's, or foreign code */
	int8_t is_foreign;             /* has no record */
	uint32_t number;               /* from 1; never another's */
	uint32_t named_in;             /* the generation that `named` is of */
	struct alloc_wrapper *named;   /* the one that the address's record says is called there */
	uint32_t begin;                /* how far before the address the function begins; 0: it is too short */
	uint64_t code;                 /* if foreign: what stands there and before the address; nobody tells when it goes */
};
#define LOOKED_AT 24 /* a function's first instructions say how large its frame is */

#define FIRST_CALLS 512
#define MAX_CHAIN 32
struct calls {
	size_t mask;
	struct call call[]; /* by hash, open */
};
static _Atomic(struct calls *) calls; /* replaced by another one; readers may still be in the old one */
static size_t calls_used;
static uint32_t last_number;
static _Atomic uint32_t generation = 1; /* of what is known of wrappers and records */

/* ---- calls ---- */

HOT size_t call_hash(uintptr_t site) { return site * 0x9e3779b97f4a7c15 >> 32; }

/* the entry for an address, or the one where it belongs */
HOT struct call *call_slot(struct calls *t, uintptr_t site)
{
	for (size_t i = call_hash(site);; i++) {
		struct call *c = &t->call[i & t->mask];
		uintptr_t there = atomic_load_explicit(&c->site, memory_order_acquire);
		if (likely(there == site) || !there) return c;
	}
}

static struct calls *calls_grow(struct calls *old)
{
	size_t n = FIRST_CALLS, left = 0;
	for (size_t i = 0; old && i <= old->mask; i++) left += old->call[i].site && old->call[i].site != UINTPTR_MAX;
	while (n < left * 4) n *= 2;
	struct calls *t = rt_pages(sizeof *t + n * sizeof t->call[0]);
	if (!t) return old;
	t->mask = n - 1;
	for (size_t i = 0; old && i <= old->mask; i++)
		if (old->call[i].site && old->call[i].site != UINTPTR_MAX) *call_slot(t, old->call[i].site) = old->call[i];
	calls_used = left;
	atomic_store_explicit(&calls, t, memory_order_release);
	return t;
}

HOT uint64_t code_at(uintptr_t site, uint32_t begin)
{
	uint64_t code, first[LOOKED_AT / 8] = {0};
	memcpy(&code, (const char *)site - sizeof code, sizeof code);
	if (begin) memcpy(first, (const char *)site - begin, LOOKED_AT);
	return code ^ first[0] * 3 ^ first[1] * 5 ^ first[2] * 7;
}

static struct call *call_make(uintptr_t site)
{
	struct call fresh = {0};
	/* the loader's lock is asked for before ours */
	struct code around;
	fresh.leads_out = code_way_out(site - 1, &fresh.way);
	if (code_around(site - 1, &around) && around.high - around.low >= LOOKED_AT && site - around.low < UINT32_MAX)
		fresh.begin = site - around.low;
	fresh.is_foreign = fresh.leads_out && !site_has_record(site);
	if (fresh.is_foreign) fresh.code = code_at(site, fresh.begin);
	rt_lock();
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	if (!t || calls_used * 2 > t->mask) t = calls_grow(t);
	struct call *c = t && calls_used < t->mask ? call_slot(t, site) : 0;
	if (c && !c->site) {
		fresh.wrapper = fresh.leads_out ? wrapper_at(site - 1) : 0;
		fresh.looks_on = fresh.is_foreign || (fresh.leads_out && helps_wrapper(site - 1));
		fresh.number = ++last_number;
		calls_used++;
		*c = fresh;
		atomic_store_explicit(&c->site, site, memory_order_release);
	}
	rt_unlock();
	return c;
}

HOT struct call *call_get(uintptr_t site)
{
	struct calls *t = atomic_load_explicit(&calls, memory_order_acquire);
	struct call *c = likely(t != 0) ? call_slot(t, site) : 0;
	if (unlikely(!c) || unlikely(!c->site)) return call_make(site);
	if (likely(!c->is_foreign) || likely(code_at(site, c->begin) == c->code)) return c;
	c->site = UINTPTR_MAX;
	return call_make(site);
}

/* the wrapper that a call's record says is called */
static struct alloc_wrapper *wrapper_named(struct call *c)
{
	uint32_t now = atomic_load_explicit(&generation, memory_order_acquire);
	if (likely(__atomic_load_n(&c->named_in, __ATOMIC_ACQUIRE) == now)) return c->named;
	const char *name = site_callee(c->site);
	rt_lock();
	struct alloc_wrapper *w = name ? rt_wrappers : 0;
	while (w && strcmp(w->name, name)) w = w->next;
	c->named = w;
	__atomic_store_n(&c->named_in, now, __ATOMIC_RELEASE);
	rt_unlock();
	return w;
}

/* ---- walking ---- */

struct place {
	uintptr_t cfa, fp; /* of the frame that made a call */
};

/* what the function left by its frame address: the begin of its caller's frame, and its frame pointer */
HOT struct place place_of(uintptr_t here) { return (struct place){here + 2 * sizeof(uintptr_t), *(uintptr_t *)here}; }

/* the return address of the frame that a call was made in; the place becomes its caller's; 0 where that leads nowhere */
HOT uintptr_t leave(const struct call *c, struct place *at)
{
#ifdef __aarch64__ /* every frame has a record (AAPCS64, "The Frame Pointer") */
	(void)c;
	uintptr_t *record = (uintptr_t *)at->fp;
	if (!record || (uintptr_t)record & 7 || (uintptr_t)record < at->cfa) return 0;
	at->cfa = at->fp;
	at->fp = record[0];
	return record[1];
#else
	uintptr_t base = (c->way.base == BY_SP ? at->cfa : at->fp) + c->way.cfa, saved = base;
	if (unlikely(c->way.base == IN_FRAME)) {
		saved = at->fp;
		if (base - at->cfa > STACK_REACH || base & 7) return 0;
		base = *(uintptr_t *)base;
	}
	if (unlikely(base <= at->cfa) || unlikely(base - at->cfa > STACK_REACH)) return 0;
	if (c->way.fp != UNCHANGED) at->fp = *(uintptr_t *)(saved + c->way.fp);
	at->cfa = base;
	return ((uintptr_t *)base)[-1];
#endif
}

struct chain {
	struct alloc_wrapper *wrapper[MAX_CHAIN]; /* innermost first */
	uintptr_t caller[MAX_CHAIN];
	unsigned length;
};

static void chain_add(struct chain *n, struct alloc_wrapper *w, uintptr_t caller)
{
	if (n->length == MAX_CHAIN) return;
	n->wrapper[n->length] = w;
	n->caller[n->length++] = caller;
}

/* the stub's frame, and on to the one that lies outside of it */
static struct frame *frame_add(struct chain *n, struct frame *f)
{
	chain_add(n, f->wrapper, f->site);
	return f - 1;
}

/* A way that was gone once is remembered by a hash of its steps and of the allocator. */
enum { MAX_STEPS = 16 };

HOT int goes_on(const struct call *c) { return c->wrapper || c->looks_on; }

HOT uint64_t way_begin(const struct call *first, const struct allocator *a)
{
	return first->number + ((uint64_t)a->number << KEY_SHIFT);
}

static __attribute__((noinline)) uint32_t unwound_further(uintptr_t site, uintptr_t here, const struct allocator *a)
{
	struct call *c = call_get(site);
	if (unlikely(!c) || !goes_on(c)) return 0;
	struct place at = place_of(here);
	uint64_t hash = way_begin(c, a);
	for (unsigned depth = 0;; depth++) {
		uintptr_t pc = leave(c, &at);
		hash = quick_hash(hash, pc);
		uint32_t id = quick_find(hash);
		if (likely(id != 0)) return id;
		if (!goes_on(c) || depth == MAX_STEPS - 1 || !(c = call_get(pc)) || !goes_on(c)) return 0;
	}
}

/* the first step apart, which calls nothing: most often it is the only one */
uint32_t unwound(uintptr_t site, uintptr_t here, const struct allocator *a)
{
	struct calls *t = atomic_load_explicit(&calls, memory_order_acquire);
	if (unlikely(!t)) return unwound_further(site, here, a);
	struct call *c = &t->call[call_hash(site) & t->mask];
	uintptr_t there = atomic_load_explicit(&c->site, memory_order_acquire);
	if (unlikely(there != site) || unlikely(!c->wrapper) || unlikely(c->is_foreign)) return unwound_further(site, here, a);
	struct place at = place_of(here);
	uint64_t slot;
	if (likely(quick_slot(quick_hash(way_begin(c, a), leave(c, &at)), &slot))) return slot & ((1u << ID_BITS) - 1);
	return unwound_further(site, here, a);
}

/* f: the innermost stub's frame; wrappers with stubs and without lie between one another on the stack */
uint32_t unwound_slow(struct frame *f, uintptr_t site, uintptr_t here, struct allocator *a)
{
	uint32_t epoch = atomic_load_explicit(&rt_quick_epoch, memory_order_acquire);
	uint32_t context = frame_node(f), found = context || !has_own_number(a) || rt_ranges_lost ? 0 : unwound(site, here, a);
	if (found || rt_ranges_lost || context == NODE_UNKNOWN) return found;
	uint64_t hash = chunk_hash(f, site, a->number);
	struct place at = place_of(here);
	struct chain chain;
	uintptr_t pc = site;
	struct call *c;
	unsigned steps = 0, walked = 0;
	uint64_t way = 0;
	for (chain.length = 0;;) {
		for (c = call_get(pc); c && goes_on(c) && steps < 2 * MAX_CHAIN; c = call_get(pc)) {
			if (!steps++) way = way_begin(c, a);
			pc = leave(c, &at);
			way = quick_hash(way, pc);
			if (!pc) break;
			while (f->wrapper && f->address < at.cfa) f = frame_add(&chain, f);
			if (c->wrapper) chain_add(&chain, c->wrapper, pc), walked++;
		}
		if (!f->wrapper) break;
		pc = f->site;
		at = place_of(f->address);
		f = frame_add(&chain, f);
	}
	if (!c && pc) return 0; /* no memory to keep what this call is */
	if (context && !walked) {
		uint32_t id = intern(context, site, a, NODE_CHUNK);
		if (id && has_own_number(a)) quick_put(hash, id, epoch);
		return id;
	}
	/* a wrapper that jumped on is not on the stack, but whoever called it has a record that names it */
	struct alloc_wrapper *named = c && pc && !context ? wrapper_named(c) : 0;
	unsigned n = chain.length;
	if (named && (!n || (chain.caller[n - 1] == pc && chain.wrapper[n - 1] != named))) {
		if (!n) chain_add(&chain, named, pc);
		else chain.wrapper[n - 1] = named;
	}
	uint32_t parent = 0;
	for (n = chain.length; n--;) parent = intern(parent, chain.caller[n], chain.wrapper[n], NODE_FRAME);
	/* what other callers would make something else of must not be found by its address alone */
	uint32_t id = intern(parent, site, a, steps || context ? NODE_HIDDEN : NODE_CHUNK);
	if (!id || !has_own_number(a) || context) return id;
	if (!steps) quick_put(hash, id, epoch);
	else if (steps <= MAX_STEPS && pc && c) quick_put(way, id, epoch);
	return id;
}

void unwind_walk(uintptr_t site, uintptr_t here, int (*f)(uintptr_t pc, uintptr_t function, void *), void *arg)
{
	struct place at = place_of(here);
	for (uintptr_t pc = site; pc;) {
		struct code around;
		if (f(pc, code_around(pc - 1, &around) ? around.low : 0, arg)) return;
		struct call *c = call_get(pc);
		pc = c && c->leads_out ? leave(c, &at) : 0;
	}
}

/* ---- what changes ---- */

/* callers hold the lock; what was found out about calls at these addresses counts no more: constructors ran late */
void unwind_refresh(uintptr_t low, uintptr_t high)
{
	if (!rt_unwinding) nodes_before = rt_node_count;
	rt_unwinding = 1;
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	int changed = 0;
	for (size_t i = 0; t && i <= t->mask; i++) {
		struct call *c = &t->call[i];
		if (!c->leads_out) continue;
		if (!c->looks_on && helps_wrapper(c->site - 1)) __atomic_store_n(&c->looks_on, 1, __ATOMIC_RELAXED), changed = 1;
		if (c->site - 1 < low || c->site - 1 >= high) continue;
		struct alloc_wrapper *w = wrapper_at(c->site - 1);
		changed |= w != c->wrapper;
		__atomic_store_n(&c->wrapper, w, __ATOMIC_RELAXED);
	}
	atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel);
	quick_forget();
	for (uint32_t id = 1; id <= (changed ? rt_node_count : nodes_before); id++) {
		struct node *n = node_get(id);
		if (n->kind == NODE_CHUNK && !n->is_hidden && !n->parent && n->site_address - 1 >= low && n->site_address - 1 < high)
			intern_kill(n, id);
	}
}

/* new records: what was foreign need not be */
void unwind_learn(void)
{
	struct calls *t = atomic_load_explicit(&calls, memory_order_acquire);
	int changed = 0;
	for (size_t i = 0; t && i <= t->mask; i++)
		if (t->call[i].is_foreign && site_has_record(t->call[i].site)) {
			t->call[i].looks_on = helps_wrapper(t->call[i].site - 1);
			t->call[i].is_foreign = 0;
			changed = 1;
		}
	atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel);
	if (!changed) return;
	rt_lock();
	quick_forget();
	rt_unlock();
}

/* callers hold the lock; an object goes, its addresses may come back */
void unwind_forget(uintptr_t low, uintptr_t high)
{
	int is_less = ranges_forget(low, high);
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	for (size_t i = 0; t && i <= t->mask; i++)
		if (t->call[i].site >= low && t->call[i].site < high) t->call[i].site = UINTPTR_MAX;
	if (is_less) unwind_refresh(0, UINTPTR_MAX - 1);
	else atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel);
	quick_forget();
}
