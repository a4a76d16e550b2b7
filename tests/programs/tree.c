/* every chunk may be the parent of others, and takes them along */
#include "tell.h"
#include <stdlib.h>

struct head {
	struct head *first, *next;
};

void *tree_get(void *parent, size_t size)
{
	struct head *h = calloc(1, sizeof *h + size), *p = parent;
	if (p) {
		h->next = p[-1].first;
		p[-1].first = h;
	}
	return h + 1;
}

static void drop(struct head *h)
{
	while (h) {
		struct head *next = h->next;
		drop(h->first);
		h->first = h->next = NULL; /* the memory stays: nobody but the free function says that they are gone */
		h = next;
	}
}

int tree_free(void *p)
{
	drop(((struct head *)p)[-1].first);
	((struct head *)p)[-1].first = NULL;
	return 0;
}

int main(void)
{
	int *root = tree_get(NULL, sizeof(int));
	long *child = tree_get(root, sizeof(long)), *other = tree_get(NULL, sizeof(long));
	char *grandchild = tree_get(child, 7), *apart = tree_get(other, 9);
	tell("grandchild", grandchild + 6);
	tree_free(root);
	tell("root gone", root);
	tell("child gone", child);
	tell("grandchild gone", grandchild);
	tell("other", other);
	tell("apart", apart);
	return 0;
}
