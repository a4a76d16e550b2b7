/* The site is the outermost wrapper's caller, and so is the type; a wrapper inside another changes nothing. */
#include "../../check.h"
struct item { int a[3]; };
void *xmalloc(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	return p;
}
void *xcalloc(size_t n, size_t size) { return memset(xmalloc(n * size), 0, n * size); }
void *xrealloc(void *p, size_t n) { return realloc(p, n); }
void xfree(void *p) { free(p); }
int main(int argc, char **argv)
{
	(void)argv;
	struct item *items = xcalloc(argc * 4, sizeof(struct item));
	CHECK(is_from(items, "main"));
	CHECK(has_type(items, "item"));
#ifdef CONTRACT_TREE /* of 48 bytes from libc's malloc, too, the real one tells 40 */
	CHECK(__liballocs_get_alloc_size(items) >= 4 * sizeof *items);
#endif
	double *numbers = xrealloc(items, 10 * sizeof(double));
	CHECK(is_from(numbers, "main"));
	CHECK(has_type(numbers, "float$$64"));
	xfree(numbers);
	/* after a wrapper, a plain call is its own site */
	CHECK(has_type(malloc(sizeof(short)), "int$$16"));
	return 0;
}
