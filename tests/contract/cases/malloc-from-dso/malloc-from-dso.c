/* A shared library's function that allocates for others, by the process's malloc. */
#include "../../check.h"
int *dso_malloc_caller(size_t size);
int main(void)
{
	int *chunk = dso_malloc_caller(42 * sizeof(int));
	CHECK(is_from(chunk, "main"));
	CHECK(has_type(chunk, "int$$32"));
	return 0;
}
