/* an obstack: freeing a chunk frees all younger ones, in its block and in younger blocks */
#include "tell.h"
#include <stdlib.h>

struct block {
	struct block *older;
	char *at, memory[1000];
};
struct stack {
	struct block *top;
};
struct item {
	int value[60];
};

static void push(struct stack *s)
{
	struct block *b = malloc(sizeof *b);
	b->older = s->top;
	b->at = b->memory;
	s->top = b;
}

void *stack_get(struct stack *s, size_t size)
{
	if (!s->top || s->top->at + size > s->top->memory + sizeof s->top->memory) push(s);
	void *p = s->top->at;
	s->top->at += (size + 7) & ~(size_t)7;
	return p;
}

void stack_free(struct stack *s, void *p)
{
	while (s->top) {
		struct block *b = s->top;
		if ((char *)p >= b->memory && (char *)p < b->memory + sizeof b->memory) {
			b->at = p;
			return;
		}
		s->top = b->older;
		free(b);
	}
}

int main(void)
{
	struct stack s = {0}, t = {0};
	struct item *item[12], *apart = stack_get(&t, sizeof(struct item));
	for (int i = 0; i < 12; i++) item[i] = stack_get(&s, sizeof(struct item)); /* item */
	stack_free(&s, item[6]);
	for (int i = 0; i < 12; i++) printf("%s%d", i ? "," : "{\"name\":\"live\",\"items\":[", alloc_get_size(item[i]) == sizeof(struct item));
	printf("]}\n");
	item[6] = stack_get(&s, sizeof(struct item));
	tell("again", &item[6]->value[59]);
	stack_free(&s, NULL);
	tell("all gone", item[0]);
	tell("apart", apart);
	return 0;
}
