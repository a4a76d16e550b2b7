/* Chunks on the stack: known with their types until their function returns. */
#include "../../check.h"
#include <alloca.h>
struct item { int a[5]; };
extern struct allocator __alloca_allocator;
static void *kept[40];
static int is_alloca(void *chunk)
{
	struct big_allocation *big;
	return __liballocs_leaf_allocator_for(chunk, &big) == &__alloca_allocator;
}
__attribute__((noinline)) void *fill(void *chunk, size_t size) { return memset(chunk, 1, size); }
__attribute__((noinline)) int some(int n)
{
	if (n == 0) return 0;
	for (int i = 0; i < n; i++) {
		struct item *item = fill(alloca((i + 1) * sizeof *item), (i + 1) * sizeof *item);
		kept[i] = item;
		for (int j = 0; j <= i; j++) CHECK(is_alloca(kept[j]));
		CHECK(has_type(&item[i].a[2], "item"));
	}
	return some(n - 1) + n;
}
__attribute__((noinline)) double one_line(int n) { double *d = alloca(n * sizeof(double)); fill(d, n * sizeof *d); CHECK(has_type(d, "float$$64")); kept[0] = d; return 0.5 + n; }
int main(int argc, char **argv)
{
	(void)argv;
	int *numbers = fill(alloca(42 * argc * sizeof(int)), 42 * sizeof(int));
	CHECK(is_alloca(numbers));
	CHECK(has_type(numbers, "int$$32"));
	char *large = fill(alloca(69105 * argc), 69105);
	CHECK(is_alloca(large) && is_alloca(large + 69104));
	CHECK(has_type(numbers, "int$$32"));
	CHECK(some(10 * argc) == 55);
	CHECK(one_line(5 * argc) == 5.5);
	CHECK(is_alloca(numbers) && is_alloca(large));
#ifdef CONTRACT_TREE
	for (int i = 0; i < 10; i++) CHECK(!is_alloca(kept[i]));
	CHECK(__liballocs_get_alloc_size(numbers) == 42 * sizeof(int));
	CHECK(__liballocs_get_alloc_size(large) == 69105);
	CHECK(contract_count("insert") - contract_count("delete") >= 2);
#endif
	return 0;
}
