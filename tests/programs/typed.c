/* typed primitives, with and without a function that tells the size; and one that stores its chunk */
#include "tell.h"
#include <stdlib.h>

struct node {
	double weight[3];
};
struct nodes {
	struct node node[100];
	int used;
};
struct leaf {
	short s[3];
};

struct node *node_new(struct nodes *n) { return &n->node[n->used++]; }
size_t node_size(void *p) { return p ? sizeof(struct node) : 0; }

static _Alignas(8) char leaves[1000];
static int leaves_used;
struct leaf *leaf_new(int kind) { return (struct leaf *)&leaves[kind * 8 * leaves_used++]; }

static _Alignas(16) char slots[1000];
static int slots_used;
void slot_make(void **out, size_t size)
{
	*out = size > 100 ? NULL : &slots[slots_used];
	slots_used += 112;
}

int main(void)
{
	struct nodes *n = calloc(1, sizeof *n);
	node_new(n);
	struct node *node = node_new(n); /* node */
	tell("node", &node->weight[2]);
	struct leaf *leaf = leaf_new(1); /* leaf */
	tell("leaf", leaf);
	void *slot, *none;
	slot_make(&slot, 10 * sizeof(int)); /* slot */
	slot_make(&none, 1000);
	tell("slot", (char *)slot + 39);
	free(n);
	tell("node gone", node);
	return 0;
}
