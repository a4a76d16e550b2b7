/* what a debugger is to find: stops in `stop`, or dies there if it has an argument */
#include "xmalloc.h"
#include <pthread.h>
#include <stdlib.h>

struct pair {
	int a, b;
};
struct item {
	char text[24];
};

/* the places that the test asks about */
void *debugged[8];

static char *block;
static size_t used;

void *pool_get(size_t n)
{
	if (!block) block = malloc(100000); /* block */
	used += (n + 7) & ~(size_t)7;
	return block + used - ((n + 7) & ~(size_t)7);
}

void *pool_wrap(size_t n) { return pool_get(n); } /* wrap */

__attribute__((noinline)) void stop(int die)
{
	__asm__ volatile("");
	if (die) abort();
}

static pthread_barrier_t both;

static void *thread(void *arg)
{
	debugged[5] = xmalloc(7 * sizeof(struct pair)); /* thread */
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;
	(void)argv;
	debugged[0] = xmemdup("1234567", sizeof(struct pair)); /* copy */
	debugged[1] = pool_wrap(3 * sizeof(struct item));      /* items */
	debugged[2] = block;
	debugged[3] = malloc(300000); /* large */
	debugged[4] = malloc(1);
	free(debugged[4]);
	debugged[6] = calloc(2000, 1); /* chars */
	pthread_barrier_init(&both, NULL, 2);
	if (pthread_create(&t, NULL, thread, NULL)) return 1;
	pthread_barrier_wait(&both);
	stop(argc > 1);
	pthread_barrier_wait(&both);
	return pthread_join(t, NULL);
}
