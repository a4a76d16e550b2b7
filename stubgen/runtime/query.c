/* the public questions of allocs.h */
#include "rt.h"
#include <errno.h>
#include <string.h>

extern const struct alloc_layout __allocs_layout RT_EXPORT; /* nothing else asks for that file */

RT_EXPORT unsigned alloc_version(void)
{
	__asm__ volatile("" : : "r"(&__allocs_layout));
	return ALLOCS_VERSION;
}

#define MAX_LEVELS 16

/* index_find, with what most pointers are in front: the base of a chunk, or one in its first granule */
HOT int look(struct allocator *a, uintptr_t p, struct chunk *out)
{
	struct alloc_index *x = a->index;
	struct leaf *leaf = index_leaf(x, p);
	if (!leaf) return 0;
	uint64_t entry = index_entry(x, leaf, p);
	uintptr_t base = entry_base(x, p >> x->shift << x->shift, entry);
	if (!entry || base > p) {
		struct chunk c; /* apart, so that *out may stay in registers */
		if (!index_find(a, p, &c)) return 0;
		base = c.base;
		entry = c.entry;
	} else if (p != base && p - base >= entry_size(entry)) {
		return 0;
	}
	*out = (struct chunk){a, base, entry};
	return 1;
}

/* a chunk that was carved up as a whole is as large as the one inside, and both are a suballocator's */
static void deepen(uintptr_t p, struct chunk *out)
{
	struct chunk c;
	struct allocator *a = rt_allocators;
	for (int i = 0; a && i < MAX_LEVELS;) {
		if (a->parent == out->allocator && look(a, p, &c) && entry_size(c.entry) == entry_size(out->entry)) {
			*out = c;
			a = rt_allocators;
			i++;
		} else {
			a = a->next;
		}
	}
}

/* gives how many allocators' chunks hold the pointer */
HOT unsigned innermost(const void *p, struct chunk *out)
{
	unsigned found = 0;
	struct chunk c;
	struct thread *t = walk_begin();
	if (unlikely(t->on_stack.count)) stack_trim(t, (uintptr_t)__builtin_dwarf_cfa());
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (!look(a, (uintptr_t)p, &c)) continue;
		size_t size = entry_size(c.entry), best = found ? entry_size(out->entry) : 0;
		if (!found || size < best || (size == best && a->suballocates)) *out = c;
		found++;
	}
	if (found && unlikely(out->allocator->suballocates)) deepen((uintptr_t)p, out);
	walk_end(t);
	return found;
}

static struct node *find(const void *p, struct chunk *c)
{
	if (!innermost(p, c)) return 0;
	uint32_t id = entry_id(c->entry);
	return id ? node_get(id) : 0;
}

/* what a node's chunks have in common, kept until it may have changed */
struct told {
	unsigned depth;
	const struct alloc_wrapper *wrapper;
	const struct alloc_site *site;
	const char *type;
};
struct kept_told {
	_Atomic uint32_t generation;
	struct told told; /* never changes */
};

static __attribute__((noinline)) const struct told *told_now(struct node *n, struct told *spare)
{
	uint32_t generation = atomic_load_explicit(&rt_sites_generation, memory_order_acquire);
	struct told now = {0};
	struct node *outer = n;
	for (; outer->parent; outer = node_get(outer->parent)) now.depth++;
	if (outer->kind == NODE_FRAME) now.wrapper = outer->owner;
	now.site = chunk_site(n);
	now.type = chunk_type(n);
	*spare = now;
	if (!now.site) return spare; /* no memory for it: it may come */
	struct kept_told *kept = __atomic_load_n(&n->told, __ATOMIC_ACQUIRE);
	int is_same = kept && kept->told.wrapper == now.wrapper && kept->told.site == now.site && kept->told.type == now.type;
	if (!is_same) {
		rt_lock();
		kept = rt_keep(sizeof *kept);
		rt_unlock();
		if (kept) kept->told = now;
	}
	if (kept) atomic_store_explicit(&kept->generation, generation, memory_order_release);
	if (kept && !is_same) __atomic_store_n(&n->told, kept, __ATOMIC_RELEASE);
	return spare;
}

HOT const struct told *tell(struct node *n, struct told *spare)
{
	const struct kept_told *kept = __atomic_load_n(&n->told, __ATOMIC_ACQUIRE);
	uint32_t generation = atomic_load_explicit(&rt_sites_generation, memory_order_acquire);
	int is_current = kept && atomic_load_explicit(&kept->generation, memory_order_acquire) == generation;
	return likely(is_current) ? &kept->told : told_now(n, spare);
}

RT_EXPORT const struct allocator *alloc_get_allocator(const void *p)
{
	struct chunk c;
	if (!innermost(p, &c)) return 0;
	allocator_refresh(c.allocator);
	return c.allocator;
}

