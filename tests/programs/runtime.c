/* the runtime's promises, asserted by the program itself; the first that does not hold ends it with its line */
#define _GNU_SOURCE
#include <allocs.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "xmalloc.h"
#include "check.h"

static void every_byte(const char *p, size_t size)
{
	CHECK(alloc_get_size(p) == size);
	for (size_t i = 0; i < size; i += size > 4096 ? 509 : 1) CHECK(alloc_get_base(p + i) == (void *)p);
	CHECK(size == 0 || alloc_get_base(p + size - 1) == (void *)p);
	CHECK(alloc_get_base(p + size) != (void *)p || size == 0);
	CHECK(alloc_get_base(p - 1) != (void *)p);
}

static void sizes(void)
{
	static const size_t size[] = {0, 1, 7, 8, 15, 16, 17, 24, 25, 31, 32, 33, 100, 1000, 4095, 4096, 65536, 65537,
				      100000, 1 << 20, (1 << 20) + 1, 70 << 20, 200 << 20};
	char *p[sizeof size / sizeof *size];
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) CHECK((p[i] = malloc(size[i])));
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) every_byte(p[i], size[i]);
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		free(p[i]);
		CHECK(!alloc_get_allocator(p[i]));
		if (size[i] > 100000) CHECK(!alloc_get_base(p[i] + size[i] / 2));
	}
}

static void entry_points(void)
{
	void *p = NULL;
	every_byte(p = calloc(7, 9), 63);
	every_byte(p = realloc(p, 5000), 5000);
	every_byte(p = realloc(p, 10), 10);
	every_byte(p = reallocarray(p, 10, 30), 300);
	CHECK(!reallocarray(p, SIZE_MAX, 2) && errno == ENOMEM);
	every_byte(p, 300);
	CHECK(!realloc(p, SIZE_MAX / 2));
	every_byte(p, 300);
	free(p);
	every_byte(p = memalign(256, 100), 100);
	CHECK((uintptr_t)p % 256 == 0);
	free(p);
	every_byte(p = aligned_alloc(4096, 4096), 4096);
	free(p);
	CHECK(posix_memalign(&p, 64, 77) == 0 && (uintptr_t)p % 64 == 0);
	every_byte(p, 77);
	CHECK(malloc_usable_size(p) >= 77);
	free(p);
	CHECK(posix_memalign(&p, 3, 77) == EINVAL);
	every_byte(p = valloc(10), 10);
	free(p);
#ifndef UNDER_VALGRIND /* which ends the program there */
	every_byte(p = pvalloc(10), 4096);
	free(p);
#endif
	free(NULL);
	every_byte(p = realloc(NULL, 12), 12);
	void *q = realloc(p, 0); /* frees; glibc gives NULL, others an empty chunk */
	CHECK(q ? alloc_get_base(q) == q && alloc_get_size(q) == 0 : !alloc_get_base(p));
	free(q);
}

static void *thread(void *arg)
{
	char *kept[500];
	for (int round = 0; round < 200; round++)
		for (int i = 0; i < 500; i++) {
			if (round) free(kept[i]);
			kept[i] = round % 2 ? xmalloc(i + 1) : malloc(i + 1);
			const struct alloc_wrapper *w = alloc_get_wrapper(kept[i]);
			CHECK(alloc_get_size(kept[i] + i) == (size_t)i + 1);
			CHECK(round % 2 ? w && !strcmp(w->name, "xmalloc") : !w);
		}
	for (int i = 1; i < 500; i++) free(kept[i]);
	(void)arg;
	return kept[0]; /* freed by another thread */
}

static void threads(void)
{
	pthread_t t[8];
	for (int i = 0; i < 8; i++) CHECK(!pthread_create(&t[i], NULL, thread, NULL));
	for (int i = 0; i < 8; i++) {
		void *p;
		CHECK(!pthread_join(t[i], &p) && alloc_get_size(p) == 1);
		free(p);
		CHECK(!alloc_get_base(p));
	}
}

static jmp_buf out;

void *jumping_alloc(size_t n) /* a wrapper that does not return */
{
	if (n) longjmp(out, 1);
	return malloc(1);
}

__attribute__((noinline)) static void *deeper(int n)
{
	char volatile room[256];
	room[0] = (char)n;
	void *p = n ? deeper(n - 1) : malloc(10);
	return room[0] == n ? p : NULL;
}

