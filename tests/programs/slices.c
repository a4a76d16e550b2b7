/* slices: chunks of any size out of pages, freed with their size, one by one or as a list */
#include "tell.h"
#include <stdlib.h>

struct link {
	int value;
	struct link *next;
};

static char *page;
static size_t used;

void *slice_alloc(size_t size)
{
	if (!page) page = malloc(65536);
	void *p = page + used;
	used += (size + 7) & ~(size_t)7;
	return p;
}

void *slice_array(size_t count, size_t size) { return slice_alloc(count * size); }
void slice_free(size_t size, void *p) { *(size_t *)p = size; }

void slice_free_chain(size_t size, void *first, size_t offset)
{
	while (first) {
		void *next = *(void **)((char *)first + offset);
		*(size_t *)first = size;
		first = next;
	}
}

int main(void)
{
	struct link *list = NULL, *all[3];
	for (int i = 0; i < 3; i++) {
		struct link *l = slice_alloc(sizeof(struct link)); /* link */
		l->next = list;
		all[i] = list = l;
	}
	struct link *single = slice_alloc(sizeof *single);
	double *array = slice_array(4, sizeof(double)); /* array */
	tell("link", &all[1]->next);
	tell("array", &array[3]);
	slice_free_chain(sizeof(struct link), list, offsetof(struct link, next));
	for (int i = 0; i < 3; i++) tell("chained", all[i]);
	tell("single", single);
	slice_free(sizeof *single, single);
	tell("freed", single);
	printf("{\"name\":\"free\",\"status\":%d}\n", alloc_free ? alloc_free(array) : 0);
	tell("array freed", array);
	return 0;
}
