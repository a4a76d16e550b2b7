/* alloca.c: chunks on the stack, known until their function returns; its case is its argument */
#include "check.h"
#include <alloca.h>
#include <allocs.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>

struct point {
	int x, y;
};
struct big {
	long v[9];
};
struct pair {
	long a, b;
};
struct floats {
	double a, b;
};

static __thread void *kept[64];
static volatile int zero;

static void live(const void *p, size_t size, const char *type, const char *function, unsigned line)
{
	struct alloc_info i = ALLOC_INFO_INIT;
	CHECK(alloc_query(p, &i));
	CHECK(!strcmp(i.allocator->name, "alloca"));
	CHECK(i.base == p && i.size == size && !i.wrapper && !i.chain_length);
	CHECK(type ? i.type && !strcmp(i.type, type) : !i.type);
	CHECK(!strcmp(alloc_site_function(i.site), function) && !strcmp(alloc_site_callee(i.site), "alloca"));
	CHECK(strstr(alloc_site_file(i.site), "alloca.c") && alloc_site_line(i.site) == line);
	if (size) CHECK(alloc_get_base((const char *)p + size - 1) == p);
	CHECK(alloc_get_base((const char *)p + size) != p || !size);
}

static int dead(const void *p)
{
	return !alloc_get_allocator(p) || strcmp(alloc_get_allocator(p)->name, "alloca");
}

static int all(int n)
{
	for (int i = 0; i < n; i++)
		if (!dead(kept[i])) return 0;
	return 1;
}

__attribute__((noinline)) static int plain(int n)
{
	struct point *p = alloca((size_t)n * sizeof *p); unsigned line = __LINE__;
	memset(p, 0, (size_t)n * sizeof *p);
	live(p, (size_t)n * sizeof *p, "struct point", "plain", line);
	kept[0] = p;
	char *c = (char *)alloca(30); line = __LINE__;
	memset(c, 0, 30);
	live(c, 30, "char", "plain", line);
	live(p, (size_t)n * sizeof *p, "struct point", "plain", line - 4);
	kept[1] = c;
	CHECK(alloc_free(p) == ENOTSUP && strstr(alloc_free_problem(p), "stack"));
	return n;
}

__attribute__((noinline)) static int loop(int n)
{
	for (int i = 0; i < n; i++) {
		int *p = alloca(sizeof(int) * (size_t)(i + 1));
		p[i] = i;
		kept[i] = p;
		for (int j = 0; j <= i; j++) live(kept[j], sizeof(int) * (size_t)(j + 1), "int", "loop", __LINE__ - 3);
	}
	return ((int *)kept[n - 1])[n - 1];
}

__attribute__((noinline)) static int deep(int n)
{
	long *p = alloca(sizeof(long) * (size_t)(n % 5 + 1));
	p[0] = n;
	kept[n % 64] = p;
	int below = n ? deep(n - 1) : 0;
	live(p, sizeof(long) * (size_t)(n % 5 + 1), "long", "deep", __LINE__ - 4);
	return below + (int)p[0];
}

/* several returns; the chunk is there only on one of the ways */
__attribute__((noinline)) static int ways(int n)
{
	if (n == 0) return plain(1);
	if (n == 1) {
		char *p = alloca(100);
		memset(p, n, 100);
		kept[0] = p;
		live(p, 100, "char", "ways", __LINE__ - 3);
		if (p[5] == n + zero) return 7;
	}
	CHECK(n > 1);
	return deep(3);
}

#define RESULT(type, name, value)                                                          \
	__attribute__((noinline)) static type name(int n)                                  \
	{                                                                                  \
		int *p = alloca(sizeof(int) * (size_t)n);                                  \
		p[n - 1] = n;                                                              \
		kept[0] = p;                                                               \
		CHECK(!dead(p));                                                           \
		type result = value;                                                       \
		return result;                                                             \
	}
