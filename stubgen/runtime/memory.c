/* memory for the runtime itself, straight from the system, and the lock for what is rare */
#include "rt.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Where address space is limited, this much of it is ours: the program must get from malloc what it would get anyway. */
#define SHARE 8

static int is_too_much(size_t size)
{
	static _Atomic size_t taken;
	struct rlimit limit;
	size_t all = atomic_fetch_add(&taken, size) + size;
	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY || all <= limit.rlim_cur / SHARE) return 0;
	atomic_fetch_sub(&taken, size);
	return 1;
}

int rt_is_short;

/* the program's malloc may succeed where this fails: errno is the program's */
void *rt_pages(size_t size)
{
	if (is_too_much(size)) return 0;
	int saved = errno;
	void *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	errno = saved;
	if (p != MAP_FAILED) return p;
	rt_is_short = 1;
	return 0;
}

/* callers hold the lock */
void *rt_keep(size_t size)
{
	static char *at;
	static size_t left;
	size = (size + 15) & ~(size_t)15;
	if (size > left) {
		size_t chunk = size > 65536 ? size : 65536;
		if (!(at = rt_pages(chunk))) {
			left = 0;
			return 0;
		}
		left = chunk;
	}
	void *p = at;
	at += size;
	left -= size;
	return p;
}

/* each text once: an object that comes and goes brings the same ones every time */
const char *rt_keep_string(const char *s)
{
	static struct text {
		struct text *next;
		char s[];
	} *bucket[4096];
	if (!s) return 0;
	size_t n = 0, h = 5381;
	for (; s[n]; n++) h = h * 33 + (unsigned char)s[n];
	struct text **head = &bucket[h % 4096];
	for (struct text *t = *head; t; t = t->next)
		if (!strcmp(t->s, s)) return t->s;
	struct text *t = rt_keep(sizeof *t + n + 1);
	if (!t) return 0;
	memcpy(t->s, s, n + 1);
	t->next = *head;
	*head = t;
	return t->s;
}

static atomic_flag lock = ATOMIC_FLAG_INIT;
static sigset_t mask_before; /* the holder's */

/* A signal's handler that allocates must not wait for the thread that it interrupted: whoever holds the lock gets no
 * signals, whoever waits for it does. */
void rt_lock(void)
{
	sigset_t all, before;
	sigfillset(&all);
	for (;;) {
		sigprocmask(SIG_BLOCK, &all, &before);
		if (!atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) break;
		sigprocmask(SIG_SETMASK, &before, 0);
		sched_yield();
	}
	mask_before = before;
}

void rt_unlock(void)
{
	sigset_t before = mask_before;
	atomic_flag_clear_explicit(&lock, memory_order_release);
	sigprocmask(SIG_SETMASK, &before, 0);
}
