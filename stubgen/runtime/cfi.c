/* unwind tables: which function an address is in, and how it is left (DWARF 5, "Call Frame Information"; LSB, ".eh_frame") */
#include "code.h"
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#pragma weak dlsym /* a static program need not have it */

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

void code_ask_loader(void)
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

const void *code_object(const void *p)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
	struct dl_find_object found;
	if (find_object && !find_object((void *)p, &found)) return found.dlfo_map_start;
#endif
	(void)p;
	return 0;
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

int code_around(uintptr_t pc, struct code *code)
{
	const uint8_t *entry = entry_find(pc);
	struct frame_entry e;
	if (!entry || !entry_read(entry, &e) || pc - e.low >= e.high - e.low) return 0;
	*code = (struct code){e.low, e.high};
	return 1;
}

int code_way_out(uintptr_t pc, struct way *w)
{
#ifdef __aarch64__
	(void)pc, (void)w, (void)run;
	return 1;
#endif
	const uint8_t *entry = entry_find(pc);
	struct frame_entry e;
	if (!entry || !entry_read(entry, &e) || pc - e.low >= e.high - e.low) return 0;
	struct rule rule = {0}, initial;
	run(e.first, &e, UINTPTR_MAX, &rule, &rule);
	initial = rule;
	run(e.then, &e, pc, &rule, &initial);
	int base = rule.in_frame ? IN_FRAME : rule.cfa_register == RBP ? BY_FP : BY_SP;
	if (rule.unknown || rule.in_frame < 0 || (rule.cfa_register != RSP && rule.cfa_register != RBP)) return 0;
	if (rule.fp_kind != KEPT && rule.fp_kind != (base == IN_FRAME ? AT_FP : AT_CFA)) return 0;
	if (rule.cfa != (int32_t)rule.cfa || rule.fp != (int16_t)rule.fp || rule.fp == UNCHANGED) return 0;
	*w = (struct way){rule.cfa, rule.fp_kind == KEPT ? UNCHANGED : rule.fp, base};
	return 1;
}
