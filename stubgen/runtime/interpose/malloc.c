/* libc's malloc, observed by being interposed from the executable (R11).
 *
 * Each function forwards to the next definition in lookup order, so a program that is linked with or preloaded with
 * another malloc keeps using it.
 */
#include "../rt.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

char __allocs_interpose_malloc; /* the link phase pulls this file in by this name */

static struct alloc_index chunks = {.shift = 5};
static int free_chunk(void *p, size_t size)
{
	(void)size;
	free(p);
	return 0;
}
static struct allocator libc = {.name = "malloc", .family = "malloc", .index = &chunks, .free_chunk = free_chunk};

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t);
	void (*free)(void *);
	size_t (*usable_size)(void *);
	_Atomic int ready;
} next;

/* until the next definitions are known (dlsym may allocate), memory comes from here and is never reused */
static char early[65536] __attribute__((aligned(16)));
static _Atomic size_t early_used;

static void *early_alloc(size_t align, size_t size)
{
	size_t at = atomic_fetch_add(&early_used, size + align + 32);
	if (at + size + align + 32 > sizeof early) return 0;
	uintptr_t p = ((uintptr_t)early + at + 16 + align - 1) & ~(align - 1);
	((size_t *)p)[-1] = size;
	return (void *)p;
}

static int is_early(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early < sizeof early;
}

static int resolve(void)
{
	static __thread int resolving __attribute__((tls_model("local-exec")));
	if (resolving) return 0;
	resolving = 1;
	next.calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	next.realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	next.memalign = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "memalign");
	next.free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	next.malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	next.usable_size = (size_t (*)(void *))dlsym(RTLD_NEXT, "malloc_usable_size");
	/* 32 bytes between chunks is glibc's doing; elsewhere chunks of 8 bytes may lie side by side */
	Dl_info ours, theirs;
	if (!dladdr((void *)next.malloc, &theirs) || !dladdr((void *)memcpy, &ours) || theirs.dli_fbase != ours.dli_fbase)
		chunks.shift = 3;
	allocator_register(&libc);
	resolving = 0;
	atomic_store_explicit(&next.ready, next.malloc != 0, memory_order_release);
	return next.malloc != 0;
}

HOT int ready(void)
{
	return likely(atomic_load_explicit(&next.ready, memory_order_acquire)) || resolve();
}

/* weak: a program that defines one of them itself (a reallocarray for old systems) keeps its own */
#define ENTRY RT_EXPORT __attribute__((weak))

#define SITE ((uintptr_t)__builtin_return_address(0))
#define HERE ((uintptr_t)__builtin_frame_address(0))
#define INSERT(p, size) \
	do { \
		if (likely((p) != 0)) chunk_insert(&libc, (p), (size), SITE, HERE); \
	} while (0)

ENTRY void *malloc(size_t size)
{
	if (unlikely(!ready())) return early_alloc(16, size);
	void *p = next.malloc(size);
	INSERT(p, size);
	return p;
}

ENTRY void free(void *p)
{
	if (unlikely(!p) || unlikely(is_early(p)) || unlikely(!ready())) return;
	if (unlikely(!chunk_remove(&libc, p))) sibling_remove(&libc, p);
	next.free(p);
}

ENTRY void *calloc(size_t count, size_t size)
{
	size_t bytes;
	if (unlikely(!ready())) return __builtin_mul_overflow(count, size, &bytes) ? 0 : early_alloc(16, bytes);
	void *p = next.calloc(count, size);
	INSERT(p, count * size);
	return p;
}

HOT void *resize(void *p, size_t size, uintptr_t site, uintptr_t here)
{
	if (unlikely(p && is_early(p))) {
		void *q = ready() ? next.malloc(size) : early_alloc(16, size);
		size_t old = ((size_t *)p)[-1];
		if (!q) return 0;
		memcpy(q, p, old < size ? old : size);
		if (!is_early(q)) chunk_insert(&libc, q, size, site, here);
		return q;
	}
	if (unlikely(!ready())) return early_alloc(16, size);
	uint64_t entry = p ? chunk_take(&libc, p) : 0;
	if (unlikely(p && !entry)) sibling_remove(&libc, p);
	void *q = next.realloc(p, size);
	if (likely(q != 0)) chunk_insert(&libc, q, size, site, here);
	else if (size && entry) chunk_restore(&libc, p, entry);
	if (unlikely(entry & CHILDREN) && (q || !size)) children_move(&libc, p, entry, q, size);
	return q;
}

ENTRY void *realloc(void *p, size_t size)
{
	return resize(p, size, SITE, HERE);
}

ENTRY void *reallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return 0;
	}
	return resize(p, bytes, SITE, HERE);
}

HOT void *aligned(size_t align, size_t size)
{
	return likely(ready()) ? next.memalign(align, size) : early_alloc(align, size);
}

ENTRY void *memalign(size_t align, size_t size)
{
	void *p = aligned(align, size);
	INSERT(p, size);
	return p;
}

ENTRY void *aligned_alloc(size_t align, size_t size)
{
	if (align & (align - 1) || !align) {
		errno = EINVAL;
		return 0;
	}
	void *p = aligned(align, size);
	INSERT(p, size);
	return p;
}

ENTRY int posix_memalign(void **out, size_t align, size_t size)
{
	if (align & (align - 1) || align % sizeof(void *) || !align) return EINVAL;
	int saved = errno;
	void *p = aligned(align, size);
	errno = saved;
	if (!p) return ENOMEM;
	INSERT(p, size);
	*out = p;
	return 0;
}

#define PAGE 4096

ENTRY void *valloc(size_t size)
{
	void *p = aligned(PAGE, size);
	INSERT(p, size);
	return p;
}

ENTRY void *pvalloc(size_t size)
{
	if (size > SIZE_MAX - PAGE) {
		errno = ENOMEM;
		return 0;
	}
	size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	void *p = aligned(PAGE, size);
	INSERT(p, size);
	return p;
}

/* memory from before the next definitions were known has no header that they understand */
ENTRY size_t malloc_usable_size(void *p)
{
	if (!p) return 0;
	if (is_early(p)) return ((size_t *)p)[-1];
	return ready() && next.usable_size ? next.usable_size(p) : 0;
}
