/* loaded and unloaded by stress_unload.c: sites, a wrapper and a pool of its own */
#include <stdlib.h>

struct left {
	long x[6];
};

static char *block;
static size_t used;
__attribute__((visibility("hidden"))) void *pool_get(size_t n)
{
	void *p = block + used;
	used += (n + 15) & ~(size_t)15;
	return p;
}
__attribute__((visibility("hidden"))) void *lib_alloc(size_t n) { return malloc(n); }

/* of malloc, through a wrapper, of the pool, and the pool's block */
void lib_make(void *out[4])
{
	block = out[3] = malloc(2000);
	used = 0;
	out[0] = malloc(sizeof(struct left)); /* plain */
	out[1] = lib_alloc(3 * sizeof(struct left)); /* wrapped */
	for (int i = 0; i < 10; i++) out[2] = pool_get(2 * sizeof(struct left)); /* cell */
}
