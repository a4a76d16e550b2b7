/* stubgen.h: the macros that generated stubs are made of.
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
RT_API void __allocs_enter(struct alloc_wrapper *, void *site, void *frame);
RT_API void __allocs_leave(void *frame);
RT_API void __allocs_insert(struct allocator *, void *chunk, size_t size, void *site, void *frame);
RT_API uint64_t __allocs_remove(struct allocator *, void *chunk);
RT_API void __allocs_restore(struct allocator *, void *chunk, uint64_t entry);

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

/* A caller stub stands before a wrapper and remembers the outermost site. */
#define CALLER_STUB(name, ret, stub, real, identity, params, args)                                  \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		if (__allocs_enter) __allocs_enter(&identity, STUB_SITE, STUB_FRAME);                       \
		ret stub_result = real args;                                                                \
		if (__allocs_leave) __allocs_leave(STUB_FRAME);                                             \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define CALLER_VOID_STUB(name, ret, stub, real, identity, params, args)                             \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		if (__allocs_enter) __allocs_enter(&identity, STUB_SITE, STUB_FRAME);                       \
		real args;                                                                                  \
		if (__allocs_leave) __allocs_leave(STUB_FRAME);                                             \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
	}

/* Entry stubs stand in for an allocator's entry points and index the chunk. */
#define ENTRY_ALLOC_STUB(name, ret, stub, real, instance, params, args, size)                       \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		ret stub_result = real args;                                                                \
		if (__allocs_insert && stub_result)                                                         \
			__allocs_insert(&instance, (void *)stub_result, (size), STUB_SITE, STUB_FRAME);         \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define ENTRY_OUT_STUB(name, ret, stub, real, instance, params, args, size, out)                    \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		ret stub_result = real args;                                                                \
		if (__allocs_insert && stub_result == 0 && *(void **)(out))                                 \
			__allocs_insert(&instance, *(void **)(out), (size), STUB_SITE, STUB_FRAME);             \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define ENTRY_RESIZE_STUB(name, ret, stub, real, instance, params, args, size, chunk)               \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		uint64_t stub_entry = __allocs_remove && (chunk) ? __allocs_remove(&instance, (chunk)) : 0; \
		ret stub_result = real args;                                                                \
		if (__allocs_insert && stub_result)                                                         \
			__allocs_insert(&instance, (void *)stub_result, (size), STUB_SITE, STUB_FRAME);         \
		else if (stub_entry && (size) && __allocs_restore)                                          \
			__allocs_restore(&instance, (chunk), stub_entry);                                       \
		STUB_AFTER_CALL(name);                                                                      \
		STUB_KEEP_FRAME;                                                                            \
		return stub_result;                                                                         \
	}

#define ENTRY_FREE_STUB(name, ret, stub, real, instance, params, args, chunk)                       \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		if (__allocs_remove && (chunk)) __allocs_remove(&instance, (chunk));                        \
		ret stub_result = real args;                                                                \
		STUB_AFTER_CALL(name);                                                                      \
		return stub_result;                                                                         \
	}

#define ENTRY_FREE_VOID_STUB(name, ret, stub, real, instance, params, args, chunk)                  \
	ret stub params                                                                                 \
	{                                                                                               \
		STUB_BEFORE_CALL(name);                                                                     \
		if (__allocs_remove && (chunk)) __allocs_remove(&instance, (chunk));                        \
		real args;                                                                                  \
		STUB_AFTER_CALL(name);                                                                      \
	}

#endif