RESULT(long double, extended, p[n - 1] + 0.25L)
RESULT(_Complex long double, complex_extended, p[n - 1] + 0.25L)
RESULT(double, floating, p[n - 1] + 0.5)
RESULT(struct floats, floats, ((struct floats){p[n - 1] + 0.5, p[n - 1] + 0.25}))
RESULT(struct pair, two, ((struct pair){p[n - 1], -p[n - 1]}))
RESULT(struct big, nine, ((struct big){{p[n - 1], 2, 3, 4, 5, 6, 7, 8, p[n - 1] + 1}}))
__extension__ typedef __int128 wide_int;
RESULT(wide_int, wide, ((wide_int)p[n - 1] << 64) + 1)

static void results(void)
{
	CHECK(extended(3) == 3.25L && all(1));
	CHECK(complex_extended(3) == 3.25L && all(1));
	CHECK(floating(3) == 3.5 && all(1));
	struct floats f = floats(3);
	CHECK(f.a == 3.5 && f.b == 3.25 && all(1));
	struct pair p = two(4);
	CHECK(p.a == 4 && p.b == -4 && all(1));
	struct big b = nine(5);
	CHECK(b.v[0] == 5 && b.v[8] == 6 && all(1));
	CHECK(wide(6) == ((wide_int)6 << 64) + 1 && all(1));
}

/* ---- left without a return ---- */

static jmp_buf out;

__attribute__((noinline)) static void jumps(int n)
{
	kept[n] = alloca(100 + (size_t)n);
	memset(kept[n], 0, 100);
	CHECK(!dead(kept[n]));
	if (n) jumps(n - 1);
	if (!zero) longjmp(out, 1);
}

__attribute__((noinline)) static int asks(int n)
{
	volatile char room[2000];
	room[n] = 0;
	return all(8) + room[n];
}

/* the second time there is nothing, but the frame and its caller are the same, and deep down the stack reaches there */
__attribute__((noinline)) static int again(int n)
{
	if (!n) return asks(3);
	for (int i = 0; i < 8; i++) {
		kept[i] = alloca((size_t)n);
		memset(kept[i], 0, (size_t)n);
	}
	return !all(8);
}

/* the same where the function aligns its stack: its frame record is not beside its return address */
__attribute__((noinline)) static int aligned(int n)
{
	char room[64] __attribute__((aligned(128)));
	memset(room, n, sizeof room);
	CHECK((uintptr_t)room % 128 == (uintptr_t)zero);
	if (!n) return asks(3);
	for (int i = 0; i < 8; i++) {
		kept[i] = alloca((size_t)n);
		memset(kept[i], room[i], (size_t)n);
	}
	return !all(8);
}

static void longjumps(void)
{
	for (volatile int i = 0; i < 100; i++) {
		if (!setjmp(out)) jumps(7);
		CHECK(all(8) && asks(3));
		if (!setjmp(out)) jumps(7);
		plain(3); /* another one in the same place */
		CHECK(all(8));
	}
}

/* ---- as an argument; where a block's stack is given back ---- */

__attribute__((noinline)) static int takes(char *a, char *b, int n)
{
	CHECK(!dead(a) && !dead(b) && a != b && alloc_get_size(a) == 10 && alloc_get_size(b) == 20);
	kept[0] = a;
	kept[1] = b;
	return n;
}

__attribute__((noinline)) static int arguments(int n)
{
	return takes(memset(alloca(10), 0, 10), memset(alloca(20), 0, 20), n) + 1;
}

__attribute__((noinline)) static int is_below(const void *p)
{
	return (uintptr_t)p < (uintptr_t)__builtin_frame_address(0);
}

__attribute__((noinline)) static int block(int n)
{
	for (int i = 0; i < 3; i++) {
		char v[n + i];
		memset(v, 1, (size_t)(n + i));
		kept[i] = alloca(5000);
		memset(kept[i], v[0], 5000);
		CHECK(!dead(kept[i]));
	}
	/* clang gives alloca's memory back with most arrays', gcc 12 with none */
	for (int i = 0; i < 3; i++) CHECK(dead(kept[i]) == is_below(kept[i]));
	return n;
}

/* ---- threads, children, other stacks ---- */

