/* loads and unloads a library; some of its chunks outlive it, for a while.
 * usage: stress_unload LIBRARY TIMES; prints how many KiB came to be resident in the last nine tenths */
#include <allocs.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"

#define KEPT 20
static void *kept[KEPT][4];

static void right(void *out[4], int is_loaded)
{
	static const size_t size[] = {48, 144, 96, 2000};
	static const char *const allocator[] = {"malloc", "malloc", "pool", "malloc"};
	for (int i = 0; i < 4; i++) {
		struct alloc_info c = ALLOC_INFO_INIT;
		char *inside = (char *)out[i] + size[i] - 1;
		CHECK(alloc_query(inside, &c) && c.base == out[i] && c.size == size[i]);
		CHECK(!strcmp(c.allocator->family, allocator[i]));
		CHECK(i != 1 ? !c.wrapper : c.wrapper && !strcmp(c.wrapper->name, "lib_alloc"));
		CHECK(!strcmp(alloc_site_function(c.site), "lib_make"));
		if (i < 3) CHECK(c.type && !strcmp(c.type, "struct left"));
		if (i == 2) CHECK(alloc_free_problem(out[i]) && alloc_get_parent(out[i]) == out[3]);
	}
	(void)is_loaded;
}

static long resident(void)
{
	long total, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	CHECK(f && fscanf(f, "%ld %ld", &total, &pages) == 2);
	fclose(f);
	return pages * (getpagesize() / 1024);
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[2]) : 100;
	long before = 0;
	for (int i = 0; i < times; i++) {
		void **out = kept[i % KEPT];
		if (out[0]) {
			right(out, 0);
			free(out[0]), free(out[1]), free(out[3]);
			CHECK(!alloc_get_base(out[2]));
		}
		void *handle = dlopen(argv[1], RTLD_NOW);
		CHECK(handle);
		((void (*)(void **))dlsym(handle, "lib_make"))(out);
		right(out, 1);
		CHECK(!dlclose(handle));
		right(out, 0);
		if (i == times / 10) before = resident();
	}
	printf("%ld KiB\n", resident() - before);
	return 0;
}
