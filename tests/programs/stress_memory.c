/* what a program gets where the runtime's own memory fails: all that plain malloc gives, and no answer instead of a wrong
 * one. The first thing that does not hold ends it with its line. */
#define _GNU_SOURCE
#include <allocs.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "xmalloc.h"
#include "check.h"

struct pool {
	size_t used;
	char memory[8000];
};

struct pool *pool_new(void) { return xcalloc(1, sizeof(struct pool)); }
void *pool_get(struct pool *p, size_t n)
{
	void *c = p->memory + p->used;
	p->used += (n + 7) & ~(size_t)7;
	return c;
}
void pool_put(struct pool *p, void *c)
{
	(void)p;
	*(char *)c = 0;
}

/* region_get's chunks go all at once */
struct region {
	char *block;
	size_t used;
};
void *region_get(struct region *r, size_t n)
{
	void *c = r->block + r->used;
	r->used += (n + 7) & ~(size_t)7;
	return c;
}
void region_drop(struct region *r) { r->used = 0; }

/* all that is known is right, if anything is */
static void right(const char *p, size_t size, unsigned line, const char *wrapper, const char *allocator)
{
	const struct alloc_frame *chain[8];
	const char *inside = p + size / 2;
	const void *base = alloc_get_base(inside);
	const struct allocator *a = alloc_get_allocator(inside);
	const struct alloc_wrapper *w = alloc_get_wrapper(inside);
	const struct alloc_site *s = alloc_get_site(inside);
	const char *type = alloc_get_type(inside);
	if (strcmp(allocator, "malloc") && (!a || !strcmp(a->family, "malloc"))) return; /* only its parent is known */
	CHECK(!base || base == p);
	CHECK(!alloc_get_size(inside) || alloc_get_size(inside) == size);
	CHECK(!a || !strcmp(a->family, allocator));
	CHECK(!w || (wrapper && !strcmp(w->name, wrapper)));
	CHECK(!alloc_site_line(s) || alloc_site_line(s) == line);
	CHECK(!w || !wrapper || !s || alloc_site_line(s) == line || !alloc_site_file(s));
	CHECK(!type || !strcmp(type, "char") || !strcmp(type, "struct pool"));
	unsigned n = alloc_get_chain(inside, chain, 8);
	for (unsigned i = 0; i < n; i++) CHECK(chain[i] && chain[i]->wrapper && chain[i]->wrapper->name);
}

static atomic_int alone = 1; /* else another thread may have the address by now */
static void gone(const void *p) { CHECK(!alone || !alloc_get_base(p)); }

#define HOLDS(p, size, wrapper, allocator, how) \
	do { \
		p = how; \
		CHECK(p); \
		memset(p, 0x5a, size); \
		right(p, size, __LINE__, wrapper, allocator); \
	} while (0)

static void plain(size_t size)
{
	char *p, *q;
	errno = 77;
	HOLDS(p, size, NULL, "malloc", malloc(size * sizeof(char)));
	HOLDS(q, size, NULL, "malloc", calloc(size, sizeof(char)));
	CHECK(!alone || errno == 77); /* glibc changes it where a thread gets no arena of its own */
	free(p);
	gone(p);
	HOLDS(p, size + 100, NULL, "malloc", realloc(q, size + 100));
	HOLDS(q, size, NULL, "malloc", aligned_alloc(64, size));
	CHECK((uintptr_t)q % 64 == 0 && malloc_usable_size(q) >= size);
	CHECK(!malloc(SIZE_MAX / 2) && errno == ENOMEM);
	CHECK(!realloc(q, SIZE_MAX / 2) && errno == ENOMEM);
	right(q, size, __LINE__ - 4, NULL, "malloc");
	CHECK(q[0] == 0x5a && q[size - 1] == 0x5a);
	free(q), free(p);
gone(p), gone(q);
}

