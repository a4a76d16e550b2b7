/* The same inline function in two units: its sites are one line. */
#include "shared.h"
double *other(size_t n);
int main(void)
{
	CHECK(has_type(make(3), "float$$64"));
	CHECK(has_type(other(3), "float$$64"));
	return 0;
}
