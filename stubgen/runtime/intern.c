/* interning: (context, site, owner) to a small id; readers take no lock, writers one */
#include "rt.h"

static struct {
	struct table table;
	struct slot slot;
} none;
_Atomic(struct table *) rt_table = &none.table;
struct node *rt_node_blocks[1u << (ID_BITS - NODE_BLOCK_BITS)];
uint32_t rt_node_count; /* ids 1 .. rt_node_count are in use */
static uint32_t alias_count;

#define FIRST_SLOTS 512

static uint64_t key_of(uintptr_t site, const void *owner, unsigned kind)
{
	unsigned number = kind == NODE_FRAME ? (unsigned)((const struct alloc_wrapper *)owner)->known
					     : ((const struct allocator *)owner)->number;
	if (kind == NODE_FRAME ? number > LAST_WRAPPER : number >= MAX_ALLOCATORS - 1) number = NO_NUMBER;
	if (kind == NODE_HIDDEN) number |= HIDDEN_KEY;
	return site | (uint64_t)number << KEY_SHIFT;
}

static struct slot *slot_for(struct table *t, uint32_t parent, uint64_t key, const void *owner)
{
	for (size_t i = intern_hash(node_mix(parent), key);; i++) {
		struct slot *s = &t->slot[i & t->mask];
		uint64_t k = atomic_load_explicit(&s->key, memory_order_acquire);
		if (!k || (k == key && s->parent == parent && node_get(s->id)->owner == owner)) return s;
	}
}

static void slot_fill(struct slot *s, uint64_t key, uint32_t parent, uint32_t id)
{
	s->parent = parent;
	s->id = id;
	atomic_store_explicit(&s->key, key, memory_order_release);
}

/* readers may still be in the old table, so it is never unmapped: all tables together are twice the last */
static struct table *table_grow(struct table *old)
{
	size_t slots = old->mask ? (old->mask + 1) * 2 : FIRST_SLOTS;
	struct table *t = rt_pages(sizeof *t + slots * sizeof t->slot[0]);
	if (!t) return old;
	t->mask = slots - 1;
	for (size_t i = 0; i <= old->mask; i++) {
		struct slot *s = &old->slot[i];
		uint64_t key = atomic_load_explicit(&s->key, memory_order_relaxed);
		if (key && key != DEAD_KEY) slot_fill(slot_for(t, s->parent, key, node_get(s->id)->owner), key, s->parent, s->id);
	}
	atomic_store_explicit(&rt_table, t, memory_order_release);
	return t;
}

/* a wrapper's allocator is the first one seen under it (R12) */
static void wrappers_observe(uint32_t frame, const struct allocator *a)
{
	for (; frame; frame = node_get(frame)->parent) {
		struct alloc_wrapper *w = node_get(frame)->owner;
		if (!w->allocator) w->allocator = a;
	}
}

uint32_t intern_slow(uint32_t parent, uintptr_t site, const void *owner, unsigned kind)
{
	struct table *t = atomic_load_explicit(&rt_table, memory_order_acquire);
	uint64_t key = key_of(site, owner, kind);
	struct slot *s = t->mask ? slot_for(t, parent, key, owner) : 0;
	uint32_t id = 0;
	if (s && atomic_load_explicit(&s->key, memory_order_acquire)) return s->id;
	rt_lock();
	t = atomic_load_explicit(&rt_table, memory_order_relaxed);
	if ((alias_count + rt_node_count) * 2 >= t->mask) t = table_grow(t);
	if (alias_count + rt_node_count < t->mask && rt_node_count + 1 < 1u << ID_BITS) {
		s = slot_for(t, parent, key, owner);
		id = s->id;
		if (!id) {
			uint32_t block = (rt_node_count + 1) >> NODE_BLOCK_BITS;
			if (!rt_node_blocks[block])
				rt_node_blocks[block] = rt_pages(sizeof(struct node) << NODE_BLOCK_BITS);
			if (rt_node_blocks[block]) {
				id = ++rt_node_count;
				struct node *n = node_get(id);
				n->site_address = site;
				n->owner = (void *)owner;
				n->parent = parent;
				n->kind = kind == NODE_FRAME ? NODE_FRAME : NODE_CHUNK;
				n->is_hidden = kind == NODE_HIDDEN;
				if (kind != NODE_FRAME) wrappers_observe(parent, owner);
				slot_fill(s, key, parent, id);
			}
		}
	}
	rt_unlock();
	return id;
}

/* the slot stays taken, so that probing past it goes on, under a key that nothing asks for; callers hold the lock, or are
 * the only ones who know the node's key */
void intern_kill(struct node *n, uint32_t id)
{
	struct table *t = atomic_load_explicit(&rt_table, memory_order_relaxed);
	struct slot *s = t->mask && n->owner ? slot_for(t, n->parent, key_of(n->site_address, n->owner, n->is_hidden ? NODE_HIDDEN : n->kind), n->owner) : 0;
	if (s && s->id == id) atomic_store_explicit(&s->key, DEAD_KEY, memory_order_relaxed);
}

void intern_alias(uint32_t parent, uint64_t key, uint32_t id)
{
	rt_lock();
	struct table *t = atomic_load_explicit(&rt_table, memory_order_relaxed);
	if ((alias_count + rt_node_count) * 2 >= t->mask) t = table_grow(t);
	if (alias_count + rt_node_count < t->mask) {
		struct slot *s = slot_for(t, parent, key, node_get(id)->owner);
		if (!atomic_load_explicit(&s->key, memory_order_relaxed)) slot_fill(s, key, parent, id), alias_count++;
	}
	rt_unlock();
}

void intern_forget_aliases(void)
{
	struct table *t = atomic_load_explicit(&rt_table, memory_order_relaxed);
	for (size_t i = 0; alias_count && i <= t->mask; i++) {
		uint64_t key = atomic_load_explicit(&t->slot[i].key, memory_order_relaxed);
		if (key >> (KEY_SHIFT + 12) == ALIAS_KEY >> 12) atomic_store_explicit(&t->slot[i].key, DEAD_KEY, memory_order_relaxed);
	}
}

/* a module goes: its addresses may come back as other sites, so no new chunk may find the old nodes */
void intern_forget(uintptr_t low, uintptr_t high)
{
	struct table *t = atomic_load_explicit(&rt_table, memory_order_relaxed);
	for (size_t i = 0; alias_count && i <= t->mask; i++) {
		uintptr_t site = atomic_load_explicit(&t->slot[i].key, memory_order_relaxed) << 16 >> 16;
		if (site >= low && site <= high) atomic_store_explicit(&t->slot[i].key, DEAD_KEY, memory_order_relaxed);
	}
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		struct node *n = node_get(id);
		if (n->site_address < low || n->site_address > high) continue;
		node_site(n);
		intern_kill(n, id);
		n->site_address = UINTPTR_MAX;
	}
}
