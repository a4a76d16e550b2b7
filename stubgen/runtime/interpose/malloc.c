/* libc's malloc, observed by being interposed from the executable, or from a preloaded library (R11).
 *
 * Each function forwards to the next definition in lookup order, so a program that is linked with or preloaded with
 * another malloc keeps using it.
 */
#include "../rt.h"
#include "../behind.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char __allocs_interpose_malloc; /* the link phase pulls this file in by this name */

static struct alloc_index chunks = {.shift = 5, .narrow = 1};
static int free_chunk(void *p, size_t size)
{
	(void)size;
	free(p);
	return 0;
}
static struct allocator libc = {.name = "malloc", .family = "malloc", .index = &chunks, .free_chunk = free_chunk};

static void *malloc_first(size_t);
static void *calloc_first(size_t, size_t);
static void *realloc_first(void *, size_t);
static void *memalign_first(size_t, size_t);
static void *aligned_alloc_first(size_t, size_t);
static int posix_memalign_first(void **, size_t, size_t);
static void *valloc_first(size_t);
static void *pvalloc_first(size_t);
static void free_first(void *);

/* the next definitions in lookup order, once they are known */
static struct behind next = {
	malloc_first, calloc_first, realloc_first, memalign_first, free_first, 0,
	aligned_alloc_first, posix_memalign_first, valloc_first, pvalloc_first,
};

/* until the next definitions are known (dlsym may allocate), memory comes from here and is never reused */
static char early[65536] __attribute__((aligned(16)));
static _Atomic size_t early_used;

static void *early_alloc(size_t align, size_t size)
{
	if (size > sizeof early || align > sizeof early / 2) return 0;
	size_t need = size + align + 32, at = atomic_fetch_add(&early_used, need);
	if (at + need > sizeof early) {
		atomic_fetch_sub(&early_used, need);
		return 0;
	}
	uintptr_t p = ((uintptr_t)early + at + 16 + align - 1) & ~(align - 1);
	((size_t *)p)[-1] = size;
	return (void *)p;
}

static int is_early(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early < sizeof early;
}

/* threads may come here at once: they all find the same */
static int resolve(void)
{
	static __thread int resolving __attribute__((tls_model(RT_TLS)));
	struct behind found;
	if (resolving) return 0;
	int saved = errno;
	resolving = 1;
	__atomic_fetch_add(&rt_counting, 2, __ATOMIC_RELAXED); /* what is early must be looked at twice */
	struct provider provider = behind_find(&found);
	/* 32 bytes between chunks is glibc's doing; elsewhere chunks of 8 bytes may lie side by side */
	if (!libc.number && !provider.is_glibc) chunks.shift = 3;
	if (!libc.number && provider.name) libc.name = provider.name;
	if (!rt_stands_aside()) allocator_register_as(&libc, LIBC_NUMBER);
	void *(*first)(size_t) = found.malloc;
	found.malloc = next.malloc;
	next = found;
	__atomic_store_n(&next.malloc, first, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&rt_counting, 2, __ATOMIC_RELAXED);
	resolving = 0;
	errno = saved;
	return 1;
}

static void *malloc_first(size_t size)
{
	return resolve() ? next.malloc(size) : early_alloc(16, size);
}

static void *calloc_first(size_t count, size_t size)
{
	size_t bytes;
	if (resolve()) return next.calloc(count, size);
	return __builtin_mul_overflow(count, size, &bytes) ? 0 : early_alloc(16, bytes);
}

/* memory that is early does not come here */
static void *realloc_first(void *p, size_t size)
{
	return resolve() ? next.realloc(p, size) : 0;
}

static void *memalign_first(size_t align, size_t size)
{
	return resolve() ? next.memalign(align, size) : early_alloc(align, size);
}

static void *aligned_alloc_first(size_t align, size_t size)
{
	return resolve() ? next.aligned_alloc(align, size) : early_alloc(align, size);
}

static int posix_memalign_first(void **out, size_t align, size_t size)
{
	if (resolve()) return next.posix_memalign(out, align, size);
	return (*out = early_alloc(align, size)) ? 0 : ENOMEM;
}

static void *valloc_first(size_t size)
{
	return resolve() ? next.valloc(size) : early_alloc(getpagesize(), size);
}

static void *pvalloc_first(size_t size)
{
	return resolve() ? next.pvalloc(size) : 0;
}

static void free_first(void *p)
{
	if (resolve()) next.free(p);
}

