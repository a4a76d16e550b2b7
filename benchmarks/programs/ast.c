/* a compiler's front end: a source text becomes small nodes of many kinds and a table of identifiers, both through
 * xmalloc and its like; constants are folded, the result is walked, and all is freed at the end */
#include "bench.h"

enum { FUNCTIONS = 9000, STATEMENTS = 12, BUCKETS = 1 << 14, LINE = 192 };

struct identifier {
	struct identifier *next;
	char *name;
	uint64_t uses;
};

enum tag { LITERAL, NAME, BINARY, CALL };

/* every expression starts with its tag, as in many a compiler */
struct expression { enum tag tag; };
struct literal { enum tag tag; uint64_t value; };
struct name { enum tag tag; struct identifier *identifier; };
struct binary { enum tag tag; char operator; struct expression *left, *right; };
struct arguments { struct expression *value; struct arguments *next; };
struct call { enum tag tag; struct identifier *callee; struct arguments *arguments; };
struct statement { struct identifier *target; struct expression *value; struct statement *next; };
struct function { struct identifier *name; struct statement *body; struct function *next; };

struct unit {
	const char *at;
	struct identifier **table;
	struct function *functions;
};

/* not inlined: in most programs such functions are in a file of their own */
__attribute__((noinline)) void *xmalloc(size_t size)
{
	void *p = malloc(size);
	if (!p) abort();
	return p;
}

__attribute__((noinline)) void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count, size);
	if (!p) abort();
	return p;
}

__attribute__((noinline)) char *xstrndup(const char *from, size_t length)
{
	char *copy = xmalloc(length + 1);
	memcpy(copy, from, length);
	copy[length] = 0;
	return copy;
}

/* `fN{vA=expression;vB=expression;...}` */
static char *source_new(unsigned long functions, uint64_t random)
{
	char *text = xmalloc(functions * (STATEMENTS + 1) * LINE + 1), *at = text;
	for (unsigned long f = 0; f < functions; f++) {
		at += sprintf(at, "f%lu{", f);
		for (int s = 0; s < STATEMENTS; s++) {
			uint64_t r = next_random(&random);
			unsigned a = (unsigned)r % 5000, b = (unsigned)(r >> 20) % 5000, c = (unsigned)(r >> 40) % 100;
			at += sprintf(at, "v%u=(%u+%u)*value%u-f%u(v%u,(%u*3),local_%u+%u)+((v%u-%u)*(%u+1));", a, c, a % 10, b,
			              b % 900, b, c, c, a, a, b, c);
		}
		*at++ = '}';
	}
	*at = 0;
	return text;
}

static struct identifier *identifier(struct unit *u)
{
	const char *from = u->at;
	uint64_t hash = 1469598103934665603u;
	for (; (*u->at >= 'a' && *u->at <= 'z') || *u->at == '_' || (*u->at >= '0' && *u->at <= '9'); u->at++)
		hash = mixed(hash, (unsigned char)*u->at);
	size_t length = (size_t)(u->at - from);
	struct identifier **slot = &u->table[(hash ^ hash >> 20) % BUCKETS], *i = *slot;
	while (i && (strncmp(i->name, from, length) || i->name[length])) i = i->next;
	if (!i) {
		i = xmalloc(sizeof *i);
		*i = (struct identifier){*slot, xstrndup(from, length), 0};
		*slot = i;
	}
	i->uses++;
	return i;
}

static struct expression *sum_of(struct unit *u);

static struct expression *primary(struct unit *u)
{
	if (*u->at == '(') {
		u->at++;
		struct expression *inner = sum_of(u);
		u->at++;
		return inner;
	}
	if (*u->at >= '0' && *u->at <= '9') {
		struct literal *l = xmalloc(sizeof *l);
		char *end;
		*l = (struct literal){LITERAL, strtoull(u->at, &end, 10)};
		u->at = end;
		return (struct expression *)l;
	}
	struct identifier *i = identifier(u);
	if (*u->at != '(') {
		struct name *n = xmalloc(sizeof *n);
		*n = (struct name){NAME, i};
		return (struct expression *)n;
	}
	struct call *c = xcalloc(1, sizeof *c);
	c->tag = CALL;
	c->callee = i;
	struct arguments **last = &c->arguments;
	for (u->at++; *u->at != ')'; u->at += *u->at == ',') {
		struct arguments *a = xmalloc(sizeof *a);
		*a = (struct arguments){sum_of(u), NULL};
		*last = a;
		last = &a->next;
	}
	u->at++;
	return (struct expression *)c;
}

