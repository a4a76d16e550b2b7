#include "frames.h"
#include <alloca.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *last;
extern jmp_buf back;
volatile int zero;
static volatile char *volatile used;

void *w_plain(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	return p;
}

void *w_alloca(size_t n)
{
	used = alloca(n * 100 + zero);
	used[0] = 1;
	void *p = malloc(n);
	used = alloca(n + zero);
	return p;
}

void *w_vla(size_t n)
{
	char room[n * 10 + zero];
	used = room;
	memset(room, zero, sizeof room);
	void *p = malloc(n);
	room[0] = p != 0;
	return p;
}

/* the frame is aligned: its address is not a fixed distance from anything */
void *w_aligned(size_t n)
{
	char room[128] __attribute__((aligned(64)));
	used = room;
	memset(room, zero, sizeof room);
	void *p = malloc(n + room[zero + 5]);
	room[0] = p != 0;
	return p;
}

void *w_aligned_vla(size_t n)
{
	char room[128] __attribute__((aligned(64))), more[n + zero];
	used = room;
	memset(room, zero, sizeof room);
	used = more;
	void *p = malloc(n + room[zero + 5]);
	more[0] = room[0] = p != 0;
	return p;
}

__attribute__((noinline)) static long step(long a) { return a * 3 + zero; }

void *w_saved(size_t n)
{
	long a = step(n), b = step(a), c = step(b), d = step(c), e = step(d), f = step(e), g = step(f);
	void *p = malloc(n);
	zero = (a ^ b ^ c ^ d ^ e ^ f ^ g) * zero;
	return p;
}

void *w_large(size_t n)
{
	char room[100000];
	used = room;
	room[zero] = 1;
	void *p = malloc(n);
	room[1] = p != 0;
	return p;
}

__attribute__((noinline)) static void *tenth(long a, long b, long c, long d, long e, long f, long g, long h, long i, void *p)
{
	zero = (a + b + c + d + e + f + g + h + i) * zero;
	return p;
}

/* called between pushes */
void *w_pushed(size_t n)
{
	return tenth(1, 2, 3, 4, 5, 6, 7, 8, step(n), malloc(n));
}

void *w_recursive(size_t n, int depth)
{
	void *p = depth ? w_recursive(n, depth - 1) : malloc(n);
	if (!p) abort();
	return p;
}

void *w_pointer(size_t n)
{
	void *(*volatile f)(size_t) = w_plain;
	void *p = f(n);
	if (!p) abort();
	return p;
}

void *w_tail(size_t n) { return w_plain(n); }

__attribute__((cold, noinline)) static void note(void) { zero = 0; }

void *w_cold(size_t n)
{
	if (__builtin_expect(n > 1000, 0)) {
		note();
		void *p = malloc(n);
		note();
		return p;
	}
	return used ? (void *)used : 0;
}

void *w_jumps(size_t n)
{
	last = malloc(n);
	longjmp(back, 1);
}

void *w_grown(size_t n)
{
	void *p = realloc(NULL, n);
	p = realloc(p, 100 * n);
	return p;
}
