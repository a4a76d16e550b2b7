#include <stdlib.h>
struct hidden { int field[2]; };
struct hidden *make_hidden(void) { return malloc(sizeof(struct hidden)); }
