/* mostly computing: products of matrices, and words counted in a table; few allocations */
#include "bench.h"

enum { SIDE = 160, WORDS = 400000, BUCKETS = 1 << 12 };

struct matrix {
	int side;
	double at[];
};

struct count {
	struct count *next;
	uint64_t word, times;
};

static struct matrix *matrix_new(int side)
{
	struct matrix *m = malloc(sizeof *m + (size_t)side * (size_t)side * sizeof(double));
	if (!m) abort();
	m->side = side;
	return m;
}

static struct matrix *product(const struct matrix *a, const struct matrix *b)
{
	struct matrix *c = matrix_new(a->side);
	int n = a->side;
	memset(c->at, 0, (size_t)n * (size_t)n * sizeof(double));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			for (int j = 0; j < n; j++) c->at[i * n + j] += a->at[i * n + k] * b->at[k * n + j];
	for (int i = 0; i < n * n; i++) c->at[i] -= (double)(long)(c->at[i] / 8) * 8; /* small whole numbers stay exact */
	return c;
}

static uint64_t multiply(uint64_t random)
{
	struct matrix *a = matrix_new(SIDE);
	uint64_t sum = 0;
	for (int i = 0; i < SIDE * SIDE; i++) a->at[i] = (double)(next_random(&random) % 8);
	for (unsigned long i = 0, n = scaled(200); i < n; i++) {
		struct matrix *b = product(a, a);
		free(a);
		a = b;
		sum = mixed(sum, (uint64_t)a->at[i % (SIDE * SIDE)]);
	}
	free(a);
	return sum;
}

static uint64_t count_words(uint64_t random)
{
	struct count **table = calloc(BUCKETS, sizeof *table);
	uint64_t sum = 0;
	if (!table) abort();
	for (unsigned long i = 0, n = scaled(40) * WORDS; i < n; i++) {
		uint64_t word = next_random(&random) % 5000, hash = mixed(word, word >> 7) % BUCKETS;
		struct count *c = table[hash];
		while (c && c->word != word) c = c->next;
		if (!c) {
			c = malloc(sizeof *c);
			if (!c) abort();
			*c = (struct count){table[hash], word, 0};
			table[hash] = c;
		}
		c->times++;
	}
	for (int i = 0; i < BUCKETS; i++)
		for (struct count *c = table[i], *next; c; c = next) {
			next = c->next;
			sum = mixed(sum, c->word * c->times);
			free(c);
		}
	free(table);
	return sum;
}

static uint64_t work(int lane) { return multiply((uint64_t)lane) + count_words((uint64_t)lane); }

int main(int argc, char **argv) { return bench(argc, argv, work); }
