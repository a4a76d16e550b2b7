/* Counts words: a hash table from xcalloc, entries from an arena, texts from xmalloc, one leak from malloc. */
#include "memory.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	char *text;
	unsigned count;
};

struct table {
	size_t slots;
	struct entry **slot;
	struct arena *entries;
};

static struct table *table_new(size_t slots)
{
	struct table *t = xmalloc(sizeof *t);
	t->slots = slots;
	t->slot = xcalloc(slots, sizeof *t->slot);
	t->entries = arena_new(4096 * sizeof(struct entry));
	return t;
}

static char *copy(const char *text)
{
	return strcpy(xmalloc(strlen(text) + 1), text);
}

static void add(struct table *t, const char *text)
{
	size_t hash = 5381;
	for (const char *c = text; *c; c++) hash = hash * 33 + (unsigned char)*c;
	struct entry **at = &t->slot[hash % t->slots];
	while (*at && strcmp((*at)->text, text)) at = &(*at)->next;
	if (!*at) {
		struct entry *e = arena_alloc(t->entries, sizeof(struct entry));
		if (!e) return;
		e->next = NULL;
		e->text = copy(text);
		e->count = 0;
		*at = e;
	}
	(*at)->count++;
}

static double *shares(const struct table *t, unsigned words, size_t *n)
{
	double *share = malloc(t->slots * sizeof *share); /* never freed: the report shows it live at exit */
	*n = 0;
	for (size_t i = 0; share && i < t->slots; i++)
		for (struct entry *e = t->slot[i]; e && *n < t->slots; e = e->next) share[(*n)++] = 100.0 * e->count / words;
	return share;
}

int main(int argc, char **argv)
{
	FILE *in = argc > 1 ? fopen(argv[1], "r") : stdin;
	struct table *t = table_new(2048);
	char word[64];
	size_t length = 0, n;
	unsigned words = 0;
	for (int c; in && (c = getc(in)) != EOF;) {
		if (isalnum(c) && length + 1 < sizeof word) {
			word[length++] = (char)tolower(c);
		} else if (length) {
			word[length] = 0;
			add(t, word);
			words++;
			length = 0;
		}
	}
	double *share = shares(t, words, &n);
	printf("%u words, %zu different; the first is %.2f %% of them\n", words, n, n ? share[0] : 0.0);
	arena_delete(t->entries);
	free(t->slot);
	free(t);
	return 0;
}
