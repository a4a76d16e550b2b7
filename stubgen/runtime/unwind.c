/* unwind mode (R16): no caller stubs; a wrapper's caller is found by walking out of the wrapper's code
 *
 * A call at one address always has the same way out: it is read from the unwind tables (DWARF, "Call Frame Information";
 * LSB, ".eh_frame") when the address is first met, and is an addition and a load from then on.
 */
#include "rt.h"
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#pragma weak dlsym /* a static program need not have it */

struct range {
	uintptr_t low, high;
	struct alloc_wrapper *wrapper;
};

static struct range *ranges; /* sorted; like all that is not atomic here, under the lock */
static size_t range_count, range_room;
int rt_unwinding;
static int is_lost; /* there was no memory to keep where a wrapper is: whoever called what is not known any more */
static uint32_t nodes_before; /* made when no range was known */

/* what is known of a call's address: the wrapper that it is in, and how that one is left */
struct call {
	_Atomic uintptr_t site;
	struct alloc_wrapper *wrapper; /* NULL: in none */
	int32_t cfa;                   /* offset of the caller's frame, from what `base` says */
	int16_t fp;                    /* offset of the saved frame pointer from there; UNCHANGED: it is not saved */
	int8_t base;                   /* BY_SP ... */
	int8_t leads_out;              /* whether these are known */
	int8_t looks_on;               /* foreign code: whoever called it may be a wrapper */
	uint32_t number;               /* from 1; never another's */
	uint32_t named_in;             /* the generation that `named` is of */
	struct alloc_wrapper *named;   /* the one that the address's record says is called there */
	uint32_t begin;                /* how far before the address the function begins; 0: it is too short */
	uint64_t code;                 /* in foreign code: what stands there and before the address; nobody tells when it goes */
};
/* the stack pointer, the frame pointer; or a place at an offset from the latter holds the frame's address, as in functions
 * that align the stack, and `fp` counts from the frame pointer */
enum { BY_SP, BY_FP, IN_FRAME };
#define UNCHANGED INT16_MIN
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

/* ---- unwind tables ---- */

struct reader {
	const uint8_t *p, *end;
};

static uint64_t fixed(struct reader *r, unsigned size)
{
	uint64_t v = 0;
	if ((size_t)(r->end - r->p) < size) r->p = r->end;
	else memcpy(&v, r->p, size), r->p += size;
	return v;
}

static uint64_t uleb(struct reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; r->p < r->end; shift += 7) {
		uint8_t b = *r->p++;
		if (shift < 64) v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) break;
	}
	return v;
}

static int64_t sleb(struct reader *r)
{
	uint64_t v = 0;
	unsigned shift = 0;
	while (r->p < r->end) {
		uint8_t b = *r->p++;
		if (shift < 64) v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (b & 0x80) continue;
		if (shift < 64 && b & 0x40) v |= -(uint64_t)1 << shift;
		break;
	}
	return (int64_t)v;
}

/* a pointer in one of the encodings that linkers and assemblers use (LSB, "DWARF Exception Header Encoding") */
static uintptr_t encoded(struct reader *r, uint8_t how, uintptr_t data)
{
	static const uint8_t size[] = {8, 0, 2, 4, 8, 0, 0, 0, 8, 0, 2, 4, 8, 0, 0, 0};
	uintptr_t at = (uintptr_t)r->p;
	uint64_t v = fixed(r, size[how & 15]);
	if ((how & 15) == 10) v = (uint64_t)(int16_t)v;
	if ((how & 15) == 11) v = (uint64_t)(int32_t)v;
	if ((how & 0x70) == 0x10) v += at;
	if ((how & 0x70) == 0x30) v += data;
	return v;
}

struct search {
	uintptr_t pc;
	const uint8_t *header;
};

static int header_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	const uint8_t *header = 0;
	int inside = 0;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type == PT_GNU_EH_FRAME) header = (const uint8_t *)(info->dlpi_addr + p->p_vaddr);
		if (p->p_type == PT_LOAD && s->pc - (info->dlpi_addr + p->p_vaddr) < p->p_memsz) inside = 1;
	}
	if (!inside) return 0;
	s->header = header;
	return 1;
}

/* glibc has an answer that needs no lock, from 2.35 on: the loader's may be held for ever in a forked child */
#ifdef DLFO_STRUCT_HAS_EH_DBASE
static int (*find_object)(void *, struct dl_find_object *);
#endif