static void wrapped(size_t size)
{
	char *p, *q;
	HOLDS(p, size, "xmalloc", "malloc", xmalloc(size * sizeof(char)));
	HOLDS(q, size, "xcalloc", "malloc", xcalloc(size, sizeof(char)));
	xfree(q);
	HOLDS(q, size, "xmemdup", "malloc", xmemdup(p, size));
	HOLDS(p, size * 2, "xrealloc", "malloc", xrealloc(p, size * 2));
	int error = alloc_free(q);
	CHECK(error == 0 || error == EINVAL);
	if (error) xfree(q);
	gone(q);
	xfree(p);
}

static void pools(void)
{
	char *c;
	struct pool *p = pool_new();
	for (int i = 0; i < 50; i++) HOLDS(c, 100, NULL, "pool", pool_get(p, 100));
	pool_put(p, c);
	CHECK(alloc_get_base(c) != c);
	xfree(p);
	gone(c - 200); /* its chunks went along */
	struct region r = {malloc(100000), 0};
	for (int i = 0; i < 100; i++) HOLDS(c, 900, NULL, "region", region_get(&r, 900));
	region_drop(&r);
	CHECK(alloc_get_size(c + 5) != 900);
	right(r.block, 100000, __LINE__ - 4, NULL, "malloc");
	free(r.block);
	gone(c);
}

static void *everything(void *arg)
{
	static const size_t size[] = {1, 24, 1000, 1023, 5000, 70000, 200000, 3 << 20};
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) plain(size[i]);
	for (size_t i = 0; i < 6; i++) wrapped(size[i]);
	pools();
	return arg;
}

/* many nodes: tables and blocks grow */
static void many(void)
{
	char *p;
#define FOUR(x) x x x x
#define SITES FOUR(FOUR(FOUR(FOUR(p = xmalloc(8); right(p, 8, __LINE__, "xmalloc", "malloc"); xfree(p);))))
	SITES SITES SITES
}

static void library(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);
	CHECK(handle);
	char *thing = ((char *(*)(void))dlsym(handle, "lib_pool"))();
	char *longs = ((char *(*)(void))dlsym(handle, "lib_heap"))();
	char *wrapped = ((char *(*)(void))dlsym(handle, "lib_wrapped"))();
	void *block = ((void *(*)(void))dlsym(handle, "lib_block"))();
	thing[0] = longs[0] = 1;
	CHECK(!dlclose(handle));
	CHECK(!alloc_get_size(wrapped) || alloc_get_size(wrapped) == sizeof(double));
	const struct alloc_wrapper *w = alloc_get_wrapper(wrapped);
	CHECK(!w || !strcmp(w->name, "lib_alloc"));
	const char *type = alloc_get_type(wrapped);
	CHECK(!type || !strcmp(type, "double"));
	const struct allocator *a = alloc_get_allocator(longs);
	CHECK(!a || !strcmp(a->family, "heap") || !strcmp(a->family, "malloc"));
	free(wrapped), free(block);
}

static int count(const void *p, size_t n, void *arg) { return *(size_t *)arg += n, p == NULL; }
static int site(const struct alloc_site *s, void *arg) { return *(size_t *)arg += alloc_site_line(s), 0; }
static int type(const struct alloc_type *t, void *arg) { return *(size_t *)arg += strlen(t->name), 0; }

int main(int argc, char **argv)
{
	pthread_t t[3];
	size_t sum = 0;
	everything(NULL);
	many();
	alone = 0;
	for (int i = 0; i < 3; i++) CHECK(!pthread_create(&t[i], NULL, everything, NULL));
	for (int i = 0; i < 3; i++) CHECK(!pthread_join(t[i], NULL));
	alone = 1;
	if (argc > 1) library(argv[1]), library(argv[1]);
	alloc_for_each_chunk(count, &sum);
	alloc_for_each_site(site, &sum);
	alloc_for_each_type(type, &sum);
	CHECK(alloc_snapshot("/dev/null") == 0);
	pid_t child = fork();
	if (!child) {
		everything(NULL);
		exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && !status);
	everything(NULL);
	puts("all hold");
	return 0;
}
