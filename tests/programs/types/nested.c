// compilers: gcc
/* GCC's nested functions. */
#include <stdlib.h>

struct out { int a; };
extern void keep(void *);
extern int more(void);
extern int add(int, int);

struct out *outer(int n, struct out *arg)
{
	struct local { long l; } *p;
	int k = n;
	auto void *later(int);
	void *inner(struct out *arg, int (*fp)(int, int), int m[2])
	{
		struct in { char c; };
		struct local *deeper(void) { return malloc(7 * (size_t)k); } //= struct local [cast] in deeper
		keep(deeper());
		keep(arg);
		keep(malloc(sizeof *arg)); //= struct out [sizeof] in inner
		if (fp && m)
			return malloc((size_t)n); //= none in inner
		return malloc(k * sizeof(struct local)); //= struct local [sizeof] in inner
	}
	void *later(int x)
	{
		return more() ? later(x - 1) : malloc(x * sizeof(*p)); //= struct local [sizeof] in later
	}
	p = inner(malloc(sizeof(struct out)), more() ? add : 0, &k); //= struct out [sizeof]
	keep(p);
	keep(later(3));
	return malloc((size_t)n); //= struct out [cast]
}

_Float64 *numbers(int n)
{
	_Float64 *p = malloc(n * sizeof(_Float64)); //= double [sizeof]
	_Float32x *q = malloc(n * sizeof *q); //= double [sizeof]
	keep(q);
	return p;
}
