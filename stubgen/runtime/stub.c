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

RT_EXPORT void __allocs_insert(struct allocator *a, void *chunk, size_t size, void *site, void *frame)
{
	if (unlikely(!a->number)) allocator_register(a);
	chunk_insert(a, chunk, size, (uintptr_t)site, (uintptr_t)frame);
}

RT_EXPORT uint64_t __allocs_remove(struct allocator *a, void *chunk)
{
	return chunk_remove(a, chunk);
}

RT_EXPORT void __allocs_restore(struct allocator *a, void *chunk, uint64_t entry)
{
	chunk_restore(a, chunk, entry);
}
