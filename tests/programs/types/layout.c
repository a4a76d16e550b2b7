/* Types of every shape behind sizeof. */
#include <stdlib.h>
#include <wchar.h>

extern void keep(void *);

struct flexible { int count; double values[]; };
union value { long integer; double real; void *pointer; };
enum color { RED, GREEN, BLUE };
struct flags { unsigned a : 3, b : 5; int : 0; unsigned c : 1; };
struct aligned { _Alignas(32) char line[32]; };
struct packed { char c; long l; } __attribute__((packed));
typedef struct { float r, g, b; } rgb;
typedef struct named { int n; } named_t;
typedef int row[8];
typedef int (*compare)(const void *, const void *);
typedef struct named *named_p;
typedef const char *cstring;
struct outer { struct inner { short s; } in; struct { int x; } unnamed; union { int i; float f; } u; };
struct { int a, b; } global_pair, *global_pair_p;
static struct outer outer;
struct incomplete;

void shapes(size_t n, struct outer *o, int (*matrix)[8], struct incomplete **h)
{
	keep(malloc(sizeof(struct flexible) + n * sizeof(double))); //= struct flexible [sizeof]
	keep(malloc(sizeof(union value))); //= union value [sizeof]
	keep(malloc(n * sizeof(enum color))); //= enum color [sizeof]
	keep(malloc(n * sizeof(struct flags))); //= struct flags [sizeof]
	keep(aligned_alloc(32, sizeof(struct aligned))); //= struct aligned [sizeof]
	keep(malloc(n * sizeof(struct packed))); //= struct packed [sizeof]
	keep(malloc(sizeof(rgb))); //= rgb [sizeof]
	keep(malloc(n * sizeof(named_t))); //= struct named [sizeof]
	keep(malloc(sizeof(struct inner))); //= struct inner [sizeof]
	keep(malloc(sizeof o->unnamed)); //= struct <anonymous at layout.c:19> [sizeof]
	keep(malloc(sizeof(o->u))); //= union <anonymous at layout.c:19> [sizeof]
	keep(malloc(sizeof outer.in)); //= struct inner [sizeof]
	keep(malloc(sizeof global_pair)); //= struct <anonymous at layout.c:20> [sizeof]
	keep(malloc(n * sizeof *global_pair_p)); //= struct <anonymous at layout.c:20> [sizeof]
	keep(malloc(sizeof(struct { int p; long q; }))); //= struct <anonymous at layout.c:40> [sizeof]
	keep(malloc(n * sizeof(struct late { int z; }))); //= struct late [sizeof]
	keep(malloc(n * sizeof(struct incomplete *))); //= struct incomplete * [sizeof]
	keep(malloc(n * sizeof *h)); //= struct incomplete * [sizeof]
}

void arrays(size_t n, int (*matrix)[8], row *rows)
{
	keep(malloc(n * sizeof(int[8]))); //= int[8] [sizeof]
	keep(malloc(n * sizeof(int[2][3]))); //= int[2][3] [sizeof]
	keep(malloc(n * sizeof *matrix)); //= int[8] [sizeof]
	keep(malloc(n * sizeof(row))); //= int[8] [sizeof]
	keep(malloc(n * sizeof(row[2]))); //= int[2][8] [sizeof]
	keep(malloc(n * sizeof rows[0][0])); //= int [sizeof]
	keep(malloc(n * sizeof(int (*)[4]))); //= int (*)[4] [sizeof]
	keep(malloc(n * sizeof(row *))); //= int (*)[8] [sizeof]
	keep(malloc(n * sizeof(int *[4]))); //= int *[4] [sizeof]
	int vla[n]; //= (array): int [declared]
	keep(vla);
	keep(malloc(sizeof vla)); //= int[n] [sizeof]
	keep(malloc(sizeof(short[n]))); //= short[n] [sizeof]
	keep(malloc(sizeof(int[n][4]))); //= int[n][4] [sizeof]
	keep(malloc(n * sizeof *vla)); //= int [sizeof]
}

