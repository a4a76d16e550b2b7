/* a suballocator: cells of one size in a chunk of malloc's */
#include "stress.h"

void *pool_get(struct pool *p, size_t n)
{
	for (int i = 0; i < CELLS; i++)
		if (!p->cell[i].base) return p->memory + i * CELL;
	(void)n;
	return NULL;
}
void pool_put(struct pool *p, void *c)
{
	p->cell[((char *)c - p->memory) / CELL].base = NULL;
}
