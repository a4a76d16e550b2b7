/* Calls malloc and free within the object that may define them. */
#include <stdlib.h>
struct inner { int a[5]; };

struct inner *inside(void)
{
	return malloc(sizeof(struct inner));
}

void inside_free(void *p)
{
	free(p);
}
