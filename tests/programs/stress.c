/* Threads that allocate, resize and free by every way there is, their own chunks and each other's, and pools inside some
 * of them; each remembers what it did. In the end all that is known of every chunk is compared with that.
 * usage: stress THREADS OPERATIONS SEED */
#define _GNU_SOURCE
#include <allocs.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stress.h"

#define SLOTS 512  /* chunks of a thread */
#define SHARED 256 /* chunks that go from thread to thread */

struct thread {
	pthread_t id;
	uint64_t random;
	unsigned long operations, allocations, cells;
	struct known slot[SLOTS];
	struct pool *pool[4];
	unsigned pool_line[4];
} __attribute__((aligned(64)));

static struct thread *threads;
static struct {
	pthread_mutex_t lock;
	struct known chunk;
} shared[SHARED];

static uint32_t draw(struct thread *t, uint32_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (uint32_t)(t->random >> 32) % below;
}

static size_t size_of(struct thread *t)
{
	uint32_t kind = draw(t, 1000);
	if (kind < 800) return draw(t, 200);
	if (kind < 950) return draw(t, 3000);
	if (kind < 997) return draw(t, 30000);
	return draw(t, 200000);
}

static void mark(const struct known *k)
{
	if (!k->size) return;
	k->base[0] = (char)k->line;
	k->base[k->size - 1] = (char)k->size;
}

static void is_marked(const struct known *k)
{
	if (!k->size) return;
	CHECK(k->base[k->size - 1] == (char)k->size);
	CHECK(k->size == 1 || k->base[0] == (char)k->line);
}

#define MADE(how_wrapper, how) \
	do { \
		k->line = __LINE__; \
		k->wrapper = how_wrapper; \
		k->base = how; \
	} while (0)

static void make(struct thread *t, struct known *k)
{
	size_t n = k->size = size_of(t);
	k->allocator = "malloc";
	switch (draw(t, 8)) {
	case 0: MADE(NULL, malloc(n)); break;
	case 1: MADE(NULL, calloc(n, 1)); break;
	case 2:
		n = k->size = (n + 63) / 64 * 64;
		MADE(NULL, aligned_alloc(64, n));
		break;
	case 3: MADE(NULL, realloc(NULL, n)); break;
	case 4: MADE("xmalloc", xmalloc(n)); break;
	case 5: MADE("xcalloc", xcalloc(1, n)); break;
	case 6: MADE("xrealloc", xrealloc(NULL, n)); break;
	default: MADE(NULL, memalign(32, n)); break;
	}
	t->allocations++;
	CHECK(k->base);
	mark(k);
}

static void resize(struct thread *t, struct known *k)
{
	size_t n = 1 + size_of(t);
	is_marked(k);
	char first = k->size ? k->base[0] : 0;
	int keeps = k->size > 1;
	k->size = n;
	if (!k->wrapper && draw(t, 2)) MADE(NULL, realloc(k->base, n));
	else MADE("xrealloc", xrealloc(k->base, n));
	t->allocations++;
	CHECK(k->base);
	CHECK(!keeps || n < 2 || k->base[0] == first);
	mark(k);
}

static void drop(struct thread *t, struct known *k)
{
	is_marked(k);
	switch (draw(t, 3)) {
	case 0:
		if (!k->wrapper) free(k->base);
		else xfree(k->base);
		break;
	case 1: xfree(k->base); break;
	default: CHECK(!alloc_free(k->base)); break;
	}
	k->base = NULL;
}

static void right(const struct known *k)
{
	const char *inside = k->base + (k->size ? k->size - 1 : 0);
	struct alloc_info i = ALLOC_INFO_INIT;
	CHECK(alloc_query(inside, &i));
	CHECK(i.base == k->base);
	CHECK(i.size == k->size);
	CHECK(alloc_site_line(i.site) == k->line);
	CHECK(!strcmp(i.allocator->name, k->allocator));
	CHECK(k->wrapper ? i.wrapper && !strcmp(i.wrapper->name, k->wrapper) : !i.wrapper);
	CHECK(i.chain_length == (k->wrapper != NULL));
}

