/* A shared library with a malloc of its own, which the process does not use: an allocator of its own all the same. */
#include "../../check.h"
void *plugin_make(int n);
void plugin_drop(void *p);
int main(void)
{
	void *theirs = plugin_make(3), *ours = malloc(sizeof(double));
	CHECK(has_type(theirs, "int$$16"));
	CHECK(has_type(ours, "float$$64"));
#ifdef CONTRACT_TREE
	CHECK(__liballocs_leaf_allocator_for(ours, 0) == &__default_lib_malloc_allocator);
	CHECK(strcmp(__liballocs_leaf_allocator_for(theirs, 0)->name, "malloc") == 0);
	CHECK(__liballocs_get_alloc_size(theirs) == 3 * sizeof(short));
#endif
	plugin_drop(theirs);
	CHECK(!__liballocs_leaf_allocator_for(theirs, 0));
	return 0;
}
