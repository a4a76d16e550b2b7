/* stubgen.h: the macros that generated stubs are made of, for the embedded runtime; another backend has a header of its
 * own with macros of the same names (docs/backends.md).
 *
 * The generator passes parameter and argument lists ready-made. A project's own header may define any of the
 * STUB_* hook macros before this file to add what it wants to every stub (R2); `name` is the function's symbol as a
 * string literal.
 */
#ifndef ALLOCS_STUBGEN_H
#define ALLOCS_STUBGEN_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include "allocs.h"
#include "abi.h"

/* The runtime lives in the executable. Objects that meet no runtime run unchanged: one test, and forward. */
#define RT_API __attribute__((weak))
RT_API void *__allocs_push(struct alloc_wrapper *, void *site, void *frame);
RT_API void __allocs_range(struct alloc_wrapper *, const void *code);
RT_API void __allocs_range_imported(struct alloc_wrapper *, const void *code);
RT_API void __allocs_insert(struct allocator *, void *chunk, size_t size, void *site, void *frame);
RT_API uint64_t __allocs_remove(struct allocator *, void *chunk);
RT_API uint64_t __allocs_take(struct allocator *, void *chunk);
RT_API void __allocs_move(struct allocator *, void *chunk, uint64_t entry, void *now, size_t size);
RT_API void __allocs_restore(struct allocator *, void *chunk, uint64_t entry);
RT_API void __allocs_join(struct allocator *, void *chunk, void *region);
RT_API void *__allocs_region(struct allocator *, void *chunk);
RT_API void __allocs_release(struct allocator *, void *region, void *since);
RT_API void __allocs_load(struct allocator *);
RT_API void __allocs_unload(const void *inside);

#ifndef STUB_BEFORE_CALL
#define STUB_BEFORE_CALL(name)
#endif
#ifndef STUB_AFTER_CALL
#define STUB_AFTER_CALL(name)
#endif

#define STUB_SITE __builtin_extract_return_addr(__builtin_return_address(0))
#define STUB_FRAME __builtin_frame_address(0)
/* Keeps the call from becoming a jump: the frame must live until the real function has returned. */
#define STUB_KEEP_FRAME __asm__ volatile("" ::: "memory")

/* The size of a typed primitive's chunk: what the site's record says of the type. */
#define STUB_TYPE_SIZE ((size_t)-1)
/* Of several size arguments: their product. */
#define STUB_PRODUCT(a, b) ((a) * (b))
#define STUB_USABLE_SIZE(function, chunk, otherwise) (function && (chunk) ? (size_t)function(chunk) : (otherwise))
/* The region of chunks that belong to none of their own, where a function frees all of the allocator's. */
#define STUB_WHOLE ((void *)1)
#define STUB_NO_REGION ((void *)0)
#define STUB_REGION_OF(instance, chunk) (__allocs_region && (chunk) ? __allocs_region(&instance, (chunk)) : (void *)0)

#define STUB_INSERT(instance, chunk, size, region)                                                  \
	do {                                                                                            \
		__allocs_insert(&instance, (chunk), (size), STUB_SITE, STUB_FRAME);                         \
		if ((region) && __allocs_join) __allocs_join(&instance, (chunk), (region));                 \
	} while (0)

/* What a free function does to the index: one chunk goes; a list, linked by a pointer at an offset; a region, or what is
 * younger in it than `since`; all regions. `&instance` is NULL where another family that shares the function has no
 * instance here. */
#define STUB_REMOVE(instance, chunk)                                                                \
	if (__allocs_remove && (chunk)) __allocs_remove(&instance, (chunk));
#define STUB_REMOVE_CHAIN(instance, chunk, offset)                                                  \
	for (char *stub_at = (char *)(chunk), *stub_next; __allocs_remove && stub_at; stub_at = stub_next) { \
		stub_next = *(char **)(stub_at + (offset));                                                 \
		__allocs_remove(&instance, stub_at);                                                        \
	}
#define STUB_RELEASE(instance, region)                                                              \
	if (__allocs_release && &instance && (region)) __allocs_release(&instance, (region), 0);
#define STUB_RELEASE_SINCE(instance, region, since)                                                 \
	{                                                                                               \
		void *stub_region = (region);                                                               \
		if (__allocs_release && stub_region) __allocs_release(&instance, stub_region, (since));     \
	}
#define STUB_RELEASE_ALL(instance)                                                                  \
	if (__allocs_release && &instance) __allocs_release(&instance, 0, 0);

/* Calls a free function, if it is linked, with what is known of a chunk `p` of `size` bytes. */
#define STUB_FREE(function, params, args)                                                           \
	{                                                                                               \
		void(*stub_free) params = (void(*) params)function;                                         \
		if (stub_free) {                                                                            \
			stub_free args;                                                                         \
			return 0;                                                                               \
		}                                                                                           \
	}

/* Chunks may outlive the object that they come from. */
#define STUB_UNLOAD                                                                                 \
	__attribute__((destructor(101))) static void stub_unload(void)                                  \
	{                                                                                               \
		if (__allocs_unload) __allocs_unload((const void *)stub_unload);                            \
	}

/* What a wrapper is: `attributes` of the symbol in parentheses, then the structure's fields. */
#define WRAPPER(identity, symbol, attributes, ...)                                                  \
	extern struct alloc_wrapper identity __asm__(symbol) __attribute__(attributes);                 \
	struct alloc_wrapper identity = {__VA_ARGS__};