static void loader_ask(void)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
	if (dlsym && !find_object) find_object = (int (*)(void *, struct dl_find_object *))dlsym(RTLD_DEFAULT, "_dl_find_object");
#endif
}

static const uint8_t *header_of(uintptr_t pc)
{
	struct search s = {.pc = pc};
#ifdef DLFO_STRUCT_HAS_EH_DBASE
	struct dl_find_object found;
	if (find_object) return find_object((void *)pc, &found) ? 0 : found.dlfo_eh_frame;
#endif
	return dl_iterate_phdr(header_find, &s) ? s.header : 0;
}

/* the entry that covers an address, by the sorted table of .eh_frame_hdr */
static const uint8_t *entry_find(uintptr_t pc)
{
	struct search s = {.header = header_of(pc)};
	if (!s.header || s.header[0] != 1) return 0;
	struct reader r = {s.header + 4, s.header + 64};
	encoded(&r, s.header[1], (uintptr_t)s.header);
	if (s.header[2] != 3 || s.header[3] != 0x3b) return 0; /* udata4; datarel | sdata4: what linkers write */
	size_t low = 0, high = fixed(&r, 4);
	const uint8_t *table = r.p;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int32_t start;
		memcpy(&start, table + 8 * mid, 4);
		if ((uintptr_t)s.header + start <= pc) low = mid + 1;
		else high = mid;
	}
	if (!low) return 0;
	int32_t entry;
	memcpy(&entry, table + 8 * (low - 1) + 4, 4);
	return s.header + entry;
}

struct frame_entry {
	uintptr_t low, high; /* of the code */
	struct reader first, then;
	uint64_t code_unit;
	int64_t data_unit;
};

static struct reader body(const uint8_t *p, const uint8_t **id)
{
	uint32_t length;
	memcpy(&length, p, 4);
	*id = p + 4;
	return (struct reader){p + 8, p + 4 + (length == UINT32_MAX ? 0 : length)};
}

static int entry_read(const uint8_t *p, struct frame_entry *e)
{
	const uint8_t *id, *common_id;
	struct reader r = body(p, &id);
	uint32_t back;
	memcpy(&back, id, 4);
	if (!back) return 0;
	struct reader c = body(id - back, &common_id);
	fixed(&c, 1);
	const char *augmentation = (const char *)c.p;
	c.p += strlen(augmentation) + 1;
	e->code_unit = uleb(&c);
	e->data_unit = sleb(&c);
	uleb(&c); /* the return address's register */
	uint8_t how = 0;
	if (augmentation[0] == 'z') {
		uint64_t length = uleb(&c);
		struct reader a = {c.p, c.p + length};
		c.p += length;
		for (const char *s = augmentation + 1; *s; s++) {
			if (*s == 'R') how = fixed(&a, 1);
			else if (*s == 'L') fixed(&a, 1);
			else if (*s == 'P') encoded(&a, fixed(&a, 1), 0);
			else if (*s != 'S' && *s != 'B') return 0;
		}
	} else if (augmentation[0]) {
		return 0;
	}
	e->first = c;
	e->low = encoded(&r, how, 0);
	e->high = e->low + encoded(&r, how & 15, 0);
	if (augmentation[0] == 'z') {
		uint64_t length = uleb(&r);
		r.p += length;
	}
	e->then = r;
	return 1;
}

enum { RBP = 6, RSP = 7, RETURN = 16 }; /* x86-64 psABI, "DWARF Register Number Mapping" */

enum place_kind { KEPT, AT_CFA, AT_FP, LOST }; /* where the caller's frame pointer is */

struct rule {
	uint64_t cfa_register;
	int64_t cfa, fp;
	enum place_kind fp_kind;
	int in_frame, unknown; /* of the frame's address: it stands in memory; it cannot be told */
};

static void fp_at(struct rule *now, uint64_t reg, enum place_kind kind, int64_t value)
{
	if (reg == RBP) now->fp_kind = kind, now->fp = value;
	if (reg == RETURN && (kind != AT_CFA || value != -(int64_t)sizeof(uintptr_t))) now->unknown = 1;
}

/* whether an expression is the frame pointer and an offset; `rest`: what follows that */
static int is_by_fp(struct reader e, int64_t *offset, struct reader *rest)
{
	if (fixed(&e, 1) != 0x70 + RBP) return 0; /* DW_OP_breg6 */
	*offset = sleb(&e);
	*rest = e;
	return 1;
}