/* weak: a program that defines one of them itself (a reallocarray for old systems) keeps its own */
#define ENTRY RT_EXPORT __attribute__((weak))

#define SITE ((uintptr_t)__builtin_return_address(0))
#define HERE ((uintptr_t)__builtin_frame_address(0))

/* The shortcuts know but one granule. */
#define GLIBC_SHIFT 5
static _Atomic(struct leaf *) *glibc_root;

HOT struct leaf *leaf_under(_Atomic(struct leaf *) *root, uintptr_t p)
{
#ifndef __x86_64__ /* pointers may have tags */
	if (unlikely(p >> ADDRESS_BITS)) return 0;
#endif
	return atomic_load_explicit(&root[p >> LEAF_BITS], memory_order_acquire);
}

HOT struct leaf *glibc_leaf(uintptr_t p)
{
	_Atomic(struct leaf *) *root = __atomic_load_n(&glibc_root, __ATOMIC_RELAXED);
	return likely(root != 0) ? leaf_under(root, p) : 0;
}

HOT uint32_t *glibc_word(struct leaf *leaf, uintptr_t p)
{
	return (uint32_t *)leaf->word + ((p & (((uintptr_t)1 << LEAF_BITS) - 1)) >> GLIBC_SHIFT);
}

static __attribute__((noinline)) void *insert_slow(void *p, size_t size, uintptr_t site, uintptr_t here)
{
	if (!p || rt_stands_aside() || is_early(p)) return p;
	chunk_insert(&libc, p, size, site, here);
	if (chunks.shift == GLIBC_SHIFT && chunks.root) {
		__atomic_store_n(&glibc_root, chunks.root, __ATOMIC_RELEASE);
		if (rt_has_shortcuts && !rt_counting) rt_hasty = rt_self;
	}
	return p;
}

/* where a wrapper's caller may have to be found (R16), or not all is as it nearly always is */
static __attribute__((noinline)) void *insert_unwound(void *chunk, size_t size, uintptr_t site, uintptr_t here)
{
	struct thread *t = rt_hasty;
	if (unlikely(!t) || !rt_unwinding || unlikely(size >= NARROW_LARGE) || t->top != t->frame)
		return insert_slow(chunk, size, site, here);
	struct leaf *leaf = glibc_leaf((uintptr_t)chunk);
	uint32_t *word = leaf ? glibc_word(leaf, (uintptr_t)chunk) : 0, id = word && !*word ? unwound(site, here, &libc) : 0;
	if (unlikely(!id)) return insert_slow(chunk, size, site, here);
	*word = narrow_make(id, (uintptr_t)chunk, size);
	t->allocs[LIBC_NUMBER]++;
	return chunk;
}

/* no jump: what HERE points to is looked at */
#define OTHERWISE \
	do { \
		chunk = insert_unwound(chunk, size, SITE, HERE); \
		__asm__ volatile("" : "+r"(chunk)); \
		return chunk; \
	} while (0)

/* one test after another that something is as it nearly always is, then one store; gives p */
HOT void *insert(void *chunk, size_t size)
{
	uintptr_t p = (uintptr_t)chunk;
	struct thread *t = rt_hasty;
	if (unlikely(!t) || unlikely(size >= NARROW_LARGE)) OTHERWISE;
	struct frame *f = t->top;
	if (f != t->frame && unlikely(!frame_lives(f, HERE))) OTHERWISE;
	uint64_t slot;
	if (unlikely(!quick_slot(chunk_hash(f, SITE, LIBC_NUMBER), &slot))) OTHERWISE;
	struct leaf *leaf = leaf_under(__atomic_load_n(&glibc_root, __ATOMIC_RELAXED), p);
	if (unlikely(!leaf)) OTHERWISE;
	uint32_t *word = glibc_word(leaf, p);
	if (unlikely(*word)) OTHERWISE;
	*word = narrow_make(slot, p, size);
	t->allocs[LIBC_NUMBER]++;
	return chunk;
}

ENTRY void *malloc(size_t size)
{
	return insert(next.malloc(size), size);
}

ENTRY void *calloc(size_t count, size_t size)
{
	return insert(next.calloc(count, size), count * size);
}

/* what an operator delete frees, which has been looked at: jemalloc's calls free, others do not */
static __thread void *deleted __attribute__((tls_model(RT_TLS)));

