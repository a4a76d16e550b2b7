/* `live FILE CHUNKS`: milliseconds for writing a profile of CHUNKS live chunks of many sizes from some sites */
#define _POSIX_C_SOURCE 199309L
#include <allocs.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct node { struct node *next; long value[2]; };
struct entry { struct entry *next; char name[40]; };

__attribute__((noinline)) void *xmalloc(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	return p;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	if (argc != 3 || !alloc_snapshot) return 2;
	unsigned long chunks = strtoul(argv[2], NULL, 10);
	void **kept = malloc(chunks * sizeof *kept);
	if (!kept) return 1;
	for (unsigned long i = 0; i < chunks; i++)
		switch (i % 4) {
		case 0: kept[i] = malloc(sizeof(struct node)); break;
		case 1: kept[i] = xmalloc(sizeof(struct entry)); break;
		case 2: kept[i] = xmalloc(i % 200 * sizeof(char)); break;
		default: kept[i] = calloc(i % 16 + 1, sizeof(double));
		}
	double start = now();
	int error = alloc_snapshot(argv[1]);
	double took = now() - start;
	for (unsigned long i = 0; i < chunks; i++) free(kept[i]);
	free(kept);
	if (error) fprintf(stderr, "alloc_snapshot gave %d\n", error);
	printf("%.1f\n", took);
	return error != 0;
}
