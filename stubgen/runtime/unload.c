/* an object goes: its allocators and wrappers live on as copies, for the chunks that outlive it and for the profile */
#include "rt.h"
#include <link.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

struct range {
	uintptr_t low, high, inside;
	int left; /* whether chunks elsewhere are left */
};

static int object_range(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct range *r = arg;
	uintptr_t low = UINTPTR_MAX, high = 0;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD) continue;
		uintptr_t start = info->dlpi_addr + p->p_vaddr;
		if (start < low) low = start;
		if (start + p->p_memsz > high) high = start + p->p_memsz;
	}
	if (r->inside < low || r->inside >= high) return 0;
	r->low = low;
	r->high = high;
	return 1;
}

static int in(const struct range *r, const void *p)
{
	return (uintptr_t)p >= r->low && (uintptr_t)p < r->high;
}

/* its static memory goes, too */
static int drop_inside(struct chunk *c, void *arg)
{
	struct range *r = arg;
	if (in(r, (void *)c->base)) subchunk_remove(c->allocator, c->base);
	else r->left = 1;
	return 0;
}

/* callers of these hold the lock */

static void owner_replace(const void *old, void *fresh)
{
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		struct node *n = node_get(id);
		if (n->owner != old) continue;
		intern_kill(n, id);
		n->owner = fresh;
		if (n->frame && n->kind == NODE_FRAME) ((struct alloc_frame *)n->frame)->wrapper = fresh;
	}
	quick_forget();
	atomic_fetch_add_explicit(&rt_sites_generation, 1, memory_order_acq_rel); /* of what is told of the nodes */
}

static struct allocator *allocator_copy(struct allocator *a)
{
	struct allocator *copy = rt_keep(sizeof *copy);
	struct alloc_index *index = rt_keep(sizeof *index);
	if (!copy || !index) return 0;
	*copy = *a;
	copy->name = rt_keep_string(a->name);
	copy->family = a->family == a->name ? copy->name : rt_keep_string(a->family);
	*index = *a->index;
	copy->index = index;
	copy->free_chunk = 0;
	copy->functions = 0;
	allocator_refresh(a);
	copy->alloc_count = a->alloc_count;
	copy->number = 0;
	allocator_number_give(a->number);
	regions_move(a->index, index);
	return copy;
}

static void allocator_retire(struct allocator **at, int keep)
{
	struct allocator *a = *at, *copy = allocator_copy(a);
	owner_replace(a, copy);
	for (struct allocator *b = rt_allocators; b; b = b->next)
		if (b->parent == a) b->parent = copy;
	for (struct alloc_wrapper *w = rt_wrappers; w; w = w->next)
		if (w->allocator == a) w->allocator = copy;
	/* who walks the list now still finds the way on */
	__atomic_store_n(at, keep && copy ? copy : a->next, __ATOMIC_RELEASE);
	if (!keep && copy) index_give(copy->index);
}

static int is_left(struct chunk *c, void *arg)
{
	(void)c;
	(void)arg;
	return 1;
}

/* Copies whose last chunk has gone meanwhile: every query would look into them, and their indexes serve the next ones.
 * Looked for where there have come to be twice as many as were left the last time. */
static void copies_sweep(void)
{
	static unsigned enough = 8;
	unsigned copies = 0;
	for (struct allocator *a = rt_allocators; a; a = a->next) copies += !a->number;
	if (copies < enough) return;
	for (struct allocator **at = &rt_allocators; *at;) {
		struct allocator *a = *at;
		if (a->number || index_walk(a, is_left, 0)) {
			at = &a->next;
			continue;
		}
		rt_lock();
		while (*at != a) at = &(*at)->next; /* others may have come before it */
		__atomic_store_n(at, a->next, __ATOMIC_RELEASE);
		index_give(a->index);
		rt_unlock();
		copies--;
	}
	enough = 2 * copies + 8;
}

static void wrapper_retire(struct alloc_wrapper **at)
{
	struct alloc_wrapper *w = *at, *copy = rt_keep(sizeof *copy);
	if (copy) {
		*copy = *w;
		copy->name = rt_keep_string(w->name);
		copy->free_chunk = 0;
	}
	owner_replace(w, copy);
	__atomic_store_n(at, w->next, __ATOMIC_RELEASE);
}

/* Who walks the list may still be at an allocator that was just taken out of it. A walk is short; one that never ends
 * (a handler jumped out of it, or fork left the thread behind) must not keep the program. */
#define PATIENCE 10000

static void walkers_wait(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	atomic_thread_fence(memory_order_seq_cst);
	for (struct thread *t = rt_threads; t; t = t->next) {
		unsigned before = t->walks;
		for (int i = 0; t != rt_self && t->walking && t->walks == before && i < PATIENCE; i++) sched_yield();
	}
}

static int exiting;

/* last of the executable's destructors: those of shared objects come behind it, and nothing is unmapped any more */
__attribute__((destructor(101))) static void exit_begin(void)
{
	exiting = 1;
}

RT_EXPORT void __allocs_unload(const void *inside)
{
	struct range r = {.inside = (uintptr_t)inside};
	/* the executable never goes */
	if (exiting || in_executable(inside)) return;
	if (!dl_iterate_phdr(object_range, &r)) return;
	int found = 0;
	for (struct allocator **at = &rt_allocators; *at;) {
		if (!in(&r, *at)) {
			at = &(*at)->next;
			continue;
		}
		found = 1;
		r.left = 0;
		index_walk(*at, drop_inside, &r);
		rt_lock();
		allocator_retire(at, r.left);
		rt_unlock();
	}
	if (found) copies_sweep();
	rt_lock();
	unwind_forget(r.low, r.high);
	for (struct alloc_wrapper **at = &rt_wrappers; *at;)
		if (in(&r, *at)) wrapper_retire(at);
		else at = &(*at)->next;
	rt_unlock();
	if (found) walkers_wait();
}
