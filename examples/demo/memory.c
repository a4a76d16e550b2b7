#include "memory.h"
#include <stdio.h>
#include <stdlib.h>

void *xmalloc(size_t size)
{
	void *p = malloc(size);
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count, size);
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct arena {
	size_t used, size;
	_Alignas(16) char memory[];
};

struct arena *arena_new(size_t size)
{
	struct arena *a = xmalloc(sizeof *a + size);
	a->used = 0;
	a->size = size;
	return a;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > a->size - a->used) return NULL;
	void *p = a->memory + a->used;
	a->used += size;
	return p;
}

void arena_delete(struct arena *a)
{
	free(a);
}
