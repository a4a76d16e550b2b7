/* A suballocator of the program's own: the size is count times element. */
#include "../../check.h"
struct item { int a[5]; };
static char *pool, *at;
void *poolalloc(size_t size)
{
	if (!pool) at = pool = malloc(1 << 16);
	void *chunk = at;
	at += (size + 15) & ~(size_t)15;
	return chunk;
}
void *poolcalloc(size_t n, size_t size) { return memset(poolalloc(n * size), 0, n * size); }
int pool_freed;
void poolfree(void *p) { pool_freed += p != 0; }
int main(int argc, char **argv)
{
	(void)argv;
	int *numbers = poolcalloc(4 * argc, sizeof(int));
	struct item *item = poolalloc(sizeof(struct item));
	CHECK(has_type(numbers, "int$$32"));
	CHECK(has_type(item, "item"));
	CHECK(has_type(&item->a[3], "item"));
	CHECK(is_from(numbers, "main"));
#ifdef CONTRACT_TREE
	CHECK(__liballocs_get_alloc_size(numbers) == 16);
	CHECK(__liballocs_get_alloc_size(item) == sizeof *item);
	poolfree(item);
	CHECK(__liballocs_get_alloc_size(item) == 1 << 16);
#endif
	return 0;
}
