/* abi.h: what generated stubs and the runtime must agree on beyond allocs.h. */
#ifndef ALLOCS_ABI_H
#define ALLOCS_ABI_H

struct leaf;

/* An allocator instance's own index of its live chunks, statically constructed (R10). */
struct alloc_index {
	_Atomic(struct leaf *) *root;
	unsigned shift; /* granule: 2^shift bytes; two chunks never start in one */
	int regions;    /* whether it remembers of each chunk which region it belongs to */
};

#endif
