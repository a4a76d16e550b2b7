/* forks while other threads allocate, free and ask; each child does, too, and knows what its parent knew.
 * usage: stress_fork CHILDREN */
#include <allocs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "xmalloc.h"
#include "check.h"

static int seen;
static int walk(const void *p, size_t size, void *arg)
{
	if (p == arg) seen = (int)size;
	return 0;
}

static void work(unsigned *random, char **kept, unsigned places, int rounds)
{
	while (rounds--) {
		*random = *random * 1103515245 + 12345;
		unsigned k = *random >> 8 & (places - 1), n = 1 + (*random >> 16 & 8191), wrapped = *random >> 30 & 1;
		if (wrapped) xfree(kept[k]);
		else alloc_free(kept[k]);
		kept[k] = wrapped ? xmalloc(n) : calloc(1, n);
		CHECK(alloc_get_size(kept[k] + n / 2) == n);
		CHECK(wrapped == (alloc_get_wrapper(kept[k]) != NULL));
		CHECK(alloc_get_site(kept[k]));
	}
}

static void *churn(void *arg)
{
	char *kept[64] = {0};
	unsigned random = (unsigned)(size_t)&random;
	for (;;) work(&random, kept, 64, 1000);
	return arg;
}

static void child(int i, char *p)
{
	char *kept[8] = {0};
	unsigned random = i;
	CHECK(alloc_get_size(p + 50) == 4321 && !strcmp(alloc_get_wrapper(p)->name, "xmalloc"));
	work(&random, kept, 8, 50);
	if (i % 16 == 0) {
		alloc_for_each_chunk(walk, p);
		CHECK(seen == 4321);
		CHECK(!alloc_snapshot("/dev/null"));
	}
	CHECK(!alloc_free(p) && !alloc_get_base(p));
	if (i % 2) exit(0);
	_exit(0);
}

int main(int argc, char **argv)
{
	int children = argc > 1 ? atoi(argv[1]) : 100;
	pthread_t t;
	char *p = xmalloc(4321);
	alarm(300);
	for (int i = 0; i < 4; i++) CHECK(!pthread_create(&t, NULL, churn, NULL));
	for (int i = 0; i < children; i++) {
		int status;
		pid_t pid = fork();
		if (!pid) {
			alarm(60); /* a deadlock */
			child(i, p);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		if (status) fprintf(stderr, "child %d: %x\n", i, status);
		CHECK(!status);
	}
	CHECK(alloc_get_size(p) == 4321);
	puts("all hold");
	fflush(stdout);
	_exit(0);
}