RT_EXPORT const struct alloc_wrapper *alloc_get_wrapper(const void *p)
{
	struct chunk c;
	struct told spare;
	struct node *n = find(p, &c);
	return n ? tell(n, &spare)->wrapper : 0;
}

static const struct alloc_frame *frame_of(struct node *n)
{
	const struct alloc_frame *made = __atomic_load_n(&n->frame, __ATOMIC_ACQUIRE);
	if (likely(made != 0)) return made;
	const struct alloc_site *site = node_site(n);
	rt_lock();
	struct alloc_frame *f = n->frame ? 0 : rt_keep(sizeof *f);
	if (f) {
		f->wrapper = n->owner;
		f->site = site;
		__atomic_store_n(&n->frame, f, __ATOMIC_RELEASE);
	}
	rt_unlock();
	return __atomic_load_n(&n->frame, __ATOMIC_ACQUIRE);
}

RT_EXPORT unsigned alloc_get_chain(const void *p, const struct alloc_frame *out[], unsigned n)
{
	struct chunk c;
	struct node *node = find(p, &c);
	struct told spare;
	if (!node) return 0;
	unsigned depth = tell(node, &spare)->depth, at = depth;
	for (uint32_t id = node->parent; id; id = node_get(id)->parent) {
		if (--at >= n || !out) continue;
		if (!(out[at] = frame_of(node_get(id)))) return 0; /* no memory for it */
	}
	return depth;
}

RT_EXPORT const struct alloc_site *alloc_get_site(const void *p)
{
	struct chunk c;
	struct told spare;
	struct node *n = find(p, &c);
	return n ? tell(n, &spare)->site : 0;
}

RT_EXPORT const char *alloc_get_type(const void *p)
{
	struct chunk c;
	struct told spare;
	struct node *n = find(p, &c);
	return n ? tell(n, &spare)->type : 0;
}

RT_EXPORT void *alloc_get_base(const void *p)
{
	struct chunk c;
	return innermost(p, &c) ? (void *)c.base : 0;
}

RT_EXPORT size_t alloc_get_size(const void *p)
{
	struct chunk c;
	return innermost(p, &c) ? entry_size(c.entry) : 0;
}

/* Whether b, which holds a's base, too, lies around a. Sizes tell, but for a chunk that was carved up as a whole. */
static int is_around(const struct chunk *a, const struct chunk *b)
{
	size_t inner = entry_size(a->entry), outer = entry_size(b->entry);
	if (a->allocator == b->allocator || outer != inner) return outer > inner && a->allocator != b->allocator;
	const struct allocator *up = a->allocator->parent;
	for (int i = 0; up && i < MAX_LEVELS; i++, up = up->parent)
		if (up == b->allocator) return 1;
	return a->allocator->suballocates && !b->allocator->suballocates;
}

static int around(const struct chunk *inner, struct chunk *out)
{
	struct chunk c;
	int found = 0;
	struct thread *t = walk_begin();
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (!index_find(a, inner->base, &c) || !is_around(inner, &c)) continue;
		if (!found || is_around(&c, out)) *out = c;
		found = 1;
	}
	walk_end(t);
	return found;
}

RT_EXPORT void *alloc_get_parent(const void *p)
{
	struct chunk c, parent;
	return innermost(p, &c) > 1 && around(&c, &parent) ? (void *)parent.base : 0;
}

HOT int fill(const struct chunk *c, struct alloc_info *out)
{
	static const struct told nothing;
	struct told spare;
	struct alloc_info whole, *all = out->struct_size >= sizeof whole ? out : &whole;
	uint32_t id = entry_id(c->entry);
	const struct told *told = id ? tell(node_get(id), &spare) : &nothing;
	all->base = (void *)c->base;
	all->size = entry_size(c->entry);
	all->allocator = c->allocator;
	all->wrapper = told->wrapper;
	all->site = told->site;
	all->type = told->type;
	all->chain_length = told->depth;
	if (unlikely(all != out)) whole.struct_size = out->struct_size, memcpy(out, &whole, out->struct_size);
	return 1;
}

/* what every caller's struct has */
#define INFO_LEAST (offsetof(struct alloc_info, chain_length) + sizeof(unsigned))

RT_EXPORT int alloc_query(const void *p, struct alloc_info *out)
{
	struct chunk c;
	return out->struct_size >= INFO_LEAST && innermost(p, &c) && fill(&c, out);
}

RT_EXPORT int alloc_query_parent(struct alloc_info *chunk)
{
	struct chunk c, parent;
	if (chunk->struct_size < INFO_LEAST || !chunk->allocator) return 0;
	/* asked again: it may be gone by now */
	return index_find((struct allocator *)chunk->allocator, (uintptr_t)chunk->base, &c) && around(&c, &parent) &&
	       fill(&parent, chunk);
}

