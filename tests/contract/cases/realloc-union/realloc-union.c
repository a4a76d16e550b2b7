/* A chunk that is resized has the type of the call that did it. */
#include "../../check.h"
int main(void)
{
	int *p = malloc(2 * sizeof(int));
	CHECK(has_type(p, "int$$32"));
	short *q = realloc(p, 4 * sizeof(short));
	CHECK(has_type(q, "int$$16"));
	return 0;
}
