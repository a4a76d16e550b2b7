/* abi.h: what generated stubs and the runtime must agree on beyond allocs.h. */
#ifndef ALLOCS_ABI_H
#define ALLOCS_ABI_H

struct leaf;

/* An allocator instance's own index of its live chunks, statically constructed (R10). */
struct alloc_index {
	_Atomic(struct leaf *) *root;
	unsigned shift; /* granule: 2^shift bytes; two chunks never start in one */
	int regions;    /* whether it remembers of each chunk which region it belongs to */
	int narrow;     /* whether its words have 32 bits */
};

/* The frames of a thread lie in one page, which begins with a pointer to the innermost one. __allocs_push gives the one
 * below the new one, so that a stub leaves without a call. */
#define ALLOCS_PAGE 4096
#define ALLOCS_POP(frame) (*(void **)((uintptr_t)(frame) & -(uintptr_t)ALLOCS_PAGE) = (frame))

#endif
