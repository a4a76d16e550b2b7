/* stubgen-liballocs.h: the macros of stubgen.h for the liballocs runtime (docs/backends.md).
 *
 * Everything of liballocs comes from the tree's own headers, which are included where a family needs them: only the file
 * with a TOP family's key symbol does. The names used here are its interface (LIBALLOCS-ABI.md).
 *
 * A TOP family is a malloc that is linked in. Its stubs ask for more than they are asked for, since liballocs keeps
 * what it knows of a chunk at the chunk's end, and tell the family's event functions, which are libmallochooks'.
 */
#ifndef ALLOCS_STUBGEN_LIBALLOCS_H
#define ALLOCS_STUBGEN_LIBALLOCS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#ifndef STUB_BEFORE_CALL
#define STUB_BEFORE_CALL(name)
#endif
#ifndef STUB_AFTER_CALL
#define STUB_AFTER_CALL(name)
#endif

/* The site, the function and the size of the outermost call, of which all calls inside are a part. Every link has a
 * library that defines them, which does nothing unless liballocs is there. */
extern __thread void *__current_allocsite;
extern __thread void *__current_allocfn;
extern __thread size_t __current_allocsz;
extern __thread int __currently_freeing;
extern __thread int __currently_allocating;
int __index_small_alloc(void *chunk, int level, unsigned size) __attribute__((weak));
void __unindex_small_alloc(void *chunk, int level) __attribute__((weak));

#define STUB_SITE __builtin_extract_return_addr(__builtin_return_address(0))
#define STUB_KEEP_FRAME __asm__ volatile("" ::: "memory")
/* The size of a typed primitive's chunk, where no object of the link tells it. */
#define STUB_TYPE_SIZE ((size_t)0)
/* A chunk can be asked when it is there. */
#define STUB_USABLE_SIZE(function, chunk, otherwise)                                                \
	(stub_done && function && (chunk) ? (size_t)function(chunk) : (otherwise))
#define STUB_WHOLE ((void *)1)
#define STUB_NO_REGION ((void *)0)
#define STUB_REGION_OF(instance, chunk) ((void *)0)

static inline size_t stub_product(size_t a, size_t b)
{
	size_t product;
	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}
#define STUB_PRODUCT(a, b) stub_product((a), (b))

/* What a chunk may have at most; whoever is asked for more says no. */
#define STUB_MOST ((size_t)PTRDIFF_MAX)

/* The outermost stub says who calls, and takes it back: `stub_outer` is whether this one did. */
#define STUB_ENTER(function, size)                                                                  \
	_Bool stub_outer = !__current_allocfn, stub_first = 0;                                          \
	if (stub_outer) {                                                                               \
		if (!__currently_allocating) __currently_allocating = stub_first = 1;                       \
		if (!__current_allocsite) __current_allocsite = STUB_SITE;                                  \
		__current_allocfn = (void *)function;                                                       \
		__current_allocsz = (size);                                                                 \
	}
#define STUB_LEAVE(leave_size)                                                                      \
	if (stub_outer) {                                                                               \
		__current_allocsite = __current_allocfn = (void *)0;                                        \
		if (!(leave_size)) __current_allocsz = 0;                                                   \
		if (stub_first) __currently_allocating = 0;                                                 \
	}                                                                                               \
	STUB_KEEP_FRAME;

#define WRAPPER(identity, symbol, attributes, ...)                                                  \
	extern const char identity[] __asm__(symbol) __attribute__(attributes);                         \
	const char identity[] = "";
#define WRAPPER_RANGE(name, mark, identity, code)
#define WRAPPER_RANGE_IMPORTED(name, mark, identity, code)

#define CALLER_STUB(name, ret, stub, real, identity, params, args, size, sized)                     \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		STUB_ENTER(real, size)                                                                      \
		ret stub_result = real args;                                                                \
		STUB_LEAVE(sized)                                                                           \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}
#define CALLER_VOID_STUB(name, ret, stub, real, identity, params, args, size, sized)                \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		STUB_ENTER(real, size)                                                                      \
		real args;                                                                                  \
		STUB_LEAVE(sized)                                                                           \
		STUB_AFTER_CALL(name);                                                                      \
	}

