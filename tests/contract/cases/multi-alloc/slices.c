#include <stdlib.h>
#include <string.h>
static char *slab, *at;
void *slice_alloc(size_t size)
{
	if (!slab) at = slab = malloc(1 << 16);
	void *slice = at;
	at += (size + 15) & ~(size_t)15;
	return slice;
}
void *slice_alloc0(size_t n, size_t size) { return memset(slice_alloc(n * size), 0, n * size); }
void slice_free1(size_t size, void *slice) { memset(slice, 0, size); }
