/* quick: a cache of ids, two places for each hash; read without a lock, written under it */
#include "rt.h"

static struct {
	struct quick quick;
	_Atomic uint64_t slot[2];
} none = {.quick = {.mask = 1}};
_Atomic(struct quick *) rt_quick = &none.quick;
_Atomic uint32_t rt_quick_epoch;
static size_t used;

#define FIRST_SLOTS 512
#define SPARSENESS 8 /* slots for an id, at least: nearly all are found at the first look */

/* starts empty: what is asked for comes back; a reader may still be in the old one, so it is never unmapped, and all
 * together are twice the last */
static struct quick *grow(struct quick *old)
{
	size_t slots = old == &none.quick ? FIRST_SLOTS : 2 * (old->mask + 1);
	struct quick *q = rt_pages(sizeof *q + slots * sizeof q->slot[0]);
	if (!q) return old;
	q->mask = slots - 1;
	used = 0;
	atomic_store_explicit(&rt_quick, q, memory_order_release);
	return q;
}

void quick_put(uint64_t hash, uint32_t id, uint32_t epoch)
{
	rt_lock();
	struct quick *q = atomic_load_explicit(&rt_quick, memory_order_relaxed);
	if (atomic_load_explicit(&rt_quick_epoch, memory_order_relaxed) == epoch) {
		if (q == &none.quick || used * SPARSENESS > q->mask) q = grow(q);
		size_t i = hash >> QUICK_PLACE & q->mask;
		if (atomic_load_explicit(&q->slot[i], memory_order_relaxed)) i ^= 1;
		uint64_t entry = hash >> ID_BITS << ID_BITS | id;
		if (q != &none.quick) used++, atomic_store_explicit(&q->slot[i], entry, memory_order_release);
	}
	rt_unlock();
}

void quick_forget(void)
{
	struct quick *q = atomic_load_explicit(&rt_quick, memory_order_relaxed);
	for (size_t i = 0; i <= q->mask; i++) atomic_store_explicit(&q->slot[i], 0, memory_order_relaxed);
	used = 0;
	atomic_fetch_add_explicit(&rt_quick_epoch, 1, memory_order_release);
}
