/* chunks come and go: everything but the shortcuts that stubs and the interposed malloc take */
#include "rt.h"

static uint32_t narrow_more(uint64_t value)
{
	return (uint32_t)(value & (((uint64_t)1 << NARROW_MORE_BITS) - 1)) << NARROW_SIZE_SHIFT | NARROW_CHILDREN;
}

/* whether it stands in `covering` */
static int covers(const struct alloc_index *x, uintptr_t p, size_t size)
{
	return (!x->narrow || size >= NARROW_LARGE) && size && (p ^ (p + size - 1)) >> BLOCK_BITS;
}

void index_put(struct alloc_index *x, struct leaf *leaf, uintptr_t p, uint32_t id, size_t size)
{
	int closer = rt_counting || covers(x, p, size);
	uintptr_t offset = p & (((uintptr_t)1 << x->shift) - 1);
	if (x->narrow) {
		uint32_t *w = narrow_word(x, leaf, p);
		int large = size >= NARROW_LARGE;
		if (large) {
			w[1] = narrow_more(size);
			w[2] = narrow_more(size >> NARROW_MORE_BITS);
		}
		*w = id << NARROW_ID_SHIFT | (large ? NARROW_LARGE : (uint32_t)size) << NARROW_SIZE_SHIFT |
		     (closer || large ? NARROW_CLOSER : 0) | (uint32_t)(offset >> 4);
	} else {
		*wide_word(x, leaf, p) =
			(uint64_t)id << ID_SHIFT | (uint64_t)size << SIZE_SHIFT | (closer ? CLOSER : 0) | offset;
	}
	if (covers(x, p, size)) index_cover(x, p, size, p);
}

static uint64_t index_take(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	uint64_t old = index_entry(x, leaf, p);
	if (!old) return 0;
	size_t size = entry_size(old);
	if (x->narrow) {
		uint32_t *w = narrow_word(x, leaf, p);
		if ((*w >> NARROW_SIZE_SHIFT & NARROW_LARGE) == NARROW_LARGE) w[1] = w[2] = 0;
		*w = 0;
	} else {
		*wide_word(x, leaf, p) = 0;
	}
	if (covers(x, p, size)) index_cover(x, p, size, 0);
	return old;
}

static size_t heap_share(const struct allocator *a, size_t size) { return a->suballocates ? 0 : size; }

static int is_nested(struct thread *t, struct allocator *a, uintptr_t p)
{
	struct nest *n = &t->nest;
	return n->child == a && p >= n->low && p < n->high && *n->word == n->value;
}

/* a typed primitive's chunk is as large as the type that its site's record tells, if it does; where a caller tells
 * the type, but not its size, the primitive's own call may */
static size_t typed_size(uint32_t id)
{
	const struct alloc_site *s = id ? chunk_type_site(node_get(id)) : 0;
	if (id && !(s && s->type_size)) s = node_site(node_get(id));
	return s && s->type_size ? s->type_size : 1;
}

static uint32_t chunk_id(struct allocator *a, struct frame *f, uintptr_t site, uintptr_t here)
{
	uint64_t hash = chunk_hash(f, site, a->number);
	uint32_t id = has_own_number(a) ? quick_find(hash) : 0;
	if (id) return id;
	uint32_t epoch = atomic_load_explicit(&rt_quick_epoch, memory_order_acquire);
	if (rt_unwinding) return unwound_slow(f, site, here, a);
	id = intern(frame_node(f), site, a, NODE_CHUNK);
	if (id && has_own_number(a)) quick_put(hash, id, epoch);
	return id;
}

void chunk_insert(struct allocator *a, void *chunk, size_t size, uintptr_t site, uintptr_t here)
{
	uintptr_t p = (uintptr_t)chunk;
	if (unlikely(!a->number)) allocator_register(a);
	struct thread *t = thread_self();
	struct leaf *leaf = index_leaf(a->index, p);
	if (!leaf && !(leaf = index_leaf_make(a->index, p))) return;
	struct frame *f = thread_frame(t, here);
	uint32_t id = 0;
	/* without a thread of its own, or a node for its wrapper, nobody knows where the call came from */
	if (rt_self) id = chunk_id(a, f, site, here);
	uint64_t old = index_take(a->index, leaf, p);
	if (size == UNKNOWN_SIZE) size = typed_size(id);
	if (size > SIZE_MAX_INDEXED) size = SIZE_MAX_INDEXED;
	index_put(a->index, leaf, p, id, size);
	if (a->suballocates && !(rt_self && is_nested(t, a, p))) index_mark_parent(a, p);
	t->allocs[a->number] += !old; /* an entry point that calls another one: its chunk is one chunk */
	if (!rt_counting) return;
	if (old) count_undo(t, entry_id(old), entry_size(old), heap_share(a, entry_size(old)));
	count_alloc(t, id, size, heap_share(a, size));
}

uint64_t chunk_take(struct allocator *a, void *chunk)
{
	struct leaf *leaf = index_leaf(a->index, (uintptr_t)chunk);
	uint64_t old = leaf ? index_take(a->index, leaf, (uintptr_t)chunk) : 0;
	if (old && rt_counting && a != &rt_on_stack)
		count_free(thread_self(), entry_id(old), entry_size(old), heap_share(a, entry_size(old)));
	return old;
}

uint64_t chunk_remove(struct allocator *a, void *chunk)
{
	uint64_t old = chunk_take(a, chunk);
	if (old & CHILDREN) index_clear_children((uintptr_t)chunk, entry_size(old));
	return old;
}

uint64_t subchunk_remove(struct allocator *a, uintptr_t p)
{
	uint64_t old = chunk_remove(a, (void *)p);
	if (old && a->index->regions) region_leave(a->index, p);
	return old;
}

void chunk_restore(struct allocator *a, void *chunk, uint64_t entry)
{
	uintptr_t p = (uintptr_t)chunk;
	struct leaf *leaf = index_leaf(a->index, p);
	if (!leaf) return;
	index_put(a->index, leaf, p, entry_id(entry), entry_size(entry));
	if (entry & CHILDREN) index_mark(a->index, leaf, p);
	if (rt_counting) count_alloc(thread_self(), entry_id(entry), entry_size(entry), heap_share(a, entry_size(entry)));
}

/* a chunk with chunks inside was resized: where it stayed they do, too, as far as it reaches */
void children_move(struct allocator *a, void *chunk, uint64_t old, void *now, size_t size)
{
	uintptr_t p = (uintptr_t)chunk;
	size_t before = entry_size(old), kept = now != chunk ? 0 : size < before ? size : before;
	if (kept) {
		struct leaf *leaf = index_leaf(a->index, p);
		if (leaf) index_mark(a->index, leaf, p);
	}
	if (kept < before) index_clear_children(p + kept, before - kept);
}