/* An instance; `kind` is SUB for a family that carves up another one's chunks, MAIN for one whose instance is the whole
 * process's (a program's own malloc), else TOP. It is defined in the file of its
 * family's key symbol, with the family's functions behind the other arguments, and declared in all that refer to it. */
#define INSTANCE_USABLE_SIZE(instance, ret, symbol)
#define INSTANCE_DECLARED(instance, kind) extern struct allocator instance __attribute__((visibility("hidden")));
#define INSTANCE_SHARED(instance, kind) extern struct allocator instance __attribute__((weak, visibility("hidden")));
#define INSTANCE(instance, kind, shown, free, granule, has_regions, ...)                            \
	static struct alloc_index instance##_index = {.shift = granule, .regions = has_regions};        \
	static const struct alloc_function instance##_functions[] = {__VA_ARGS__, {0}};                 \
	struct allocator instance __attribute__((visibility("hidden"))) = {                             \
		.name = shown,                                                                              \
		.index = &instance##_index,                                                                 \
		.suballocates = ALLOCS_IS_##kind,                                                           \
		.free_chunk = free,                                                                         \
		.functions = instance##_functions,                                                          \
	};                                                                                              \
	INSTANCE_LOAD(instance)
#define ALLOCS_IS_SUB 1
#define ALLOCS_IS_TOP 0
#define ALLOCS_IS_MAIN 0

/* An allocator is known from the start, not only from its first chunk on. */
#define INSTANCE_LOAD(instance)                                                                     \
	__attribute__((constructor)) static void instance##_load(void)                                  \
	{                                                                                               \
		if (__allocs_load) __allocs_load(&instance);                                                \
	}

/* A caller stub stands before a wrapper and remembers the outermost site. `size` is what the call asks for, in bytes;
 * `sized` says that the function only carries the type to the calls inside. */
#define CALLER_STUB(name, ret, stub, real, identity, params, args, size, sized)                     \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		void *stub_below = __allocs_push ? __allocs_push(&identity, STUB_SITE, STUB_FRAME) : 0;     \
		ret stub_result = real args;                                                                \
		if (stub_below) ALLOCS_POP(stub_below);                                                     \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define CALLER_VOID_STUB(name, ret, stub, real, identity, params, args, size, sized)                \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		void *stub_below = __allocs_push ? __allocs_push(&identity, STUB_SITE, STUB_FRAME) : 0;     \
		real args;                                                                                  \
		if (stub_below) ALLOCS_POP(stub_below);                                                     \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
	}

/* Instead of a caller stub: where a wrapper's code is (R16). Before the program's own constructors. */
#define WRAPPER_RANGE(name, mark, identity, code)                                                   \
	__attribute__((constructor(101))) static void mark(void)                                        \
	{                                                                                               \
		if (__allocs_range && code) __allocs_range(&identity, (const void *)code);                  \
	}

#define WRAPPER_RANGE_IMPORTED(name, mark, identity, code)                                          \
	__attribute__((constructor(101))) static void mark(void)                                        \
	{                                                                                               \
		if (__allocs_range_imported && code) __allocs_range_imported(&identity, (const void *)code); \
	}

/* Entry stubs stand in for an allocator's entry points and index the chunk. `grown` are arguments that ask a TOP family
 * for `stub_size` bytes instead of `size`. */
#define ENTRY_ALLOC_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		ret stub_result = real args;                                                                \
		if (__allocs_insert && stub_result) STUB_INSERT(instance, (void *)stub_result, size, region); \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define ENTRY_OUT_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, out) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		ret stub_result = real args;                                                                \
		if (__allocs_insert && stub_result == 0 && *(void **)(out))                                 \
			STUB_INSERT(instance, *(void **)(out), size, region);                                   \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define ENTRY_OUT_VOID_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, out) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		real args;                                                                                  \
		if (__allocs_insert && *(void **)(out)) STUB_INSERT(instance, *(void **)(out), size, region); \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
	}

#define ENTRY_RESIZE_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, chunk) \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		void *stub_region = (region);                                                               \
		uint64_t stub_entry = __allocs_take && (chunk) ? __allocs_take(&instance, (chunk)) : 0;     \
		ret stub_result = real args;                                                                \
		if (__allocs_insert && stub_result) {                                                       \
			STUB_INSERT(instance, (void *)stub_result, size, stub_region);                          \
		} else if (stub_entry && (size) && __allocs_restore) {                                      \
			__allocs_restore(&instance, (chunk), stub_entry);                                       \
			if (stub_region && __allocs_join) __allocs_join(&instance, (chunk), stub_region);       \
			stub_entry = 0; /* nothing has moved */                                                 \
		}                                                                                           \
		if (stub_entry && __allocs_move)                                                            \
			__allocs_move(&instance, (chunk), stub_entry, (void *)stub_result, (size));             \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

/* `remove` says what goes, in terms of the macros above; `chunk` is the one that goes, or 0. */
#define ENTRY_FREE_STUB(name, ret, stub, real, instance, params, args, remove, chunk)               \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		remove                                                                                      \
		ret stub_result = real args;                                                                \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}

#define ENTRY_FREE_VOID_STUB(name, ret, stub, real, instance, params, args, remove, chunk)          \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		remove                                                                                      \
		real args;                                                                                  \
		STUB_AFTER_CALL(name);                                                                      \
	}

#endif