static struct reader block(struct reader *r)
{
	uint64_t size = uleb(r);
	if (size > (size_t)(r->end - r->p)) size = r->end - r->p;
	struct reader found = {r->p, r->p + size};
	r->p += size;
	return found;
}

/* runs a program of call frame instructions up to an address; DWARF 5, 6.4.2 */
static void run(struct reader r, const struct frame_entry *e, uintptr_t pc, struct rule *now, const struct rule *initial)
{
	struct rule kept[8];
	unsigned depth = 0;
	uintptr_t at = e->low;
	while (r.p < r.end && at <= pc) {
		uint8_t op = *r.p++, low = op & 0x3f;
		uint64_t reg;
		int64_t value;
		struct reader expression, rest;
		switch (op >> 6) {
		case 1: at += low * e->code_unit; continue;
		case 2:
			fp_at(now, low, AT_CFA, (int64_t)uleb(&r) * e->data_unit);
			continue;
		case 3:
			if (low == RBP) now->fp_kind = initial->fp_kind, now->fp = initial->fp;
			continue;
		}
		switch (op) {
		case 0x00: break;
		case 0x01: at = encoded(&r, 0, 0); break;
		case 0x02: at += fixed(&r, 1) * e->code_unit; break;
		case 0x03: at += fixed(&r, 2) * e->code_unit; break;
		case 0x04: at += fixed(&r, 4) * e->code_unit; break;
		case 0x05: case 0x11:
			reg = uleb(&r);
			fp_at(now, reg, AT_CFA, (op == 0x05 ? (int64_t)uleb(&r) : sleb(&r)) * e->data_unit);
			break;
		case 0x06:
			if (uleb(&r) == RBP) now->fp_kind = initial->fp_kind, now->fp = initial->fp;
			break;
		case 0x07: fp_at(now, uleb(&r), LOST, 0); break; /* of the return address: the outermost frame */
		case 0x08: fp_at(now, uleb(&r), KEPT, 0); break;
		case 0x09:
			fp_at(now, uleb(&r), LOST, 0);
			uleb(&r);
			break;
		case 0x0a:
			if (depth == sizeof kept / sizeof *kept) {
				now->unknown = 1;
				return;
			}
			kept[depth++] = *now;
			break;
		case 0x0b:
			if (depth) *now = kept[--depth];
			break;
		case 0x0c: case 0x12:
			now->cfa_register = uleb(&r);
			now->cfa = op == 0x0c ? (int64_t)uleb(&r) : sleb(&r) * e->data_unit;
			now->in_frame = 0;
			break;
		case 0x0d: now->cfa_register = uleb(&r); break;
		case 0x0e: now->cfa = uleb(&r); break;
		case 0x13: now->cfa = sleb(&r) * e->data_unit; break;
		case 0x0f:
			expression = block(&r);
			now->cfa_register = RBP;
			now->in_frame = is_by_fp(expression, &now->cfa, &rest) && fixed(&rest, 1) == 0x06 && rest.p == rest.end ? 1 : -1;
			break;
		case 0x10:
			reg = uleb(&r);
			expression = block(&r);
			if (is_by_fp(expression, &value, &rest) && rest.p == rest.end) fp_at(now, reg, AT_FP, value);
			else fp_at(now, reg, LOST, 0);
			break;
		case 0x16:
			fp_at(now, uleb(&r), LOST, 0);
			block(&r);
			break;
		case 0x14: case 0x15:
			fp_at(now, uleb(&r), LOST, 0);
			sleb(&r);
			break;
		case 0x2e: uleb(&r); break;
		default: now->unknown = 1; return;
		}
	}
}

