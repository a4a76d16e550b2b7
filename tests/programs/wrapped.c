/* allocations through wrappers and directly; each says what the runtime knows of it */
#include "tell.h"
#include "xmalloc.h"
#include <stdlib.h>
#include <string.h>

struct pair {
	int a, b;
};
typedef struct {
	double x;
} anonymous;

__attribute__((noinline)) static void *made(size_t n)
{
	return malloc(n * sizeof(struct pair)); /* tail site */
}

int main(void)
{
	struct pair *one = xmalloc(sizeof *one);            /* one */
	struct pair *many = xcalloc(7, sizeof(struct pair)); /* many */
	char *text = xmemdup("hello", strlen("hello") + 1); /* text */
	anonymous *direct = malloc(3 * sizeof(anonymous));  /* direct */
	void *tail = made(5);
	one = xrealloc(one, 10 * sizeof *one);              /* grown */
	char *plain = strdup("plain");                      /* plain */
	tell("one", one);
	tell("many", &many[3].b);
	tell("text", text + 2);
	tell("direct", direct);
	tell("tail", tail);
	tell("plain", plain);
	tell("stack", &one);
	tell("null", NULL);
	xfree(many);
	tell("freed", many);
	int first = alloc_free ? alloc_free(direct) : 0, second = alloc_free ? alloc_free(direct) : 0;
	printf("{\"name\":\"free\",\"first\":%d,\"second\":%d}\n", first, second);
	return 0;
}
