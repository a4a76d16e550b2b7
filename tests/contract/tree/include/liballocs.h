/* What programs ask the contract's runtime; the names are liballocs', so that the same programs run with the real one. */
#ifndef CONTRACT_LIBALLOCS_H
#define CONTRACT_LIBALLOCS_H
#define CONTRACT_TREE 1

#include <assert.h>
#include "allocmeta.h"
#include "uniqtype.h"

struct uniqtype *__liballocs_get_alloc_type(void *chunk);
unsigned long __liballocs_get_alloc_size(void *chunk);
const void *__liballocs_get_alloc_site(const void *chunk);
struct allocator *__liballocs_leaf_allocator_for(const void *chunk, struct big_allocation **big);

/* The contract's own: what is indexed, by whom. */
void contract_insert(struct allocator *who, void *chunk, size_t size, const void *site);
int contract_delete(struct allocator *who, void *chunk);
unsigned contract_count(const char *event);

#endif
