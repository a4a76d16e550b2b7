/* Sizes that go through variables on their way to the allocation. */
#include <stdlib.h>
#include <string.h>

struct node { struct node *next; int value; };
struct edge { struct node *from, *to; double weight; };
struct blob { size_t size; unsigned char data[]; };

extern void keep(void *);
extern void fill(size_t *);
extern int more(void);

static const size_t node_size = sizeof(struct node);
static size_t changing_size = sizeof(struct node);
enum { EDGE_SIZE = sizeof(struct edge), PLAIN = 12 };

void straight(size_t n, int c, const char *s)
{
	size_t size = sizeof(struct node);
	keep(malloc(size)); //= struct node [flow]
	size_t total = n * sizeof(struct edge), copy = total, again = copy;
	keep(malloc(again)); //= struct edge [flow]
	size_t length = strlen(s);
	keep(malloc(length + 1)); //= char [flow]
	size_t bytes = sizeof(struct blob) + length;
	keep(malloc(bytes + 1)); //= struct blob [flow]
	size_t count = n + 1;
	keep(malloc(count * sizeof(struct node))); //= struct node [sizeof]
	int narrow = (int)sizeof(struct node);
	keep(malloc((size_t)narrow)); //= struct node [flow]
	size_t scaled = n;
	scaled *= sizeof(struct edge);
	keep(malloc(scaled)); //= struct edge [flow]
	size_t grown = sizeof(struct blob);
	grown += n;
	keep(malloc(grown)); //= struct blob [flow]
	size_t wide = strlen(s) + 1;
	wide *= sizeof(int);
	keep(malloc(wide)); //= int [flow]
	size_t late;
	late = c ? 2 * sizeof(struct node) : sizeof(struct node);
	keep(malloc(late)); //= struct node [flow]
	keep(calloc(n, size)); //= struct node [flow]
	keep(malloc(node_size)); //= struct node [flow]
	keep(malloc(n * EDGE_SIZE)); //= struct edge [flow]
	keep(malloc(PLAIN)); //= none
	keep(malloc(changing_size)); //= none
}

void reused(size_t n)
{
	size_t size = sizeof(struct node);
	keep(malloc(size)); //= struct node [flow]
	size = n * sizeof(struct edge);
	keep(malloc(size)); //= struct edge [flow]
	size = n;
	keep(malloc(size)); //= none
	size = size * sizeof(long);
	keep(malloc(size)); //= long [flow]
}

void parameter(size_t n)
{
	keep(malloc(n)); //= none
	n *= sizeof(struct node);
	keep(malloc(n)); //= none
	n = sizeof(struct edge);
	keep(malloc(n)); //= struct edge [flow]
}

void agree(int c, size_t n)
{
	size_t size;
	if (c == 1)
		size = sizeof(struct node);
	else if (c == 2)
		size = n * sizeof(struct node);
	else
		size = 0;
	keep(malloc(size)); //= struct node [flow]
}

void switched(int c)
{
	size_t size = 3;
	switch (c) {
	case 3:
		size = sizeof(struct edge);
		break;
	case 4:
		size = 4 * sizeof(struct edge);
		break;
	default:
		return;
	}
	keep(malloc(size)); //= struct edge [flow]
}

void disagree(int c, size_t n)
{
	size_t size = sizeof(struct node);
	if (c)
		size = sizeof(struct edge);
	keep(malloc(size)); //= none
	size_t other = c ? sizeof(struct node) : n;
	keep(malloc(other)); //= none
	size_t taken = sizeof(struct node);
	fill(&taken);
	keep(malloc(taken)); //= none
}

void loops(size_t n)
{
	size_t size = sizeof(struct blob);
	while (more())
		size += n;
	keep(malloc(size)); //= struct blob [flow]
	size_t next = sizeof(struct node);
	for (size_t i = 0; i < n; i++) {
		keep(malloc(next)); //= none
		next = sizeof(struct edge);
	}
	for (size_t i = 0; i < n; i++) {
		size_t inner = i * sizeof(struct edge);
		keep(malloc(inner)); //= struct edge [flow]
	}
	size_t capacity = 0;
	struct node *nodes = NULL;
	while (more()) {
		capacity = capacity ? capacity * 2 : 8;
		nodes = realloc(nodes, capacity * sizeof *nodes); //= struct node [sizeof]
		keep(nodes);
	}
}

void jumps(size_t n)
{
	size_t size = sizeof(struct node);
again:
	keep(malloc(size)); //= none
	size = sizeof(struct edge);
	if (more())
		goto again;
	size_t same = sizeof(struct node);
	if (n > 3)
		goto done;
	same = n * sizeof(struct node);
done:
	keep(malloc(same)); //= struct node [flow]
}

void scopes(size_t n)
{
	size_t size = sizeof(struct node);
	{
		size_t size = n * sizeof(struct edge);
		keep(malloc(size)); //= struct edge [flow]
	}
	keep(malloc(size)); //= struct node [flow]
}

void checked(size_t n)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, sizeof(struct edge), &bytes))
		return;
	keep(malloc(bytes)); //= struct edge [flow]
	if (__builtin_add_overflow(bytes, sizeof(struct edge), &bytes))
		return;
	keep(malloc(bytes)); //= struct edge [flow]
}
