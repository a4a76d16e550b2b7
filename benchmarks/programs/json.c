/* a JSON document as a tree: write a text, parse it, walk the tree, free it; memory through three wrappers */
#include "bench.h"

enum { RECORDS = 80000 };

enum kind { NOTHING, BOOLEAN, NUMBER, STRING, ARRAY, OBJECT };

struct member;

struct value {
	enum kind kind;
	unsigned length, room;
	union {
		double number;
		char *string;
		struct value **items;
		struct member *members;
	} as;
};

struct member {
	char *name;
	struct value *value;
};

struct parser {
	const char *at;
};

static void *json_check(void *p)
{
	if (!p) abort();
	return p;
}

/* not inlined: in most programs such functions are in a file of their own */
__attribute__((noinline)) void *json_new(size_t size) { return json_check(malloc(size)); }
__attribute__((noinline)) void *json_grow(void *p, size_t size) { return json_check(realloc(p, size)); }
__attribute__((noinline)) char *json_copy(const char *from, size_t length)
{
	char *copy = json_new(length + 1);
	memcpy(copy, from, length);
	copy[length] = 0;
	return copy;
}

static char *text_new(unsigned long records, uint64_t random)
{
	size_t room = records * 256 + 16, used = 1;
	char *text = json_new(room);
	text[0] = '[';
	for (unsigned long i = 0; i < records; i++) {
		uint64_t r = next_random(&random);
		used += (size_t)snprintf(
			text + used, room - used,
			"%s{\"id\":%lu,\"name\":\"user %" PRIu64 "\",\"tags\":[\"a%u\",\"bb%u\",\"%.*s\"],"
			"\"at\":{\"x\":%u,\"y\":-%u.5,\"deep\":[[],{},[%u]]},\"active\":%s,\"parent\":null}",
			i ? "," : "", i, r, (unsigned)r % 7, (unsigned)(r >> 8) % 100, (int)(r >> 16) % 40 & 31,
			"the quick brown fox jumps over it", (unsigned)(r >> 24) % 1000, (unsigned)(r >> 32) % 1000,
			(unsigned)i % 10, r & 1 ? "true" : "false");
	}
	memcpy(text + used, "]", 2);
	return text;
}

static struct value *value_new(enum kind kind)
{
	struct value *v = json_new(sizeof *v);
	memset(v, 0, sizeof *v);
	v->kind = kind;
	return v;
}

static char *parse_string(struct parser *p)
{
	const char *from = ++p->at;
	while (*p->at != '"') p->at++;
	return json_copy(from, (size_t)(p->at++ - from));
}

static struct value *parse(struct parser *p);

static struct value *parse_array(struct parser *p)
{
	struct value *v = value_new(ARRAY);
	for (p->at++; *p->at != ']'; p->at += *p->at == ',') {
		if (v->length == v->room) {
			v->room = v->room ? 2 * v->room : 4;
			v->as.items = json_grow(v->as.items, v->room * sizeof(struct value *));
		}
		struct value *item = parse(p);
		v->as.items[v->length++] = item;
	}
	p->at++;
	return v;
}

static struct value *parse_object(struct parser *p)
{
	struct value *v = value_new(OBJECT);
	for (p->at++; *p->at != '}'; p->at += *p->at == ',') {
		if (v->length == v->room) {
			v->room = v->room ? 2 * v->room : 4;
			v->as.members = json_grow(v->as.members, v->room * sizeof(struct member));
		}
		struct member *m = &v->as.members[v->length++];
		m->name = parse_string(p);
		p->at++;
		m->value = parse(p);
	}
	p->at++;
	return v;
}

static struct value *parse(struct parser *p)
{
	struct value *v;
	char *end;
	switch (*p->at) {
	case '[': return parse_array(p);
	case '{': return parse_object(p);
	case '"':
		v = value_new(STRING);
		v->as.string = parse_string(p);
		return v;
	case 't':
	case 'f':
		v = value_new(BOOLEAN);
		v->as.number = *p->at == 't';
		p->at += *p->at == 't' ? 4 : 5;
		return v;
	case 'n': p->at += 4; return value_new(NOTHING);
	default:
		v = value_new(NUMBER);
		v->as.number = strtod(p->at, &end);
		p->at = end;
		return v;
	}
}

static uint64_t string_sum(uint64_t sum, const char *s)
{
	while (*s) sum = mixed(sum, (unsigned char)*s++);
	return sum;
}

static uint64_t walk(uint64_t sum, const struct value *v)
{
	sum = mixed(sum, v->kind);
	switch (v->kind) {
	case NOTHING: break;
	case BOOLEAN:
	case NUMBER: sum = mixed(sum, (uint64_t)(int64_t)(v->as.number * 2)); break;
	case STRING: sum = string_sum(sum, v->as.string); break;
	case ARRAY:
		for (unsigned i = 0; i < v->length; i++) sum = walk(sum, v->as.items[i]);
		break;
	case OBJECT:
		for (unsigned i = 0; i < v->length; i++)
			sum = walk(string_sum(sum, v->as.members[i].name), v->as.members[i].value);
	}
	return sum;
}

static void drop(struct value *v)
{
	if (v->kind == STRING) free(v->as.string);
	if (v->kind == ARRAY) {
		for (unsigned i = 0; i < v->length; i++) drop(v->as.items[i]);
		free(v->as.items);
	}
	if (v->kind == OBJECT) {
		for (unsigned i = 0; i < v->length; i++) {
			free(v->as.members[i].name);
			drop(v->as.members[i].value);
		}
		free(v->as.members);
	}
	free(v);
}

static uint64_t work(int lane)
{
	char *text = text_new(scaled(RECORDS), (uint64_t)lane);
	uint64_t sum = 0;
	for (int i = 0; i < 3; i++) {
		struct parser p = {text};
		struct value *v = parse(&p);
		sum = walk(sum, v);
		drop(v);
	}
	free(text);
	return sum;
}

int main(int argc, char **argv) { return bench(argc, argv, work); }
