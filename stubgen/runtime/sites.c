/* sites: found by address in the records of the compile phase; one structure for each, and one for each type */
#include "sites.h"
#include <string.h>

/* order and spelling as in allocscc/sidecar.py */
const char *const rt_evidence_names[EVIDENCE_KINDS] = {"none", "sizeof", "offsetof", "flow", "new", "return-type", "cast", "strlen", "override", "inlined", "dwarf", "declared"};

/* lists that only grow at their head: who walks one needs no lock */
struct type {
	struct alloc_type known;
	int differs; /* two units of the program have different types of this name */
	struct type *same, *next; /* in its bucket; older than it */
};
struct entry {
	struct alloc_site site;
	struct type *type;
	int has_record, gone;
	struct entry *same, *next;
};

#define BUCKETS 4096
static struct entry *site_bucket[BUCKETS], *newest_site;
static struct type *type_bucket[BUCKETS], *newest_type;

/* heap sort: no memory, no recursion, no worst case */
static void sort(const struct site_record **v, size_t n)
{
	for (size_t end = n, start = n / 2; end > 1;) {
		const struct site_record *item;
		if (start) {
			item = v[--start];
		} else {
			item = v[--end];
			v[end] = v[0];
		}
		size_t hole = start, child;
		while ((child = 2 * hole + 1) < end) {
			if (child + 1 < end && record_address(v[child]) < record_address(v[child + 1])) child++;
			if (record_address(v[child]) <= record_address(item)) break;
			v[hole] = v[child];
			hole = child;
		}
		v[hole] = item;
	}
}

/* callers of these hold the lock */

static int module_sort(struct allocs_module *m)
{
	if (m->sorted) return 1;
	size_t n = m->sites_end - m->sites;
	if (!n || !(m->sorted = rt_pages(n * sizeof m->sorted[0]))) return 0;
	for (size_t i = 0; i < n; i++) m->sorted[i] = &m->sites[i];
	sort(m->sorted, n);
	return 1;
}

static const struct site_record *record_find(uintptr_t address)
{
	for (struct allocs_module *m = rt_modules; m; m = m->next) {
		if (!module_sort(m)) { /* without memory it takes longer */
			for (const struct site_record *r = m->sites; r < m->sites_end; r++)
				if (record_address(r) == address) return r;
			continue;
		}
		size_t low = 0, high = m->sites_end - m->sites;
		while (low < high) {
			size_t mid = (low + high) / 2;
			if (record_address(m->sorted[mid]) < address) low = mid + 1;
			else high = mid;
		}
		if (low < (size_t)(m->sites_end - m->sites) && record_address(m->sorted[low]) == address) return m->sorted[low];
	}
	return 0;
}

static struct type *type_at(const char *name)
{
	size_t h = 5381;
	for (const char *c = name; *c; c++) h = h * 33 + (unsigned char)*c;
	struct type **bucket = &type_bucket[h % BUCKETS];
	for (struct type *t = *bucket; t; t = t->same)
		if (!strcmp(t->known.name, name)) return t;
	struct type *t = rt_keep(sizeof *t);
	if (!t || !(t->known.name = rt_keep_string(name))) return 0;
	t->same = *bucket;
	*bucket = t;
	t->next = newest_type;
	__atomic_store_n(&newest_type, t, __ATOMIC_RELEASE);
	return t;
}

static void type_join(struct entry *e, const char *name, unsigned size)
{
	struct type *t = name ? type_at(name) : 0;
	if (!t) return;
	t->known.sites++;
	if (size && !t->differs && t->known.size && t->known.size != size) t->differs = 1, t->known.size = 0;
	if (size && !t->differs) t->known.size = size;
	e->type = t;
	e->site.type = t->known.name;
	e->site.type_size = size;
}

/* neighbours are in one file, and often in one function */
static const char *keep(const char *s, const char *before)
{
	return s && before && !strcmp(s, before) ? before : rt_keep_string(s);
}

/* copies: the strings of an unloaded module go, a live chunk's site stays */
static void entry_fill(struct entry *e, const struct site_record *r)
{
	static const struct alloc_site nothing;
	const struct alloc_site *before = e->next ? &e->next->site : &nothing;
	unsigned evidence = r->flags & RECORD_EVIDENCE;
	e->has_record = 1;
	e->site.file = keep(record_at(&r->file), before->file);
	e->site.function = keep(record_at(&r->function), before->function);
	e->site.callee = keep(record_at(&r->callee), before->callee);
	e->site.line = r->line;
	e->site.column = r->column;
	if (evidence < EVIDENCE_KINDS) e->site.evidence = rt_evidence_names[evidence];
	type_join(e, record_at(&r->type), r->flags >> RECORD_SIZE_SHIFT);
}

