/* Wrappers over slices that a shared library hands out: one chunk, with the wrapper's site and type. */
#include "../../check.h"
void *slice_alloc(size_t size);
void *slice_alloc0(size_t n, size_t size);
void slice_free1(size_t size, void *slice);

void *xmalloc(size_t size)
{
	size_t *chunk = slice_alloc(size + sizeof *chunk);
	*chunk = size;
	return chunk + 1;
}
void xfree(void *p)
{
	size_t *chunk = p;
	slice_free1(chunk[-1] + sizeof *chunk, chunk - 1);
}
int main(void)
{
	int *numbers = xmalloc(200 * sizeof(int));
	CHECK(is_from(numbers, "main"));
	CHECK(has_type(numbers, "int$$32"));
	double *more = slice_alloc0(4, sizeof(double));
	CHECK(has_type(more, "float$$64"));
#ifdef CONTRACT_TREE
	CHECK(__liballocs_get_alloc_size(numbers) == 200 * sizeof(int) + sizeof(size_t));
	CHECK(__liballocs_get_alloc_size(more) == 4 * sizeof(double));
	CHECK(contract_count("small") == 2);
	xfree(numbers);
	CHECK(strcmp(__liballocs_leaf_allocator_for(numbers, 0)->name, "libc malloc") == 0);
#endif
	return 0;
}
