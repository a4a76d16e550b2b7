/* behind.h: the malloc that is behind the interposed one */
#ifndef ALLOCS_BEHIND_H
#define ALLOCS_BEHIND_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* runtimes of several versions may meet in one process: it grows at its end */
struct behind {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t);
	void (*free)(void *);
	size_t (*usable_size)(void *);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
};

/* who defines the next malloc; the name is NULL where that is a libc */
struct provider {
	int is_glibc;
	const char *name;
};

/* Fills in the next definitions in lookup order. May allocate, and leaves no error for dlerror. */
struct provider behind_find(struct behind *);

void *behind_symbol(const char *name); /* the next definition of a function; NULL where there is none */
int behind_holds(const void *); /* whether the object has it that the next malloc is in */

/* ---- of interpose/malloc.c, for C++'s operators ---- */

const void *libc_behind(void); /* the next malloc; NULL while it is looked for */
void libc_insert(void *p, size_t size, uintptr_t site, uintptr_t here);
int libc_remove(void *p, uintptr_t function, uintptr_t site, uintptr_t here); /* whether it must not be freed */
void libc_removed(void); /* it has been */

#pragma GCC visibility pop
#endif
