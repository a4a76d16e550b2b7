/* random sizes over a window of live blocks; now and then one is resized, or is large */
#include "bench.h"

enum { WINDOW = 60000 };

struct block {
	size_t size;
	unsigned char *bytes;
};

/* most are small, as in real programs */
static size_t random_size(uint64_t r)
{
	if (r % 1024 == 0) return 4096 + (r >> 32) % 61440;
	size_t most = (size_t)16 << (r >> 10) % 7;
	return 8 + (r >> 32) % most;
}

static void fill(struct block *b, uint64_t value)
{
	b->bytes[0] = (unsigned char)value;
	b->bytes[b->size - 1] = (unsigned char)(value >> 8);
}

static uint64_t work(int lane)
{
	uint64_t random = 7 + (uint64_t)lane, sum = 0;
	struct block *blocks = calloc(WINDOW, sizeof *blocks);
	if (!blocks) abort();
	for (unsigned long i = 0, n = scaled(12000000); i < n; i++) {
		uint64_t r = next_random(&random);
		struct block *b = &blocks[(r >> 16) % WINDOW];
		if (b->bytes) sum = mixed(sum, b->bytes[0] + ((uint64_t)b->bytes[b->size - 1] << 8));
		size_t size = random_size(r);
		if (b->bytes && i % 16 == 0) {
			b->bytes = realloc(b->bytes, size);
		} else {
			free(b->bytes);
			b->bytes = malloc(size);
		}
		if (!b->bytes) abort();
		b->size = size;
		fill(b, r);
	}
	for (int i = 0; i < WINDOW; i++) free(blocks[i].bytes);
	free(blocks);
	return sum;
}

int main(int argc, char **argv) { return bench(argc, argv, work); }
