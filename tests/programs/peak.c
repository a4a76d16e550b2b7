/* a heap whose peak, totals and rest are known by counting */
#include <stdlib.h>

int main(void)
{
	void *volatile p[100];
	for (int i = 0; i < 100; i++) p[i] = malloc(1000);  /* rise */
	for (int i = 0; i < 100; i++) free(p[i]);
	for (int i = 0; i < 10; i++) p[i] = malloc(500);    /* later */
	for (int i = 0; i < 9; i++) free(p[i]);
	void *volatile q = realloc(NULL, 100);              /* first */
	q = realloc(q, 300);                                /* second */
	return 0;
}
