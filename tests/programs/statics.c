/* static functions of a role: direct calls, calls through pointers, their own addresses inside and outside */
#include "tell.h"
#include <stdlib.h>

struct item {
	int v[3];
};
typedef void *(*alloc_fn)(void *, int, int);
struct stream {
	alloc_fn alloc;
	void *opaque;
};
#define GET(s, n) ((s)->alloc)((s)->opaque, (n), 1)

static void *xmalloc(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	return p;
}
static void xfree(void *p) { free(p); }

static void *default_alloc(void *opaque, int items, int size)
{
	/* its own address is the one that the rest of the program sees */
	if (((struct stream *)opaque)->alloc != default_alloc) abort();
	return malloc((size_t)items * size);
}

struct slab {
	char *at;
};
static void *slab_get(struct slab *s, size_t n)
{
	char *p = s->at;
	s->at += (n + 15) & ~15UL;
	return p;
}

static struct stream stream = {default_alloc, &stream};

int main(void)
{
	struct item *direct = xmalloc(sizeof(struct item));                    /* direct */
	tell("direct", direct);
	double *pointer = GET(&stream, sizeof(double));                        /* pointer */
	tell("pointer", pointer);
	struct slab *slab = xmalloc(1024);
	slab->at = (char *)(slab + 1);
	short *inner = slab_get(slab, sizeof(short));                          /* inner */
	tell("inner", inner);
	xfree(direct);
	tell("freed", direct);
	int freed = alloc_free ? alloc_free(slab) : 0;
	tell("gone", inner);
	printf("{\"name\":\"free\",\"result\":%d}\n", freed);
	return 0;
}
