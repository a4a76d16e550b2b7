/* a suballocator with its own free, and regions that go with their parent chunk */
#include "tell.h"
#include <stdlib.h>
#include <string.h>

struct pool {
	struct cell *unused;
	size_t used;
	char memory[4096];
};
struct cell {
	struct cell *next;
};
struct item {
	short s[5];
};

struct pool *pool_new(void) { return calloc(1, sizeof(struct pool)); }

void *pool_calloc(struct pool *p, size_t n, size_t size) /* the chunk is n * size */
{
	void *c = p->memory + p->used;
	p->used += (n * size + 7) & ~(size_t)7;
	return memset(c, 0, n * size);
}

void *pool_alloc(struct pool *p, size_t size)
{
	if (p->unused && size <= 16) {
		void *c = p->unused;
		p->unused = p->unused->next;
		return c;
	}
	return pool_calloc(p, 1, size); /* its chunk is this one, not a second one */
}

void pool_free(struct pool *p, void *chunk)
{
	struct cell *c = chunk;
	c->next = p->unused;
	p->unused = c;
}

int main(void)
{
	struct pool *p = pool_new();
	struct item *a = pool_alloc(p, sizeof(struct item)); /* a */
	struct item *b = pool_calloc(p, 4, sizeof *b);       /* b */
	char *small = pool_alloc(p, 3);                      /* small */
	tell("a", a);
	tell("b", &b[3].s[4]);
	tell("small", small + 2);
	tell("between", small + 3);
	tell("pool", &p->used);
	pool_free(p, a);
	tell("freed", a);
	a = pool_alloc(p, sizeof(struct item));
	tell("again", a);
	printf("{\"name\":\"free\",\"status\":%d}\n", alloc_free(b));
	free(p);
	tell("gone", b);
	return 0;
}
