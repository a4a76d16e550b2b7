/* unwind mode (R16): no caller stubs; a wrapper's caller is found by walking out of the wrapper's code
 *
 * A call at one address always has the same way out: it is read from the unwind tables (DWARF, "Call Frame Information";
 * LSB, ".eh_frame") when the address is first met, and is an addition and a load from then on.
 */
#include "rt.h"
#include <link.h>
#include <string.h>

struct range {
	uintptr_t low, high;
	struct alloc_wrapper *wrapper;
};

static struct range *ranges; /* sorted; replaced as a whole */
static size_t range_count;
int rt_unwinding;

/* what is known of a call's address: the wrapper that it is in, and how that one is left */
struct call {
	_Atomic uintptr_t site;
	struct alloc_wrapper *wrapper; /* NULL: in none */
	int32_t cfa;                   /* offset of the caller's frame */
	int16_t fp;                    /* offset of the saved frame pointer from there; 0: it is unchanged */
	int8_t by_fp;                  /* whether `cfa` counts from the frame pointer, not from the stack pointer */
	int8_t leads_out;              /* whether these are known */
	int8_t looks_on;               /* foreign code: whoever called it may be a wrapper */
	uint32_t number;               /* from 1; never another's */
};

#define FIRST_CALLS 512
#define MAX_CHAIN 32
struct calls {
	size_t mask;
	struct call call[]; /* by hash, open */
};
static _Atomic(struct calls *) calls; /* replaced by a larger one; readers may still be in the old one */
static uint32_t call_count;

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