static struct expression *binary(char operator, struct expression *left, struct expression *right)
{
	struct binary *b = xmalloc(sizeof *b);
	*b = (struct binary){BINARY, operator, left, right};
	return (struct expression *)b;
}

static struct expression *product_of(struct unit *u)
{
	struct expression *e = primary(u);
	while (*u->at == '*') {
		u->at++;
		e = binary('*', e, primary(u));
	}
	return e;
}

static struct expression *sum_of(struct unit *u)
{
	struct expression *e = product_of(u);
	while (*u->at == '+' || *u->at == '-') {
		char operator = *u->at++;
		e = binary(operator, e, product_of(u));
	}
	return e;
}

static void parse(struct unit *u)
{
	struct function **last_function = &u->functions;
	while (*u->at) {
		struct function *f = xcalloc(1, sizeof *f);
		f->name = identifier(u);
		struct statement **last = &f->body;
		for (u->at++; *u->at != '}'; u->at++) {
			struct statement *s = xmalloc(sizeof *s);
			s->target = identifier(u);
			u->at++;
			s->value = sum_of(u);
			s->next = NULL;
			*last = s;
			last = &s->next;
		}
		u->at++;
		*last_function = f;
		last_function = &f->next;
	}
}

static uint64_t operate(char operator, uint64_t a, uint64_t b)
{
	return operator == '*' ? a * b : operator == '+' ? a + b : a - b;
}

static struct expression *fold(struct expression *e)
{
	if (e->tag == CALL)
		for (struct arguments *a = ((struct call *)e)->arguments; a; a = a->next) a->value = fold(a->value);
	if (e->tag != BINARY) return e;
	struct binary *b = (struct binary *)e;
	b->left = fold(b->left);
	b->right = fold(b->right);
	if (b->left->tag != LITERAL || b->right->tag != LITERAL) return e;
	struct literal *left = (struct literal *)b->left, *right = (struct literal *)b->right, *l = xmalloc(sizeof *l);
	*l = (struct literal){LITERAL, operate(b->operator, left->value, right->value)};
	free(left);
	free(right);
	free(b);
	return (struct expression *)l;
}

static uint64_t walk(uint64_t sum, const struct expression *e)
{
	sum = mixed(sum, e->tag);
	switch (e->tag) {
	case LITERAL: return mixed(sum, ((const struct literal *)e)->value);
	case NAME: return mixed(sum, ((const struct name *)e)->identifier->uses);
	case BINARY: return walk(walk(sum, ((const struct binary *)e)->left), ((const struct binary *)e)->right);
	case CALL:
		for (struct arguments *a = ((const struct call *)e)->arguments; a; a = a->next) sum = walk(sum, a->value);
	}
	return sum;
}

static void drop(struct expression *e)
{
	if (e->tag == BINARY) {
		drop(((struct binary *)e)->left);
		drop(((struct binary *)e)->right);
	}
	if (e->tag == CALL)
		for (struct arguments *a = ((struct call *)e)->arguments, *next; a; a = next) {
			next = a->next;
			drop(a->value);
			free(a);
		}
	free(e);
}

static uint64_t compile(const char *text)
{
	struct unit u = {text, xcalloc(BUCKETS, sizeof(struct identifier *)), NULL};
	uint64_t sum = 0;
	parse(&u);
	for (struct function *f = u.functions; f; f = f->next)
		for (struct statement *s = f->body; s; s = s->next) s->value = fold(s->value);
	for (struct function *f = u.functions; f; f = f->next)
		for (struct statement *s = f->body; s; s = s->next) sum = mixed(walk(sum, s->value), s->target->uses);
	for (struct function *f = u.functions, *next; f; f = next) {
		for (struct statement *s = f->body, *after; s; s = after) {
			after = s->next;
			drop(s->value);
			free(s);
		}
		next = f->next;
		free(f);
	}
	for (int i = 0; i < BUCKETS; i++)
		for (struct identifier *one = u.table[i], *next; one; one = next) {
			next = one->next;
			free(one->name);
			free(one);
		}
	free(u.table);
	return sum;
}

static uint64_t work(int lane)
{
	char *text = source_new(scaled(FUNCTIONS), (uint64_t)lane);
	uint64_t sum = 0;
	for (int i = 0; i < 3; i++) sum = mixed(sum, compile(text));
	free(text);
	return sum;
}

int main(int argc, char **argv) { return bench(argc, argv, work); }
