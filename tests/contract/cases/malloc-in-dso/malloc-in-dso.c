/* A shared library with a malloc of its own, which the process does not use: an allocator of its own all the same. */
#include "../../check.h"
int main(void)
{
	/* opened later: linked, its malloc would come before libc's for everybody */
	void *plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
	CHECK(plugin);
	void *(*plugin_make)(int) = (void *(*)(int))dlsym(plugin, "plugin_make");
	void (*plugin_drop)(void *) = (void (*)(void *))dlsym(plugin, "plugin_drop");
	void *theirs = plugin_make(3), *ours = malloc(sizeof(double));
	CHECK(has_type(theirs, "int$$16"));
	CHECK(has_type(ours, "float$$64"));
	struct allocator *own = __liballocs_leaf_allocator_for(theirs, 0);
	CHECK(own && own != __liballocs_leaf_allocator_for(ours, 0));
#ifdef CONTRACT_TREE
	CHECK(__liballocs_leaf_allocator_for(ours, 0) == &__default_lib_malloc_allocator);
	CHECK(strcmp(own->name, "malloc") == 0);
	CHECK(__liballocs_get_alloc_size(theirs) == 3 * sizeof(short));
#endif
	plugin_drop(theirs);
#ifdef CONTRACT_TREE /* the real one knows whose memory it was */
	CHECK(__liballocs_leaf_allocator_for(theirs, 0) != own);
#endif
	return 0;
}