/* the entry that covers an address, by the sorted table of .eh_frame_hdr */
static const uint8_t *entry_find(uintptr_t pc)
{
	struct search s = {.pc = pc};
	if (!dl_iterate_phdr(header_find, &s) || !s.header || s.header[0] != 1) return 0;
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

struct rule {
	uint64_t cfa_register;
	int64_t cfa, fp;
	int has_fp, unknown;
};

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
		switch (op >> 6) {
		case 1: at += low * e->code_unit; continue;
		case 2:
			value = (int64_t)uleb(&r) * e->data_unit;
			if (low == RBP) now->has_fp = 1, now->fp = value;
			continue;
		case 3:
			if (low == RBP) now->has_fp = initial->has_fp, now->fp = initial->fp;
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
			value = (op == 0x05 ? (int64_t)uleb(&r) : sleb(&r)) * e->data_unit;
			if (reg == RBP) now->has_fp = 1, now->fp = value;
			break;
		case 0x06: case 0x07: case 0x08:
			reg = uleb(&r);
			if (reg == RBP) now->has_fp = 0;
			if (reg == RETURN && op == 0x07) now->unknown = 1; /* the outermost frame */
			break;
		case 0x09: uleb(&r); uleb(&r); break;
		case 0x0a:
			if (depth < sizeof kept / sizeof *kept) kept[depth++] = *now;
			break;
		case 0x0b:
			if (depth) *now = kept[--depth];
			break;
		case 0x0c: case 0x12:
			now->cfa_register = uleb(&r);
			now->cfa = op == 0x0c ? (int64_t)uleb(&r) : sleb(&r) * e->data_unit;
			now->unknown = 0;
			break;
		case 0x0d: now->cfa_register = uleb(&r); break;
		case 0x0e: now->cfa = uleb(&r); break;
		case 0x13: now->cfa = sleb(&r) * e->data_unit; break;
		case 0x0f:
			reg = uleb(&r), r.p += reg;
			now->unknown = 1;
			break;
		case 0x10: case 0x16:
			uleb(&r);
			reg = uleb(&r), r.p += reg;
			break;
		case 0x14: case 0x15: uleb(&r); sleb(&r); break;
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
	struct rule rule = {0}, initial;
	run(e.first, &e, UINTPTR_MAX, &rule, &rule);
	initial = rule;
	run(e.then, &e, pc, &rule, &initial);
	if (rule.unknown || (rule.cfa_register != RSP && rule.cfa_register != RBP)) return 0;
	if (rule.cfa != (int32_t)rule.cfa || (rule.has_fp && rule.fp != (int16_t)rule.fp)) return 0;
	c->cfa = rule.cfa;
	c->by_fp = rule.cfa_register == RBP;
	c->fp = rule.has_fp ? rule.fp : 0;
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
	size_t n = old ? (old->mask + 1) * 4 : FIRST_CALLS;
	struct calls *t = rt_pages(sizeof *t + n * sizeof t->call[0]);
	if (!t) return old;
	t->mask = n - 1;
	for (size_t i = 0; old && i <= old->mask; i++)
		if (old->call[i].site && old->call[i].site != UINTPTR_MAX) *call_slot(t, old->call[i].site) = old->call[i];
	atomic_store_explicit(&calls, t, memory_order_release);
	return t;
}

static struct call *call_make(uintptr_t site)
{
	struct call fresh = {0};
	/* the loader's lock is asked for before ours */
	fresh.leads_out = way_out(site - 1, &fresh);
	fresh.looks_on = fresh.leads_out && !site_has_record(site);
	rt_lock();
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	if (!t || call_count * 2 > t->mask) t = calls_grow(t);
	struct call *c = t && call_count < t->mask ? call_slot(t, site) : 0;
	if (c && !c->site) {
		fresh.wrapper = fresh.leads_out ? wrapper_at(site - 1) : 0;
		fresh.number = ++call_count;
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
	return likely(c && c->site) ? c : call_make(site);
}

static struct alloc_wrapper *wrapper_named(const char *name)
{
	struct alloc_wrapper *w = name ? rt_wrappers : 0;
	while (w && strcmp(w->name, name)) w = w->next;
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
	uintptr_t base = (c->by_fp ? at->fp : at->cfa) + c->cfa;
	if (unlikely(base <= at->cfa) || unlikely(base - at->cfa > STACK_REACH)) return 0;
	if (c->fp) at->fp = *(uintptr_t *)(base + c->fp);
	at->cfa = base;
	return ((uintptr_t *)base)[-1];
#endif
}

uint32_t unwound_slow(uint32_t context, uintptr_t site, uintptr_t here, struct allocator *a)
{
	struct place at = place_of(here);
	struct alloc_wrapper *wrapper[MAX_CHAIN];
	uintptr_t caller[MAX_CHAIN], pc = site;
	const struct call *first = 0;
	unsigned n = 0, steps = 0;
	for (struct call *c = call_get(pc); c && (c->wrapper || c->looks_on) && steps < 2 * MAX_CHAIN; c = call_get(pc)) {
		if (!steps++) first = c;
		pc = leave(c, &at);
		if (!pc) break;
		if (c->wrapper && n < MAX_CHAIN) wrapper[n] = c->wrapper, caller[n++] = pc;
	}
	int is_plain = n == 1 && steps == 1 && !context, is_direct = !steps && !context;
	uintptr_t outer = n ? caller[n - 1] : 0;
	/* a wrapper that jumped on is not on the stack, but whoever called it has a record that names it */
	struct alloc_wrapper *named = pc && !context ? wrapper_named(site_callee(pc)) : 0;
	if (named && (n ? outer == pc && wrapper[n - 1] != named : pc == site)) {
		if (!n) caller[n++] = pc;
		wrapper[n - 1] = named;
	}
	int is_jumped = is_direct && n;
	while (n--) context = intern_slow(context, caller[n], wrapper[n], NODE_FRAME);
	/* what other callers would make something else of must not be found by its address alone */
	uint32_t id = intern_slow(context, site, a, steps && !context ? NODE_HIDDEN : NODE_CHUNK);
	if (is_jumped && id) intern_alias(0, site | (uint64_t)a->number << KEY_SHIFT, id);
	if (is_plain && id) intern_alias(first->number, outer | (uint64_t)(ALIAS_KEY + a->number) << KEY_SHIFT, id);
	return id;
}

uint32_t unwound(uintptr_t site, uintptr_t here, const struct allocator *a)
{
	struct call *c = call_get(site);
	if (unlikely(!c)) return 0;
	struct place at = place_of(here);
	return c->wrapper ? intern(c->number, node_mix(c->number), leave(c, &at) | (uint64_t)(ALIAS_KEY + a->number) << KEY_SHIFT) : 0;
}

/* ---- ranges ---- */

RT_EXPORT void __allocs_range(struct alloc_wrapper *w, const void *code)
{
	const uint8_t *entry = entry_find((uintptr_t)code);
	struct frame_entry e;
	if (!entry || !entry_read(entry, &e) || (uintptr_t)code - e.low >= e.high - e.low) return;
	if (!w->known) wrapper_register(w);
	rt_lock();
	struct range *fresh = rt_pages((range_count + 1) * sizeof *fresh);
	if (fresh) {
		size_t at = 0;
		while (at < range_count && ranges[at].low < e.low) at++;
		if (ranges) memcpy(fresh, ranges, at * sizeof *fresh);
		if (ranges) memcpy(fresh + at + 1, ranges + at, (range_count - at) * sizeof *fresh);
		fresh[at] = (struct range){e.low, e.high, w};
		ranges = fresh;
		range_count++;
		rt_unwinding = 1;
	}
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	for (size_t i = 0; fresh && t && i <= t->mask; i++) /* it was called before its constructors ran */
		if (t->call[i].leads_out && t->call[i].site - 1 - e.low < e.high - e.low) t->call[i].wrapper = w;
	rt_unlock();
}

/* callers hold the lock; an object goes, its addresses may come back */
void unwind_forget(uintptr_t low, uintptr_t high)
{
	size_t kept = 0;
	for (size_t i = 0; i < range_count; i++)
		if (ranges[i].low < low || ranges[i].low >= high) ranges[kept++] = ranges[i];
	range_count = kept;
	struct calls *t = atomic_load_explicit(&calls, memory_order_relaxed);
	for (size_t i = 0; t && i <= t->mask; i++) {
		struct call *c = &t->call[i];
		if (c->site >= low && c->site < high) c->site = UINTPTR_MAX;
		if ((uintptr_t)c->wrapper >= low && (uintptr_t)c->wrapper < high) c->wrapper = 0;
	}
	intern_forget_aliases();
}
