/* fixed-size churn: nodes of one size, freed at once, first in first out, and as whole lists */
#include "bench.h"

struct node {
	struct node *next;
	uint64_t key, value[4];
};

enum { RING = 256, LIST = 200000 };

static struct node *make(uint64_t key)
{
	struct node *n = malloc(sizeof *n);
	if (!n) abort();
	n->next = NULL;
	n->key = key;
	return n;
}

/* the compiler could drop a pair that nobody sees */
static struct node *volatile seen;

static uint64_t pairs(uint64_t sum)
{
	for (unsigned long i = 0, n = scaled(24000000); i < n; i++) {
		struct node *one = make(i);
		seen = one;
		sum = mixed(sum, one->key);
		free(one);
	}
	return sum;
}

static uint64_t ring(uint64_t sum)
{
	struct node *slots[RING] = {NULL};
	for (unsigned long i = 0, n = scaled(18000000); i < n; i++) {
		struct node *old = slots[i % RING];
		if (old) sum = mixed(sum, old->key);
		free(old);
		slots[i % RING] = make(i);
	}
	for (int i = 0; i < RING; i++) free(slots[i]);
	return sum;
}

static uint64_t lists(uint64_t sum)
{
	for (unsigned long i = 0, n = scaled(60); i < n; i++) {
		struct node *first = NULL;
		for (int k = 0; k < LIST; k++) {
			struct node *one = make(i + (uint64_t)k);
			one->next = first;
			first = one;
		}
		while (first) {
			struct node *next = first->next;
			sum = mixed(sum, first->key);
			free(first);
			first = next;
		}
	}
	return sum;
}

static uint64_t work(int lane) { return lists(ring(pairs((uint64_t)lane))); }

int main(int argc, char **argv) { return bench(argc, argv, work); }
