/* A wrapper without a capital letter. */
#include "../../check.h"
struct tree { struct tree *left, *right; int key; };
struct tree *newT(int key)
{
	struct tree *t = malloc(sizeof *t + 8);
	t->key = key;
	return t;
}
int main(void)
{
	struct tree *one = newT(1);
	CHECK(is_from(one, "main"));
	CHECK(has_type(one, "tree"));
	free(one);
	return 0;
}