/* whether the way out of the code at pc is one that `struct call` can say */
static int way_out(uintptr_t pc, struct call *c)
{
#ifdef __aarch64__
	(void)pc, (void)c;
	return 1;
#endif
	const uint8_t *entry = entry_find(pc);
	struct frame_entry e;
	if (!entry || !entry_read(entry, &e) || pc - e.low >= e.high - e.low) return 0;
	c->begin = e.high - e.low >= LOOKED_AT && pc + 1 - e.low < UINT32_MAX ? pc + 1 - e.low : 0;
	struct rule rule = {0}, initial;
	run(e.first, &e, UINTPTR_MAX, &rule, &rule);
	initial = rule;
	run(e.then, &e, pc, &rule, &initial);
	int base = rule.in_frame ? IN_FRAME : rule.cfa_register == RBP ? BY_FP : BY_SP;
	if (rule.unknown || rule.in_frame < 0 || (rule.cfa_register != RSP && rule.cfa_register != RBP)) return 0;
	if (rule.fp_kind != KEPT && rule.fp_kind != (base == IN_FRAME ? AT_FP : AT_CFA)) return 0;
	if (rule.cfa != (int32_t)rule.cfa || rule.fp != (int16_t)rule.fp || rule.fp == UNCHANGED) return 0;
	c->cfa = rule.cfa;
	c->base = base;
	c->fp = rule.fp_kind == KEPT ? UNCHANGED : rule.fp;
	return 1;
}

/* ---- calls ---- */

static struct alloc_wrapper *wrapper_at(uintptr_t pc)
{
	size_t low = 0, high = range_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (ranges[mid].high <= pc) low = mid + 1;
		else high = mid;
	}
	return low < range_count && ranges[low].low <= pc ? ranges[low].wrapper : 0;
}

