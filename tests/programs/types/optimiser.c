/* What optimisers do to calls: inline, clone, merge, replace. */
#include <stdlib.h>
#include <string.h>

struct a { int x[4]; };
struct b { long y[2]; };
struct c { long z[3]; };

extern void keep(void *);
extern void use(int);
extern void *xmalloc(size_t);

static inline struct a *make_a(int n)
{
	struct a *p = malloc(sizeof *p); //= struct a [sizeof]
	p->x[0] = n;
	return p;
}

static void *make_many(size_t n, int zero)
{
	void *p = malloc(n * sizeof(struct c)); //= struct c [sizeof]
	if (zero)
		memset(p, 0, n);
	use(3);
	return p;
}

void inlined(int n)
{
	keep(make_a(1));
	keep(make_a(n));
	for (int i = 0; i < 4; i++)
		keep(make_a(i));
	keep(make_many(5, 0));
	keep(make_many((size_t)n, 1));
}

static __attribute__((noinline)) struct b *cloned(int kind, long value)
{
	struct b *p = malloc(sizeof(struct b)); //= struct b [sizeof]
	p->y[0] = kind == 3 ? value : value * 2;
	use(kind);
	return p;
}

void clones(long v)
{
	keep(cloned(3, v));
	keep(cloned(3, v + 1));
}

static int split(int likely, struct c **out)
{
	if (__builtin_expect(likely, 1))
		return 0;
	*out = malloc(sizeof(struct c)); //= struct c [sizeof]
	use(1);
	use(2);
	use(3);
	use(4);
	return 1;
}

int part(int n, struct c **out)
{
	return split(n, out);
}

int other_part(int n, struct c **out)
{
	use(5);
	return split(n + 1, out + 1);
}

void *tail(size_t n)
{
	return xmalloc(n * sizeof(struct b)); //= struct b [sizeof]
}

void *conditional_tail(size_t n)
{
	if (n < 10)
		return NULL;
	return xmalloc(n * sizeof(struct c)); //= struct c [sizeof]
}

void *zeroed(size_t n)
{
	struct a *p = malloc(n * sizeof *p); //= malloc|calloc: struct a [sizeof]
	if (p)
		memset(p, 0, n * sizeof *p);
	return p;
}

void unrolled(struct a **out)
{
	for (int i = 0; i < 3; i++)
		out[i] = malloc(sizeof(struct a)); //= struct a [sizeof]
}

static void *recursive(int depth)
{
	void **p = malloc(2 * sizeof *p); //= void * [sizeof]
	p[0] = depth ? recursive(depth - 1) : NULL;
	p[1] = NULL;
	return p;
}

void *recurse(void) { return recursive(7); }

/* One call may be all that is left of these: then its place says nothing. */
void *merged_equal(int c)
{ //? malloc: none
	void *p;
	if (c)
		p = malloc(sizeof(struct a)); //? struct a [sizeof]
	else
		p = malloc(sizeof(struct b)); //? struct b [sizeof]
	return p;
}

void *merged_by_end(int c, size_t n)
{
	void *p;
	switch (c) { //? malloc: none
	case 1:
		p = malloc(n * sizeof(struct a)); //? struct a [sizeof]
		keep(p);
		use(0);
		keep(p);
		break;
	case 2:
		p = malloc(n * sizeof(struct b)); //? struct b [sizeof]
		keep(p);
		use(0);
		keep(p);
		break;
	case 3:
		p = malloc(n * sizeof(struct c)); //? struct c [sizeof]
		keep(p);
		use(0);
		keep(p);
		break;
	default:
		p = NULL;
	}
	return p;
}

void *merged_of_one_type(int c)
{
	void *p;
	if (c) //? malloc: none
		p = malloc(2 * sizeof(struct a)); //? struct a [sizeof]
	else
		p = malloc(3 * sizeof(struct a)); //? struct a [sizeof]
	return p;
}

/* Functions with the same code become one. */
struct a *same_code_a(void)
{
	use(77);
	return malloc(sizeof(struct a)); //? struct a [sizeof] or none
}

struct b *same_code_b(void)
{
	use(77);
	return malloc(sizeof(struct b)); //? struct b [sizeof] or none
}

static __attribute__((noinline)) void *same_static_a(int x)
{
	use(78);
	return x ? malloc(sizeof(struct a)) : NULL; //? struct a [sizeof] or none
}

static __attribute__((noinline)) void *same_static_b(int x)
{
	use(78);
	return x ? malloc(sizeof(struct b)) : NULL; //? struct b [sizeof] or none
}

void *use_same_static(int x)
{
	return x > 5 ? same_static_a(x) : same_static_b(x + 1);
}

void *through_pointer(size_t n)
{
	void *(*allocate)(size_t) = malloc;
	return allocate(n); //? malloc: none
}
