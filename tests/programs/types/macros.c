/* Calls that macros hide, build or repeat. */
#include <stdlib.h>
#include <string.h>

struct item { int id; struct item *next; };
struct list { struct item *first; long count; };

extern void keep(void *);
extern void *xmalloc(size_t n);
extern int check(int);

#define NEW(T) ((T *)malloc(sizeof(T)))
#define NEW_ARRAY(T, n) ((T *)calloc((n), sizeof(T)))
#define ALLOC(n) malloc(n)
#define ITEM_SIZE sizeof(struct item)
#define BYTES(T, n) ((n) * sizeof(T))
#define ID(x) x
#define TWICE(x) ID(ID(x))
#define MAKE(T) NEW(T)
#define PAIR(T) (keep(malloc(sizeof(T))), keep(malloc(sizeof(T))))
#define MIXED(T, U) (keep(malloc(sizeof(T))), keep(calloc(1, sizeof(U))))
#define GROW(p, n) ((p) = realloc((p), (n) * sizeof *(p)))
#define CALL(f, n) f(n)
#define NAME(a, b) a##b
#define xmalloc(n) (xmalloc)(n)
#define ENSURE(p) do { if (!(p)) abort(); } while (0)
#define malloc_checked(p, n) do { (p) = malloc(n); ENSURE(p); } while (0)

void one_a_line(size_t n, struct item *p)
{
	keep(NEW(struct item)); //= malloc: struct item [sizeof]
	keep(NEW_ARRAY(struct list, n)); //= calloc: struct list [sizeof]
	keep(ALLOC(n * sizeof(long))); //= malloc: long [sizeof]
	keep(malloc(ITEM_SIZE)); //= struct item [sizeof]
	keep(malloc(BYTES(double, n))); //= double [sizeof]
	keep(ID(malloc(sizeof(struct list)))); //= struct list [sizeof]
	keep(TWICE(malloc(sizeof(struct item)))); //= struct item [sizeof]
	keep(MAKE(struct list)); //= malloc: struct list [sizeof]
	GROW(p, n); //= realloc: struct item [sizeof]
	keep(p);
	keep(CALL(malloc, sizeof(short))); //= malloc: short [sizeof]
	keep(NAME(mal, loc)(sizeof(float))); //= malloc: float [sizeof]
	keep(xmalloc(sizeof(struct list))); //= struct list [sizeof]
	malloc_checked(p, sizeof *p); //= malloc: struct item [sizeof]
	keep(p);
	PAIR(struct item); //= malloc: struct item [sizeof]
	MIXED(struct item, struct list); //= malloc: struct item [sizeof]; calloc: struct list [sizeof]
}

void several_a_line(size_t n, struct item **out)
{
	out[0] = NEW(struct item); keep(NEW(long)); //= malloc: struct item [sizeof]; malloc: long [sizeof]
	keep(malloc(sizeof(char))); keep(NEW(struct list)); keep(malloc(n * sizeof(int))); //= char [sizeof]; struct list [sizeof]; int [sizeof]
	keep(NEW_ARRAY(float, n)); keep(NEW_ARRAY(double, n)); //= calloc: float [sizeof]; calloc: double [sizeof]
	PAIR(short); PAIR(long); //= malloc: short [sizeof]; malloc: long [sizeof]
	keep(xmalloc(sizeof(int))); keep(xmalloc(sizeof(long))); //= int [sizeof]; long [sizeof]
	if (check(ID(3)) && (keep(malloc(sizeof(struct item))), 1)) keep(ID(malloc(4 * sizeof(long)))); //= struct item [sizeof]; long [sizeof]
}

void over_several_lines(size_t n)
{
	keep(NEW_ARRAY( //= calloc: struct item [sizeof]
		struct item,
		n
	));
	keep(ID(
		malloc( //= struct list [sizeof] @macros.c:-1
			sizeof(struct list))));
	keep(malloc( //= struct item [sizeof]
		ITEM_SIZE));
	keep(
		ALLOC( //= malloc: long [sizeof]
			sizeof(long)
			* n));
}

/* Two types at one place: which of the two calls the machine code has is not known where only the place tells. */
#define BOTH(T, U) (keep(malloc(sizeof(T))), keep(malloc(sizeof(U))))

void two_types_at_one_place(void)
{
	BOTH(struct item, char); //= malloc: none
}