static void cells(struct thread *t, int i)
{
	struct pool *p = t->pool[i];
	if (!p) {
		t->pool_line[i] = __LINE__ + 1;
		t->pool[i] = p = calloc(1, sizeof *p);
		CHECK(p);
		t->allocations++;
	}
	if (!draw(t, 500)) { /* with all its cells */
		free(p);
		t->pool[i] = NULL;
		return;
	}
	struct known *k = &p->cell[draw(t, CELLS)];
	if (k->base) {
		pool_put(p, k->base);
		return;
	}
	struct known made = {.size = 1 + draw(t, CELL), .allocator = "pool", .line = __LINE__ + 1};
	made.base = pool_get(p, made.size);
	CHECK(made.base);
	p->cell[(made.base - p->memory) / CELL] = made;
	t->cells++;
}

static void swap(struct thread *t, struct known *k)
{
	int i = draw(t, SHARED);
	pthread_mutex_lock(&shared[i].lock);
	struct known mine = *k;
	*k = shared[i].chunk;
	shared[i].chunk = mine;
	pthread_mutex_unlock(&shared[i].lock);
}

static void *run(void *arg)
{
	struct thread *t = arg;
	for (unsigned long n = 0; n < t->operations; n++) {
		struct known *k = &t->slot[draw(t, SLOTS)];
		uint32_t what = draw(t, 100);
		if (what < 20) cells(t, draw(t, 4));
		else if (what < 30) swap(t, k);
		else if (!k->base) make(t, k);
		else if (what < 45) resize(t, k);
		else if (what < 47) right(k);
		else drop(t, k);
	}
	return NULL;
}

static size_t chunks, bytes;
static int walk(const void *p, size_t size, void *arg)
{
	(void)arg;
	chunks++;
	bytes += size;
	return p == NULL;
}

static size_t live_chunks, live_bytes;
static void live(const struct known *k)
{
	if (!k->base) return;
	right(k);
	live_chunks++;
	live_bytes += k->size;
}

struct count {
	const char *name;
	unsigned long count;
};
static int count(const struct allocator *a, void *arg)
{
	struct count *c = arg;
	if (!strcmp(a->name, c->name)) c->count = a->alloc_count;
	return 0;
}
static unsigned long count_of(const char *name)
{
	struct count c = {name, 0};
	alloc_for_each_allocator(count, &c);
	return c.count;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 8;
	unsigned long operations = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000, seed = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	threads = aligned_alloc(64, n * sizeof *threads);
	memset(threads, 0, n * sizeof *threads);
	for (int i = 0; i < SHARED; i++) pthread_mutex_init(&shared[i].lock, NULL);
	unsigned long made = 0, before = count_of("malloc"), cells = 0;
	for (int i = 0; i < n; i++) {
		threads[i].random = (seed * 1000003 + i) * 0x9e3779b97f4a7c15 | 1;
		threads[i].operations = operations;
		CHECK(!pthread_create(&threads[i].id, NULL, run, &threads[i]));
	}
	for (int i = 0; i < n; i++) CHECK(!pthread_join(threads[i].id, NULL));
	unsigned long after = count_of("malloc");
	for (int i = 0; i < n; i++) {
		struct thread *t = &threads[i];
		for (int k = 0; k < SLOTS; k++) live(&t->slot[k]);
		for (int k = 0; k < 4; k++) {
			if (!t->pool[k]) continue;
			struct known p = {(char *)t->pool[k], sizeof(struct pool), t->pool_line[k], NULL, "malloc"};
			live_chunks++;
			live_bytes += p.size;
			CHECK(alloc_get_size(t->pool[k]) == p.size && alloc_site_line(alloc_get_site(t->pool[k])) == p.line);
			for (int c = 0; c < CELLS; c++) live(&t->pool[k]->cell[c]);
		}
		made += t->allocations;
		cells += t->cells;
	}
	for (int i = 0; i < SHARED; i++) live(&shared[i].chunk);
	/* what is known beside these was there before: none is left of what went */
	alloc_for_each_chunk(walk, NULL);
	size_t all = chunks, all_bytes = bytes;
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < SLOTS; k++) xfree(threads[i].slot[k].base);
		for (int k = 0; k < 4; k++) free(threads[i].pool[k]);
	}
	for (int i = 0; i < SHARED; i++) xfree(shared[i].chunk.base);
	chunks = bytes = 0;
	alloc_for_each_chunk(walk, NULL);
	CHECK(all - chunks == live_chunks && all_bytes - bytes == live_bytes);
	CHECK(chunks < 100); /* libc's and ours: stdio, threads' */
	CHECK(after - before >= made && after - before <= made + 2 * n);
	CHECK(count_of("pool") == cells);
	printf("%zu chunks right, %lu allocations\n", live_chunks, made + cells);
	return 0;
}
