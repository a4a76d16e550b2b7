/* C++'s operators new and delete ([new.delete], C++20; Itanium ABI names for LP64), preloaded
 *
 * A malloc that brings operators of its own allocates and frees in them without calling malloc and free. libstdc++'s call
 * these; there the operator's caller is the better site. In executables they are not interposed: their callers have stubs,
 * and lld does not wrap what is weak.
 */
#include "../rt.h"
#include "../behind.h"

struct operator {
	void *function;
	int is_mallocs; /* in the object that malloc is in */
};

static __attribute__((noinline)) void find(struct operator *o, const char *name, uintptr_t site)
{
	void *f = behind_operator(name, site, &o->is_mallocs);
	if (!f) __builtin_trap(); /* who calls it was linked with somebody who has it */
	__atomic_store_n(&o->function, f, __ATOMIC_RELEASE);
}

#define SITE ((uintptr_t)__builtin_return_address(0))
#define HERE ((uintptr_t)__builtin_frame_address(0))
#define LOOK_UP(name) \
	static struct operator next; \
	if (unlikely(!__atomic_load_n(&next.function, __ATOMIC_ACQUIRE))) find(&next, #name, SITE)

/* parameters in parentheses, and the same as arguments */
#define NEW(name, parameters, arguments) \
	RT_EXPORT void *name parameters \
	{ \
		LOOK_UP(name); \
		return libc_insert(((void *(*)parameters)next.function)arguments, size, SITE, HERE); \
	}

#define DELETE(name, parameters, arguments) \
	RT_EXPORT void name parameters \
	{ \
		LOOK_UP(name); \
		if (next.is_mallocs && p) libc_remove(p); \
		((void (*)parameters)next.function)arguments; \
	}

#define BOTH_NEW(plural) \
	NEW(_Zn##plural##m, (size_t size), (size)) \
	NEW(_Zn##plural##mRKSt9nothrow_t, (size_t size, const void *tag), (size, tag)) \
	NEW(_Zn##plural##mSt11align_val_t, (size_t size, size_t align), (size, align)) \
	NEW(_Zn##plural##mSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *tag), (size, align, tag))

#define BOTH_DELETE(plural) \
	DELETE(_Zd##plural##Pv, (void *p), (p)) \
	DELETE(_Zd##plural##Pvm, (void *p, size_t size), (p, size)) \
	DELETE(_Zd##plural##PvRKSt9nothrow_t, (void *p, const void *tag), (p, tag)) \
	DELETE(_Zd##plural##PvSt11align_val_t, (void *p, size_t align), (p, align)) \
	DELETE(_Zd##plural##PvmSt11align_val_t, (void *p, size_t size, size_t align), (p, size, align)) \
	DELETE(_Zd##plural##PvSt11align_val_tRKSt9nothrow_t, (void *p, size_t align, const void *tag), (p, align, tag))

BOTH_NEW(w)
BOTH_NEW(a)
BOTH_DELETE(l)
BOTH_DELETE(a)
