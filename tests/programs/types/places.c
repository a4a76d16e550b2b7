/* Where calls stand: over lines, in each other, in sections of their own, under #line. */
#include <stdlib.h>

struct a { int x[3]; };
struct b { long y[5]; };

extern void keep(void *);
extern void keep2(void *, void *);
extern void *pass(void *);
extern void *pass2(int, void *);
extern void *xmalloc(size_t);
extern int more(void);

void lines(size_t n)
{
	keep(malloc //= struct a [sizeof]
		(sizeof
			(struct a)));
	void *p =
		malloc( //= struct b [sizeof]
			n *
			sizeof(struct b)
		);
	keep(p);
	keep((malloc)(sizeof(struct a))); //= struct a [sizeof]
	keep(__builtin_malloc(n * sizeof(struct a))); //= malloc: struct a [sizeof]
	keep(malloc(sizeof(struct a))); keep(malloc(sizeof(struct b))); //= struct a [sizeof]; struct b [sizeof]
	keep( malloc(sizeof(char)) ); /* malloc(sizeof(int)) */ keep(calloc(n, sizeof(int))); //= malloc: char [sizeof]; calloc: int [sizeof]
	p = more() ? malloc(sizeof(struct a)) : xmalloc(sizeof(struct b)); //= malloc: struct a [sizeof]; xmalloc: struct b [sizeof]
	keep(p);
	n++; \
	p = malloc(sizeof(struct b)); //= struct b [sizeof]
	keep(p);
}

void arguments(size_t n)
{
	keep(realloc(malloc(sizeof(struct a)), n * sizeof(struct b))); //= realloc: struct b [sizeof]; malloc: struct a [sizeof]
	keep(realloc( //= struct b [sizeof]
		malloc(sizeof(struct a)), //= struct a [sizeof]
		n * sizeof(struct b)));
	keep(pass(pass(
		malloc(sizeof(struct a))))); //= struct a [sizeof]
	keep2(
		malloc(sizeof(struct a)), //= struct a [sizeof]
		xmalloc(sizeof(struct b))); //= struct b [sizeof]
	keep2((struct a *)malloc(sizeof(struct a)), (struct b *)malloc(sizeof(struct b))); //= struct a [sizeof] or none; struct b [sizeof] or none
	keep2(pass2(1, calloc(n, sizeof(struct a))), pass2(2, malloc(sizeof(struct b)))); //= calloc: struct a [sizeof]; malloc: struct b [sizeof]
	keep(pass(more() ? malloc(sizeof(struct a)) //= struct a [sizeof]
		: xmalloc(sizeof(struct b)))); //= struct b [sizeof]
}

__attribute__((constructor)) static void at_startup(void)
{
	keep(malloc(sizeof(struct a))); //= struct a [sizeof]
}

__attribute__((cold)) void rarely(void)
{
	keep(malloc(sizeof(struct b))); //= struct b [sizeof]
}

__attribute__((section(".text.special"))) void elsewhere(void)
{
	keep(malloc(sizeof(struct a))); //= struct a [sizeof]
}

void half_cold(size_t n)
{
	if (__builtin_expect(n > 1000, 0)) {
		keep(malloc(n * sizeof(struct b))); //= struct b [sizeof]
		abort();
	}
	keep(malloc(n * sizeof(struct a))); //= struct a [sizeof]
}

int main(int argc, char **argv)
{
	(void)argv;
	keep(malloc((size_t)argc * sizeof(struct a))); //= struct a [sizeof]
	return 0;
}

#line 100 "grammar.y"
void generated(size_t n)
{
	keep(malloc(n * sizeof(struct a))); //= struct a [sizeof] @grammar.y:102
# 300
	keep(malloc(n * sizeof(struct b))); //= struct b [sizeof] @grammar.y:300
#line 7 "sub/lexer.l"
	keep(malloc(sizeof(struct a))); keep(malloc(sizeof(struct b))); //= struct a [sizeof] @lexer.l:7; struct b [sizeof] @lexer.l:7
}
