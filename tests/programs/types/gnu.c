/* GNU C that gcc and clang have. */
#include <stdlib.h>

struct node { struct node *left, *right; };
extern void keep(void *);

#define MAX(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define new_checked(T) ({ T *p_ = malloc(sizeof(T)); if (!p_) abort(); p_; })
#define array_bytes(n, T) ({ size_t n_ = (n); n_ * sizeof(T); })

void expressions(size_t n, struct node *p)
{
	keep(new_checked(struct node)); //= malloc: struct node [sizeof]
	keep(malloc(array_bytes(n, struct node))); //= struct node [sizeof]
	keep(({ void *q = malloc(sizeof(long)); q; })); //= long [sizeof]
	keep(malloc(MAX(n, (size_t)8))); //= none
	keep(malloc(n * sizeof(__typeof__(*p)))); //= struct node [sizeof]
	keep(malloc(n * sizeof(__typeof__(*p) *))); //= struct node * [sizeof]
	keep(malloc(n * sizeof(__typeof__(struct node)))); //= struct node [sizeof]
	keep(malloc(n * sizeof(typeof(p->left)))); //= struct node * [sizeof]
	__auto_type q = p;
	keep(malloc(n * sizeof *q)); //= struct node [sizeof]
	typeof(*p) *r = malloc(n); //= struct node [cast]
	keep(r);
	keep(malloc(n ?: sizeof(struct node))); //= none
	keep(malloc(__builtin_choose_expr(1, sizeof(struct node), 8))); //= struct node [sizeof]
	keep(malloc(__builtin_expect(n * sizeof(short), 64))); //= short [sizeof]
}

void ranges(int n)
{
	switch (n) {
	case 1 ... 5:
		keep(malloc(sizeof(struct node[3]))); //= struct node[3] [sizeof]
	}
}

void labels(size_t n)
{
	static void *const targets[] = {&&one, &&two};
	goto *targets[n & 1]; //? malloc: none
one:
	keep(malloc(n * sizeof(struct node))); //? struct node [sizeof]
	return;
two:
	keep(malloc(n * sizeof(long))); //? long [sizeof]
}

struct empty {};
struct zero { int n; struct node tail[0]; };

void attributes(size_t n)
{
	__extension__ struct zero *z = malloc(sizeof(struct zero) + n * sizeof(z->tail[0])); //= struct zero [sizeof]
	keep(z);
	register size_t in_register = sizeof(struct node);
	keep(malloc(in_register)); //= struct node [flow]
	size_t changed = sizeof(struct node);
	__asm__("" : "+r"(changed));
	keep(malloc(changed)); //= none
	__float128 *wide = malloc(n * sizeof(__float128)); //= __float128 [sizeof]
	keep(wide);
	keep((void *)__builtin_calloc(n, sizeof(struct node))); //= calloc: struct node [sizeof]
}
