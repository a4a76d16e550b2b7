/* A random sequence of calls, each answer compared with a model in the same process.
 * usage: sequence SEED CALLS */
#define _GNU_SOURCE
#include <allocs.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "stress.h"

#define CHUNKS 200
#define POOLS 6

static struct known chunk[CHUNKS];
static struct {
	struct pool *pool;
	unsigned line;
} pools[POOLS];
static struct known outside[64]; /* chunks that are gone */
static unsigned gone;
static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static size_t size_of(void)
{
	static const size_t edge[] = {0, 1, 15, 16, 24, 25, 31, 32, 1022, 1023, 1024, 4096, 65535, 65536, 65537, 131072, 200000};
	return draw(4) ? draw(300) : draw(3) ? edge[draw(sizeof edge / sizeof *edge)] : draw(100000);
}

/* ---- the model's answers ---- */

static int inside(const char *p, const char *base, size_t size) { return p >= base && p < base + (size ? size : 1); }

/* the innermost chunk around p: a cell, a chunk, or a pool's chunk */
static int model(const char *p, struct known *out)
{
	for (int i = 0; i < CHUNKS; i++)
		if (chunk[i].base && inside(p, chunk[i].base, chunk[i].size)) return *out = chunk[i], 1;
	for (int i = 0; i < POOLS; i++) {
		struct pool *pool = pools[i].pool;
		if (!pool || !inside(p, (char *)pool, sizeof *pool)) continue;
		for (int k = 0; k < CELLS; k++)
			if (pool->cell[k].base && inside(p, pool->cell[k].base, pool->cell[k].size)) return *out = pool->cell[k], 1;
		*out = (struct known){(char *)pool, sizeof *pool, pools[i].line, NULL, "malloc"};
		return 1;
	}
	return 0;
}

static void ask(const char *p)
{
	struct known k;
	struct alloc_info i = ALLOC_INFO_INIT;
	const struct alloc_frame *chain[4];
	if (!model(p, &k)) {
		/* what is not the model's is nobody's, or libc's: never a chunk that it has forgotten */
		const struct alloc_site *s = alloc_get_site(p);
		CHECK(!alloc_site_file(s) || !strstr(alloc_site_file(s), "sequence.c"));
		return;
	}
	CHECK(alloc_query(p, &i) == 1);
	CHECK(i.base == k.base && i.size == k.size && !strcmp(i.allocator->name, k.allocator));
	CHECK(alloc_site_line(i.site) == k.line && alloc_site_line(alloc_get_site(p)) == k.line);
	CHECK(k.wrapper ? i.wrapper && !strcmp(i.wrapper->name, k.wrapper) : !i.wrapper);
	CHECK(alloc_get_base(p) == k.base && alloc_get_size(p) == k.size && alloc_get_wrapper(p) == i.wrapper);
	CHECK(alloc_get_allocator(p) == i.allocator);
	CHECK(alloc_get_chain(p, chain, 4) == (k.wrapper != NULL));
	if (k.wrapper) CHECK(chain[0]->wrapper == i.wrapper && chain[0]->site == i.site);
	int is_cell = !strcmp(k.allocator, "pool");
	void *parent = alloc_get_parent(p);
	CHECK(is_cell ? parent != NULL : parent == NULL);
	CHECK(alloc_query_parent(&i) == is_cell);
	if (is_cell) CHECK(i.base == parent && i.size == sizeof(struct pool) && !strcmp(i.allocator->name, "malloc"));
	if (p != k.base) CHECK(alloc_free((void *)p) == EINVAL && alloc_free_problem(p));
}

static void ask_around(const struct known *k)
{
	ask(k->base);
	ask(k->base + (k->size ? draw(k->size) : 0));
	ask(k->base + k->size);
	ask(k->base - 1);
	if (k->size) ask(k->base + k->size - 1);
}

/* ---- enumerations ---- */

static size_t walked;
static int walk(const void *p, size_t size, void *arg)
{
	struct known k;
	(void)arg;
	for (int i = 0; i < POOLS; i++) /* where its first cell starts two chunks might */
		if (p == pools[i].pool) return walked++, size != sizeof(struct pool);
	if (!model(p, &k)) return 0;
	CHECK(k.base == p && k.size == size);
	walked++;
	return 0;
}

