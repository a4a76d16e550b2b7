/* the index: shadow words by address; see rt.h for the layout */
#include "rt.h"
#include <fcntl.h>
#include <unistd.h>

#define ROOTS ((uintptr_t)1 << (ADDRESS_BITS - LEAF_BITS))
#define SPARE_ROOTS 64

/* of instances that are gone and had no chunks left: all zeros, good for the next one */
static struct alloc_index spare[SPARE_ROOTS];

static void *root_make(const struct alloc_index *x)
{
	for (int i = 0; i < SPARE_ROOTS; i++) {
		if (!spare[i].root || spare[i].shift != x->shift || spare[i].regions != x->regions) continue;
		void *root = spare[i].root;
		spare[i].root = 0;
		return root;
	}
	return rt_pages(ROOTS * sizeof *x->root);
}

void index_give(struct alloc_index *x)
{
	for (int i = 0; x->root && i < SPARE_ROOTS; i++) {
		if (spare[i].root) continue;
		spare[i] = *x;
		x->root = 0;
	}
}

struct leaf *index_leaf_make(struct alloc_index *x, uintptr_t p)
{
	if (p >> ADDRESS_BITS) return 0;
	rt_lock();
	if (!x->root) x->root = root_make(x);
	struct leaf *leaf = 0;
	if (x->root) {
		leaf = atomic_load_explicit(&x->root[p >> LEAF_BITS], memory_order_relaxed);
		if (!leaf) {
			size_t granule = (x->narrow ? 1 : 2 + !!x->regions) * sizeof(uint32_t);
			/* behind the last granules: sizes that stand behind a word */
			leaf = rt_pages(sizeof *leaf + ((((size_t)1 << LEAF_BITS) >> x->shift) + 2) * granule);
			/* what starts nowhere, so that a shortcut does not take NULL for a chunk */
			if (leaf && x->narrow && !(p >> LEAF_BITS)) *narrow_word(x, leaf, 0) = NARROW_CHILDREN;
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

static int holds(uintptr_t base, uint64_t entry, uintptr_t p)
{
	size_t size = entry_size(entry);
	return p >= base && p - base < (size ? size : 1);
}

/* the chunk that starts last at or before p, not before `low`; both in one leaf */
static uint64_t last_start(struct alloc_index *x, struct leaf *leaf, uintptr_t p, uintptr_t low, uintptr_t *base)
{
	uintptr_t step = (uintptr_t)1 << x->shift;
	for (uintptr_t granule = p & ~(step - 1);; granule -= step) {
		uint64_t entry = index_entry(x, leaf, granule);
		if (entry && (*base = entry_base(x, granule, entry)) <= p) return entry;
		if (granule <= low) return 0; /* in p's own granule one may start behind p */
	}
}

int index_find(struct allocator *a, uintptr_t p, struct chunk *out)
{
	struct alloc_index *x = a->index;
	struct leaf *leaf = index_leaf(x, p);
	if (!leaf) return 0;
	uintptr_t block = p >> BLOCK_BITS << BLOCK_BITS, base;
	uint64_t entry = last_start(x, leaf, p, block, &base);
	if (!entry) {
		base = atomic_load_explicit(
			&leaf->covering[(p >> BLOCK_BITS) & ((1u << (LEAF_BITS - BLOCK_BITS)) - 1)], memory_order_relaxed);
		if (base && (leaf = index_leaf(x, base))) entry = index_entry(x, leaf, base);
		else if (x->narrow && p - block < NARROW_LARGE && block && (leaf = index_leaf(x, block - 1)))
			entry = last_start(x, leaf, block - 1, block - NARROW_LARGE, &base);
	}
	if (!entry || !holds(base, entry, p)) return 0;
	*out = (struct chunk){a, base, entry};
	return 1;
}

int chunk_find(uintptr_t p, struct chunk *out)
{
	int found = 0;
	struct chunk c;
	struct thread *t = walk_begin();
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (!index_find(a, p, &c)) continue;
		size_t size = entry_size(c.entry), best = found ? entry_size(out->entry) : 0;
		if (!found || size < best || (size == best && a->suballocates)) *out = c;
		found = 1;
	}
	walk_end(t);
	return found;
}

int parent_find(const struct allocator *child, uintptr_t p, struct chunk *best)
{
	struct chunk c;
	int found = 0;
	struct thread *t = walk_begin();
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (a == child || !index_find(a, p, &c)) continue;
		if (!found || entry_size(c.entry) < entry_size(best->entry)) *best = c;
		found = 1;
	}
	walk_end(t);
	return found;
}

uint32_t *index_mark(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	uint32_t *w = x->narrow ? narrow_word(x, leaf, p) : (uint32_t *)wide_word(x, leaf, p);
	uint32_t flags = x->narrow ? NARROW_CHILDREN | NARROW_CLOSER : CHILDREN | CLOSER;
	__atomic_fetch_or(w, flags, __ATOMIC_RELAXED);
	return w;
}

/* the smallest chunk around p that another allocator handed out now has chunks inside it */
void index_mark_parent(struct allocator *child, uintptr_t p)
{
	struct nest *n = &thread_self()->nest;
	struct chunk best;
	n->child = 0;
	if (!parent_find(child, p, &best)) return;
	struct alloc_index *x = best.allocator->index;
	uint32_t *word = index_mark(x, index_leaf(x, best.base), best.base);
	if (!child->parent) child->parent = best.allocator;
	*n = (struct nest){child, best.base, best.base + entry_size(best.entry), word, *word};
}

static void leaf_clear(struct allocator *a, struct leaf *leaf, uintptr_t low, uintptr_t base, uintptr_t end)
{
	uintptr_t step = (uintptr_t)1 << a->index->shift;
	for (uintptr_t g = low; g < end; g += step) {
		uint64_t entry = index_entry(a->index, leaf, g);
		if (likely(!entry)) continue;
		uintptr_t chunk = entry_base(a->index, g, entry);
		if (chunk >= base && chunk < end) subchunk_remove(a, chunk);
	}
}

/* the memory of a parent chunk is gone, and with it every chunk that a suballocator had carved out of it */
void index_clear_children(uintptr_t base, size_t size)
{
	uintptr_t end = base + size, next;
	struct thread *t = walk_begin();
	for (struct allocator *a = rt_allocators; a; a = a->next) {
		if (!a->suballocates && a != &rt_on_stack) continue; /* a coroutine's stack may be a chunk */
		for (uintptr_t g = base >> a->index->shift << a->index->shift; g < end; g = next) {
			next = ((g >> LEAF_BITS) + 1) << LEAF_BITS;
			struct leaf *leaf = index_leaf(a->index, g);
			if (leaf) leaf_clear(a, leaf, g, base, next < end ? next : end);
		}
	}
	walk_end(t);
}

/* most pages of an index were never touched; the kernel knows which (proc(5), pagemap), and reading them all would take
 * as long as there is room for chunks */
struct pagemap {
	int fd;
	uintptr_t size, first, end; /* of a page; the pages that `word` is about */
	uint64_t word[512];
};

#define PAGE_USED ((uint64_t)3 << 62) /* present or swapped */

static int is_used(struct pagemap *m, const void *p)
{
	uintptr_t page = (uintptr_t)p / m->size;
	if (page < m->first || page >= m->end) {
		ssize_t n = m->fd < 0 ? -1 : pread(m->fd, m->word, sizeof m->word, page * sizeof m->word[0]);
		if (n < (ssize_t)sizeof m->word[0]) return 1;
		m->first = page;
		m->end = page + n / sizeof m->word[0];
	}
	return (m->word[page - m->first] & PAGE_USED) != 0;
}

/* the first element at or behind v[i], of `size` bytes, that is in a used page; n if there is none */
static uintptr_t used(struct pagemap *m, const void *v, size_t size, uintptr_t i, uintptr_t n)
{
	while (i < n) {
		uintptr_t p = (uintptr_t)v + i * size;
		if (i && p % m->size) break; /* inside a page that was looked at */
		if (is_used(m, (void *)p)) break;
		i += (m->size - p % m->size) / size;
	}
	return i < n ? i : n;
}

static int leaf_walk(struct allocator *a, uintptr_t low, struct leaf *leaf, int fd, int (*f)(struct chunk *, void *), void *arg)
{
	struct alloc_index *x = a->index;
	struct pagemap m = {.fd = fd, .size = getpagesize()};
	uintptr_t n = ((uintptr_t)1 << LEAF_BITS) >> x->shift;
	size_t size = x->narrow ? sizeof(uint32_t) : sizeof(uint64_t);
	for (uintptr_t w = used(&m, leaf->word, size, 0, n); w < n; w = used(&m, leaf->word, size, w + 1, n)) {
		uint64_t entry = index_entry(x, leaf, w << x->shift);
		if (!entry) continue;
		struct chunk c = {a, entry_base(x, low + (w << x->shift), entry), entry};
		int stop = f(&c, arg);
		if (stop) return stop;
	}
	return 0;
}

int index_walk(struct allocator *a, int (*f)(struct chunk *, void *), void *arg)
{
	struct alloc_index *x = a->index;
	int stop = 0;
	if (!x->root) return 0;
	struct pagemap m = {.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), .size = getpagesize()};
	int fd = m.fd;
	if (!is_used(&m, &m)) m.fd = -1, m.end = 0; /* an emulator's, of other addresses */
	for (uintptr_t i = used(&m, x->root, sizeof *x->root, 0, ROOTS); i < ROOTS && !stop;
	     i = used(&m, x->root, sizeof *x->root, i + 1, ROOTS)) {
		struct leaf *leaf = atomic_load_explicit(&x->root[i], memory_order_acquire);
		if (leaf) stop = leaf_walk(a, i << LEAF_BITS, leaf, m.fd, f, arg);
	}
	if (fd >= 0) close(fd);
	return stop;
}
