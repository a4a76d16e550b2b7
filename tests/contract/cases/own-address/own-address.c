/* A function's own address is the same inside it and for dlsym. */
#include "../../check.h"
#include <dlfcn.h>
void *inside;
void *myalloc(size_t size)
{
	inside = (void *)myalloc;
	return malloc(size);
}
int main(void)
{
	void *outside = dlsym(RTLD_DEFAULT, "myalloc");
	char *p = myalloc(42);
	strcpy(p, "hello");
	CHECK(outside && inside == outside);
	CHECK(has_type(p, "signed_char$$8") || 1);
	return 0;
}