static __attribute__((noinline)) void free_slow(void *p)
{
	if (is_early(p)) return;
	if (rt_checking && p != deleted && check_free(&libc, p, (uintptr_t)free, SITE, HERE)) return;
	if (!rt_stands_aside() && !chunk_remove(&libc, p)) sibling_remove(&libc, p);
	next.free(p);
}

ENTRY void free(void *p)
{
	if (!p) return;
	struct leaf *leaf = glibc_leaf((uintptr_t)p);
	if (unlikely(!leaf)) {
		free_slow(p);
		return;
	}
	uint32_t *word = glibc_word(leaf, (uintptr_t)p), old = *word;
	if (unlikely(!old) || unlikely(old & NARROW_CLOSER)) {
		free_slow(p);
		return;
	}
	*word = 0;
	next.free(p);
}

HOT void *resize(void *p, size_t size)
{
	if (unlikely(!p)) return insert(next.malloc(size), size);
	if (unlikely(is_early(p))) {
		void *q = next.malloc(size);
		size_t old = ((size_t *)p)[-1];
		if (q) memcpy(q, p, old < size ? old : size);
		return insert(q, size);
	}
	if (unlikely(rt_checking) && check_free(&libc, p, (uintptr_t)realloc, SITE, HERE)) return 0;
	if (rt_stands_aside()) return next.realloc(p, size);
	uint64_t entry = chunk_take(&libc, p);
	if (unlikely(!entry)) sibling_remove(&libc, p);
	void *q = next.realloc(p, size);
	if (unlikely(!q && size && entry)) chunk_restore(&libc, p, entry);
	insert(q, size);
	if (unlikely(entry & CHILDREN) && (q || !size)) children_move(&libc, p, entry, q, size);
	return q;
}

ENTRY void *realloc(void *p, size_t size)
{
	return resize(p, size);
}

ENTRY void *reallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return 0;
	}
	return resize(p, bytes);
}

ENTRY void *memalign(size_t align, size_t size)
{
	return insert(next.memalign(align, size), size);
}

ENTRY void *aligned_alloc(size_t align, size_t size)
{
	return insert(next.aligned_alloc(align, size), size);
}

ENTRY int posix_memalign(void **out, size_t align, size_t size)
{
	void *p = 0;
	int error = next.posix_memalign(&p, align, size);
	if (!error) *out = insert(p, size);
	return error;
}

ENTRY void *valloc(size_t size)
{
	return insert(next.valloc(size), size);
}

ENTRY void *pvalloc(size_t size)
{
	size_t page = getpagesize();
	return insert(next.pvalloc(size), (size + page - 1) & ~(page - 1));
}

/* memory from before the next definitions were known has no header that they understand */
ENTRY size_t malloc_usable_size(void *p)
{
	if (!p) return 0;
	if (is_early(p)) return ((size_t *)p)[-1];
	return (next.usable_size || resolve()) && next.usable_size ? next.usable_size(p) : 0;
}

/* C23; a program that asks whether libc has them must get libc's answer */
#ifndef __GLIBC_PREREQ
#define __GLIBC_PREREQ(major, minor) 0
#endif
#if defined RT_PRELOADED || __GLIBC_PREREQ(2, 43)
ENTRY void free_sized(void *p, size_t size)
{
	(void)size;
	free(p);
}

ENTRY void free_aligned_sized(void *p, size_t align, size_t size)
{
	(void)align, (void)size;
	free(p);
}
#endif

/* ---- for C++'s operators ---- */

const void *libc_behind(void)
{
	return next.malloc != malloc_first || resolve() ? (const void *)next.malloc : 0;
}

void libc_insert(void *p, size_t size, uintptr_t site, uintptr_t here) { insert_slow(p, size, site, here); }

int libc_remove(void *p, uintptr_t function, uintptr_t site, uintptr_t here)
{
	if (rt_stands_aside() || is_early(p)) return 0;
	if (rt_checking && check_free(&libc, p, function, site, here)) return 1;
	if (!chunk_remove(&libc, p)) sibling_remove(&libc, p);
	deleted = p;
	return 0;
}

void libc_removed(void) { deleted = 0; }

#ifdef RT_PRELOADED
/* the program's may be another one */
void *own_malloc(size_t) __attribute__((alias("malloc"), visibility("hidden")));

/* for an executable's own runtime, whose next definition this one is */
RT_EXPORT const void *__allocs_behind(const void *function, size_t size)
{
	if (function != (const void *)own_malloc || size > sizeof next) return 0;
	if (next.malloc == malloc_first) resolve();
	return &next;
}
#endif
