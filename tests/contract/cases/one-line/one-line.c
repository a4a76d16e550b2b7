/* Several allocations in one line: each has its own type. */
#include "../../check.h"
struct node { int a[6]; };
struct edge { double b[3]; };
int main(int argc, char **argv)
{
	(void)argv;
	struct node *n = malloc(argc * sizeof *n); struct edge *e = malloc(argc * sizeof *e); void *m = malloc(2 * argc * sizeof *n);
	CHECK(has_type(n, "node"));
	CHECK(has_type(e, "edge"));
	CHECK(has_type(m, "node"));
	void *x = argc ? malloc(sizeof(short)) : malloc(sizeof(long)), *y = argc ? calloc(argc, sizeof(float)) : 0;
	CHECK(has_type(x, "int$$16"));
	CHECK(has_type(y, "float$$32"));
	return 0;
}
