/* included first: in a program with a sanitizer, whose malloc may not be interposed, ours has other names */
#ifndef SANITIZED_H
#define SANITIZED_H
#define malloc our_malloc
#define calloc our_calloc
#define realloc our_realloc
#define reallocarray our_reallocarray
#define memalign our_memalign
#define aligned_alloc our_aligned_alloc
#define posix_memalign our_posix_memalign
#define valloc our_valloc
#define pvalloc our_pvalloc
#define malloc_usable_size our_malloc_usable_size
#define free our_free
#endif
