/* a chunk that outlives the shared object that allocated it */
#include "tell.h"
#include <dlfcn.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		void *handle = dlopen(argv[i], RTLD_NOW);
		void *(*make)(void) = (void *(*)(void))dlsym(handle, "plugin_make");
		void *p = make();
		tell("loaded", p);
		if (dlclose(handle)) return 1;
		tell("unloaded", p);
	}
	return 0;
}
