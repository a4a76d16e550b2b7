/* a server's threads, after Larson and Krishnan: each works on the blocks it was handed, then ends and hands them to a
 * successor; with two lanes, to the other lane's, so that blocks are freed by a thread that did not allocate them */
#include "bench.h"

enum { BLOCKS = 20000, GENERATIONS = 40, LEAST = 16, MOST = 512 };

struct request {
	uint64_t tag;
	unsigned char body[];
};

static struct request **handed[MOST_THREADS];
static uint64_t generation;

static struct request *request_new(size_t size, uint64_t tag)
{
	struct request *r = malloc(size);
	if (!r) abort();
	r->tag = tag;
	return r;
}

static uint64_t work(int lane)
{
	uint64_t random = generation << 8 | (uint64_t)lane, sum = 0;
	struct request **blocks = handed[lane];
	for (unsigned long i = 0, n = scaled(500000); i < n; i++) {
		uint64_t r = next_random(&random);
		struct request **slot = &blocks[r % BLOCKS];
		sum = mixed(sum, (*slot)->tag);
		free(*slot);
		*slot = request_new(LEAST + (r >> 32) % (MOST - LEAST), r);
	}
	return sum;
}

int main(int argc, char **argv)
{
	uint64_t sum = 0;
	if (!read_arguments(argc, argv)) return 2;
	for (int lane = 0; lane < threads; lane++) {
		handed[lane] = malloc(BLOCKS * sizeof *handed[lane]);
		if (!handed[lane]) abort();
		for (int i = 0; i < BLOCKS; i++) handed[lane][i] = request_new(LEAST + (size_t)i % MOST, (uint64_t)i);
	}
	for (; generation < GENERATIONS; generation++) {
		sum = mixed(sum, run_lanes(work, 1));
		struct request **first = handed[0];
		memmove(handed, handed + 1, (size_t)(threads - 1) * sizeof *handed);
		handed[threads - 1] = first;
	}
	for (int lane = 0; lane < threads; lane++) {
		for (int i = 0; i < BLOCKS; i++) free(handed[lane][i]);
		free(handed[lane]);
	}
	return print_checksum(sum);
}
