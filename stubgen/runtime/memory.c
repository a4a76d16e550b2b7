/* memory for the runtime itself, straight from the system, and the lock for what is rare */
#include "rt.h"
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

void *rt_pages(size_t size)
{
	void *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? 0 : p;
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

char *rt_keep_string(const char *s)
{
	if (!s) return 0;
	size_t n = strlen(s) + 1;
	char *copy = rt_keep(n);
	return copy ? memcpy(copy, s, n) : 0;
}

static atomic_flag lock = ATOMIC_FLAG_INIT;

void rt_lock(void)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) sched_yield();
}

void rt_unlock(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}
