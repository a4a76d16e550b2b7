/* An allocator without a capital letter allocates what it gives: pieces of a pool, of one size. */
#include "../../check.h"
struct tree { struct tree *left, *right; int key; };
static char *pool, *at;
struct tree *newT(int key)
{
	if (!pool) at = pool = malloc(4096);
	struct tree *t = (struct tree *)at;
	at += 32;
	t->key = key;
	return t;
}
void dropT(struct tree *t) { t->key = 0; }
int main(void)
{
	struct tree *one = newT(1), *two = newT(2);
	CHECK(has_type(one, "tree"));
	CHECK(has_type(two, "tree"));
#ifdef CONTRACT_TREE
	CHECK(__liballocs_get_alloc_size(one) == sizeof(struct tree));
	CHECK(strcmp(__liballocs_leaf_allocator_for(one, 0)->name, "small") == 0);
	dropT(two);
	CHECK(strcmp(__liballocs_leaf_allocator_for(two, 0)->name, "small") != 0);
#else
	dropT(two);
#endif
	return 0;
}