static void longjmp_out_of_a_wrapper(void)
{
	if (!setjmp(out)) jumping_alloc(1);
	void *p = malloc(10), *q = deeper(0), *r = deeper(20);
	CHECK(!alloc_get_wrapper(p) && !alloc_get_wrapper(q) && !alloc_get_wrapper(r));
	free(p), free(q), free(r);
}

static void *handled;

static void handler(int signal)
{
	(void)signal;
	handled = malloc(33);
}

void *raising_alloc(size_t n) /* a signal handler allocates on a stack of its own inside a wrapper */
{
	raise(SIGUSR1);
	return malloc(n);
}

static void signals_on_another_stack(void)
{
	stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16}, none = {.ss_flags = SS_DISABLE};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	CHECK(!sigaltstack(&stack, NULL) && !sigaction(SIGUSR1, &action, NULL));
	char *p = raising_alloc(44);
	CHECK(alloc_get_size(handled) == 33 && !alloc_get_wrapper(handled));
	CHECK(alloc_get_size(p) == 44 && !strcmp(alloc_get_wrapper(p)->name, "raising_alloc"));
	CHECK(!sigaltstack(&none, NULL));
	free(stack.ss_sp), free(p), free(handled);
}

static void nested_wrappers(void)
{
	const struct alloc_frame *chain[4];
	char *p = xmemdup("abc", 4);
	CHECK(alloc_get_chain(p, chain, 4) == 2 && alloc_get_chain(p, chain, 1) == 2 && alloc_get_chain(p, NULL, 0) == 2);
	CHECK(!strcmp(chain[0]->wrapper->name, "xmemdup") && !strcmp(chain[1]->wrapper->name, "xmalloc"));
	CHECK(!strcmp(alloc_site_function(chain[1]->site), "xmemdup"));
	CHECK(alloc_get_site(p) == chain[0]->site);
	CHECK(alloc_free(p) == 0 && alloc_free(p) == EINVAL);
	CHECK(alloc_free(&p) == EINVAL);
}

static int count_chunk(const void *base, size_t size, void *arg)
{
	if (size == 12345) *(const void **)arg = base;
	return 0;
}
static int count_name(const struct allocator *a, void *arg) { return *(int *)arg += !strcmp(a->family, "malloc"), 0; }
static int count_wrapper(const struct alloc_wrapper *w, void *arg) { return *(int *)arg += !strcmp(w->name, "xmalloc"), 0; }
static int count_site(const struct alloc_site *s, void *arg)
{
	const char *function = alloc_site_function(s);
	return *(int *)arg += function && !strcmp(function, "enumerations"), 0;
}

static void enumerations(void)
{
	int allocators = 0, wrappers = 0, sites = 0;
	const void *found = NULL;
	void *p = malloc(12345);
	unsigned long before = alloc_get_allocator(p)->alloc_count;
	void *q = malloc(1);
	CHECK(alloc_get_allocator(q)->alloc_count == before + 1);
	alloc_for_each_chunk(count_chunk, &found);
	alloc_for_each_allocator(count_name, &allocators);
	alloc_for_each_wrapper(count_wrapper, &wrappers);
	alloc_for_each_site(count_site, &sites);
	CHECK(found == p && allocators == 1 && wrappers == 1 && sites == 2);
	free(p), free(q);
}

static void forks(void)
{
	char *p = xmalloc(100);
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child) {
		CHECK(alloc_get_size(p + 50) == 100);
		char *q = xmalloc(200);
		CHECK(alloc_get_size(q + 50) == 200);
		exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	free(p);
}

static void any_address(void)
{
	static const uintptr_t odd[] = {0, 1, 4095, 4096, (uintptr_t)1 << 46, UINTPTR_MAX, UINTPTR_MAX / 2, (uintptr_t)1 << 47};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		const void *p = (const void *)odd[i];
		CHECK(!alloc_get_allocator(p) && !alloc_get_wrapper(p) && !alloc_get_site(p) && !alloc_get_type(p));
		CHECK(!alloc_get_base(p) && !alloc_get_size(p) && alloc_free((void *)p) == EINVAL);
	}
	CHECK(!alloc_site_file(NULL) && !alloc_site_line(NULL) && !alloc_site_type(NULL));
}

int main(void)
{
	sizes();
	entry_points();
	nested_wrappers();
	enumerations();
	longjmp_out_of_a_wrapper();
	signals_on_another_stack();
	any_address();
	forks();
	threads();
	puts("all hold");
	return 0;
}
