/* modules: each executable or shared object brings the records of its allocation sites */
#include "rt.h"

static struct allocs_module *modules;
struct allocator *rt_allocators;
struct alloc_wrapper *rt_wrappers;

/* order and spelling as in allocscc/sidecar.py */
static const char *const evidence_names[] = {"none", "sizeof", "offsetof", "flow", "new", "return-type", "cast", "strlen", "override", "inlined", "dwarf"};

static const char *at(const int32_t *field)
{
	return *field ? (const char *)field + *field : 0;
}

static uintptr_t address_of(const struct site_record *r)
{
	return (uintptr_t)at(&r->return_address);
}

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
			if (child + 1 < end && address_of(v[child]) < address_of(v[child + 1])) child++;
			if (address_of(v[child]) <= address_of(item)) break;
			v[hole] = v[child];
			hole = child;
		}
		v[hole] = item;
	}
}

/* callers hold the lock */
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
	for (struct allocs_module *m = modules; m; m = m->next) {
		if (!module_sort(m)) continue;
		size_t low = 0, high = m->sites_end - m->sites;
		while (low < high) {
			size_t mid = (low + high) / 2;
			if (address_of(m->sorted[mid]) < address) low = mid + 1;
			else high = mid;
		}
		if (low < (size_t)(m->sites_end - m->sites) && address_of(m->sorted[low]) == address) return m->sorted[low];
	}
	return 0;
}

static const struct alloc_site *site_make(const struct site_record *r, uintptr_t address)
{
	struct alloc_site *s = rt_keep(sizeof *s);
	if (!s) return 0;
	s->address = address;
	s->evidence = evidence_names[0];
	if (!r) return s;
	/* copies: the strings of an unloaded module go, a live chunk's site stays */
	s->file = rt_keep_string(at(&r->file));
	s->function = rt_keep_string(at(&r->function));
	s->callee = rt_keep_string(at(&r->callee));
	s->type = rt_keep_string(at(&r->type));
	unsigned evidence = r->flags & 0xff;
	if (evidence < sizeof evidence_names / sizeof *evidence_names) s->evidence = evidence_names[evidence];
	s->line = r->line;
	s->column = r->column;
	return s;
}

/* callers hold the lock */
static const struct alloc_site *node_site_locked(struct node *n)
{
	const struct alloc_site *s = atomic_load_explicit(&n->site, memory_order_relaxed);
	if (!s) {
		s = site_make(record_find(n->site_address), n->site_address);
		atomic_store_explicit(&n->site, s, memory_order_release);
	}
	return s;
}

const struct alloc_site *node_site(struct node *n)
{
	const struct alloc_site *s = atomic_load_explicit(&n->site, memory_order_acquire);
	if (s) return s;
	rt_lock();
	s = node_site_locked(n);
	rt_unlock();
	return s;
}

RT_EXPORT void __allocs_module_add(struct allocs_module *m)
{
	rt_lock();
	m->next = modules;
	modules = m;
	rt_unlock();
}

/* of this executable: the runtime and the module are in one object */
extern char __ehdr_start[] __attribute__((visibility("hidden"))), _end[] __attribute__((visibility("hidden")));

RT_EXPORT void __allocs_module_remove(struct allocs_module *m)
{
	/* the executable never goes, and what allocates during exit still has sites */
	if ((char *)m >= __ehdr_start && (char *)m < _end) return;
	uintptr_t low = UINTPTR_MAX, high = 0;
	for (const struct site_record *r = m->sites; r < m->sites_end; r++) {
		if (address_of(r) < low) low = address_of(r);
		if (address_of(r) > high) high = address_of(r);
	}
	if (high) intern_forget(low, high);
	rt_lock();
	for (struct allocs_module **p = &modules; *p; p = &(*p)->next)
		if (*p == m) {
			*p = m->next;
			break;
		}
	rt_unlock();
}

void allocator_register(struct allocator *a)
{
	static unsigned numbers;
	rt_lock();
	if (!a->number) {
		/* past the last number, counts are shared; everything else stays exact */
		__atomic_store_n(&a->number, numbers < MAX_ALLOCATORS - 1 ? ++numbers : numbers, __ATOMIC_RELEASE);
		a->next = rt_allocators;
		__atomic_store_n(&rt_allocators, a, __ATOMIC_RELEASE);
	}
	rt_unlock();
}

void wrapper_register(struct alloc_wrapper *w)
{
	rt_lock();
	if (!w->known) {
		w->known = 1;
		w->next = rt_wrappers;
		rt_wrappers = w;
	}
	rt_unlock();
}

void allocator_refresh(struct allocator *a)
{
	unsigned long sum = 0;
	for (struct thread *t = rt_threads; t; t = t->next) sum += t->allocs[a->number];
	a->alloc_count = sum;
}

/* the outermost frame's site, or the allocator's own caller's where there is no wrapper */
const struct alloc_site *chunk_site(struct node *n)
{
	while (n->parent) n = node_get(n->parent);
	return node_site(n);
}

/* the outermost site that knows a type; a mere conversion inside a wrapper says nothing about the chunk */
const char *chunk_type(struct node *n)
{
	const char *type = 0;
	for (;; n = node_get(n->parent)) {
		const struct alloc_site *s = node_site(n);
		int conversion = s && s->evidence[0] == 'c';
		if (s && s->type && (!conversion || !n->parent)) type = s->type;
		if (!n->parent) return type;
	}
}

RT_EXPORT void alloc_for_each_site(int (*f)(const struct alloc_site *, void *), void *arg)
{
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		const struct alloc_site *s = node_site(node_get(id));
		if (s && f(s, arg)) return;
	}
}
