/* What the link phase would make for tests/programs/stress.c, runtime.c and sequence.c, written by hand for a link with a
 * sanitizer: stubs before the wrappers and the pool (ld's --wrap), and the malloc that is behind ours. */
#include "../../stubgen/stubgen.h"
#include "../../stubgen/runtime/behind.h"
#include <malloc.h>
#include <stdlib.h>

const char rt_operators; /* C++ is not linked */

#ifdef __SANITIZE_THREAD__
/* Chunks are as far apart as glibc's, which the shortcuts count on. Who gets memory comes after the one who gave it back:
 * every malloc sees to that, ThreadSanitizer's does not say so. */
void __tsan_acquire(void *);
void __tsan_release(void *);
static char place[4096];
static char *near(void *p) { return &place[(uintptr_t)p >> 20 & 4095]; } /* bases of one piece of memory differ */
static void *given(void *p)
{
	if (p) __tsan_acquire(near(p));
	return p;
}
static void apart_free(void *p)
{
	if (p) __tsan_release(near(p));
	free(p);
}
static void *apart(size_t n) { return given(malloc(n < 32 ? 32 : n)); }
static void *apart_zeroed(size_t n, size_t size) { return given(n * size < 32 ? calloc(1, 32) : calloc(n, size)); }
static void *apart_aligned(size_t align, size_t n) { return given(memalign(align, n < 32 ? 32 : n)); }
static void *apart_again(void *p, size_t n)
{
	if (p) __tsan_release(near(p));
	return given(realloc(p, n < 32 ? 32 : n));
}
#endif

struct provider behind_find(struct behind *b)
{
	struct provider p = {.is_glibc = 1};
#ifdef __SANITIZE_THREAD__
	*b = (struct behind){apart, apart_zeroed, apart_again, apart_aligned, apart_free, malloc_usable_size,
	                     apart_aligned, posix_memalign, valloc, pvalloc};
#else
	*b = (struct behind){malloc, calloc, realloc, memalign, free, malloc_usable_size,
	                     aligned_alloc, posix_memalign, valloc, pvalloc};
#endif
	return p;
}

struct pool;
void *__real_pool_get(struct pool *, size_t);
void __real_pool_put(struct pool *, void *);
static struct alloc_index pool_index = {.shift = 3, .regions = 1};
static int pool_free_chunk(void *c, size_t n);
static struct allocator pool_allocator = {
	.name = "pool", .family = "pool", .index = &pool_index, .suballocates = 1, .free_chunk = pool_free_chunk};
INSTANCE_LOAD(pool_allocator)
ENTRY_ALLOC_STUB("pool_get", void *, __wrap_pool_get, __real_pool_get, pool_allocator, (struct pool *p, size_t n), (p, n), n, p, 0, 0)
ENTRY_FREE_VOID_STUB("pool_put", void, __wrap_pool_put, __real_pool_put, pool_allocator, (struct pool *p, void *c), (p, c),
                     STUB_REMOVE(pool_allocator, c), c)

static int pool_free_chunk(void *c, size_t n)
{
	(void)n;
	__wrap_pool_put(STUB_REGION_OF(pool_allocator, c), c);
	return 0;
}

void *__real_xmalloc(size_t);
void *__real_xcalloc(size_t, size_t);
void *__real_xrealloc(void *, size_t);
void xfree(void *);
static int x_free(void *p, size_t n)
{
	(void)n;
	xfree(p);
	return 0;
}
static struct alloc_wrapper w_malloc = {.name = "xmalloc", .free_chunk = x_free}, w_calloc = {.name = "xcalloc", .free_chunk = x_free},
                            w_realloc = {.name = "xrealloc", .free_chunk = x_free};
CALLER_STUB("xmalloc", void *, __wrap_xmalloc, __real_xmalloc, w_malloc, (size_t n), (n), 0, 0)
CALLER_STUB("xcalloc", void *, __wrap_xcalloc, __real_xcalloc, w_calloc, (size_t n, size_t s), (n, s), 0, 0)
CALLER_STUB("xrealloc", void *, __wrap_xrealloc, __real_xrealloc, w_realloc, (void *p, size_t n), (p, n), 0, 0)
