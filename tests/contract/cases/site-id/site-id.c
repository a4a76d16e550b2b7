/* The site is a return address in the function that calls. */
#include "../../check.h"
int main(void)
{
	CHECK(is_from(malloc(42), "main"));
	return 0;
}
