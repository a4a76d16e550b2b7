/* functions of a role in the file of their callers: what gcc knows of them must not reach the callers */
#include "tell.h"
#include <stdlib.h>
#include <string.h>

struct node {
	int a, b;
};
struct pool {
	char *at;
};
#define NODE(p) ((struct node *)pool_get((p), sizeof(struct node)))

/* -fipa-ra: leaves most registers alone, and callers of its own file know it */
__attribute__((noinline)) void *pool_get(struct pool *p, size_t n)
{
	char *c = p->at;
	p->at += (n + 15) & ~15UL;
	return c;
}
/* -fipa-sra, -fipa-cp: always called with the same flag, by reference */
__attribute__((noinline)) void *flagged(const size_t *n, int zero)
{
	return zero ? calloc(1, *n) : malloc(*n);
}
void *small(size_t n) { return malloc(n); }
void *nested(size_t n) { return small(n); }

__attribute__((noinline)) static long used(struct pool *p, long x, long y)
{
	struct node *first = NODE(p), *second = NODE(p);
	tell("first", first);
	tell("second", &second->b);
	return x + y;
}

int main(void)
{
	struct pool *p = malloc(4096);
	p->at = (char *)(p + 1);
	if (used(p, 40, 2) != 42) return 1;
	size_t n = sizeof(struct node);
	tell("flagged", flagged(&n, 1));
	tell("nested", nested(sizeof(double)));
	tell("small", small(sizeof(short)));
	tell("pointer", (nested == small ? malloc : nested)(sizeof(long)));
	return 0;
}
