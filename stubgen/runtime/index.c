/* the index: shadow words by address; see rt.h for the layout */
#include "rt.h"

#define ROOT_SIZE (((size_t)1 << (ADDRESS_BITS - LEAF_BITS)) * sizeof(struct leaf *))

struct leaf *index_leaf_make(struct alloc_index *x, uintptr_t p)
{
	if (p >> ADDRESS_BITS) return 0;
	rt_lock();
	if (!x->root) x->root = rt_pages(ROOT_SIZE);
	struct leaf *leaf = 0;
	if (x->root) {
		leaf = atomic_load_explicit(&x->root[p >> LEAF_BITS], memory_order_relaxed);
		if (!leaf) {
			leaf = rt_pages(sizeof *leaf + (((size_t)1 << LEAF_BITS) >> x->shift) * sizeof leaf->word[0]);
			atomic_store_explicit(&x->root[p >> LEAF_BITS], leaf, memory_order_release);
		}
	}
	rt_unlock();
	return leaf;
}

/* sets the covering base of every block that the chunk reaches into; value is its base, or 0 when it goes */
void index_cover(struct alloc_index *x, uintptr_t base, size_t size, uintptr_t value)
{
	uintptr_t last = (base + size - 1) >> BLOCK_BITS;
	for (uintptr_t block = (base >> BLOCK_BITS) + 1; block <= last; block++) {
		uintptr_t start = block << BLOCK_BITS;
		struct leaf *leaf = index_leaf(x, start);
		if (!leaf && !(value && (leaf = index_leaf_make(x, start)))) continue;
		size_t i = block & ((1u << (LEAF_BITS - BLOCK_BITS)) - 1);
		atomic_store_explicit(&leaf->covering[i], value, memory_order_relaxed);
	}
}

static uintptr_t entry_base(struct alloc_index *x, uintptr_t granule, uint64_t entry)
{
	unsigned unit = x->shift > OFFSET_BITS ? x->shift - OFFSET_BITS : 0;
	return granule + ((entry & (((uint64_t)1 << OFFSET_BITS) - 1)) << unit);
}

static int holds(uintptr_t base, uint64_t entry, uintptr_t p)
{
	size_t size = entry_size(entry);
	return p >= base && p - base < (size ? size : 1);
}

int index_find(struct allocator *a, uintptr_t p, struct chunk *out)
{
	struct alloc_index *x = a->index;
	struct leaf *leaf = index_leaf(x, p);
	if (!leaf) return 0;
	uintptr_t mask = ((uintptr_t)1 << x->shift) - 1;
	uintptr_t block = p >> BLOCK_BITS << BLOCK_BITS;
	for (uintptr_t granule = p & ~mask; granule >= block; granule -= mask + 1) {
		uint64_t entry = *index_word(x, leaf, granule);
		if (!entry) {
			if (!granule) break;
			continue;
		}
		uintptr_t base = entry_base(x, granule, entry);
		if (base > p) continue; /* starts behind p in p's own granule */
		if (!holds(base, entry, p)) return 0;
		*out = (struct chunk){a, base, entry};
		return 1;
	}
	uintptr_t base = atomic_load_explicit(
		&leaf->covering[(p >> BLOCK_BITS) & ((1u << (LEAF_BITS - BLOCK_BITS)) - 1)], memory_order_relaxed);
	if (!base || !(leaf = index_leaf(x, base))) return 0;
	uint64_t entry = *index_word(x, leaf, base);
	if (!entry || !holds(base, entry, p)) return 0;
	*out = (struct chunk){a, base, entry};
	return 1;
}

int chunk_find(uintptr_t p, struct chunk *out)
{
	int found = 0;
	struct chunk c;
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (!index_find(a, p, &c)) continue;
		size_t size = entry_size(c.entry), best = found ? entry_size(out->entry) : 0;
		if (!found || size < best || (size == best && a->suballocates)) *out = c;
		found = 1;
	}
	return found;
}

/* the smallest chunk around p that another allocator handed out now has chunks inside it */
void index_mark_parent(struct allocator *child, uintptr_t p)
{
	struct chunk best = {0}, c;
	for (struct allocator *a = rt_allocators; a; a = a->next)
		if (a != child && index_find(a, p, &c))
			if (!best.allocator || entry_size(c.entry) < entry_size(best.entry)) best = c;
	if (!best.allocator) return;
	struct leaf *leaf = index_leaf(best.allocator->index, best.base);
	if (!(best.entry & CHILDREN))
		__atomic_fetch_or(index_word(best.allocator->index, leaf, best.base), CHILDREN, __ATOMIC_RELAXED);
	if (!child->parent) child->parent = best.allocator;
}

/* the memory of a parent chunk is gone, and with it every chunk that a suballocator had carved out of it */
void index_clear_children(uintptr_t base, size_t size)
{
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (!a->suballocates) continue;
		uintptr_t step = (uintptr_t)1 << a->index->shift;
		for (uintptr_t g = base & ~(step - 1); g < base + size; g += step) {
			struct leaf *leaf = index_leaf(a->index, g);
			if (!leaf) {
				g = ((g >> LEAF_BITS) + 1 << LEAF_BITS) - step;
				continue;
			}
			uint64_t entry = *index_word(a->index, leaf, g);
			if (!entry) continue;
			uintptr_t chunk = entry_base(a->index, g, entry);
			if (chunk >= base && chunk < base + size) chunk_remove(a, (void *)chunk);
		}
	}
}

int index_walk(struct allocator *a, int (*f)(struct chunk *, void *), void *arg)
{
	struct alloc_index *x = a->index;
	if (!x->root) return 0;
	for (uintptr_t i = 0; i < (uintptr_t)1 << (ADDRESS_BITS - LEAF_BITS); i++) {
		struct leaf *leaf = atomic_load_explicit(&x->root[i], memory_order_acquire);
		if (!leaf) continue;
		for (uintptr_t w = 0; w < ((uintptr_t)1 << LEAF_BITS) >> x->shift; w++) {
			uint64_t entry = leaf->word[w];
			if (!entry) continue;
			struct chunk c = {a, entry_base(x, (i << LEAF_BITS) + (w << x->shift), entry), entry};
			int stop = f(&c, arg);
			if (stop) return stop;
		}
	}
	return 0;
}

void chunk_restore(struct allocator *a, void *chunk, uint64_t entry)
{
	uintptr_t p = (uintptr_t)chunk;
	struct leaf *leaf = index_leaf(a->index, p);
	if (!leaf) return;
	*index_word(a->index, leaf, p) = entry;
	size_t size = entry_size(entry);
	if (size && (p ^ (p + size - 1)) >> BLOCK_BITS) index_cover(a->index, p, size, p);
	if (rt_counting) count_alloc(thread_self(), entry_id(entry), size, heap_share(a, size));
}
