/* regions: which chunks go when a function frees all of a region at once
 *
 * An index with `regions` has a number for each granule behind its words: which region its chunk belongs to. A region
 * knows in which pages its chunks start. A thread remembers the page that it was last in, so the lock is taken once a
 * page.
 */
#include "rt.h"

#define PAGE_BITS 12
#define MAX_REGIONS (1u << 20)
#define BUCKETS 4096
#define BLOCK_PAGES 14

struct pages {
	struct pages *next;
	size_t used;
	uintptr_t page[BLOCK_PAGES];
};

struct region {
	struct alloc_index *index; /* NULL: not in use */
	uintptr_t address;
	struct pages *pages;
	uint32_t next;             /* in its bucket, or in the list of unused ones */
};

static struct region *regions; /* by number; 0 is none */
static uint32_t bucket[BUCKETS], unused, last;
static struct pages *spare;
static _Atomic uint64_t generation = 1; /* a change makes every thread forget where it was */

static uint32_t *region_word(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	uint32_t *first = (uint32_t *)&leaf->word[((uintptr_t)1 << LEAF_BITS) >> x->shift];
	return &first[(p & (((uintptr_t)1 << LEAF_BITS) - 1)) >> x->shift];
}

static uint32_t *bucket_of(struct alloc_index *x, uintptr_t address)
{
	return &bucket[(((address >> 4) ^ (uintptr_t)x) * 0x9e3779b97f4a7c15 >> 40) % BUCKETS];
}

/* callers of these hold the lock */

static uint32_t region_find(struct alloc_index *x, uintptr_t address)
{
	uint32_t id = *bucket_of(x, address);
	while (id && (regions[id].index != x || regions[id].address != address)) id = regions[id].next;
	return id;
}

static uint32_t region_make(struct alloc_index *x, uintptr_t address)
{
	if (!regions && !(regions = rt_pages(MAX_REGIONS * sizeof *regions))) return 0;
	uint32_t id = unused;
	if (id) unused = regions[id].next;
	else if (last + 1 < MAX_REGIONS) id = ++last;
	else return 0;
	uint32_t *head = bucket_of(x, address);
	regions[id] = (struct region){x, address, 0, *head};
	*head = id;
	return id;
}

static int pages_add(struct region *r, uintptr_t page)
{
	struct pages *b = r->pages;
	for (size_t i = 0; b && i < b->used; i++)
		if (b->page[i] == page) return 1;
	if (!b || b->used == BLOCK_PAGES) {
		if ((b = spare)) spare = b->next;
		else if (!(b = rt_keep(sizeof *b))) return 0;
		b->next = r->pages;
		b->used = 0;
		r->pages = b;
	}
	b->page[b->used++] = page;
	return 1;
}

/* takes the region's pages out, so that they can be walked without the lock */
static struct pages *pages_take(uint32_t id)
{
	struct pages *b = regions[id].pages;
	regions[id].pages = 0;
	return b;
}

static void region_unmake(uint32_t id)
{
	uint32_t *at = bucket_of(regions[id].index, regions[id].address);
	while (*at != id) at = &regions[*at].next;
	*at = regions[id].next;
	regions[id].index = 0;
	regions[id].next = unused;
	unused = id;
}

static void pages_give(struct pages *b)
{
	while (b) {
		struct pages *next = b->next;
		b->next = spare;
		spare = b;
		b = next;
	}
}

static void visit(struct visit *v, struct alloc_index *x, uintptr_t p, uintptr_t address)
{
	v->generation = atomic_load_explicit(&generation, memory_order_relaxed);
	v->index = x;
	v->region = address;
	v->page = p >> PAGE_BITS;
	rt_lock();
	v->id = region_find(x, address);
	if (!v->id) v->id = region_make(x, address);
	if (v->id && !pages_add(&regions[v->id], v->page)) v->id = 0;
	rt_unlock();
}

