/* wrappers as many projects have them; xmemdup calls xmalloc in its own file */
#include "xmalloc.h"
#include <stdlib.h>
#include <string.h>

void *xmalloc(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return calloc(n, size); /* a tail call */
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p) abort();
	return p;
}

void *xmemdup(const void *p, size_t n)
{
	return memcpy(xmalloc(n), p, n); /* memdup calls xmalloc */
}

void xfree(void *p)
{
	free(p);
}
