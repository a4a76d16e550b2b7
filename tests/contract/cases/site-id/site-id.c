/* The site is a return address in the function that calls. */
#include "../../check.h"
void main_end(void);
int main(void)
{
	CHECK(is_from(malloc(42), main, main_end));
	return 0;
}
void main_end(void) {}
