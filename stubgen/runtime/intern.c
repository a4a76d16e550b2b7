/* interning: (context, site, owner) to a small id; readers take no lock, writers one */
#include "rt.h"

struct slot {
	_Atomic uint64_t key; /* written last; 0: not in use */
	uint32_t parent, id;
};
struct table {
	size_t mask;
	struct slot slot[]; /* and some more, so that no search starts again at the first */
};
static _Atomic(struct table *) table;
struct node *rt_node_blocks[1u << (ID_BITS - NODE_BLOCK_BITS)];
uint32_t rt_node_count; /* ids 1 .. rt_node_count are in use */

#define FIRST_SLOTS 256
#define MORE_SLOTS 62
#define SPARSENESS 2 /* slots for a node, at least */

static uint64_t key_of(uintptr_t site, const void *owner, unsigned kind)
{
	unsigned number = kind == NODE_FRAME ? (unsigned)((const struct alloc_wrapper *)owner)->known
					     : ((const struct allocator *)owner)->number;
	if (kind == NODE_FRAME ? number > LAST_WRAPPER : number >= MAX_ALLOCATORS - 1) number = NO_NUMBER;
	if (kind == NODE_HIDDEN) number |= HIDDEN_KEY;
	return site | (uint64_t)number << KEY_SHIFT;
}

/* where a node is, or belongs; NULL where the table is too full for it */
static struct slot *slot_for(struct table *t, uint32_t parent, uint64_t key, const void *owner)
{
	uint64_t hash = (key ^ parent * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
	struct slot *s = &t->slot[hash >> 32 & t->mask], *end = &t->slot[t->mask + 1 + MORE_SLOTS];
	for (; s < end; s++) {
		uint64_t k = atomic_load_explicit(&s->key, memory_order_acquire);
		if (!k || (k == key && s->parent == parent && node_get(s->id)->owner == owner)) return s;
	}
	return 0;
}

static void slot_fill(struct slot *s, uint64_t key, uint32_t parent, uint32_t id)
{
	s->parent = parent;
	s->id = id;
	atomic_store_explicit(&s->key, key, memory_order_release);
}

static int table_copy(struct table *t, const struct table *old)
{
	for (size_t i = 0; i <= old->mask + MORE_SLOTS; i++) {
		const struct slot *s = &old->slot[i];
		uint64_t key = atomic_load_explicit(&s->key, memory_order_relaxed);
		if (!key || key == DEAD_KEY) continue;
		struct slot *to = slot_for(t, s->parent, key, node_get(s->id)->owner);
		if (!to) return 0;
		slot_fill(to, key, s->parent, s->id);
	}
	return 1;
}

/* readers may still be in the old table, so it is never unmapped: all tables together are twice the last */
static struct table *table_grow(const struct table *old)
{
	for (size_t slots = old ? 2 * (old->mask + 1) : FIRST_SLOTS;; slots *= 2) {
		struct table *t = rt_pages(sizeof *t + (slots + MORE_SLOTS) * sizeof t->slot[0]);
		if (!t) return 0;
		t->mask = slots - 1;
		if (old && !table_copy(t, old)) continue;
		atomic_store_explicit(&table, t, memory_order_release);
		return t;
	}
}

/* where a node is, or belongs, in a table with room for one more; NULL without memory; callers hold the lock */
static struct slot *slot_with_room(uint32_t parent, uint64_t key, const void *owner)
{
	struct table *t = atomic_load_explicit(&table, memory_order_relaxed);
	int is_full = t && (size_t)rt_node_count * SPARSENESS > t->mask;
	struct table *larger = !t || is_full ? table_grow(t) : 0;
	struct slot *s = larger || t ? slot_for(larger ? larger : t, parent, key, owner) : 0;
	if (s || is_full || !t) return s;
	return (larger = table_grow(t)) ? slot_for(larger, parent, key, owner) : 0;
}

/* a wrapper's allocator is the first one seen under it (R12) */
static void wrappers_observe(uint32_t frame, const struct allocator *a)
{
	for (; frame; frame = node_get(frame)->parent) {
		struct alloc_wrapper *w = node_get(frame)->owner;
		if (!w->allocator) w->allocator = a;
	}
}

static uint32_t node_make(uint32_t parent, uintptr_t site, const void *owner, unsigned kind)
{
	uint32_t id = rt_node_count + 1, block = id >> NODE_BLOCK_BITS;
	if (id >= 1u << ID_BITS) return 0;
	if (!rt_node_blocks[block] && !(rt_node_blocks[block] = rt_pages(sizeof(struct node) << NODE_BLOCK_BITS))) return 0;
	struct node *n = node_get(id);
	n->site_address = site;
	n->owner = (void *)owner;
	n->parent = parent;
	n->kind = kind == NODE_FRAME ? NODE_FRAME : NODE_CHUNK;
	n->is_hidden = kind == NODE_HIDDEN;
	if (kind != NODE_FRAME) wrappers_observe(parent, owner);
	return rt_node_count = id;
}

uint32_t intern(uint32_t parent, uintptr_t site, const void *owner, unsigned kind)
{
	struct table *t = atomic_load_explicit(&table, memory_order_acquire);
	uint32_t unknown = kind == NODE_FRAME ? NODE_UNKNOWN : 0;
	if (unlikely(parent == NODE_UNKNOWN)) return unknown;
	uint64_t key = key_of(site, owner, kind);
	struct slot *s = t ? slot_for(t, parent, key, owner) : 0;
	if (s && atomic_load_explicit(&s->key, memory_order_acquire)) return s->id;
	rt_lock();
	uint32_t id = 0;
	if ((s = slot_with_room(parent, key, owner)) && !(id = s->id) && (id = node_make(parent, site, owner, kind)))
		slot_fill(s, key, parent, id);
	rt_unlock();
	return id ? id : unknown;
}

/* the slot stays taken, so that probing past it goes on, under a key that nothing asks for; callers hold the lock, or are
 * the only ones who know the node's key */
void intern_kill(struct node *n, uint32_t id)
{
	struct table *t = atomic_load_explicit(&table, memory_order_relaxed);
	struct slot *s = t && n->owner ? slot_for(t, n->parent, key_of(n->site_address, n->owner, n->is_hidden ? NODE_HIDDEN : n->kind), n->owner) : 0;
	if (s && s->id == id) atomic_store_explicit(&s->key, DEAD_KEY, memory_order_relaxed);
}

/* a module goes: its addresses may come back as other sites, so no new chunk may find the old nodes */
void intern_forget(uintptr_t low, uintptr_t high)
{
	for (uint32_t id = 1, last = rt_node_count; id <= last; id++) {
		struct node *n = node_get(id);
		if (n->site_address >= low && n->site_address <= high) node_site(n); /* takes the lock */
	}
	rt_lock(); /* another thread may be copying the table */
	quick_forget();
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		struct node *n = node_get(id);
		if (n->site_address < low || n->site_address > high) continue;
		intern_kill(n, id);
		n->site_address = UINTPTR_MAX;
	}
	rt_unlock();
}
