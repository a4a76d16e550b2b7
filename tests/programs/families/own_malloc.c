/* A malloc of its own, from a fixed arena; OWN says how the outside sees it, NO_CALLOC leaves a part of it out. */
#include <stddef.h>
#include <string.h>
#ifndef OWN
#define OWN
#endif
static char arena[1 << 20] __attribute__((aligned(16)));
static size_t used;

OWN void *malloc(size_t n)
{
	char *p = arena + used;
	used += (n + 31) & ~(size_t)15;
	return p;
}

OWN void free(void *p)
{
	if (p) memset(p, 0x5a, 1);
}

#ifndef NO_CALLOC
OWN void *calloc(size_t n, size_t size)
{
	return memset(malloc(n * size), 0, n * size);
}

OWN void *realloc(void *p, size_t n)
{
	void *q = malloc(n);
	return p ? memcpy(q, p, n) : q;
}
#endif

__attribute__((visibility("default"))) int is_own(const void *p)
{
	return (const char *)p >= arena && (const char *)p < arena + sizeof arena;
}
