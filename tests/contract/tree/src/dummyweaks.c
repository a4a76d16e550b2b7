/* What programs are linked with: everything is there and does nothing, unless the runtime is preloaded. */
#include "liballocs.h"

__thread void *__current_allocsite;
__thread void *__current_allocfn;
__thread size_t __current_allocsz;
__thread int __currently_freeing;
__thread int __currently_allocating;
struct allocator __default_lib_malloc_allocator;
struct allocator __generic_small_allocator;
extern struct allocator __global_malloc_allocator __attribute__((weak, alias("__default_lib_malloc_allocator")));

struct allocator __alloca_allocator;
void __alloca_allocator_notify(void *chunk, unsigned long size, unsigned long *counter, const void *caller, const void *sp, const void *bp) {}
void __liballocs_unindex_stack_objects_counted_by(unsigned long *counter, void *frame) {}
_Bool __liballocs_is_initialized;
void contract_insert(struct allocator *who, void *chunk, size_t size, const void *site) {}
int contract_delete(struct allocator *who, void *chunk) { return 1; }
unsigned contract_count(const char *event) { return 0; }
int __index_small_alloc(void *chunk, int level, unsigned size) { return 2; }
void __unindex_small_alloc(void *chunk, int level) {}
unsigned long __liballocs_get_alloc_size(void *chunk) { return 0; }
const void *__liballocs_get_alloc_site(const void *chunk) { return 0; }
struct allocator *__liballocs_leaf_allocator_for(const void *chunk, struct big_allocation **big) { return 0; }
struct uniqtype *__liballocs_get_alloc_type(void *chunk) { return 0; }