static const struct alloc_site *site_at(uintptr_t address)
{
	struct entry **bucket = &site_bucket[(address ^ address >> 12) % BUCKETS];
	for (struct entry *e = *bucket; e; e = e->same)
		if (e->site.address == address) return &e->site;
	struct entry *e = rt_keep(sizeof *e);
	if (!e) return 0;
	const struct site_record *r = record_find(address);
	e->site.address = address;
	e->site.evidence = rt_evidence_names[0];
	e->next = newest_site;
	if (r) entry_fill(e, r);
	e->same = *bucket;
	*bucket = e;
	__atomic_store_n(&newest_site, e, __ATOMIC_RELEASE);
	return &e->site;
}

_Atomic uint32_t rt_sites_generation;

static const struct alloc_site *node_site_locked(struct node *n)
{
	const struct alloc_site *s = atomic_load_explicit(&n->site, memory_order_relaxed);
	if (!s) {
		s = site_at(n->site_address);
		atomic_store_explicit(&n->site, s, memory_order_release);
	}
	return s;
}

void sites_learn(void)
{
	for (struct entry *e = newest_site; e; e = e->next) {
		const struct site_record *r = e->has_record || e->gone ? 0 : record_find(e->site.address);
		if (r) entry_fill(e, r);
	}
	atomic_fetch_add_explicit(&rt_sites_generation, 1, memory_order_acq_rel);
}

void sites_forget(uintptr_t low, uintptr_t high)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry **at = &site_bucket[i]; *at;) {
			struct entry *e = *at;
			if (e->site.address < low || e->site.address > high) {
				at = &e->same;
				continue;
			}
			*at = e->same;
			e->gone = 1;
			if (e->type) e->type->known.sites--;
		}
}

static void make_all(void)
{
	for (struct allocs_module *m = rt_modules; m; m = m->next)
		for (const struct site_record *r = m->sites; r < m->sites_end; r++)
			if (record_address(r) && !(r->flags & RECORD_CANDIDATE)) site_at(record_address(r));
	for (uint32_t id = 1; id <= rt_node_count; id++)
		if (node_get(id)->site_address != UINTPTR_MAX) node_site_locked(node_get(id));
}

/* from here on nobody does */

const struct alloc_site *node_site(struct node *n)
{
	const struct alloc_site *s = atomic_load_explicit(&n->site, memory_order_acquire);
	if (s) return s;
	rt_lock();
	s = node_site_locked(n);
	rt_unlock();
	return s;
}

/* the outermost frame's site, or the allocator's own caller's where there is no wrapper */
const struct alloc_site *chunk_site(struct node *n)
{
	while (n->parent) n = node_get(n->parent);
	return node_site(n);
}

static int is_sized(const struct node *n)
{
	return n->kind == NODE_FRAME && n->owner && ((struct alloc_wrapper *)n->owner)->sized;
}

/* the outermost site that knows a type; a mere conversion inside a wrapper says nothing about the chunk, and what is
 * inside a function that carries an element's size does not count against its caller */
const struct alloc_site *chunk_type_site(struct node *n)
{
	const struct alloc_site *found = 0;
	for (;; n = node_get(n->parent)) {
		const struct alloc_site *s = node_site(n);
		if (!s) return 0; /* no memory for it: what is inside may say something else */
		int sized = is_sized(n), conversion = s->evidence[0] == 'c';
		if (sized) found = 0;
		if (s->type && (!conversion || !n->parent || sized)) found = s;
		if (!n->parent) return found;
	}
}

const char *chunk_type(struct node *n)
{
	const struct alloc_site *s = chunk_type_site(n);
	return s ? s->type : 0;
}

RT_EXPORT void alloc_for_each_site(int (*f)(const struct alloc_site *, void *), void *arg)
{
	rt_lock();
	make_all();
	struct entry *e = newest_site;
	rt_unlock();
	for (; e; e = e->next)
		if (!e->gone && f(&e->site, arg)) return;
}

RT_EXPORT void alloc_for_each_type(int (*f)(const struct alloc_type *, void *), void *arg)
{
	rt_lock();
	make_all();
	struct type *t = newest_type;
	rt_unlock();
	for (; t; t = t->next)
		if (t->known.sites && f(&t->known, arg)) return;
}

int site_has_record(uintptr_t address)
{
	rt_lock();
	int found = record_find(address) != 0;
	rt_unlock();
	return found;
}

const char *site_callee(uintptr_t address)
{
	rt_lock();
	const struct site_record *r = record_find(address);
	rt_unlock();
	return r ? record_at(&r->callee) : 0;
}