void region_join(struct alloc_index *x, uintptr_t p, uintptr_t address)
{
	struct visit once = {0}, *v = rt_self ? &rt_self->visit : &once;
	struct leaf *leaf = index_leaf(x, p);
	if (!leaf) return;
	if (v->index != x || v->region != address || v->page != p >> PAGE_BITS ||
	    v->generation != atomic_load_explicit(&generation, memory_order_relaxed))
		visit(v, x, p, address);
	*region_word(x, leaf, p) = v->id;
	if (likely(v->id)) return;
	/* no memory to remember the region: its chunk would not go with it, so nothing is known of that */
	v->index = 0;
	*wide_word(x, leaf, p) = 0;
}

void region_leave(struct alloc_index *x, uintptr_t p)
{
	struct leaf *leaf = index_leaf(x, p);
	if (leaf) *region_word(x, leaf, p) = 0;
}

uintptr_t region_of(struct alloc_index *x, uintptr_t p)
{
	struct leaf *leaf = index_leaf(x, p);
	uint32_t id = leaf ? *region_word(x, leaf, p) : 0;
	return id ? regions[id].address : 0;
}

/* the chunks of a region that start in one page and in [low, high); one that is a region itself takes its own along, or
 * the next region at that address would have them */
static void page_clear(struct allocator *a, uint32_t id, uintptr_t page, uintptr_t low, uintptr_t high)
{
	struct alloc_index *x = a->index;
	struct leaf *leaf = index_leaf(x, page << PAGE_BITS);
	if (!leaf) return;
	uintptr_t end = (page + 1) << PAGE_BITS;
	for (uintptr_t g = page << PAGE_BITS; g < end; g += (uintptr_t)1 << x->shift) {
		uint64_t entry = *wide_word(x, leaf, g);
		if (!entry || *region_word(x, leaf, g) != id) continue;
		uintptr_t base = entry_base(x, g, entry);
		if (base < low || base >= high) continue;
		subchunk_remove(a, base);
		if (*bucket_of(x, base)) region_release(a, base, 0);
	}
}

static void region_clear(struct allocator *a, uint32_t id)
{
	rt_lock();
	struct pages *taken = pages_take(id);
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
	rt_unlock();
	for (struct pages *b = taken; b; b = b->next)
		for (size_t i = 0; i < b->used; i++) page_clear(a, id, b->page[i], 0, UINTPTR_MAX);
	rt_lock();
	pages_give(taken);
	if (regions[id].index == a->index && !regions[id].pages) region_unmake(id);
	rt_unlock();
}

/* of the block that `since` lies in, what lies behind it; younger blocks go with their own chunk */
static void region_clear_since(struct allocator *a, uint32_t id, uintptr_t since)
{
	struct chunk block = {0};
	uintptr_t end = UINTPTR_MAX;
	if (parent_find(a, since, &block)) end = block.base + entry_size(block.entry);
	for (struct pages *b = regions[id].pages; b; b = b->next)
		for (size_t i = 0; i < b->used; i++)
			if (b->page[i] >= since >> PAGE_BITS && b->page[i] <= end >> PAGE_BITS)
				page_clear(a, id, b->page[i], since, end);
}

void region_release(struct allocator *a, uintptr_t address, uintptr_t since)
{
	rt_lock();
	uint32_t id = regions ? region_find(a->index, address) : 0;
	rt_unlock();
	if (!id) return;
	if (since) region_clear_since(a, id, since);
	else region_clear(a, id);
}

void region_release_all(struct allocator *a)
{
	for (uint32_t id = 1; regions && id <= last; id++)
		if (regions[id].index == a->index) region_clear(a, id);
}

/* callers hold the lock; the index has another place from now on */
void regions_move(struct alloc_index *from, struct alloc_index *to)
{
	for (uint32_t id = 1; regions && id <= last; id++) {
		if (regions[id].index != from) continue;
		uintptr_t address = regions[id].address;
		uint32_t *at = bucket_of(from, address), *head = bucket_of(to, address);
		while (*at != id) at = &regions[*at].next;
		*at = regions[id].next;
		regions[id].index = to;
		regions[id].next = *head;
		*head = id;
	}
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}
