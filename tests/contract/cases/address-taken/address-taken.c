/* A static wrapper that is called through a pointer. */
#include "../../check.h"
static void *myalloc(size_t size) { return malloc(size); }
typedef void *allocator(size_t);
allocator *get_allocator(void) { return myalloc; }
int main(void)
{
	int *numbers = get_allocator()(42 * sizeof(int));
	CHECK(is_from(numbers, "main"));
	CHECK(has_type(numbers, "int$$32"));
	return 0;
}
