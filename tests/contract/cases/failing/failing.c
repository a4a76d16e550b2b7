/* Allocators that always fail. */
#include "../../check.h"
void *fail_alloc(size_t size) { return (void *)(size >> 40); }
void *fail_calloc(size_t n, size_t size) { return (void *)((n * size) >> 40); }
void *fail_realloc(void *p, size_t size) { (void)p; return (void *)(size >> 40); }
int main(void)
{
	CHECK(!fail_alloc(sizeof(int)) && !fail_calloc(3, sizeof(int)) && !fail_realloc(0, sizeof(int)));
	CHECK(has_type(malloc(sizeof(int)), "int$$32"));
	return 0;
}
