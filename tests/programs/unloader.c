/* one thread loads and unloads a library with allocators while others use theirs and ask about chunks */
#include <allocs.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_int stop;

void *arena_get(char *block, size_t at) { return block + at; }

static void *thread(void *arg)
{
	(void)arg;
	while (!stop) {
		char *block = malloc(3000);
		for (int i = 0; i < 30; i++) {
			char *p = arena_get(block, i * 64);
			const struct allocator *a = alloc_get_allocator(p);
			if (!a || strcmp(a->family, "arena")) abort();
		}
		free(block);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[3];
	for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, thread, NULL);
	for (int i = 0; i < 300; i++) {
		void *h = dlopen(argv[argc - 1], RTLD_NOW);
		((void *(*)(void))dlsym(h, "lib_pool"))();
		((void *(*)(void))dlsym(h, "lib_wrapped"))();
		if (dlclose(h)) abort();
	}
	stop = 1;
	for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
	puts("all hold");
	return 0;
}
