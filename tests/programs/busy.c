/* threads with regions of their own in one family, and lists and pools that they hand over; asserts what it is told */
#include <allocs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"

struct arena {
	char *at, *end;
	char *block[64];
	int blocks, now;
};

void *arena_get(struct arena *a, size_t n)
{
	n = (n + 7) & ~(size_t)7;
	if (!a->at || a->at + n > a->end) {
		if (a->now == a->blocks) a->block[a->blocks++] = malloc(8192);
		a->at = a->block[a->now++];
		a->end = a->at + 8192;
	}
	void *p = a->at;
	a->at += n;
	return p;
}
void arena_reset(struct arena *a) { a->now = 0, a->at = NULL; }
void arena_destroy(struct arena *a)
{
	for (int i = 0; i < a->blocks; i++) free(a->block[i]);
	memset(a, 0, sizeof *a);
}

static int is_arena(const void *p)
{
	const struct allocator *a = alloc_get_allocator(p);
	return a && !strcmp(a->name, "arena");
}

static void *thread(void *arg)
{
	struct arena mine = {0}, other = {0};
	(void)arg;
	for (int round = 0; round < 60; round++) {
		char *p[300], *q[300];
		for (int i = 0; i < 300; i++) {
			p[i] = arena_get(&mine, 1 + i % 50);
			q[i] = arena_get(&other, 1 + i % 90);
		}
		for (int i = 0; i < 300; i++) {
			CHECK(alloc_get_size(p[i]) == (size_t)(1 + i % 50) && is_arena(p[i]));
			CHECK(alloc_get_size(q[i]) == (size_t)(1 + i % 90) && is_arena(q[i]));
		}
		arena_reset(&mine);
		for (int i = 0; i < 300; i++) CHECK(!is_arena(p[i]) && is_arena(q[i]));
		if (round % 3) arena_destroy(&other);
		else arena_reset(&other);
		for (int i = 0; i < 300 && round % 3 == 0; i++) CHECK(!is_arena(q[i]));
	}
	arena_destroy(&mine);
	arena_destroy(&other);
	return NULL;
}

static int count(const void *base, size_t size, void *arg)
{
	(void)size;
	return *(int *)arg += is_arena(base), 0;
}

int main(void)
{
	pthread_t t[6];
	for (int i = 0; i < 6; i++) CHECK(!pthread_create(&t[i], NULL, thread, NULL));
	for (int i = 0; i < 6; i++) CHECK(!pthread_join(t[i], NULL));
	int left = 0;
	alloc_for_each_chunk(count, &left);
	CHECK(left == 0);
	puts("all hold");
	return 0;
}
