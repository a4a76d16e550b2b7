/* what programs share that compare what is known of chunks with what they remember */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include "xmalloc.h"
#include "check.h"

#define CELLS 64
#define CELL 48

/* what the model knows of a chunk; the wrapper by its name, NULL for none */
struct known {
	char *base;
	size_t size;
	unsigned line;
	const char *wrapper, *allocator;
};

struct pool {
	struct known cell[CELLS];
	char memory[CELLS * CELL];
};

void *pool_get(struct pool *, size_t);
void pool_put(struct pool *, void *);
