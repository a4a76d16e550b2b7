#include <stdlib.h>
int *dso_malloc_caller(size_t size)
{
	int *chunk = malloc(size);
	return chunk;
}
