#include "../../check.h"
int main(void)
{
	char *chunk = malloc(42);
	printf("hello %p\n", (void *)chunk);
	CHECK(has_type(chunk, "signed_char$$8"));
	free(chunk);
	return 0;
}
