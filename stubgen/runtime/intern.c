/* interning: (context, site, owner) to a small id; readers take no lock, writers one */
#include "rt.h"

_Atomic(struct table *) rt_table;
struct node *rt_node_blocks[1u << (ID_BITS - NODE_BLOCK_BITS)];
uint32_t rt_node_count; /* ids 1 .. rt_node_count are in use */

#define FIRST_SLOTS 4096

static struct slot *slot_for(struct table *t, uint32_t parent, uintptr_t site, const void *owner)
{
	for (size_t i = intern_hash(parent, site);; i++) {
		struct slot *s = &t->slot[i & t->mask];
		uint32_t id = atomic_load_explicit(&s->id, memory_order_acquire);
		if (!id || (s->site_address == site && s->parent == parent && s->owner == owner)) return s;
	}
}

static void slot_fill(struct slot *s, struct node *n, uint32_t id)
{
	s->site_address = n->site_address;
	s->owner = n->owner;
	s->parent = n->parent;
	atomic_store_explicit(&s->id, id, memory_order_release);
}

/* readers may still be in the old table, so it is never unmapped: all tables together are twice the last */
static struct table *table_grow(struct table *old)
{
	size_t slots = old ? (old->mask + 1) * 2 : FIRST_SLOTS;
	struct table *t = rt_pages(sizeof *t + slots * sizeof t->slot[0]);
	if (!t) return old;
	t->mask = slots - 1;
	for (size_t i = 0; old && i <= old->mask; i++) {
		uint32_t id = atomic_load_explicit(&old->slot[i].id, memory_order_relaxed);
		if (!id) continue;
		struct node *n = node_get(id);
		slot_fill(slot_for(t, n->parent, n->site_address, n->owner), n, id);
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
	if (t) {
		uint32_t id = atomic_load_explicit(&slot_for(t, parent, site, owner)->id, memory_order_acquire);
		if (id) return id;
	}
	rt_lock();
	t = atomic_load_explicit(&rt_table, memory_order_relaxed);
	if (!t || rt_node_count * 2 > t->mask) t = table_grow(t);
	uint32_t id = 0;
	if (t && rt_node_count < t->mask && rt_node_count + 1 < 1u << ID_BITS) {
		struct slot *s = slot_for(t, parent, site, owner);
		id = atomic_load_explicit(&s->id, memory_order_relaxed);
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
				n->kind = kind;
				if (kind == NODE_CHUNK) wrappers_observe(parent, owner);
				slot_fill(s, n, id);
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
	struct slot *s = slot_for(t, n->parent, n->site_address, n->owner);
	if (atomic_load_explicit(&s->id, memory_order_relaxed) == id) s->site_address = UINTPTR_MAX;
}

/* a module goes: its addresses may come back as other sites, so no new chunk may find the old nodes */
void intern_forget(uintptr_t low, uintptr_t high)
{
	for (uint32_t id = 1; id <= rt_node_count; id++) {
		struct node *n = node_get(id);
		if (n->site_address < low || n->site_address > high) continue;
		node_site(n);
		intern_kill(n, id);
		n->site_address = UINTPTR_MAX;
	}
}
