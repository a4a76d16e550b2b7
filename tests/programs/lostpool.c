/* chunks of suballocators that are lost; the marks say which are */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool {
	size_t used;
	char memory[4096];
};
struct item {
	void *points_to;
	long value;
};
struct arena {
	char *at;
	char memory[1000];
};

static struct pool *held;
static struct item *of_nameless;
static struct arena *scratch;
static void *volatile here;

void *pool_alloc(struct pool *p, size_t size)
{
	void *c = p->memory + p->used;
	p->used += (size + 7) & ~(size_t)7;
	return c;
}

void pool_free(struct pool *p, void *chunk) { (void)p, (void)chunk; }

void *arena_get(struct arena *a, size_t size) { return memset((a->at += size) - size, 0, size); }

void arena_reset(struct arena *a) { a->at = a->memory; }

static void fill(void)
{
	held = calloc(1, sizeof(struct pool));                       /* held: by a global variable */
	struct item *a = pool_alloc(held, sizeof *a);               /* lost: in a pool that is not */
	a->points_to = malloc(30);                                  /* indirect: only a lost piece of a pool points to it */
	struct item *b = pool_alloc(held, sizeof *b);               /* held: by a piece that is held */
	struct item *c = pool_alloc(held, sizeof *c);               /* lost: it points to what is held */
	b->points_to = malloc(31);                                  /* held: by a piece that is held */
	c->points_to = b;
	struct pool *nameless = calloc(1, sizeof(struct pool));      /* held: since a piece of it is */
	of_nameless = pool_alloc(nameless, sizeof *of_nameless);    /* held: by a global variable, too */
	of_nameless->points_to = b;
	struct pool *gone = calloc(1, sizeof(struct pool));          /* lost: the pool itself */
	struct item *d = pool_alloc(gone, sizeof *d);               /* inside: goes with its pool */
	d->points_to = malloc(32);                                  /* indirect: a lost pool points to it */
	scratch = malloc(sizeof *scratch);                          /* held: an arena */
	arena_reset(scratch);
	here = arena_get(scratch, 24);                              /* inside: the arena frees all at once */
	struct item *e = arena_get(scratch, sizeof *e);             /* inside: nothing points to it, the arena does */
	e->points_to = malloc(33);                                  /* held: by a piece of an arena */
	here = NULL;
}

__attribute__((noinline)) static void wipe(void)
{
	char room[16384];
	memset(room, 0, sizeof room);
	here = room;
	here = NULL;
}

int main(void)
{
	fill();
	wipe();
	return 0;
}
