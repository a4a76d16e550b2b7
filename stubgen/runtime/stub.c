/* what generated stubs call */
#include "rt.h"

RT_EXPORT void __allocs_enter(struct alloc_wrapper *w, void *site, void *frame)
{
	struct thread *t = thread_self();
	if (unlikely(!w->known)) wrapper_register(w);
	uint32_t context = thread_context(t, (uintptr_t)frame);
	if (unlikely(t->depth == MAX_FRAMES)) return;
	t->frame[t->depth].node = intern(context, (uintptr_t)site, w, NODE_FRAME);
	t->frame[t->depth].site = (uintptr_t)site;
	t->frame[t->depth++].address = (uintptr_t)frame;
}

RT_EXPORT void __allocs_leave(void *frame)
{
	struct thread *t = thread_self();
	while (t->depth && t->frame[t->depth - 1].address <= (uintptr_t)frame) t->depth--;
}

#define UNKNOWN_SIZE ((size_t)-1)

/* a typed primitive's chunk is as large as the type that its site's record tells, if it does; where a caller tells
 * the type, but not its size, the primitive's own call may */
static size_t typed_size(struct allocator *a, uintptr_t site, uintptr_t frame)
{
	uint32_t id = intern(thread_context(thread_self(), frame), site, a, NODE_CHUNK);
	const struct alloc_site *s = id ? chunk_type_site(node_get(id)) : 0;
	if (id && !(s && s->type_size)) s = node_site(node_get(id));
	return s && s->type_size ? s->type_size : 1;
}

RT_EXPORT void __allocs_load(struct allocator *a)
{
	if (!a->number) allocator_register(a);
}

RT_EXPORT void __allocs_insert(struct allocator *a, void *chunk, size_t size, void *site, void *frame)
{
	if (unlikely(!a->number)) allocator_register(a);
	if (unlikely(size == UNKNOWN_SIZE)) size = typed_size(a, (uintptr_t)site, (uintptr_t)frame);
	chunk_insert(a, chunk, size, (uintptr_t)site, (uintptr_t)frame);
}

RT_EXPORT uint64_t __allocs_remove(struct allocator *a, void *chunk)
{
	uint64_t entry = subchunk_remove(a, (uintptr_t)chunk);
	return likely(entry != 0) ? entry : sibling_remove(a, chunk);
}

RT_EXPORT uint64_t __allocs_take(struct allocator *a, void *chunk)
{
	uint64_t old = chunk_take(a, chunk);
	if (unlikely(!old)) return sibling_remove(a, chunk);
	if (a->index->regions) region_leave(a->index, (uintptr_t)chunk);
	return old;
}

RT_EXPORT void __allocs_move(struct allocator *a, void *chunk, uint64_t old, void *now, size_t size)
{
	if (unlikely(old & CHILDREN)) children_move(a, chunk, old, now, size);
}

RT_EXPORT void __allocs_join(struct allocator *a, void *chunk, void *region)
{
	region_join(a->index, (uintptr_t)chunk, (uintptr_t)region);
}

RT_EXPORT void *__allocs_region(struct allocator *a, void *chunk)
{
	return a->index->regions ? (void *)region_of(a->index, (uintptr_t)chunk) : 0;
}

/* all regions where none is given */
RT_EXPORT void __allocs_release(struct allocator *a, void *region, void *since)
{
	if (!a->index->regions) return;
	if (region) region_release(a, (uintptr_t)region, (uintptr_t)since);
	else region_release_all(a);
}

RT_EXPORT void __allocs_restore(struct allocator *a, void *chunk, uint64_t entry)
{
	chunk_restore(a, chunk, entry);
}
