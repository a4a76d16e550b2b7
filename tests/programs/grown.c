/* chunks inside a chunk that is resized: in place, smaller, moved, not at all */
#define _GNU_SOURCE
#include "tell.h"
#include <stdint.h>
#include <stdlib.h>

struct item {
	long value[4];
};

void *arena_get(char *block, size_t at) { return block + at; }

int main(void)
{
	char *block = malloc(4000);
	char *before = block;
	struct item *first = arena_get(block, 64), *last = arena_get(block, 3000);
	block = realloc(block, 2000); /* glibc: a smaller one stays where it is */
	tell(block == before ? "first" : "moved", first);
	tell("last", last);
	if (realloc(block, SIZE_MAX / 2)) return 1;
	tell("failed", first);
	block = realloc(block, 2100);
	void *wall = malloc(100000); /* so that it cannot grow in place */
	char *moved = realloc(block, 90000);
	tell("away", moved == block ? NULL : first);
	tell("inside", arena_get(moved, 128));
	free(moved);
	tell("gone", moved + 128);
	free(wall);
	return 0;
}