void pointers(size_t n, compare *table, cstring *names, char **argv, void (**handlers)(int))
{
	keep(malloc(n * sizeof(char *))); //= char * [sizeof]
	keep(malloc(n * sizeof(void *))); //= void * [sizeof]
	keep(malloc(n * sizeof(const char *))); //= const char * [sizeof]
	keep(malloc(n * sizeof(cstring))); //= const char * [sizeof]
	keep(malloc(n * sizeof *names)); //= const char * [sizeof]
	keep(malloc(n * sizeof(char const *const))); //= const char * [sizeof]
	keep(malloc(n * sizeof(struct named **))); //= struct named ** [sizeof]
	keep(malloc(n * sizeof(named_p))); //= struct named * [sizeof]
	keep(malloc(n * sizeof(named_p *))); //= struct named ** [sizeof]
	keep(malloc(n * sizeof argv[0])); //= char * [sizeof]
	keep(malloc(n * sizeof **argv)); //= char [sizeof]
	keep(malloc(n * sizeof(void (*)(int)))); //= void (*)(int) [sizeof]
	keep(malloc(n * sizeof(compare))); //= int (*)(const void *, const void *) [sizeof]
	keep(malloc(n * sizeof *table)); //= int (*)(const void *, const void *) [sizeof]
	keep(malloc(n * sizeof *handlers)); //= void (*)(int) [sizeof]
	keep(malloc(n * sizeof(compare *))); //= int (**)(const void *, const void *) [sizeof]
}

void basic(size_t n)
{
	keep(malloc(n * sizeof(unsigned))); //= unsigned int [sizeof]
	keep(malloc(n * sizeof(long unsigned int))); //= unsigned long [sizeof]
	keep(malloc(n * sizeof(short int))); //= short [sizeof]
	keep(malloc(n * sizeof(unsigned char))); //= unsigned char [sizeof]
	keep(malloc(n * sizeof(signed char))); //= signed char [sizeof]
	keep(malloc(n * sizeof(long long))); //= long long [sizeof]
	keep(malloc(n * sizeof(long double))); //= long double [sizeof]
	keep(malloc(n * sizeof(double _Complex))); //= _Complex double [sizeof]
	keep(malloc(n * sizeof(_Bool))); //= _Bool [sizeof]
	keep(malloc(n * sizeof(wchar_t))); //= int [sizeof]
	keep(malloc(n * sizeof(size_t))); //= unsigned long [sizeof]
	keep(malloc(n * sizeof(volatile int))); //= int [sizeof]
	keep(malloc(n * sizeof(const struct named))); //= struct named [sizeof]
	keep(malloc(n * sizeof(_Atomic int))); //= _Atomic(int) [sizeof]
	keep(malloc(n * sizeof(_Atomic(long)))); //= _Atomic(long) [sizeof]
	keep(malloc(n * sizeof(__int128))); //= __int128 [sizeof]
	keep(malloc(n * sizeof 1.0f)); //= float [sizeof]
	keep(malloc(n * sizeof 'c')); //= int [sizeof]
	keep(malloc(n * sizeof(1ul + 2))); //= unsigned long [sizeof]
}

struct shadowed { int outer; };

void redefined(size_t n)
{
	keep(malloc(n * sizeof(struct shadowed))); //= struct shadowed [sizeof]
	struct shadowed { char inner[3]; } *p;
	struct { long only_here; } *q;
	keep(malloc(n * sizeof *p)); //= struct shadowed [sizeof]
	keep(malloc(n * sizeof *q)); //= struct <anonymous at layout.c:114> [sizeof]
	typedef struct { int t; } local_t;
	keep(malloc(n * sizeof(local_t))); //= local_t [sizeof]
	{
		typedef double local_t;
		keep(malloc(n * sizeof(local_t))); //= double [sizeof]
	}
}
