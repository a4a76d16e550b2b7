/* The macros of stubs, for a log of text: "malloc gave 24 bytes". */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define SAY(...)                                                          \
	do {                                                                  \
		char stub_text[256];                                              \
		int stub_length = snprintf(stub_text, sizeof stub_text, __VA_ARGS__); \
		if (write(2, stub_text, stub_length) < 0) stub_length = 0;        \
	} while (0)

#define STUB_TYPE_SIZE ((size_t)0)
#define STUB_USABLE_SIZE(function, chunk, otherwise) (otherwise)
#define STUB_PRODUCT(a, b) ((a) * (b))
#define STUB_WHOLE 0
#define STUB_NO_REGION 0
#define STUB_REGION_OF(instance, chunk) ((void *)0)
#define STUB_FREE(function, params, args)
#define STUB_UNLOAD
#define WRAPPER(identity, symbol, attributes, ...)                        \
	extern const char identity[] __asm__(symbol) __attribute__(attributes); \
	const char identity[] = "";
#define INSTANCE_USABLE_SIZE(instance, ret, symbol)
#define INSTANCE_DECLARED(instance, kind)
#define INSTANCE_SHARED(instance, kind)
#define INSTANCE(instance, kind, shown, free, granule, has_regions, ...)

#define CALLER_STUB(name, ret, stub, real, identity, params, args, size, sized) \
	ret stub params                                                       \
	{                                                                     \
		SAY("%s is asked for %zu bytes\n", name, (size_t)(size));         \
		return real args;                                                 \
	}
#define CALLER_VOID_STUB(name, ret, stub, real, identity, params, args, size, sized) \
	ret stub params                                                       \
	{                                                                     \
		SAY("%s is asked for %zu bytes\n", name, (size_t)(size));         \
		real args;                                                        \
	}
#define ENTRY_ALLOC_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown) \
	ret stub params                                                       \
	{                                                                     \
		SAY("%s gave %zu bytes\n", name, (size_t)(size));                 \
		return real args;                                                 \
	}
#define ENTRY_OUT_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, out) \
	ENTRY_ALLOC_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown)
#define ENTRY_OUT_VOID_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, out) \
	CALLER_VOID_STUB(name, ret, stub, real, instance, params, args, size, 0)
#define ENTRY_RESIZE_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown, chunk) \
	ENTRY_ALLOC_STUB(name, ret, stub, real, instance, params, args, size, region, alignment, grown)
#define ENTRY_FREE_STUB(name, ret, stub, real, instance, params, args, remove, chunk) \
	ret stub params                                                       \
	{                                                                     \
		SAY("%s takes one\n", name);                                      \
		return real args;                                                 \
	}
#define ENTRY_FREE_VOID_STUB(name, ret, stub, real, instance, params, args, remove, chunk) \
	ret stub params                                                       \
	{                                                                     \
		SAY("%s takes one\n", name);                                      \
		real args;                                                        \
	}
