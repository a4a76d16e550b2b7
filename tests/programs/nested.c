/* three levels: slots in slabs in malloc's chunks; the first of each starts where its parent does, and one fills it */
#include "tell.h"
#include <stdlib.h>

struct slab {
	char memory[256];
};
struct slot {
	long value;
};

static char *block, *chosen;
static size_t used;

void *slab_get(size_t size)
{
	void *p = block + used;
	used += size;
	return p;
}

void *slot_get(size_t size) /* carves `chosen`, or asks malloc */
{
	void *p = chosen;
	if (!p) return malloc(size);
	chosen += size;
	return p;
}

void *any_get(size_t size, int from) /* a wrapper of three allocators */
{
	return from == 0 ? malloc(size) : from == 1 ? slab_get(size) : slot_get(size);
}

static void show(const char *name, const void *p)
{
	struct alloc_info i = ALLOC_INFO_INIT;
	const char *parent = alloc_get_parent(p);
	int more = alloc_query(p, &i);
	printf("{\"name\":\"%s\",\"same\":%d,\"levels\":[", name, parent == NULL || alloc_get_base(parent) != NULL);
	for (const char *comma = ""; more; more = alloc_query_parent(&i), comma = ",")
		printf("%s[\"%s\",%ld,%zu,\"%s\",%u,%u]", comma, i.allocator->name, (long)((char *)i.base - block), i.size,
		       i.type ? i.type : "", alloc_site_line(i.site), i.chain_length);
	printf("]}\n");
}

static int show_allocator(const struct allocator *a, void *arg)
{
	printf("%s\"%s\"", *(const char **)arg, a->name);
	*(const char **)arg = ",";
	return 0;
}

static int show_wrapper(const struct alloc_wrapper *w, void *arg)
{
	const char *comma = "";
	(void)arg;
	printf("{\"name\":\"%s\",\"first\":\"%s\",\"allocators\":[", w->name, w->allocator ? w->allocator->name : "");
	alloc_for_each_wrapper_allocator(w, show_allocator, &comma);
	printf("]}\n");
	return 0;
}

int main(void)
{
	block = malloc(4096);                              /* block */
	struct slab *first = slab_get(sizeof(struct slab)); /* first */
	chosen = (char *)first;
	struct slot *inner = slot_get(sizeof(struct slot)); /* inner */
	struct slot *second = slot_get(sizeof(struct slot));
	show("inner", inner);
	show("second", (char *)second + 3);
	show("slab", (char *)first + 100);
	show("block", block + 1000);
	chosen = slab_get(48);
	char *whole = slot_get(48); /* whole */
	show("whole", whole + 47);
	show("none", &block);
	struct alloc_info i = ALLOC_INFO_INIT, before = {1, NULL, 7, NULL, NULL, NULL, NULL, 8};
	printf("{\"name\":\"kept\",\"none\":%d,\"size\":%zu", alloc_query(&block, &i), i.size);
	printf(",\"small\":%d,\"untouched\":%zu", alloc_query(inner, &before), before.size);
	struct {
		struct alloc_info info;
		long later;
	} larger = {{sizeof larger, NULL, 0, NULL, NULL, NULL, NULL, 0}, 42};
	printf(",\"larger\":%d,\"later\":%ld", alloc_query(block + 1000, &larger.info), larger.later);
	/* the chunk may be gone before its parent is asked for */
	alloc_query(inner, &i);
	free(block);
	printf(",\"gone\":%d,\"version\":%d}\n", alloc_query_parent(&i), alloc_version() == ALLOCS_VERSION);
	block = malloc(4096), used = 0, chosen = NULL;
	alloc_for_each_wrapper(show_wrapper, NULL);
	chosen = any_get(100, 1);
	any_get(8, 2);
	free(any_get(8, 0));
	alloc_for_each_wrapper(show_wrapper, NULL);
	return 0;
}
