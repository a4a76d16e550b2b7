// std: gnu2x
/* C23. */
#include <stdlib.h>

struct item { int id; };
extern void keep(void *);
constexpr size_t item_size = sizeof(struct item);
enum kind : unsigned char { FIRST };

[[nodiscard]]
void *words(size_t n, struct item *p)
{
	constexpr size_t bytes = 4 * sizeof(struct item);
	keep(malloc(bytes)); //= struct item [flow]
	keep(malloc(item_size)); //= struct item [flow]
	keep(malloc(n * sizeof(bool))); //= bool [sizeof]
	keep(malloc(n * sizeof(typeof(*p)))); //= struct item [sizeof]
	keep(malloc(n * sizeof(typeof_unqual(*p)))); //= struct item [sizeof]
	keep(malloc(n * sizeof(enum kind))); //= enum kind [sizeof]
	keep(malloc(n * sizeof(unsigned _BitInt(17)))); //= unsigned _BitInt(17) [sizeof]
	auto q = p;
	keep(malloc(n * sizeof *q)); //= struct item [sizeof]
	struct item *r = nullptr;
	r = malloc(n * sizeof *r); //= struct item [sizeof]
	return r;
}