/* the entry for an address, or the one where it belongs */
HOT struct call *call_slot(struct calls *t, uintptr_t site)
{
	for (size_t i = site * 0x9e3779b97f4a7c15 >> 32;; i++) {
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
	fresh.leads_out = way_out(site - 1, &fresh);
	fresh.looks_on = fresh.leads_out && !site_has_record(site);
	if (fresh.looks_on) fresh.code = code_at(site, fresh.begin);
	rt_lock();
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	if (!t || calls_used * 2 > t->mask) t = calls_grow(t);
	struct call *c = t && calls_used < t->mask ? call_slot(t, site) : 0;
	if (c && !c->site) {
		fresh.wrapper = fresh.leads_out ? wrapper_at(site - 1) : 0;
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
	if (likely(!c->looks_on) || likely(code_at(site, c->begin) == c->code)) return c;
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
	uintptr_t *record = (uintptr_t *)at->fp;
	if (!record || (uintptr_t)record & 7 || (uintptr_t)record < at->cfa) return 0;
	at->cfa = at->fp;
	at->fp = record[0];
	return record[1];
#else
	uintptr_t base = (c->base == BY_SP ? at->cfa : at->fp) + c->cfa, saved = base;
	if (unlikely(c->base == IN_FRAME)) {
		saved = at->fp;
		if (base - at->cfa > STACK_REACH || base & 7) return 0;
		base = *(uintptr_t *)base;
	}
	if (unlikely(base <= at->cfa) || unlikely(base - at->cfa > STACK_REACH)) return 0;
	if (c->fp != UNCHANGED) at->fp = *(uintptr_t *)(saved + c->fp);
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
static const struct frame *frame_add(struct chain *n, const struct frame *f)
{
	chain_add(n, node_get(f->node)->owner, f->site);
	return f - 1;
}

/* what is found by two words and no more */
static int has_own_number(const struct allocator *a) { return a->number < MAX_ALLOCATORS - 1; }

/* Ways that were gone once are remembered step by step, as aliases. A state is a call's number at first, and then the id of
 * the first chunk's node that was found behind it: of one depth, no two ways lead to one, since the node has all callers. */
enum { STEP = 0xff, MAX_STEPS = 16 };
HOT uint64_t step_key(unsigned depth, unsigned number, uintptr_t pc)
{
	return pc | (uint64_t)(ALIAS_KEY | depth << 8 | number) << KEY_SHIFT;
}

uint32_t unwound(uintptr_t site, uintptr_t here, const struct allocator *a)
{
	struct call *c = call_get(site);
	if (unlikely(!c) || !(c->wrapper || c->looks_on)) return 0;
	struct place at = place_of(here);
	uint32_t state = c->number;
	for (unsigned depth = 0;; depth++) {
		uintptr_t pc = leave(c, &at);
		uint32_t id = intern(state, node_mix(state), step_key(depth, a->number, pc));
		if (likely(id != 0)) return id;
		if (!c->wrapper || depth == MAX_STEPS - 1) return 0;
		state = intern(state, node_mix(state), step_key(depth, STEP, pc));
		if (!state || !(c = call_get(pc)) || !c->wrapper) return 0;
	}
}

static void way_learn(const struct call *first, const struct chain *n, unsigned steps, uintptr_t last, unsigned number, uint32_t id)
{
	uint32_t state = first->number;
	for (unsigned i = 0; i + 1 < steps; i++) {
		uint64_t key = step_key(i, STEP, n->caller[i]);
		uint32_t next = intern(state, node_mix(state), key);
		if (!next) intern_alias(state, key, next = id);
		state = next;
	}
	intern_alias(state, step_key(steps - 1, number, last), id);
}

/* f: the innermost stub's frame; wrappers with stubs and without lie between one another on the stack */
uint32_t unwound_slow(const struct frame *f, uintptr_t site, uintptr_t here, struct allocator *a)
{
	uint32_t found = f->node || !has_own_number(a) || is_lost ? 0 : unwound(site, here, a);
	if (found || is_lost) return found;
	struct place at = place_of(here);
	struct chain chain;
	uint32_t context = f->node;
	uintptr_t pc = site;
	struct call *c, *first = 0;
	unsigned steps = 0, walked = 0;
	for (chain.length = 0;;) {
		for (c = call_get(pc); c && (c->wrapper || c->looks_on) && steps < 2 * MAX_CHAIN; c = call_get(pc)) {
			if (!steps++) first = c;
			pc = leave(c, &at);
			if (!pc) break;
			while (f->node && f->address < at.cfa) f = frame_add(&chain, f);
			if (c->wrapper) chain_add(&chain, c->wrapper, pc), walked++;
		}
		if (!f->node) break;
		pc = f->site;
		at = place_of(f->address);
		f = frame_add(&chain, f);
	}
	if (!c && pc) return 0; /* no memory to keep what this call is */
	if (context && !walked) return intern_slow(context, site, a, NODE_CHUNK);
	/* a wrapper that jumped on is not on the stack, but whoever called it has a record that names it */
	struct alloc_wrapper *named = c && pc && !context ? wrapper_named(c) : 0;
	unsigned n = chain.length;
	int is_jumped = named && !steps, is_way = steps == 1 || (n == steps && n <= MAX_STEPS);
	if (named && (n ? chain.caller[n - 1] == pc && chain.wrapper[n - 1] != named : pc == site)) {
		if (!n) chain_add(&chain, named, pc);
		else chain.wrapper[n - 1] = named;
	}
	uint32_t parent = 0;
	for (n = chain.length; n--;) parent = intern_slow(parent, chain.caller[n], chain.wrapper[n], NODE_FRAME);
	/* what other callers would make something else of must not be found by its address alone */
	uint32_t id = intern_slow(parent, site, a, steps || context ? NODE_HIDDEN : NODE_CHUNK);
	if (!id || !has_own_number(a)) return id;
	if (is_jumped) intern_alias(0, site | (uint64_t)a->number << KEY_SHIFT, id);
	if (steps && is_way && pc && c && !context) way_learn(first, &chain, steps, pc, a->number, id);
	return id;
}

void unwind_walk(uintptr_t site, uintptr_t here, int (*f)(uintptr_t pc, uintptr_t function, void *), void *arg)
{
	struct place at = place_of(here);
	for (uintptr_t pc = site; pc;) {
		const uint8_t *entry = entry_find(pc - 1);
		struct frame_entry e;
		int is_known = entry && entry_read(entry, &e) && pc - 1 - e.low < e.high - e.low;
		if (f(pc, is_known ? e.low : 0, arg)) return;
		struct call *c = call_get(pc);
		pc = c && c->leads_out ? leave(c, &at) : 0;
	}
}

/* ---- ranges ---- */

/* a program that is no PIE may have a jump to it as a function's address: of one that it imports, which may not be bound
 * yet, or of an ifunc */
static const uint8_t *behind_jump(const uint8_t *code, const char *name)
{
#ifdef __x86_64__
	const uint8_t *at = code;
	const void *there;
	int32_t distance;
	if (!memcmp(at, "\xf3\x0f\x1e\xfa", 4)) at += 4; /* endbr64 */
	if (at[0] == 0x41 && at[1] == 0xbb) at += 6;      /* mov $number,%r11d: mold's */
	if (at[0] == 0xf2) at++;                          /* bnd */
	if (at[0] != 0xff || at[1] != 0x25) return code;  /* jmp *there(%rip) */
	if (name && dlsym && (there = dlsym(RTLD_NEXT, name))) return there;
	memcpy(&distance, at + 2, 4);
	memcpy(&there, at + 6 + distance, sizeof there);
	return there;
#else
	(void)name;
	return code;
#endif
}

/* callers of these hold the lock */

static int range_add(struct range new)
{
	if (range_count == range_room) {
		size_t room = range_room ? range_room * 2 : 128;
		struct range *fresh = rt_pages(room * sizeof *fresh);
		if (!fresh) {
			is_lost = rt_unwinding = 1;
			return 0;
		}
		if (ranges) memcpy(fresh, ranges, range_count * sizeof *fresh);
		ranges = fresh;
		range_room = room;
	}
	size_t at = range_count++;
	for (; at && ranges[at - 1].low > new.low; at--) ranges[at] = ranges[at - 1];
	ranges[at] = new;
	return 1;
}

/* what was found out about calls at these addresses counts no more: constructors ran late */
static void calls_refresh(uintptr_t low, uintptr_t high)
{
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	int changed = 0;
	for (size_t i = 0; t && i <= t->mask; i++) {
		struct call *c = &t->call[i];
		if (!c->leads_out || c->site - 1 < low || c->site - 1 >= high) continue;
		struct alloc_wrapper *w = wrapper_at(c->site - 1);
		changed |= w != c->wrapper;
		__atomic_store_n(&c->wrapper, w, __ATOMIC_RELAXED);
	}
	atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel);
	if (changed) intern_forget_aliases();
	for (uint32_t id = 1; id <= (changed ? rt_node_count : nodes_before); id++) {
		struct node *n = node_get(id);
		if (n->kind == NODE_CHUNK && !n->is_hidden && !n->parent && n->site_address - 1 >= low && n->site_address - 1 < high)
			intern_kill(n, id);
	}
}

static void range_of(struct alloc_wrapper *w, const void *code)
{
	const uint8_t *entry = entry_find((uintptr_t)code);
	struct frame_entry e;
	if (!entry || !entry_read(entry, &e) || (uintptr_t)code - e.low >= e.high - e.low) return;
	if (!w->known) wrapper_register(w);
	rt_lock();
	if (range_add((struct range){e.low, e.high, w})) {
		if (!rt_unwinding) nodes_before = rt_node_count;
		rt_unwinding = 1;
		calls_refresh(e.low, e.high);
	}
	rt_unlock();
}

RT_EXPORT void __allocs_range(struct alloc_wrapper *w, const void *code)
{
	loader_ask();
	range_of(w, behind_jump(code, 0));
}

/* of a function that another object defines */
RT_EXPORT void __allocs_range_imported(struct alloc_wrapper *w, const void *code)
{
	loader_ask();
	code = behind_jump(code, w->name);
	range_of(w, code);
	/* the runtime's own, which jumps on (operators.c) */
	const void *next = dlsym && in_executable(code) ? dlsym(RTLD_NEXT, w->name) : 0;
	if (next) range_of(w, next);
}

/* new records: what was foreign need not be */
void unwind_learn(void)
{
	struct calls *t = atomic_load_explicit(&calls, memory_order_acquire);
	int changed = 0;
	for (size_t i = 0; t && i <= t->mask; i++)
		if (t->call[i].looks_on && site_has_record(t->call[i].site)) t->call[i].looks_on = 0, changed = 1;
	atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel);
	if (!changed) return;
	rt_lock();
	intern_forget_aliases();
	rt_unlock();
}

/* callers hold the lock; an object goes, its addresses may come back */
void unwind_forget(uintptr_t low, uintptr_t high)
{
	size_t kept = 0;
	for (size_t i = 0; i < range_count; i++) {
		uintptr_t w = (uintptr_t)ranges[i].wrapper;
		if ((ranges[i].low < low || ranges[i].low >= high) && (w < low || w >= high)) ranges[kept++] = ranges[i];
	}
	int is_less = kept < range_count;
	range_count = kept;
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	for (size_t i = 0; t && i <= t->mask; i++)
		if (t->call[i].site >= low && t->call[i].site < high) t->call[i].site = UINTPTR_MAX;
	if (is_less) calls_refresh(0, UINTPTR_MAX - 1);
	else atomic_fetch_add_explicit(&generation, 1, memory_order_acq_rel);
	intern_forget_aliases();
}
