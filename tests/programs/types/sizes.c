/* Size expressions as people write them: vectors, strings, tables, messages. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct point { double x, y; };
struct message { int kind; unsigned length; char text[]; };
struct header { long magic, version; };
struct entry { const char *key; long value; };
struct table { size_t used; struct entry slots[1]; };
typedef unsigned char byte;
typedef struct entry entry_t;

extern void keep(void *);
extern size_t limit(void);

struct point *points;
struct point corners[4];
static const long primes[] = {2, 3, 5, 7};

void vectors(size_t n, struct point *p, int c)
{
	keep(malloc(sizeof(struct point))); //= struct point [sizeof]
	p = malloc(sizeof *p); //= struct point [sizeof]
	keep(p);
	p = malloc(sizeof(*p)); //= struct point [sizeof]
	keep(p);
	p = malloc(n * sizeof *p); //= struct point [sizeof]
	keep(p);
	p = malloc(sizeof *p * n); //= struct point [sizeof]
	keep(p);
	p = malloc(sizeof(struct point) * (n + 1)); //= struct point [sizeof]
	keep(p);
	p = (struct point *)malloc((size_t)(n * sizeof(struct point))); //= struct point [sizeof]
	keep(p);
	p = malloc((((n)) * (sizeof(struct point)))); //= struct point [sizeof]
	keep(p);
	p = calloc(n, sizeof(struct point)); //= struct point [sizeof]
	keep(p);
	p = calloc(1, sizeof *p); //= struct point [sizeof]
	keep(p);
	p = calloc(sizeof *p, n); //= struct point [sizeof]
	keep(p);
	p = realloc(p, n * sizeof *p); //= struct point [sizeof]
	keep(p);
	p = reallocarray(p, n, sizeof p[0]); //= struct point [sizeof]
	keep(p);
	p = aligned_alloc(64, n * sizeof(struct point)); //= struct point [sizeof]
	keep(p);
	p = malloc(sizeof corners); //= struct point[4] [sizeof]
	keep(p);
	p = malloc(sizeof(corners)); //= struct point[4] [sizeof]
	keep(p);
	p = malloc(sizeof corners[0] * n); //= struct point [sizeof]
	keep(p);
	p = malloc(sizeof corners / sizeof corners[0] * sizeof(long)); //= long [sizeof]
	keep(p);
	p = malloc((sizeof primes / sizeof *primes) * sizeof(struct entry)); //= struct entry [sizeof]
	keep(p);
	p = malloc(c ? sizeof(struct point) : 2 * sizeof(struct point)); //= struct point [sizeof]
	keep(p);
	p = malloc(sizeof(long) << 4); //= long [sizeof]
	keep(p);
	p = malloc(n * sizeof(long) >> 1); //= long [sizeof]
	keep(p);
	p = malloc(n * sizeof(long) / 2); //= long [sizeof]
	keep(p);
	p = malloc(sizeof(struct point) * 3 * n); //= struct point [sizeof]
	keep(p);
	p = malloc((sizeof(struct header) + 15) & ~(size_t)15); //= struct header [sizeof]
	keep(p);
	p = malloc((keep(p), sizeof(struct header))); //= struct header [sizeof]
	keep(p);
}

void posix(size_t n)
{
	void *p;
	struct point *q;
	if (posix_memalign(&p, 64, n * sizeof(struct point)) == 0) //= struct point [sizeof]
		keep(p);
	if (posix_memalign((void **)&q, 64, n) == 0) //= struct point [cast]
		keep(q);
	if (posix_memalign(&p, 64, n) == 0) //= none
		keep(p);
}

void headers(size_t n, const char *s, struct table *t)
{
	keep(malloc(sizeof(struct message) + n)); //= struct message [sizeof]
	keep(malloc(n + sizeof(struct message))); //= struct message [sizeof]
	keep(malloc(sizeof(struct message) + strlen(s) + 1)); //= struct message [sizeof]
	keep(malloc(strlen(s) + 1 + sizeof(struct message))); //= struct message [sizeof]
	keep(malloc(sizeof(struct header) + n * sizeof(struct entry))); //= struct header [sizeof]
	keep(malloc(n * sizeof(struct entry) + sizeof(struct header))); //= struct header [sizeof]
	keep(malloc(sizeof(struct table) + (n - 1) * sizeof(struct entry))); //= struct table [sizeof]
	keep(malloc(sizeof *t + (n - 1) * sizeof t->slots[0])); //= struct table [sizeof]
	keep(malloc(sizeof(struct table) - sizeof(struct entry) + n * sizeof(struct entry))); //= struct table [sizeof]
	keep(malloc(offsetof(struct table, slots) + n * sizeof(struct entry))); //= struct table [offsetof]
	keep(malloc(offsetof(struct message, text[n]))); //= struct message [offsetof]
	keep(malloc(offsetof(struct message, text) + strlen(s) + 1)); //= struct message [offsetof]
	keep(malloc((size_t)&((struct table *)0)->slots[3])); //= struct table [offsetof]
}

void strings(const char *s, const char *t, size_t n)
{
	char *p = malloc(strlen(s) + 1); //= char [strlen]
	keep(p);
	p = malloc(1 + strlen(s) + strlen(t)); //= char [strlen]
	keep(p);
	p = malloc(strnlen(s, n) + 1); //= char [strlen]
	keep(p);
	p = calloc(strlen(s) + 1, 1); //= char [strlen]
	keep(p);
	p = calloc(strlen(s) + 1, sizeof(char)); //= char [sizeof]
	keep(p);
	p = malloc(sizeof "literal"); //= char[8] [sizeof]
	keep(p);
	keep(malloc((strlen(s) + 1) * sizeof(byte))); //= unsigned char [sizeof]
	keep(malloc(3 * strlen(s) + 1)); //= char [strlen]
	keep(strdup(s)); //= char [return-type]
	keep(strndup(s, n)); //= char [return-type]
	keep((byte *)strdup(s)); //= unsigned char [cast]
}

void unknown(size_t n, int c)
{
	keep(malloc(n)); //= none
	keep(malloc(100)); //= none
	keep(malloc(limit())); //= none
	keep(calloc(n, 16)); //= none
	keep(calloc(limit(), limit())); //= none
	keep(malloc(c ? sizeof(struct point) : sizeof(struct entry))); //= none
	keep(malloc(c ? sizeof(struct point) : n)); //= none
	keep(malloc(n % sizeof(struct point))); //= none
	keep(malloc((n + sizeof(long) - 1) & ~(sizeof(long) - 1))); //= none
	keep(malloc(_Alignof(struct point) * n)); //= none
	keep(malloc(n / sizeof(struct point))); //= none
	keep(malloc(sizeof(struct point) == n)); //= none
}
