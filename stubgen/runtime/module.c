/* modules: each executable or shared object brings the records of its allocation sites */
#include "rt.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

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
	unsigned evidence = r->flags & RECORD_EVIDENCE;
	if (evidence < sizeof evidence_names / sizeof *evidence_names) s->evidence = evidence_names[evidence];
	s->type_size = s->type ? r->flags >> RECORD_SIZE_SHIFT : 0;
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

RT_EXPORT void __allocs_module_remove(struct allocs_module *m)
{
	/* the executable never goes, and what allocates during exit still has sites */
	if (in_executable(m)) return;
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

/* callers of these hold the lock */

static unsigned char numbers[MAX_ALLOCATORS];

/* past the last number, counts are shared; everything else stays exact */
static unsigned number_take(void)
{
	unsigned n = 1;
	while (n < MAX_ALLOCATORS - 1 && numbers[n]) n++;
	numbers[n] = 1;
	for (struct thread *t = rt_threads; t && n < MAX_ALLOCATORS - 1; t = t->next) t->allocs[n] = 0;
	return n;
}

void allocator_number_give(unsigned n)
{
	if (n < MAX_ALLOCATORS - 1) numbers[n] = 0;
}

static int is_name_taken(const char *name, const struct allocator *by)
{
	for (const struct allocator *a = rt_allocators; a; a = a->next)
		if (a != by && a->number && !strcmp(a->name, name)) return 1; /* without a number its object is gone */
	return 0;
}

/* several instances of one family are told apart by their objects: the executable's keeps the plain name */
static void name_instance(struct allocator *a)
{
	char name[300];
	if (!a->object || strcmp(a->name, a->family)) return;
	int n = snprintf(name, sizeof name, "%s@%s", a->family, a->object);
	if (n < 0 || n >= (int)sizeof name - 12) return;
	for (unsigned i = 2; is_name_taken(name, a); i++) snprintf(name + n, 12, "#%u", i);
	const char *kept = rt_keep_string(name);
	if (kept) a->name = kept;
}

/* the file name of the shared object that holds p, or "" */
static void object_name(const void *p, char *name, size_t room)
{
	Dl_info info;
	name[0] = 0;
	if (in_executable(p)) return;
	if (!dladdr(p, &info) || !info.dli_fname) return;
	const char *slash = strrchr(info.dli_fname, '/');
	snprintf(name, room, "%s", slash ? slash + 1 : info.dli_fname);
}

static struct allocator *sibling(const struct allocator *a)
{
	for (struct allocator *b = rt_allocators; b; b = b->next)
		if (b != a && !strcmp(b->family, a->family)) return b;
	return 0;
}

void allocator_register(struct allocator *a)
{
	char object[200];
	/* the loader has a lock of its own, under which others come here: it is asked before ours is taken */
	object_name(a, object, sizeof object);
	rt_lock();
	if (!a->number) {
		a->family = a->name;
		a->object = object[0] ? rt_keep_string(object) : 0;
		a->next = rt_allocators;
		__atomic_store_n(&a->number, number_take(), __ATOMIC_RELEASE);
		__atomic_store_n(&rt_allocators, a, __ATOMIC_RELEASE);
		struct allocator *other = sibling(a);
		if (other) name_instance(other), name_instance(a);
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
	if (!a->number) return; /* its object is gone */
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
		int sized = is_sized(n), conversion = s && s->evidence[0] == 'c';
		if (sized) found = 0;
		if (s && s->type && (!conversion || !n->parent || sized)) found = s;
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
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		const struct alloc_site *s = node_site(node_get(id));
		if (s && f(s, arg)) return;
	}
}
