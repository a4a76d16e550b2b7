/* wrappers that leave the allocation to functions that nobody declared, which others call, too */
#include <allocs.h>
#include <stdio.h>
#include <stdlib.h>

#define APART __attribute__((noinline))
#define STAY(p) __asm__ volatile("" : "+r"(p)) /* no jump instead of a call */

static APART void *innermost(size_t n)
{
	void *p = malloc(n);
	if (!p) abort();
	STAY(p);
	return p;
}

static APART void *helper(size_t n)
{
	void *p = innermost(n + 1);
	STAY(p);
	return p;
}

void *xmalloc(size_t n)
{
	void *p = helper(n);
	STAY(p);
	return p;
}

/* the last thing that it does is to jump to its helper */
void *xjump(size_t n) { return helper(n + 2); }

static void tell(const char *name, const void *p)
{
	struct alloc_info i = ALLOC_INFO_INIT;
	alloc_query(p, &i);
	printf("{\"name\":\"%s\",\"chain\":%u,\"wrapper\":\"%s\",\"function\":\"%s\",\"type\":\"%s\"}\n", name, i.chain_length,
	       i.wrapper ? i.wrapper->name : "", alloc_site_function(i.site), i.type ? i.type : "");
}

int main(void)
{
	for (int i = 0; i < 3; i++) { /* found out, and remembered */
		int *wrapped = xmalloc(sizeof *wrapped);
		long *jumped = xjump(sizeof *jumped);
		double *direct = innermost(sizeof *direct);
		tell("wrapped", wrapped);
		tell("jumped", jumped);
		tell("direct", direct);
	}
	return 0;
}
