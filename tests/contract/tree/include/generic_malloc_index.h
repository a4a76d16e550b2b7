/* The contract's index of a malloc that is linked in: 8 bytes at the end of each chunk hold its site. */
#ifndef CONTRACT_GENERIC_MALLOC_INDEX_H
#define CONTRACT_GENERIC_MALLOC_INDEX_H
#ifndef _GNU_SOURCE
#error "this header wants _GNU_SOURCE"
#endif

#include <stdint.h>
#include <stdlib.h>
#include "liballocs.h"

extern __thread void *__current_allocsite;
extern __thread void *__current_allocfn;
extern __thread size_t __current_allocsz;
extern __thread int __currently_freeing;
extern __thread int __currently_allocating;

struct insert {
	uint64_t site;
};
#define INSERT_TYPE struct insert
#define CHUNK_SIZE_WITH_TRAILER(size, trailer, unit) \
	(((size) + sizeof(trailer) + sizeof(unit) - 1) / sizeof(unit) * sizeof(unit))
typedef size_t sizefn_t(void *);
struct arena_bitmap_info {
	struct allocator *whose;
};

static inline struct arena_bitmap_info *ensure_arena_info_for_userptr(struct allocator *a, void *chunk)
{
	static struct arena_bitmap_info info;
	(void)chunk;
	info.whose = a;
	return &info;
}
#define arena_info_for_userptr ensure_arena_info_for_userptr

static inline struct insert *contract_trailer(void *chunk, sizefn_t *usable)
{
	return (struct insert *)((char *)chunk + usable(chunk) - sizeof(struct insert));
}

static inline struct insert *__generic_malloc_index_insert(struct allocator *a, struct arena_bitmap_info *info,
	void *chunk, size_t size, const void *site, sizefn_t *usable)
{
	if (info->whose != a || usable(chunk) < size + sizeof(struct insert)) abort(); /* no room was asked for */
	struct insert *trailer = contract_trailer(chunk, usable);
	trailer->site = (uint64_t)(uintptr_t)site;
	contract_insert(a, chunk, size, site);
	return trailer;
}

static inline void __generic_malloc_index_delete(struct allocator *a, struct arena_bitmap_info *info, void *chunk,
	sizefn_t *usable)
{
	(void)info;
	const void *site = __liballocs_get_alloc_site(chunk);
	if (!site) abort(); /* nobody has put it in */
	/* whoever wrote over it was not told how much room there is */
	if (contract_trailer(chunk, usable)->site != (uint64_t)(uintptr_t)site) abort();
	if (!contract_delete(a, chunk)) abort();
}

static inline struct insert *__generic_malloc_index_reinsert_after_resize(struct allocator *a,
	struct arena_bitmap_info *info, void *chunk, size_t grown, size_t old_usable, size_t size, const void *site,
	void *now, sizefn_t *usable)
{
	(void)grown, (void)old_usable;
	return __generic_malloc_index_insert(a, info, now ? now : chunk, now ? size : usable(chunk) - sizeof(struct insert),
		__current_allocsite ? __current_allocsite : site, usable);
}

static inline struct big_allocation *__generic_malloc_ensure_big(struct allocator *a, void *chunk, size_t size)
{
	(void)a, (void)chunk, (void)size;
	return 0;
}
static inline liballocs_err_t __generic_malloc_set_type(struct allocator *a, struct big_allocation *big, void *chunk,
	struct uniqtype *type, sizefn_t *usable)
{
	(void)a, (void)big, (void)chunk, (void)type, (void)usable;
	return 0;
}
static inline liballocs_err_t __generic_malloc_get_info(struct allocator *a, sizefn_t *usable, void *chunk,
	struct big_allocation *big, struct uniqtype **type, void **base, unsigned long *size, const void **site)
{
	(void)a, (void)usable, (void)big;
	if (type) *type = __liballocs_get_alloc_type(chunk);
	if (base) *base = chunk;
	if (size) *size = __liballocs_get_alloc_size(chunk);
	if (site) *site = __liballocs_get_alloc_site(chunk);
	return 0;
}

#endif
