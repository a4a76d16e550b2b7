/* C++'s operators new and delete ([new.delete], C++20; Itanium ABI names for LP64), interposed as malloc is
 *
 * A malloc that brings operators of its own allocates and frees in them without calling malloc and free. libstdc++'s call
 * these, so there an executable's operators only jump on: the callers have stubs. In the preloaded runtime, the caller of
 * an operator is the better site, whoever defines the next one.
 */
#include "../rt.h"
#include "../behind.h"
#include <dlfcn.h>
#include <errno.h>

char __allocs_interpose_operators; /* the link phase pulls this file in by this name */

#ifdef RT_PRELOADED
#define IS_PRELOADED 1
#else
#define IS_PRELOADED 0
#endif

struct operator {
	void *passes; /* the next definition, if it calls malloc or free, or is none of malloc's */
	void *function; /* the next definition, whatever it does */
	int is_mallocs; /* in the object that malloc is in */
};

/* C++ may have come along with a plugin, in a scope of the plugin's own */
static void *of_plugin(const char *name, uintptr_t caller)
{
	Dl_info info;
	void *plugin = dladdr((void *)caller, &info) ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : 0;
	void *f = plugin ? dlsym(plugin, name) : 0;
	if (plugin) dlclose(plugin);
	return f;
}

/* gives the function; it is kept once the next malloc is known, too */
static __attribute__((noinline)) void *find(struct operator *o, const char *name, uintptr_t caller)
{
	void *f = __atomic_load_n(&o->function, __ATOMIC_ACQUIRE);
	if (f) return f;
	int saved = errno;
	const void *malloc_behind = libc_behind();
	f = behind_symbol(name);
	if (!f) {
		f = of_plugin(name, caller);
		dlerror(); /* what was looked for in vain is not the program's error */
	}
	if (!f) __builtin_trap(); /* who calls it was linked with somebody who has it */
	if (malloc_behind) {
		o->is_mallocs = behind_holds(f);
		__atomic_store_n(&o->function, f, __ATOMIC_RELEASE);
		if (!o->is_mallocs) __atomic_store_n(&o->passes, f, __ATOMIC_RELEASE);
	}
	errno = saved;
	return f;
}

#define SITE ((uintptr_t)__builtin_return_address(0))
#define HERE ((uintptr_t)__builtin_frame_address(0))

/* a walk outwards has to begin in the operator (R16) */
static __attribute__((noinline)) void insert(void *p, size_t size, uintptr_t caller)
{
	libc_insert(p, size, rt_unwinding ? SITE : caller, HERE);
	__asm__ volatile("" ::: "memory"); /* no jump: what HERE points to is looked at */
}

/* parameters in parentheses, and the same as arguments; lld makes a stub's reference weak where a definition is */
#define NEW(name, parameters, arguments) \
	RT_EXPORT void *name parameters \
	{ \
		static struct operator next; \
		void *f = __atomic_load_n(&next.passes, __ATOMIC_ACQUIRE), *p; \
		if (!IS_PRELOADED && likely(f)) return ((void *(*)parameters)f)arguments; \
		f = find(&next, #name, SITE); \
		if (!IS_PRELOADED && !next.is_mallocs) return ((void *(*)parameters)f)arguments; \
		p = ((void *(*)parameters)f)arguments; \
		insert(p, size, SITE); \
		return p; \
	}

/* Jumped to, so that its caller is the operator's. A program that defines one of these itself keeps its own; an operator
 * new of its own the link phase knows of. */
#define DELETE(name, parameters, arguments) \
	RT_EXPORT void name parameters __attribute__((weak)); \
	static struct operator next_##name; \
	static __attribute__((noinline)) void slow_##name parameters \
	{ \
		void *f = find(&next_##name, #name, SITE); \
		int is_observed = next_##name.is_mallocs && p; \
		if (is_observed && libc_remove(p, (uintptr_t)name, SITE, HERE)) return; \
		((void (*)parameters)f)arguments; \
		if (is_observed) libc_removed(); \
	} \
	void name parameters \
	{ \
		void *f = __atomic_load_n(&next_##name.passes, __ATOMIC_ACQUIRE); \
		if (likely(f)) ((void (*)parameters)f)arguments; \
		else slow_##name arguments; \
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
