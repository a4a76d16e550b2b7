/* regions that share blocks and keep them, their chunks of two kinds; and a static one without a handle */
#include "tell.h"
#include <stdlib.h>

struct region {
	int number;
};
struct word {
	char text[20];
};

static struct region one = {1}, two = {2};
static char *block;
static size_t used;

static void *carve(size_t size)
{
	if (!block) block = malloc(100000);
	void *p = block + used;
	used += (size + 15) & ~(size_t)15;
	return p;
}

void *region_get(struct region *r, size_t size) { return r->number ? carve(size) : NULL; }
void *region_text(struct region *r, size_t size) { return r->number ? carve(size) : NULL; }
int region_clear(struct region *r) { return r->number; }

static _Alignas(16) char scratch[4096];
static size_t scratch_used;

void *scratch_get(size_t size)
{
	void *p = scratch + scratch_used;
	scratch_used += (size + 15) & ~(size_t)15;
	return p;
}
void scratch_reset(void) { scratch_used = 0; }

static int count_chunk(const void *base, size_t size, void *arg)
{
	(void)base;
	*(int *)arg += size == sizeof(struct word);
	return 0;
}

static int words(void)
{
	int n = 0;
	if (alloc_for_each_chunk) alloc_for_each_chunk(count_chunk, &n);
	return n;
}

int main(void)
{
	struct word *mine[1000], *other[1000];
	for (int i = 0; i < 1000; i++) { /* in turns: every page has chunks of both */
		mine[i] = region_get(&one, sizeof(struct word)); /* word */
		other[i] = region_get(&two, sizeof(struct word));
	}
	char *text = region_text(&one, 5), *kept = region_text(&two, 6);
	tell("mine", &mine[999]->text[19]);
	tell("text", text);
	printf("{\"name\":\"words\",\"before\":%d", words());
	region_clear(&one);
	printf(",\"cleared\":%d", words());
	struct word *again = region_get(&one, sizeof(struct word));
	region_clear(&two);
	printf(",\"both\":%d", words());
	region_clear(&one);
	printf(",\"after\":%d}\n", words());
	tell("mine gone", mine[0]);
	tell("other gone", other[500]);
	tell("text gone", text);
	tell("kept gone", kept);
	tell("again gone", again);

	int *first = scratch_get(sizeof(int)); /* first */
	long *second = scratch_get(sizeof(long));
	tell("first", first);
	scratch_reset();
	tell("first gone", first);
	tell("second gone", second);
	short *third = scratch_get(sizeof(short)); /* third */
	tell("third", third);

	region_get(&one, sizeof(struct word));
	free(block);
	printf("{\"name\":\"block\",\"words\":%d}\n", words());
	return 0;
}