/* A wrapper that names no free function of its own hands out what the next one inside frees, or its allocator. One whose
 * own cannot be called with what is known must not have its chunks freed behind its back: then there is none. */
static int (*free_function(const struct chunk *c, struct node *n))(void *, size_t)
{
	int (*found)(void *, size_t) = c->allocator->free_chunk;
	for (uint32_t id = n->parent; id; id = n->parent) {
		n = node_get(id);
		const struct alloc_wrapper *w = n->owner;
		if (w && (w->free_chunk || w->free_count)) found = w->free_chunk;
	}
	return found;
}

RT_EXPORT int alloc_free(void *p)
{
	struct chunk c;
	struct node *n = find(p, &c);
	if (!n || c.base != (uintptr_t)p) return EINVAL;
	int (*f)(void *, size_t) = free_function(&c, n);
	return f ? f(p, entry_size(c.entry)) : ENOTSUP;
}

RT_EXPORT const char *alloc_free_problem(const void *p)
{
	struct chunk c;
	struct node *n = find(p, &c);
	if (!n) return "no live chunk is at this address";
	if (c.base != (uintptr_t)p) return "the address is inside a chunk; what can be freed is its base";
	if (free_function(&c, n)) return 0;
	if (c.allocator == &rt_on_stack) return "it is on the stack, and is freed when its function returns";
	if (c.allocator->free_chunk) return "its wrapper's free function wants more than is known of the chunk";
	if (!c.allocator->number) return "the object that its allocator was in is unloaded";
	for (const struct alloc_function *f = c.allocator->functions; f && f->name; f++) {
		if (!f->function) continue;
		if (!strcmp(f->role, "free")) return "its allocator's free function wants more than is known of the chunk";
		if (!strncmp(f->role, "free-", 5)) return "its allocator frees no single chunks, only what belongs together";
	}
	return "its allocator has no free function";
}

RT_EXPORT const char *alloc_site_file(const struct alloc_site *s) { return s ? s->file : 0; }
RT_EXPORT const char *alloc_site_function(const struct alloc_site *s) { return s ? s->function : 0; }
RT_EXPORT const char *alloc_site_callee(const struct alloc_site *s) { return s ? s->callee : 0; }
RT_EXPORT const char *alloc_site_type(const struct alloc_site *s) { return s ? s->type : 0; }
RT_EXPORT const char *alloc_site_evidence(const struct alloc_site *s) { return s ? s->evidence : 0; }
RT_EXPORT unsigned alloc_site_line(const struct alloc_site *s) { return s ? s->line : 0; }
RT_EXPORT unsigned alloc_site_column(const struct alloc_site *s) { return s ? s->column : 0; }

RT_EXPORT void alloc_for_each_allocator(int (*f)(const struct allocator *, void *), void *arg)
{
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		allocator_refresh(a);
		if (f(a, arg)) return;
	}
}

RT_EXPORT void alloc_for_each_wrapper(int (*f)(const struct alloc_wrapper *, void *), void *arg)
{
	for (struct alloc_wrapper *w = rt_wrappers; w; w = w->next)
		if (f(w, arg)) return;
}

/* Asked for at most once in a while, so the nodes tell; observing it on the way would cost every new node. A wrapper
 * has as many allocators as there are numbers at most. */
RT_EXPORT void alloc_for_each_wrapper_allocator(const struct alloc_wrapper *w, int (*f)(const struct allocator *, void *), void *arg)
{
	const struct allocator *seen[MAX_ALLOCATORS];
	unsigned count = 0;
	if (!w) return;
	rt_lock();
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		struct node *n = node_get(id);
		const struct allocator *a = n->kind == NODE_CHUNK ? n->owner : 0;
		unsigned known = 0;
		while (n->parent && (n = node_get(n->parent))->owner != w) continue;
		if (!a || n->owner != w) continue;
		while (known < count && seen[known] != a) known++;
		if (known == count && count < MAX_ALLOCATORS) seen[count++] = a;
	}
	rt_unlock();
	for (unsigned i = 0; i < count; i++)
		if (f(seen[i], arg)) return;
}

struct each {
	int (*f)(const void *, size_t, void *);
	void *arg;
};

static int each_chunk(struct chunk *c, void *arg)
{
	struct each *e = arg;
	return e->f((void *)c->base, entry_size(c->entry), e->arg);
}

RT_EXPORT void alloc_for_each_chunk(int (*f)(const void *, size_t, void *), void *arg)
{
	struct each e = {f, arg};
	if (thread_self()->on_stack.count) stack_trim(thread_self(), (uintptr_t)__builtin_dwarf_cfa());
	for (struct allocator *a = rt_allocators; a; a = a->next)
		if (index_walk(a, each_chunk, &e)) return;
}

RT_EXPORT int alloc_snapshot(const char *path)
{
	return path ? profile_write(path) : EINVAL;
}