#define STUB_FREE(function, params, args)                                                           \
	{                                                                                               \
		void(*stub_free) params = (void(*) params)function;                                         \
		if (stub_free) {                                                                            \
			stub_free args;                                                                         \
			return 0;                                                                               \
		}                                                                                           \
	}
#define STUB_UNLOAD

/* Instances. All that is common to the stubs of a family has the instance's name in front; several objects of a link may
 * define what is weak. A stub that finds itself inside another of its TOP family is the allocator's own call. */
#define INSTANCE_USABLE_SIZE(instance, ret, symbol)                                                 \
	extern ret instance##_usable(void *) __asm__(symbol) __attribute__((weak));
#define INSTANCE_SHARED(instance, kind) INSTANCE_DECLARED_##kind(instance)
#define INSTANCE_DECLARED(instance, kind) INSTANCE_DECLARED_##kind(instance)
#define INSTANCE(instance, kind, shown, free, granule, has_regions, ...) INSTANCE_##kind(instance, shown, free)

#define INSTANCE_DECLARED_SUB(instance)                                                             \
	__attribute__((weak, visibility("hidden"))) int instance##_level = -1;                          \
	static inline _Bool instance##_begin(size_t *size, size_t *alignment, void *site) { return 1; } \
	static inline void instance##_made(void *chunk, size_t size, size_t grown, size_t alignment, void *site) \
	{                                                                                               \
		if (__index_small_alloc) instance##_level = __index_small_alloc(chunk, -1, (unsigned)(size ? size : 1)); \
	}                                                                                               \
	static inline size_t instance##_before_resize(void *chunk, size_t size, void *site)             \
	{                                                                                               \
		if (__unindex_small_alloc) __unindex_small_alloc(chunk, instance##_level);                  \
		return 0;                                                                                   \
	}                                                                                               \
	static inline void instance##_resized(void *chunk, void *now, size_t size, size_t grown, size_t old, void *site) \
	{                                                                                               \
		if (now) instance##_made(now, size, grown, 0, site);                                        \
		/* nothing has moved; how large it was, only the family itself knows */                     \
		else if (size) instance##_made(chunk, 1, 1, 0, site);                                       \
	}                                                                                               \
	static inline _Bool instance##_before_free(void *chunk)                                         \
	{                                                                                               \
		if (__unindex_small_alloc) __unindex_small_alloc(chunk, instance##_level);                  \
		return 0;                                                                                   \
	}                                                                                               \
	static inline void instance##_freed(void *chunk) {}                                             \
	static inline void instance##_end(void) {}
#define INSTANCE_SUB(instance, shown, free)
#define INSTANCE_DECLARED_MAIN(instance) INSTANCE_DECLARED_TOP(instance)
/* What liballocs takes for its own unless the program has one; exported, so that it can be found. */
#define INSTANCE_MAIN(instance, shown, free)                                                        \
	INSTANCE_TOP(instance, shown, free)                                                             \
	extern struct allocator __global_malloc_allocator __attribute__((alias(#instance), visibility("default")));

/* The events of a TOP family, as libmallochooks has them (mallochooks/eventapi.h), under the family's own name. */
#define STUB_HIDDEN __attribute__((visibility("hidden")))
#define INSTANCE_DECLARED_TOP(instance)                                                             \
	extern __thread int instance##_inside __attribute__((visibility("hidden"), tls_model("initial-exec"))); \
	STUB_HIDDEN void instance##_post_init(void);                                                    \
	STUB_HIDDEN void instance##_pre_alloc(size_t *, size_t *, const void *);                        \
	STUB_HIDDEN void instance##_post_successful_alloc(void *, size_t, size_t, size_t, size_t, const void *); \
	STUB_HIDDEN int instance##_pre_nonnull_free(void *, size_t);                                    \
	STUB_HIDDEN void instance##_post_nonnull_free(void *);                                          \
	STUB_HIDDEN void instance##_pre_nonnull_nonzero_realloc(void *, size_t, const void *);          \
	STUB_HIDDEN void instance##_post_nonnull_nonzero_realloc(void *, size_t, size_t, const void *, void *); \
	static inline _Bool instance##_begin(size_t *size, size_t *alignment, void *site)               \
	{                                                                                               \
		if (instance##_inside || *size > STUB_MOST) return 0;                                       \
		instance##_inside = 1;                                                                      \
		size_t asked = *alignment;                                                                  \
		instance##_pre_alloc(size, alignment, site);                                                \
		/* aligned_alloc may insist on multiples */                                                 \
		if (asked > sizeof(void *)) *size = (*size + asked - 1) / asked * asked;                    \
		return 1;                                                                                   \
	}                                                                                               \
	static inline void instance##_made(void *chunk, size_t size, size_t grown, size_t alignment, void *site) \
	{                                                                                               \
		instance##_post_successful_alloc(chunk, grown, alignment, size, alignment, site);           \
	}                                                                                               \
	static inline size_t instance##_before_resize(void *chunk, size_t size, void *site)             \
	{                                                                                               \
		size_t old = instance##_usable(chunk);                                                      \
		if (size) instance##_pre_nonnull_nonzero_realloc(chunk, size, site);                        \
		else instance##_pre_nonnull_free(chunk, old);                                               \
		return old;                                                                                 \
	}                                                                                               \
	static inline void instance##_resized(void *chunk, void *now, size_t size, size_t grown, size_t old, void *site) \
	{                                                                                               \
		if (size) {                                                                                 \
			instance##_post_nonnull_nonzero_realloc(chunk, grown, old, site, now);                  \
			return;                                                                                 \
		}                                                                                           \
		instance##_post_nonnull_free(chunk);                                                        \
		if (now) instance##_post_successful_alloc(now, 0, sizeof(void *), 0, sizeof(void *), site); \
	}                                                                                               \
	static inline _Bool instance##_before_free(void *chunk)                                         \
	{                                                                                               \
		if (instance##_inside) return 0;                                                            \
		return instance##_pre_nonnull_free(chunk, instance##_usable(chunk));                        \
	}                                                                                               \
	static inline void instance##_freed(void *chunk)                                                \
	{                                                                                               \
		if (!instance##_inside) instance##_post_nonnull_free(chunk);                                \
	}                                                                                               \
	static inline void instance##_end(void) { instance##_inside = 0; }

#ifdef STUB_HAS_TOP
#include "liballocs.h"
#include "generic_malloc_index.h"
#include <string.h>

/* Without liballocs, or before it has begun, there is no index. */
extern _Bool __liballocs_is_initialized __attribute__((weak));
static inline _Bool stub_is_ready(void)
{
	return !&__liballocs_is_initialized || __liballocs_is_initialized;
}
#endif
#define INSTANCE_TOP(instance, shown, free_function)                                                \
	extern STUB_HIDDEN struct allocator instance;                                                   \
	__thread int instance##_inside;                                                                 \
	static size_t instance##_size(void *chunk) { return instance##_usable(chunk); }                 \
	static char *instance##_end_of(void *chunk)                                                     \
	{                                                                                               \
		return (char *)chunk + instance##_usable(chunk) - sizeof(INSERT_TYPE);                      \
	}                                                                                               \
	/* A chunk of before liballocs was there has nothing at its end. */                             \
	static _Bool instance##_is_indexed(void *chunk)                                                 \
	{                                                                                               \
		static const INSERT_TYPE nothing;                                                           \
		return memcmp(instance##_end_of(chunk), &nothing, sizeof nothing) != 0;                     \
	}                                                                                               \
	static struct big_allocation *instance##_ensure_big(void *chunk, size_t size)                   \
	{                                                                                               \
		return __generic_malloc_ensure_big(&instance, chunk, size);                                 \
	}                                                                                               \
	static liballocs_err_t instance##_set_type(struct big_allocation *big, void *chunk, struct uniqtype *type) \
	{                                                                                               \
		return __generic_malloc_set_type(&instance, big, chunk, type, instance##_size);             \
	}                                                                                               \
	static liballocs_err_t instance##_get_info(void *chunk, struct big_allocation *big, struct uniqtype **type, \
		void **base, unsigned long *size, const void **site)                                        \
	{                                                                                               \
		return __generic_malloc_get_info(&instance, instance##_size, chunk, big, type, base, size, site); \
	}                                                                                               \
	static void instance##_free_chunk(struct allocated_chunk *chunk)                                \
	{                                                                                               \
		int (*stub_free)(void *, size_t) = free_function;                                           \
		if (stub_free) stub_free((void *)chunk, 0);                                                 \
	}                                                                                               \
	STUB_HIDDEN struct allocator instance = {                                                       \
		.name = shown,                                                                              \
		.is_cacheable = 1,                                                                          \
		.get_info = instance##_get_info,                                                            \
		.ensure_big = instance##_ensure_big,                                                        \
		.set_type = instance##_set_type,                                                            \
		.free = instance##_free_chunk,                                                              \
	};                                                                                              \
	void instance##_post_init(void) {}                                                              \
	void instance##_pre_alloc(size_t *size, size_t *alignment, const void *site)                    \
	{                                                                                               \
		*size = CHUNK_SIZE_WITH_TRAILER(*size, INSERT_TYPE, void *);                                \
	}                                                                                               \
	void instance##_post_successful_alloc(void *chunk, size_t grown, size_t grown_alignment, size_t size, \
		size_t alignment, const void *site)                                                         \
	{                                                                                               \
		if (!stub_is_ready()) {                                                                     \
			memset(instance##_end_of(chunk), 0, sizeof(INSERT_TYPE));                               \
			return;                                                                                 \
		}                                                                                           \
		__generic_malloc_index_insert(&instance, ensure_arena_info_for_userptr(&instance, chunk), chunk, size, \
			__current_allocsite ? __current_allocsite : site, instance##_size);                     \
	}                                                                                               \
	int instance##_pre_nonnull_free(void *chunk, size_t usable)                                     \
	{                                                                                               \
		if (!instance##_is_indexed(chunk)) return 0;                                                \
		__generic_malloc_index_delete(&instance, ensure_arena_info_for_userptr(&instance, chunk), chunk, \
			instance##_size);                                                                       \
		return 0;                                                                                   \
	}                                                                                               \
	void instance##_post_nonnull_free(void *chunk) {}                                               \
	void instance##_pre_nonnull_nonzero_realloc(void *chunk, size_t size, const void *site)         \
	{                                                                                               \
		if (instance##_is_indexed(chunk))                                                           \
			__generic_malloc_index_delete(&instance, arena_info_for_userptr(&instance, chunk), chunk, \
				instance##_size);                                                                   \
	}                                                                                               \
	void instance##_post_nonnull_nonzero_realloc(void *chunk, size_t grown, size_t old, const void *site, void *now) \
	{                                                                                               \
		if (!stub_is_ready()) {                                                                     \
			memset(instance##_end_of(now ? now : chunk), 0, sizeof(INSERT_TYPE));                   \
			return;                                                                                 \
		}                                                                                           \
		__generic_malloc_index_reinsert_after_resize(&instance, arena_info_for_userptr(&instance, chunk), chunk, \
			grown, old, grown - sizeof(INSERT_TYPE), site, now, instance##_size);                   \
	}

#define STUB_ASKED(wanted, alignment_wanted)                                                        \
	_Bool stub_done = 0;                                                                            \
	size_t stub_asked = (wanted), stub_size = stub_asked, stub_alignment = (alignment_wanted);      \
	void *stub_site = STUB_SITE;                                                                    \
	(void)stub_done;
/* A size may be known only now. */
#define STUB_MADE(instance, chunk, size)                                                            \
	stub_done = 1;                                                                                  \
	if (chunk) instance##_made((void *)(chunk), (size), stub_size, stub_alignment, stub_site);

#define ENTRY_ALLOC_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		ret stub_result = (ret)0;                                                                   \
		STUB_ASKED(size, alignment)                                                                 \
		if (!instance##_begin(&stub_size, &stub_alignment, stub_site)) return real args;            \
		STUB_ENTER(real, stub_asked)                                                                \
		stub_result = real grown;                                                                   \
		STUB_MADE(instance, stub_result, size)                                                      \
		STUB_LEAVE(0)                                                                               \
		instance##_end();                                                                           \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}

#define ENTRY_OUT_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, out) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		STUB_ASKED(size, alignment)                                                                 \
		if (!instance##_begin(&stub_size, &stub_alignment, stub_site)) return real args;            \
		STUB_ENTER(real, stub_asked)                                                                \
		ret stub_result = real grown;                                                               \
		if (stub_result == 0) {                                                                     \
			STUB_MADE(instance, *(void **)(out), size)                                              \
		}                                                                                           \
		STUB_LEAVE(0)                                                                               \
		instance##_end();                                                                           \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}
#define ENTRY_OUT_VOID_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, out) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		STUB_ASKED(size, alignment)                                                                 \
		if (!instance##_begin(&stub_size, &stub_alignment, stub_site)) {                            \
			real args;                                                                              \
			return;                                                                                 \
		}                                                                                           \
		STUB_ENTER(real, stub_asked)                                                                \
		real grown;                                                                                 \
		STUB_MADE(instance, *(void **)(out), size)                                                  \
		STUB_LEAVE(0)                                                                               \
		instance##_end();                                                                           \
		STUB_AFTER_CALL(name);                                                                      \
	}

/* Without a chunk it allocates, with a size of 0 it frees. */
#define ENTRY_RESIZE_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, chunk) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		ret stub_result = (ret)0;                                                                   \
		STUB_ASKED(size, alignment)                                                                 \
		if (!instance##_begin(&stub_size, &stub_alignment, stub_site)) return real args;            \
		STUB_ENTER(real, stub_asked)                                                                \
		void *stub_chunk = (void *)(chunk);                                                         \
		size_t stub_old = stub_chunk ? instance##_before_resize(stub_chunk, stub_asked, stub_site) : 0; \
		stub_result = stub_asked || !stub_chunk ? real grown : real args;                           \
		if (stub_chunk) {                                                                           \
			stub_done = 1;                                                                          \
			instance##_resized(stub_chunk, (void *)stub_result, (size), stub_size, stub_old, stub_site); \
		} else {                                                                                    \
			STUB_MADE(instance, stub_result, size)                                                  \
		}                                                                                           \
		STUB_LEAVE(0)                                                                               \
		instance##_end();                                                                           \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}

/* What goes. Regions are unknown to liballocs: their chunks go with the memory that they lie in. */
#define STUB_REMOVE(instance, chunk)                                                                \
	if (chunk) stub_kept = instance##_before_free((void *)(chunk));
#define STUB_REMOVE_CHAIN(instance, chunk, offset)                                                  \
	for (char *stub_at = (char *)(chunk), *stub_next; stub_at; stub_at = stub_next) {               \
		stub_next = *(char **)(stub_at + (offset));                                                 \
		instance##_before_free(stub_at);                                                            \
	}
#define STUB_RELEASE(instance, region)
#define STUB_RELEASE_SINCE(instance, region, since)
#define STUB_RELEASE_ALL(instance)

/* The event may ask for the chunk to be kept. */
#define ENTRY_FREE_STUB(name, ret, stub, real, instance, params, args, remove, chunk)               \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		_Bool stub_kept = 0, stub_freeing = !__currently_freeing;                                   \
		if (stub_freeing) __currently_freeing = 1;                                                  \
		remove                                                                                      \
		ret stub_result = 0;                                                                        \
		if (!stub_kept) stub_result = real args;                                                    \
		if (!stub_kept && (chunk)) instance##_freed((void *)(chunk));                               \
		if (stub_freeing) __currently_freeing = 0;                                                  \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}
#define ENTRY_FREE_VOID_STUB(name, ret, stub, real, instance, params, args, remove, chunk)          \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		_Bool stub_kept = 0, stub_freeing = !__currently_freeing;                                   \
		if (stub_freeing) __currently_freeing = 1;                                                  \
		remove                                                                                      \
		if (!stub_kept) real args;                                                                  \
		if (!stub_kept && (chunk)) instance##_freed((void *)(chunk));                               \
		if (stub_freeing) __currently_freeing = 0;                                                  \
		STUB_AFTER_CALL(name);                                                                      \
	}

#endif
