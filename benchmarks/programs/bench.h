/* what the programs here share: `PROGRAM THREADS PERCENT` does PERCENT hundredths of its work on each of THREADS threads
 * and prints a checksum, the same in every build. With one thread no other is ever started: that is what malloc sees. */
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 64 };

static int threads = 1;
static unsigned long percent = 100;

static inline unsigned long scaled(unsigned long n)
{
	n = n * percent / 100;
	return n ? n : 1;
}

/* splitmix64 */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint64_t mixed(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x100000001b3u; }

struct lane {
	uint64_t (*work)(int);
	int number;
	uint64_t sum;
};

static void *run_lane(void *given)
{
	struct lane *lane = given;
	lane->sum = lane->work(lane->number);
	return NULL;
}

/* the sum of what `work` gives for each lane */
static inline uint64_t run_lanes(uint64_t (*work)(int), int own_threads)
{
	struct lane lanes[MOST_THREADS];
	pthread_t ids[MOST_THREADS];
	uint64_t sum = 0;
	for (int i = 0; i < threads; i++) {
		lanes[i] = (struct lane){work, i, 0};
		if (!own_threads)
			run_lane(&lanes[i]);
		else if (pthread_create(&ids[i], NULL, run_lane, &lanes[i]))
			abort();
	}
	for (int i = 0; i < threads; i++) {
		if (own_threads) pthread_join(ids[i], NULL);
		sum += lanes[i].sum;
	}
	return sum;
}

static inline int read_arguments(int argc, char **argv)
{
	if (argc > 1) threads = atoi(argv[1]);
	if (argc > 2) percent = strtoul(argv[2], NULL, 10);
	if (threads >= 1 && threads <= MOST_THREADS && percent) return 1;
	fprintf(stderr, "usage: %s THREADS PERCENT\n", argv[0]);
	return 0;
}

static inline int print_checksum(uint64_t sum)
{
	printf("checksum %016" PRIx64 "\n", sum);
	return 0;
}

static inline int bench(int argc, char **argv, uint64_t (*work)(int))
{
	if (!read_arguments(argc, argv)) return 2;
	return print_checksum(run_lanes(work, threads > 1));
}

#endif