static void enumerate(void)
{
	size_t all = 0;
	for (int i = 0; i < CHUNKS; i++) all += chunk[i].base != NULL;
	for (int i = 0; i < POOLS; i++) {
		all += pools[i].pool != NULL;
		for (int k = 0; pools[i].pool && k < CELLS; k++) all += pools[i].pool->cell[k].base != NULL;
	}
	walked = 0;
	alloc_for_each_chunk(walk, NULL);
	CHECK(walked == all);
}

/* ---- what changes something ---- */

#define MADE(how_wrapper, how) \
	do { \
		k->line = __LINE__; \
		k->wrapper = how_wrapper; \
		k->base = how; \
	} while (0)

static void make(struct known *k)
{
	size_t n = k->size = size_of();
	k->allocator = "malloc";
	switch (draw(7)) {
	case 0: MADE(NULL, malloc(n)); break;
	case 1: MADE(NULL, calloc(n, 1)); break;
	case 2: MADE(NULL, memalign(1 << draw(13), n)); break;
	case 3: MADE(NULL, realloc(NULL, n)); break;
	case 4: MADE("xmalloc", xmalloc(n)); break;
	case 5: MADE("xcalloc", xcalloc(n, 1)); break;
	default: MADE("xrealloc", xrealloc(NULL, n)); break;
	}
	CHECK(k->base);
	memset(k->base, 0x33, n);
}

static void forget(struct known *k)
{
	outside[gone++ % 64] = *k;
	k->base = NULL;
}

static void resize(struct known *k)
{
#ifndef SANITIZED_H /* a sanitizer reports it */
	if (!k->wrapper && !draw(10)) {
		CHECK(!realloc(k->base, PTRDIFF_MAX)); /* nothing happens */
		return;
	}
#endif
	k->size = 1 + size_of();
	if (!k->wrapper && draw(2)) MADE(NULL, realloc(k->base, k->size));
	else MADE("xrealloc", xrealloc(k->base, k->size));
	CHECK(k->base);
}

static void drop(struct known *k)
{
	struct known old = *k;
	if (draw(2)) CHECK(!alloc_free_problem(k->base) && alloc_free(k->base) == 0);
	else if (k->wrapper) xfree(k->base);
	else free(k->base);
	forget(k);
	ask(old.base);
	CHECK(alloc_free(old.base) == EINVAL);
}

static void cell(int i)
{
	struct pool *p = pools[i].pool;
	if (!p) {
		pools[i].line = __LINE__ + 1;
		pools[i].pool = calloc(1, sizeof *p);
		return;
	}
	struct known *k = &p->cell[draw(CELLS)];
	if (!draw(100)) {
		pools[i].pool = NULL;
		free(p);
		ask((char *)p);
		return;
	}
	if (k->base) {
		char *c = k->base;
		ask_around(k);
		if (draw(2)) pool_put(p, c);
		else CHECK(!alloc_free(c));
		ask(c);
		return;
	}
	struct known made = {.size = 1 + draw(CELL), .allocator = "pool", .line = __LINE__ + 1};
	made.base = pool_get(p, made.size);
	k = &p->cell[(made.base - p->memory) / CELL];
	*k = made;
	ask_around(k);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1, calls = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000;
	state = seed * 0x9e3779b97f4a7c15 | 1;
	for (int i = 0; i < 10; i++) draw(2);
	for (unsigned long n = 0; n < calls; n++) {
		struct known *k = &chunk[draw(CHUNKS)];
		uint32_t what = draw(1000);
		if (what < 1) enumerate();
		else if (what < 2 && !draw(20)) CHECK(!alloc_snapshot("/dev/null"));
		else if (what < 50 && gone) ask(outside[draw(gone < 64 ? gone : 64)].base);
		else if (what < 250) cell(draw(POOLS));
		else if (!k->base) make(k);
		else if (what < 500) ask_around(k);
		else if (what < 600) resize(k);
		else drop(k);
	}
	enumerate();
	printf("%lu calls right\n", calls);
	return 0;
}
