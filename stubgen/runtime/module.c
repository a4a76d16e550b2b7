/* what is registered: the records of each executable and shared object, allocators, wrappers */
#include "code.h"
#include "rt.h"
#include "sites.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct allocs_module *rt_modules;
struct allocator *rt_allocators;
struct alloc_wrapper *rt_wrappers;

RT_EXPORT void __allocs_module_add(struct allocs_module *m)
{
	rt_lock();
	m->next = rt_modules;
	rt_modules = m;
	sites_learn();
	rt_unlock();
	unwind_learn();
}

RT_EXPORT void __allocs_module_remove(struct allocs_module *m)
{
	/* the executable never goes, and what allocates during exit still has sites */
	if (in_executable(m)) return;
	uintptr_t low = UINTPTR_MAX, high = 0;
	for (const struct site_record *r = m->sites; r < m->sites_end; r++) {
		uintptr_t address = record_address(r);
		if (address < low) low = address;
		if (address > high) high = address;
	}
	if (high) intern_forget(low, high);
	rt_lock();
	for (struct allocs_module **p = &rt_modules; *p; p = &(*p)->next)
		if (*p == m) {
			*p = m->next;
			break;
		}
	if (high) sites_forget(low, high), unwind_forget(low, high + 1);
	if (m->sorted) munmap(m->sorted, (m->sites_end - m->sites) * sizeof m->sorted[0]);
	m->sorted = 0;
	rt_unlock();
}

int module_covers(uintptr_t address)
{
	int found = in_executable((const void *)address); /* else the runtime would not be in it */
	code_ask_loader();
	const void *object = code_object((const void *)address);
	rt_lock();
	for (struct allocs_module *m = object ? rt_modules : 0; m && !found; m = m->next) found = code_object(m) == object;
	rt_unlock();
	return found;
}

/* callers of these hold the lock */

static unsigned char numbers[MAX_ALLOCATORS];

/* past the last number, counts are shared; everything else stays exact */
static unsigned number_take(void)
{
	unsigned n = 1;
	while (n < LIBC_NUMBER && numbers[n]) n++;
	if (n == LIBC_NUMBER) n = MAX_ALLOCATORS - 1;
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

void allocator_register(struct allocator *a) { allocator_register_as(a, 0); }

void allocator_register_as(struct allocator *a, unsigned number)
{
	char object[200];
	/* the loader has a lock of its own, under which others come here: it is asked before ours is taken */
	object_name(a, object, sizeof object);
	rt_lock();
	if (!a->number) {
		if (!a->family) a->family = a->name;
		a->object = object[0] ? rt_keep_string(object) : 0;
		a->next = rt_allocators;
		__atomic_store_n(&a->number, number ? number : number_take(), __ATOMIC_RELEASE);
		__atomic_store_n(&rt_allocators, a, __ATOMIC_RELEASE);
		struct allocator *other = sibling(a);
		if (other) name_instance(other), name_instance(a);
	}
	rt_unlock();
}

void wrapper_register(struct alloc_wrapper *w)
{
	rt_lock();
	static int last = FIRST_WRAPPER - 1;
	if (!w->known) {
		w->next = rt_wrappers;
		__atomic_store_n(&rt_wrappers, w, __ATOMIC_RELEASE);
		__atomic_store_n(&w->known, last < LAST_WRAPPER ? ++last : -1, __ATOMIC_RELEASE);
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
