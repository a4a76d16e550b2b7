/* a wrapper and a pool with frees of their own; at -O2 xfree is a jump to free */
#include <stdlib.h>

void *xmalloc(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	return p;
}

void xfree(void *p) { free(p); }

static __attribute__((noinline)) void helper(void *p) { free(p); }

void yfree(void *p)
{
	if (p) helper(p);
}

static _Alignas(16) char heap[4096];
static size_t used;

void *pool_get(size_t n)
{
	void *p = heap + used;
	used += (n + 15) & ~(size_t)15;
	return p;
}

void pool_put(void *p) { (void)p; }