static void *thread(void *arg)
{
	for (int i = 0; i < 200; i++) {
		char *p = alloca(1 + (size_t)(i % 7));
		*p = 1;
		CHECK(alloc_get_base(p) == p);
		CHECK(deep(20) > 0);
	}
	*(void **)arg = alloca(77);
	memset(*(void **)arg, 0, 77);
	CHECK(!dead(*(void **)arg));
	if (zero) return 0;
	pthread_exit(0);
}

static void *one_thread(void *arg)
{
	void *p;
	(void)arg;
	return thread(&p);
}

static void threads(void)
{
	pthread_t t[4];
	void *last[4];
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++) CHECK(!pthread_create(&t[i], 0, round % 2 ? one_thread : thread, &last[i]));
		for (int i = 0; i < 4; i++) CHECK(!pthread_join(t[i], 0));
		for (int i = 0; !(round % 2) && i < 4; i++) CHECK(dead(last[i]));
	}
}

static void forks(void)
{
	char *p = alloca(10);
	memset(p, 0, 10);
	pid_t child = fork();
	if (!child) {
		CHECK(!dead(p) && plain(3) == 3 && all(2));
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0 && !dead(p));
}

static ucontext_t here, there;

static void coroutine(void)
{
	char *p = alloca(40);
	memset(p, 0, 40);
	kept[10] = p;
	for (int i = 0; i < 10; i++) {
		CHECK(!dead(p) && plain(2) == 2 && all(2) && !dead(p));
		swapcontext(&there, &here);
	}
}

static void coroutines(void)
{
	char *stack = malloc(256 << 10), *mine = alloca(50);
	memset(mine, 0, 50);
	CHECK(!getcontext(&there));
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = 256 << 10;
	there.uc_link = &here;
	makecontext(&there, coroutine, 0);
	for (int i = 0; i < 10; i++) {
		swapcontext(&here, &there);
		CHECK(!dead(kept[10]) && !dead(mine));
		CHECK(plain(2) == 2 && all(2) && !dead(kept[10]) && !dead(mine));
	}
	free(stack); /* in the middle of it */
	CHECK(dead(kept[10]) && !dead(mine));
}

/* ---- what is around and inside ---- */

static int count(const void *p, size_t n, void *arg)
{
	(void)n;
	*(int *)arg += p == kept[0];
	return 0;
}

static int is_alloca(const struct allocator *a, void *arg)
{
	if (!strcmp(a->name, "alloca")) *(const struct allocator **)arg = a;
	return 0;
}

static void walks(void)
{
	int n = 0;
	const struct allocator *a = 0;
	kept[0] = alloca(12);
	memset(kept[0], 0, 12);
	alloc_for_each_chunk(count, &n);
	CHECK(n == 1);
	alloc_for_each_allocator(is_alloca, &a);
	CHECK(a && a->alloc_count && !a->parent && !a->free_chunk);
}

static void nothing(void)
{
	char *p = alloca((size_t)zero), *q = alloca(8);
	memset(q, 0, 8);
	CHECK(!dead(q) && alloc_get_size(q) == 8);
	kept[0] = p;
	kept[1] = q;
}

__attribute__((noinline)) static void wrong(void)
{
	int *p = alloca(4 * sizeof *p); /* wrong */
	*p = zero;
	void (*volatile f)(void *) = free;
	if (!*p) f(p);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "wrong")) wrong();
	CHECK(plain(3) == 3 && all(2));
	CHECK(loop(20) == 19 && all(20));
	CHECK(deep(63) == 63 * 32 && all(64));
	CHECK(ways(1) == 7 && all(1) && ways(2) == 6 && ways(0) == 1 && all(2));
	results();
	for (int i = 0; i < 10; i++) CHECK(again(i % 2 ? 0 : 40 + i) == 1 && aligned(i % 2 ? 0 : 40 + i) == 1);
	longjumps();
	CHECK(arguments(4) == 5 && all(2));
	CHECK(block(9) == 9 && all(3));
	threads();
	forks();
	coroutines();
	walks();
	nothing();
	CHECK(all(2));
	return 0;
}
