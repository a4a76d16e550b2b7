/* The contract's `struct allocator`: the fields that liballocs' has, in its order. */
#ifndef CONTRACT_ALLOCMETA_H
#define CONTRACT_ALLOCMETA_H

#include <stddef.h>
#include <sys/types.h>

struct uniqtype;
struct big_allocation;
struct allocated_chunk;
struct alloc_metadata;
typedef struct liballocs_err *liballocs_err_t;

struct allocator {
	const char *name;
	unsigned min_alignment;
	_Bool is_cacheable;
	struct uniqtype *(*get_type)(void *);
	void *(*get_base)(void *);
	unsigned long (*get_size)(void *);
	const char *(*get_name)(void *, char *, size_t);
	const void *(*get_site)(void *);
	liballocs_err_t (*get_info)(void *, struct big_allocation *, struct uniqtype **, void **, unsigned long *, const void **);
	void *(*get_specific)(void *, struct uniqtype **);
	struct big_allocation *(*ensure_big)(void *, size_t);
	void *(*dladdr)(void *);
	void *(*get_lifetime)(void *);
	int (*get_discipl)(void *);
	_Bool (*can_issue)(void *, off_t);
	size_t (*raw_metadata)(struct allocated_chunk *, struct alloc_metadata **);
	liballocs_err_t (*set_type)(struct big_allocation *, void *, struct uniqtype *);
	liballocs_err_t (*set_site)(struct big_allocation *, void *, struct uniqtype *);
	int (*walk_allocations)(void *, void *, void *, void *, void *);
	void *(*alloc_uninit)(size_t, size_t, struct uniqtype *);
	void *(*alloc_zero)(size_t, size_t, struct uniqtype *);
	void (*free)(struct allocated_chunk *);
	_Bool (*resize_in_place)(struct allocated_chunk *, size_t);
	_Bool (*safe_migrate)(struct allocated_chunk *, struct allocator *);
	_Bool (*unsafe_migrate)(struct allocated_chunk *, struct allocator *);
	void (*register_suballoc)(struct allocated_chunk *, struct allocator *);
};

extern struct allocator __default_lib_malloc_allocator;
extern struct allocator __global_malloc_allocator;
extern struct allocator __generic_small_allocator;

#endif
