/* the right free for each way of allocating: every free function says that it was called, and with what */
#include <allocs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char called[200];

/* wrappers: one with a free function, one around it without, one around malloc without, one whose free function wants what
 * nobody knows */
void *own_alloc(size_t n) { return malloc(n); }
void own_free(void *p) { strcat(called, "own_free "), free(p); }
void *own_copy(const char *s) { return strcpy(own_alloc(strlen(s) + 1), s); }
void *plain_alloc(size_t n) { return malloc(n); }
void *counted_alloc(size_t n) { return malloc(n); }
void counted_free(void *p, int count) { memset(p, 0, (size_t)count), free(p); }

/* suballocators: a free function that wants the size, one that wants the pool, none but for the region, one that wants
 * what nobody knows, none at all */
static char *carve(size_t n)
{
	static char *block;
	static size_t used;
	if (!block) block = malloc(65536);
	used += (n + 15) & ~(size_t)15;
	return block + used - ((n + 15) & ~(size_t)15);
}
void *sized_get(size_t n) { return carve(n); }
void sized_put(size_t n, void *p) { sprintf(called + strlen(called), "sized_put(%zu) ", n), *(char *)p = 0; }
struct pool {
	int number;
};
void *pool_get(struct pool *pool, size_t n) { return pool->number ? carve(n) : NULL; }
void pool_put(struct pool *pool, void *p) { sprintf(called + strlen(called), "pool_put(%d) ", pool->number), *(char *)p = 0; }
void *region_get(struct pool *region, size_t n) { return region->number ? carve(n) : NULL; }
void region_clear(struct pool *region) { region->number++; }
void *tagged_get(size_t n) { return carve(n); }
void tagged_put(void *p, int tag) { *(char *)p = (char)tag; }
void *kept_get(size_t n) { return carve(n); }

static void try(const char *name, void *p)
{
	called[0] = 0;
	const char *problem = alloc_free_problem(p);
	int status = alloc_free(p);
	printf("{\"name\":\"%s\",\"status\":%d,\"called\":\"%s\",\"problem\":\"%s\",\"live\":%d}\n", name, status, called,
	       problem ? problem : "", alloc_get_base(p) == p && p);
}

int main(void)
{
	struct pool three = {3}, four = {4};
	carve(1); /* no chunk starts where the block does */
	char *p = malloc(10), *own = own_alloc(11), *freed = malloc(12);
	free(freed);
	try("interior", p + 1);
	try("wrapper interior", own + 1);
	try("allocator", p);
	try("freed", p);
	try("freed by free", freed);
	try("wrapper", own);
	try("wrapper freed", own);
	try("wrapper around", own_copy("text"));
	try("wrapper counted", counted_alloc(3));
	try("wrapper without", plain_alloc(13));
	try("sized", sized_get(14));
	pool_get(&three, 1);
	try("pool", pool_get(&four, 15));
	try("region", region_get(&three, 16));
	try("tagged", tagged_get(17));
	try("kept", kept_get(18));
	try("null", NULL);
	try("stack", &three);
	try("static", called);
	try("function", (void *)carve);
	try("wild", (void *)16);
	region_clear(&three), region_clear(&four);
	tagged_put(p = tagged_get(1), 1);
	return 0;
}
