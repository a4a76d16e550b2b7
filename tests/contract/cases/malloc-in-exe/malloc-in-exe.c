/* A malloc that the executable defines: an allocator of its own, and the process's. */
#include "../../check.h"
#include <malloc.h>
struct item { int a[3]; };
int main(int argc, char **argv)
{
	(void)argv;
	size_t n = (size_t)argc;
	int *number = malloc(sizeof(int));
	CHECK(is_from(number, "main"));
	CHECK(has_type(number, "int$$32"));
	struct item *items = calloc(n * 3, sizeof *items);
	CHECK(has_type(items, "item"));
	CHECK(items[2].a[2] == 0);
	memset(items, 1, 3 * sizeof *items); /* all that was asked for is the program's */
	items = realloc(items, 9 * sizeof *items);
	CHECK(items[2].a[2] == 0x01010101);
	CHECK(is_from(items, "main"));
	void *line = aligned_alloc(64, 128), *out = 0;
	CHECK(line && (size_t)line % 64 == 0);
	CHECK(posix_memalign(&out, 128, 100) == 0 && out && (size_t)out % 128 == 0);
	volatile size_t huge = (size_t)-1 / 2 + n;
	void *volatile none = calloc(huge, 2);
	CHECK(!none);
	none = malloc(2 * huge - 3);
	CHECK(!none);
	free(number);
	free(0);
	free(items);
#ifdef CONTRACT_TREE
	struct allocator *own = __liballocs_leaf_allocator_for(out, 0);
	CHECK(own && own != &__default_lib_malloc_allocator && strcmp(own->name, "malloc") == 0);
	CHECK(own == &__global_malloc_allocator);
	CHECK(own->is_cacheable && own->get_info && own->ensure_big && own->set_type && own->free);
	CHECK(__liballocs_get_alloc_size(out) == 100 && __liballocs_get_alloc_size(line) == 128);
	CHECK(!__liballocs_leaf_allocator_for(items, 0));
	own->free((struct allocated_chunk *)line);
	CHECK(!__liballocs_leaf_allocator_for(line, 0));
	CHECK(contract_count("small") == 0);
#endif
	return 0;
}
