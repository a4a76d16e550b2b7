/* A C library's header with an inline function that allocates. It is made one by its name: see allocs' is_system_header.
   A line says in a comment which types the allocations of the functions that it calls are of. */
#include <stdlib.h>
#line 10 "/usr/include/pool/buffer.h"
struct buffer {
	double *data;
	size_t size;
};

static inline __attribute__((always_inline)) struct buffer *buffer_new(size_t n)
{
	struct buffer *b = (struct buffer *)malloc(sizeof(struct buffer));
	if (b) {
		b->size = n;
		b->data = (double *)calloc(n, sizeof(double));
	}
	return b;
}

static inline void buffer_free(struct buffer *b)
{
	free(b->data);
	free(b);
}
#line 26 "inlined.c"

/* what the compiler cannot look into */
static inline void keep(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static inline struct buffer *pair(size_t n)
{
	struct buffer *first = buffer_new(n); /* type: struct buffer|double */
	keep(first);
	buffer_free(first);
	struct buffer *second = buffer_new(2 * n); /* type: struct buffer|double */
	keep(second);
	return second;
}

int main(int argc, char **argv)
{
	(void)argv;
	struct buffer *b = pair((size_t)argc);
	int failed = !b || b->data[0] != 0;
	buffer_free(b);
	return failed;
}
