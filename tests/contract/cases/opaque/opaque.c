/* A pointer to a type that only another unit knows. */
#include "../../check.h"
struct hidden;
struct hidden *make_hidden(void);
int main(void)
{
	struct hidden **list = malloc(4 * sizeof *list);
	CHECK(has_type(list, "__PTR_hidden"));
	CHECK(has_type(make_hidden(), "hidden"));
	return 0;
}
