/* what generated stubs call */
#include "rt.h"

HOT struct frame *push(struct frame *f, const struct frame *below, struct alloc_wrapper *w, uintptr_t site, uintptr_t here)
{
	f->address = here;
	f->site = site;
	f->mix = quick_hash(below->mix, site) + (uintptr_t)w;
	f->wrapper = w;
	f->node = 0;
	return f;
}

static __attribute__((noinline)) void *push_slow(struct alloc_wrapper *w, uintptr_t site, uintptr_t here)
{
	struct thread *t = thread_self();
	struct frame *below = thread_frame(t, here), *f = t->top + 1;
	if (f > &t->frame[MAX_FRAMES]) return 0;
	push(f, below, w, site, here);
	/* where frames of another stack lie between the two, it is not the one under it that tells its context */
	if (below != f - 1) frame_node(below), frame_node_under(f, below);
	t->top = f;
	return f - 1;
}

/* gives what ALLOCS_POP takes; NULL where nothing was pushed */
RT_EXPORT void *__allocs_push(struct alloc_wrapper *w, void *site, void *frame)
{
	uintptr_t here = (uintptr_t)frame;
	struct thread *t = rt_self;
	if (unlikely(!t)) return push_slow(w, (uintptr_t)site, here);
	struct frame *below = t->top;
	if (below != t->frame && (unlikely(!frame_lives(below, here)) || unlikely(below == &t->frame[MAX_FRAMES])))
		return push_slow(w, (uintptr_t)site, here);
	t->top = push(below + 1, below, w, (uintptr_t)site, here);
	return below;
}

RT_EXPORT void __allocs_load(struct allocator *a)
{
	if (!a->number) allocator_register(a);
}

RT_EXPORT void __allocs_insert(struct allocator *a, void *chunk, size_t size, void *site, void *frame)
{
	uintptr_t p = (uintptr_t)chunk, here = (uintptr_t)frame;
	struct alloc_index *x = a->index;
	struct thread *t = rt_self;
	struct leaf *leaf = index_leaf(x, p);
	if (unlikely(!t) || unlikely(!leaf) || unlikely(rt_counting) || unlikely(size > SIZE_MAX_INDEXED) ||
	    unlikely((p ^ (p + size - 1)) >> BLOCK_BITS)) {
		chunk_insert(a, chunk, size, (uintptr_t)site, here);
		return;
	}
	struct frame *f = t->top;
	uint32_t id = likely(f == t->frame || frame_lives(f, here)) ? quick_find(chunk_hash(f, (uintptr_t)site, a->number)) : 0;
	uint64_t *word = wide_word(x, leaf, p);
	struct nest *n = &t->nest;
	int nested = !a->suballocates || (n->child == a && p >= n->low && p < n->high && *n->word == n->value);
	if (unlikely(!id) || unlikely(*word) || unlikely(!nested)) {
		chunk_insert(a, chunk, size, (uintptr_t)site, here);
		return;
	}
	*word = (uint64_t)id << ID_SHIFT | (uint64_t)size << SIZE_SHIFT | (p & (((uintptr_t)1 << x->shift) - 1));
	t->allocs[a->number]++;
}

#define CALLER 0, ((uintptr_t)__builtin_return_address(0)), ((uintptr_t)__builtin_frame_address(0))

/* reached by a jump: its caller is the stub */
static __attribute__((noinline)) uint64_t remove_slow(struct allocator *a, void *chunk)
{
	if (rt_checking) check_free(a, chunk, CALLER);
	uint64_t old = subchunk_remove(a, (uintptr_t)chunk);
	return old ? old : sibling_remove(a, chunk);
}

RT_EXPORT uint64_t __allocs_remove(struct allocator *a, void *chunk)
{
	struct leaf *leaf = index_leaf(a->index, (uintptr_t)chunk);
	uint64_t *word = leaf ? wide_word(a->index, leaf, (uintptr_t)chunk) : 0, old = word ? *word : 0;
	if (likely(old && !(old & CLOSER) && !a->index->regions)) {
		*word = 0;
		return old;
	}
	return remove_slow(a, chunk);
}

RT_EXPORT uint64_t __allocs_take(struct allocator *a, void *chunk)
{
	if (unlikely(rt_checking)) check_free(a, chunk, CALLER);
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
