/* a library with a private copy of a pool: its own static memory, and blocks of malloc */
#include <stdlib.h>

struct thing {
	int x[5];
};

static _Alignas(16) char own[1024];
static size_t used;

__attribute__((visibility("hidden"))) void *pool_get(size_t n)
{
	void *p = own + used;
	used += (n + 15) & ~(size_t)15;
	return p;
}
__attribute__((visibility("hidden"))) void pool_put(void *p) { *(char *)p = 1; }

static char *block;
static size_t taken;
__attribute__((visibility("hidden"))) void *heap_get(size_t n)
{
	if (!block) block = malloc(4096);
	void *p = block + taken;
	taken += (n + 15) & ~(size_t)15;
	return p;
}

__attribute__((visibility("hidden"))) void *lib_alloc(size_t n) { return malloc(n); }

void *lib_pool(void)
{
	struct thing *t = pool_get(sizeof(struct thing)); /* thing */
	return t;
}
void *lib_heap(void)
{
	long *l = heap_get(2 * sizeof(long)); /* longs */
	return l;
}
void *lib_wrapped(void)
{
	double *d = lib_alloc(sizeof(double)); /* double */
	return d;
}
void *lib_block(void) { return block; }
