/* std: gnu89 */
/* What old code looks like. */
typedef unsigned int old_size;
char *malloc(), *calloc(), *realloc();
extern keep();
extern int more();

struct symbol { char *name; struct symbol *next; int value; };
struct buffer { int size; char bytes[1]; };

struct symbol *enter(name, value)
	char *name;
	int value;
{
	register struct symbol *sp;
	sp = (struct symbol *) malloc((unsigned) sizeof(struct symbol)); /*= struct symbol [sizeof] */
	sp->name = name;
	sp->value = value;
	return sp;
}

struct buffer *widen(b, n) struct buffer *b; int n;
{
	int total = sizeof(struct buffer) + n;
	return (struct buffer *) realloc((char *) b, total); /*= struct buffer [flow] */
}

vectors(n)
{
	int i;
	char **v = (char **) calloc(n, sizeof(char *)); /*= char * [sizeof] */
	keep(v);
	for (i = 0; i < n; i++)
		v[i] = malloc(80); /*= none */
	keep((struct symbol *) malloc(n * sizeof(struct symbol))); /*= struct symbol [sizeof] */
}
