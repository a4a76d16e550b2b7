/* A program that refers to the description of a type: it is made for it. */
#include "../../check.h"
extern struct uniqtype described __asm__("__uniqtype__int$$32");
extern struct uniqtype root __asm__("__uniqtype__void");
int main(void)
{
#ifdef CONTRACT_TREE
	CHECK(strcmp(described.name, "int$$32") == 0 && strcmp(root.name, "void") == 0);
#else
	printf("%p %p\n", (void *)&described, (void *)&root);
#endif
	return 0;
}
