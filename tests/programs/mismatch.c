/* frees what it must not, as its argument says; case 0: nothing of the kind */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

void *xmalloc(size_t n);
void xfree(void *);
void yfree(void *);
void *pool_get(size_t n);
void pool_put(void *);

struct node { int a[5]; };
static void (*volatile indirect)(void *) = xfree;

int main(int argc, char **argv)
{
	struct node *p = xmalloc(sizeof(struct node)); /* node */
	char *q = malloc(10); /* text */
	void *r = pool_get(sizeof(long)); /* long */
	switch (argc > 1 ? atoi(argv[1]) : 0) {
	case 0:
		xfree(p), free(q), pool_put(r);
		indirect(xmalloc(4)), yfree(xmalloc(4));
		free(strdup("x")), xfree(strdup("y"));
		break;
	case 1: free(p); break;
	case 2: pool_put(q); break;
	case 3: free(r); break;
	case 4: free(q), free(q); break;
	case 5: free(q + 4); break;
	case 6: xfree(p), xfree(p); break;
	case 7: pool_put(p); break;
	case 8: p = realloc(p, 50); break;
	case 9: free((void *)argv); break;
	case 10: q = realloc(q + 1, 5); break;
	}
	puts("end");
	return 0;
}
