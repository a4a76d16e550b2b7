/* libraries that have an allocator of one family each, loaded, used and unloaded */
#include "tell.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char *last;

static int show(const struct allocator *a, void *arg)
{
	(void)arg;
	if (!strcmp(a->family, "malloc")) return 0;
	int functions = 0;
	for (const struct alloc_function *f = a->functions; f && f->name; f++) functions += f->function != NULL;
	printf("%s[\"%s\",\"%s\",%d,%lu]", last, a->name, a->object ? a->object : "", functions, a->alloc_count);
	last = ",";
	return 0;
}

static void list(const char *name)
{
	last = "";
	printf("{\"name\":\"%s\",\"instances\":[", name);
	alloc_for_each_allocator(show, NULL);
	printf("]}\n");
}

static int count(const struct alloc_wrapper *w, void *arg)
{
	*(int *)arg += !strcmp(w->name, "lib_alloc");
	return 0;
}

static void *call(void *handle, const char *name) { return ((void *(*)(void))dlsym(handle, name))(); }

int main(int argc, char **argv)
{
	list("none");
	void *handle[8], *pool[8], *heap[8], *wrapped[8], *block[8];
	for (int i = 1; i < argc; i++) {
		handle[i] = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		list("loaded");
	}
	for (int i = 1; i < argc; i++) {
		pool[i] = call(handle[i], "lib_pool");
		heap[i] = call(handle[i], "lib_heap");
		wrapped[i] = call(handle[i], "lib_wrapped");
		block[i] = call(handle[i], "lib_block");
	}
	list("used");
	for (int i = 1; i < argc; i++) {
		tell("pool", pool[i]);
		tell("heap", heap[i]);
		tell("wrapped", wrapped[i]);
	}
	if (dlclose(handle[1])) return 1;
	tell("pool gone", pool[1]);
	tell("heap stays", heap[1]);
	tell("wrapped stays", wrapped[1]);
	list("unloaded");
	int wrappers = 0;
	alloc_for_each_wrapper(count, &wrappers);
	printf("{\"name\":\"wrappers\",\"number\":%d,\"free\":%d}\n", wrappers, alloc_free(heap[1]));
	free(block[1]);
	tell("heap gone", heap[1]);
	handle[1] = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	pool[1] = call(handle[1], "lib_pool");
	tell("again", pool[1]);
	printf("{\"name\":\"free\",\"status\":%d}\n", alloc_free(pool[1]));
	tell("again freed", pool[1]);
	list("loaded again");
	for (int i = 1; i < argc; i++) dlclose(handle[i]);
	for (int i = 0; i < 600; i++) { /* more than there are numbers */
		void *h = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		call(h, "lib_pool");
		call(h, "lib_wrapped");
		if (i == 599) list("often");
		dlclose(h);
	}
	list("all unloaded");
	return 0;
}
