/* Type strings: what size expressions say, the table of the interface. */
#include <stddef.h>
#include "../../check.h"

struct item { int a; double b; };
struct pad { int x; float y; char z[1]; };
struct flexible { float weight; unsigned numbers[1]; };
struct head { long count; };
typedef struct { short a, b; } pair;
enum colour { RED, GREEN };
typedef int callback(void *, long);
char letters[14];
/* liballocs' tools give up on a type that the debug info lacks, as it does where nothing has such a type but a sizeof */
struct { void ***pointers; double **numbers; struct item **items; callback **callbacks; } kept;

int main(int argc, char **argv)
{
	(void)argv;
	size_t n = (size_t)argc * 4;
	CHECK(has_type(malloc(sizeof(int)), "int$$32"));
	CHECK(has_type(malloc(n * sizeof(short)), "int$$16"));
	CHECK(has_type(malloc(sizeof(long) * n), "int$$64"));
	CHECK(has_type(calloc(n, sizeof(unsigned long)), "uint$$64"));
	CHECK(has_type(malloc(sizeof(unsigned char) * 42), "unsigned_char$$8"));
	CHECK(has_type(malloc(sizeof(double)), "float$$64"));
	CHECK(has_type(malloc(sizeof(struct item)), "item"));
	CHECK(has_type(malloc(n * sizeof(pair)), "pair"));
	CHECK(has_type(malloc(n * sizeof(enum colour)), "colour"));
#ifdef CONTRACT_TREE /* the real tools' DWARF reader makes one array of 20 of it, and then misses this one */
	CHECK(has_type(malloc(n * sizeof(int[4][5])), "__ARR4___ARR5_int$$32"));
#endif
	CHECK(has_type(malloc(n * sizeof(void **)), "__PTR___PTR_void"));
	CHECK(has_type(malloc(n * sizeof(double *)), "__PTR_float$$64"));
	CHECK(has_type(malloc(n * sizeof(void *)), "__EXISTS1___PTR__1"));
	CHECK(has_type(malloc(n * sizeof(char *)), "__EXISTS1___PTR__1"));
	CHECK(has_type(malloc(n * sizeof(struct item *)), "__PTR_item"));
	CHECK(has_type(malloc(n * sizeof(callback *)), "__PTR___FUN_FROM___ARG0___PTR_void__ARG1_int$$64__FUN_TO_int$$32"));
	CHECK(has_type(malloc(n * sizeof letters), "__ARR14_signed_char$$8"));
	CHECK(has_type(malloc(sizeof(struct flexible) - sizeof(unsigned) + 24), "flexible"));
	CHECK(has_type(calloc(1, offsetof(struct pad, z) + 10), "pad"));
	size_t by_flow = sizeof(struct item);
	by_flow *= n;
	CHECK(has_type(malloc(by_flow), "item"));
#ifdef CONTRACT_TREE
	struct uniqtype *made = __liballocs_get_alloc_type(malloc(sizeof(struct head) + n * sizeof(struct item)));
	CHECK(made && !made->array && strncmp(made->name, "structure_type dumpallocs_synthetic_", 36) == 0);
	CHECK(strstr(made->name, "{ member : head; member : (array_type [type = item] { }); };"));
	CHECK(!__liballocs_get_alloc_type(malloc(offsetof(struct pad, z) + n))->array);
	CHECK(__liballocs_get_alloc_type(malloc(sizeof(struct pad)))->array);
#endif
	CHECK(has_type(malloc(n + 3), "__uninterpreted_byte"));
	return 0;
}
