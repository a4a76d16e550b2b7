/* the public questions of allocs.h */
#include "rt.h"
#include <errno.h>

static struct node *find(const void *p, struct chunk *c)
{
	if (!chunk_find((uintptr_t)p, c)) return 0;
	uint32_t id = entry_id(c->entry);
	return id ? node_get(id) : 0;
}

static struct node *outermost(struct node *n)
{
	while (n->parent) n = node_get(n->parent);
	return n->kind == NODE_FRAME ? n : 0;
}

RT_EXPORT const struct allocator *alloc_get_allocator(const void *p)
{
	struct chunk c;
	if (!chunk_find((uintptr_t)p, &c)) return 0;
	allocator_refresh(c.allocator);
	return c.allocator;
}

RT_EXPORT const struct alloc_wrapper *alloc_get_wrapper(const void *p)
{
	struct chunk c;
	struct node *n = find(p, &c);
	if (n) n = outermost(n);
	return n ? n->owner : 0;
}

static void frame_make(struct node *n)
{
	const struct alloc_site *site = node_site(n);
	rt_lock();
	if (!n->frame) {
		struct alloc_frame *f = rt_keep(sizeof *f);
		if (f) {
			f->wrapper = n->owner;
			f->site = site;
		}
		n->frame = f;
	}
	rt_unlock();
}

RT_EXPORT unsigned alloc_get_chain(const void *p, const struct alloc_frame *out[], unsigned n)
{
	struct chunk c;
	struct node *node = find(p, &c);
	unsigned depth = 0;
	if (!node) return 0;
	for (uint32_t id = node->parent; id; id = node_get(id)->parent) depth++;
	unsigned at = depth;
	for (uint32_t id = node->parent; id; id = node_get(id)->parent) {
		if (--at >= n || !out) continue;
		frame_make(node_get(id));
		out[at] = node_get(id)->frame;
	}
	return depth;
}

RT_EXPORT const struct alloc_site *alloc_get_site(const void *p)
{
	struct chunk c;
	struct node *n = find(p, &c);
	return n ? chunk_site(n) : 0;
}

RT_EXPORT const char *alloc_get_type(const void *p)
{
	struct chunk c;
	struct node *n = find(p, &c);
	return n ? chunk_type(n) : 0;
}

RT_EXPORT void *alloc_get_base(const void *p)
{
	struct chunk c;
	return chunk_find((uintptr_t)p, &c) ? (void *)c.base : 0;
}

RT_EXPORT size_t alloc_get_size(const void *p)
{
	struct chunk c;
	return chunk_find((uintptr_t)p, &c) ? entry_size(c.entry) : 0;
}

RT_EXPORT int alloc_free(void *p)
{
	struct chunk c;
	struct node *n = find(p, &c);
	if (!n || c.base != (uintptr_t)p) return EINVAL;
	struct node *outer = outermost(n);
	/* a wrapper that names no free function of its own hands out what its allocator frees */
	if (outer && ((struct alloc_wrapper *)outer->owner)->free_chunk)
		return ((struct alloc_wrapper *)outer->owner)->free_chunk(p, entry_size(c.entry));
	return c.allocator->free_chunk ? c.allocator->free_chunk(p, entry_size(c.entry)) : ENOTSUP;
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
	for (struct allocator *a = rt_allocators; a; a = a->next)
		if (index_walk(a, each_chunk, &e)) return;
}

RT_EXPORT int alloc_snapshot(const char *path)
{
	return path ? profile_write(path) : EINVAL;
}
