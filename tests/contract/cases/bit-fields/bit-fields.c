/* Bit-fields, anonymous members, and types without a name of their own. */
#include "../../check.h"
struct flags { unsigned a : 3, b : 5; union { int i; float f; }; };
typedef struct { int x, y; } point;
int main(void)
{
	CHECK(has_type(malloc(sizeof(struct flags)), "flags"));
	CHECK(has_type(malloc(3 * sizeof(point)), "point"));
	return 0;
}
