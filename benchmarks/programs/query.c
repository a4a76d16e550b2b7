/* what a question costs: nanoseconds for each function of allocs.h, asked of 64 chunks, which stay in the cache
 *
 *     allocscc -O2 query.c -o query && ./query [ROUNDS]
 *
 * One line each: name, ns by base pointer, ns by interior pointer (the best of nine runs). Interior pointers are spread
 * over chunks of 16 to 528 bytes. */
#define _POSIX_C_SOURCE 199309L
#include <allocs.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHUNKS = 64, RUNS = 9 };

static void *base[CHUNKS], *inside[CHUNKS];
static unsigned long rounds = 20000;
static volatile size_t sink;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t ask_nothing(const void *p) { return (size_t)p; }
static size_t ask_base(const void *p) { return (size_t)alloc_get_base(p); }
static size_t ask_size(const void *p) { return alloc_get_size(p); }
static size_t ask_allocator(const void *p) { return (size_t)alloc_get_allocator(p); }
static size_t ask_wrapper(const void *p) { return (size_t)alloc_get_wrapper(p); }
static size_t ask_site(const void *p) { return (size_t)alloc_get_site(p); }
static size_t ask_type(const void *p) { return (size_t)alloc_get_type(p); }
static size_t ask_chain(const void *p)
{
	const struct alloc_frame *frame[4];
	return alloc_get_chain(p, frame, 4);
}
static size_t ask_parent(const void *p) { return (size_t)alloc_get_parent(p); }
static size_t ask_all(const void *p)
{
	struct alloc_info info = ALLOC_INFO_INIT;
	return (size_t)alloc_query(p, &info);
}

static double measure(size_t (*ask)(const void *), void *const *p)
{
	double best = 1e30;
	for (int run = 0; run < RUNS; run++) {
		size_t sum = 0;
		double start = now();
		for (unsigned long r = 0; r < rounds; r++)
			for (int i = 0; i < CHUNKS; i++) sum += ask(p[i]);
		double took = (now() - start) / (double)(rounds * CHUNKS);
		if (took < best) best = took;
		sink = sum;
	}
	return best;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		size_t (*ask)(const void *);
	} question[] = {
		{"alloc_get_base", ask_base}, {"alloc_get_size", ask_size}, {"alloc_get_allocator", ask_allocator},
		{"alloc_get_wrapper", ask_wrapper}, {"alloc_get_site", ask_site}, {"alloc_get_type", ask_type},
		{"alloc_get_chain", ask_chain}, {"alloc_get_parent", ask_parent}, {"alloc_query", ask_all},
	};
	if (argc > 1) rounds = strtoul(argv[1], NULL, 10);
	if (!alloc_query || !rounds) return 1;
	for (int i = 0; i < CHUNKS; i++) {
		size_t size = 16 + (size_t)i * 8;
		base[i] = malloc(size);
		inside[i] = (char *)base[i] + size / 2 + (size_t)i % 8;
		if (alloc_get_base(inside[i]) != base[i]) return 2;
	}
	double idle = measure(ask_nothing, base); /* the loop itself */
	for (size_t i = 0; i < sizeof question / sizeof *question; i++)
		printf("%-20s %6.1f %6.1f\n", question[i].name, measure(question[i].ask, base) - idle,
		       measure(question[i].ask, inside) - idle);
	return 0;
}
