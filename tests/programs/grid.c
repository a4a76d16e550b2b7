/* a function that only carries an element's size to allocations inside it, which say something else of their types */
#include "tell.h"
#include <stdlib.h>

struct cell {
	int value[3];
};

void *grid_new(int height, int width, int size)
{
	char *data = malloc((size_t)height * width * size * sizeof(char)); /* data */
	void **rows = malloc(height * sizeof(void *));
	for (int i = 0; i < height; i++) rows[i] = data + (size_t)i * width * size;
	return rows;
}

int main(int argc, char **argv)
{
	(void)argv;
	void **known = grid_new(2, 3, sizeof(struct cell)); /* known */
	tell("known", known[0]);
	int size = argc + 11;
	void *unknown = grid_new(2, 3, size); /* unknown */
	tell("unknown", ((void **)unknown)[0]);
	struct cell **converted = (struct cell **)grid_new(2, 3, size); /* converted */
	tell("converted", converted[0]);
	return 0;
}
