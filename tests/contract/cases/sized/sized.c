/* An ALLOCSZ function: the size of an element is its argument, what is allocated is inside. */
#include "../../check.h"
struct cell { long a, b; };
void **grid_new(int rows, int columns, int size)
{
	void **grid = malloc(rows * sizeof(void *) + (size_t)rows * columns * size);
	return grid;
}
int main(int argc, char **argv)
{
	(void)argv;
	void **grid = grid_new(argc, 3, sizeof(struct cell));
	CHECK(is_from(grid, "main"));
	CHECK(has_type(grid, "cell"));
	return 0;
}
