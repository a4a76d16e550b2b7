/* Functions that the project declares; and what tells a type where no sizeof does. */
#include <stdlib.h>
#include <string.h>

struct token { int kind; struct token *next; char *text; };
struct cell { short row, column; };
struct owner { struct token *token; struct cell *cells; void *any; };

extern void keep(const void *);
extern void take_cells(struct cell *);
extern void *xmalloc(size_t);
extern void *xcalloc(size_t, size_t);
extern void *xrealloc(void *, size_t);
extern void *xmemdup(const void *, size_t);
extern char *xstrdup(const char *);
extern int xalloc_to(void *, size_t);
extern struct token *token_new(int);
extern void *any_new(int);
extern void **grid_new(int, int, int);

void declared(size_t n, struct cell *c, const char *s)
{
	keep(xmalloc(sizeof(struct token))); //= struct token [sizeof]
	keep(xmalloc(n * sizeof *c)); //= struct cell [sizeof]
	keep(xcalloc(n, sizeof(struct cell))); //= struct cell [sizeof]
	keep(xrealloc(c, n * sizeof(struct cell))); //= struct cell [sizeof]
	keep(xmemdup(c, sizeof *c)); //= struct cell [sizeof]
	keep(xstrdup(s)); //= char [return-type]
	keep(grid_new(3, 4, sizeof(struct cell))); //= struct cell [sizeof]
	keep(grid_new(3, 4, 2 * sizeof(double))); //= double [sizeof]
	void *p;
	if (xalloc_to(&p, sizeof(struct token)) == 0) //= struct token [sizeof]
		keep(p);
	keep(xmalloc(n)); //= none
}

void typed(void)
{
	keep(token_new(1)); //= struct token [return-type]
	struct token *t = token_new(2); //= struct token [return-type]
	keep(t);
	keep((struct cell *)token_new(3)); //= struct cell [cast]
	keep(any_new(4)); //= none
	keep((struct cell *)any_new(5)); //= struct cell [cast]
}

void converted(size_t n, struct owner *o, int c)
{
	struct token *t = malloc(n); //= struct token [cast]
	keep(t);
	t = malloc(n); //= struct token [cast]
	keep(t);
	keep((struct token *)malloc(n)); //= struct token [cast]
	keep((void *)(struct token *)malloc(n)); //= struct token [cast]
	t = (void *)malloc(n); //= struct token [cast]
	keep(t);
	t = c ? malloc(n) : NULL; //= struct token [cast]
	keep(t);
	o->token = calloc(1, n); //= struct token [cast]
	o->any = malloc(n); //= none
	if (!(o->cells = malloc(n))) //= struct cell [cast]
		abort();
	take_cells(malloc(n)); //= struct cell [cast]
	struct owner local = {.token = malloc(n), .cells = xmalloc(n)}; //= malloc: struct token [cast]; xmalloc: struct cell [cast]
	keep(&local);
	char *s = malloc(n); //= char [cast]
	keep(s);
	char **list = malloc(n); //= char * [cast]
	keep(list);
	struct cell *q = malloc(n * sizeof(struct token)); //= struct token [sizeof]
	keep(q);
	keep(malloc(n)); //= none
}

struct token *returned(size_t n)
{
	return malloc(n); //= struct token [cast]
}

void *returned_as_anything(size_t n)
{
	return malloc(n); //= none
}

const struct cell *returned_const(size_t n)
{
	return xcalloc(n, 4); //= struct cell [cast]
}
