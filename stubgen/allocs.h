/* allocs.h: ask any heap pointer who allocated it (R18).
 *
 * Every function may be called with any address; interior pointers work; NULL or 0 means "nothing is known".
 * The functions are weak: a program runs unchanged where the runtime is absent, so test one before the first call
 * (`if (alloc_get_site) ...`) if your code may also be built without allocscc.
 * Pointers to sites and strings stay valid until the process ends, those to an allocator or a wrapper until its object
 * is unloaded; chunks that outlive it have a copy from then on, which frees nothing.
 */
#ifndef ALLOCS_H
#define ALLOCS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ALLOCS_API
#define ALLOCS_API __attribute__((weak))
#endif
#define ALLOCS_VERSION 1

/* Say in the source what a function is (R5); nothing else is needed to make it known. Written behind a declaration:
 *
 *     void *xmalloc(size_t n) ALLOCS_WRAPPER("(Z)p");
 *     void xfree(void *p) ALLOCS_WRAPPER_FREE("(P)", "xmalloc");
 *     void *slab_get(struct slab *s, size_t n) ALLOCS_ENTRY("slab", "malloc", "(pZ)p");
 *
 * Signatures are those of the config, without the name; "" takes what the prototype tells. Compilers never see these
 * attributes, allocscc's scan does. An entry of the config that names the function always wins.
 */
#ifdef __ALLOCSCC_SCAN__
#define ALLOCS_ANNOTATE(text) __attribute__((annotate("allocs:" text)))
#else
#define ALLOCS_ANNOTATE(text)
#endif
/* Only passes memory on from an allocator or another wrapper. */
#define ALLOCS_WRAPPER(signature) ALLOCS_ANNOTATE("wrapper.alloc " signature)
/* The same; frees a chunk, too (xrealloc). */
#define ALLOCS_WRAPPER_RESIZE(signature) ALLOCS_ANNOTATE("wrapper.resize " signature)
/* Frees what wrapper `of` allocated. */
#define ALLOCS_WRAPPER_FREE(signature, of) ALLOCS_ANNOTATE("wrapper.free " signature "->" of)
/* An entry point of the allocator `family`, which carves up chunks of `parent` ("" if it asks the system). The first
 * one declared is the family's key symbol. */
#define ALLOCS_ENTRY(family, parent, signature) ALLOCS_ANNOTATE("allocator.alloc " signature " " family "<" parent)
#define ALLOCS_ENTRY_RESIZE(family, signature) ALLOCS_ANNOTATE("allocator.resize " signature " " family)
#define ALLOCS_ENTRY_FREE(family, signature) ALLOCS_ANNOTATE("allocator.free " signature " " family)
/* Frees a list of chunks, linked by a pointer at the offset that the z behind the P gives, or at their begin. */
#define ALLOCS_ENTRY_FREE_CHAIN(family, signature) ALLOCS_ANNOTATE("allocator.free-chain " signature " " family)
/* Frees a chunk and all that its region handed out after it. */
#define ALLOCS_ENTRY_FREE_SINCE(family, signature) ALLOCS_ANNOTATE("allocator.free-since " signature " " family)
/* Frees all chunks of a region at once. */
#define ALLOCS_ENTRY_FREE_ALL(family, signature) ALLOCS_ANNOTATE("allocator.free-all " signature " " family)
/* Only carries the size of an element to inner allocations. */
#define ALLOCS_SIZED(signature) ALLOCS_ANNOTATE("sized.sized " signature)

struct alloc_index;

/* One function of an allocator; `function` is NULL where it is not linked. */
struct alloc_function {
	const char *name, *role; /* role: the config's list that has it, e.g. "alloc" or "usable-size" */
	void (*function)(void);
};

/* One instance of an allocator: one definition of its family's key symbol in one linked object (R10). */
struct allocator {
	const char *name;                /* the family's; "family@object" where several instances live in the process */
	const struct allocator *parent;  /* whose chunks it carves up; observed at run time; NULL for top level */
	unsigned long alloc_count;       /* chunks allocated so far; brought up to date by every query that returns it */
	struct alloc_index *index;
	int suballocates;
	int (*free_chunk)(void *, size_t); /* its own free function with the arguments it needs; 0 or an errno */
	struct allocator *next;
	unsigned number;
	const char *family;              /* the config entry's name */
	const char *object;              /* file name of the shared object that it is in; NULL: the executable */
	const struct alloc_function *functions; /* all functions of the family; the last one's name is NULL */
};

/* One wrapper function (R12). */
struct alloc_wrapper {
	const char *name;
	const struct allocator *allocator; /* the one that was first observed under it, or NULL */
	int (*free_chunk)(void *, size_t);
	struct alloc_wrapper *next;
	int known;
	int sized; /* only carries an element's size to inner allocations: what these say of the type does not count */
};

/* One call instruction that calls an entry point or a wrapper (R13). Use the accessors below. */
struct alloc_site;

/* One wrapper that an allocation went through, and the site that called the wrapper. */
struct alloc_frame {
	const struct alloc_wrapper *wrapper;
	const struct alloc_site *site;
};

ALLOCS_API const struct allocator *alloc_get_allocator(const void *p);   /* the innermost one */
ALLOCS_API const struct alloc_wrapper *alloc_get_wrapper(const void *p); /* the outermost one, or NULL */
/* Fills at most n frames, outermost first; returns how many wrappers the allocation went through. */
ALLOCS_API unsigned alloc_get_chain(const void *p, const struct alloc_frame *out[], unsigned n);
ALLOCS_API const struct alloc_site *alloc_get_site(const void *p);       /* the outermost site */
ALLOCS_API const char *alloc_get_type(const void *p);                    /* e.g. "struct node" */
ALLOCS_API void *alloc_get_base(const void *p);
ALLOCS_API size_t alloc_get_size(const void *p);                         /* bytes, as requested */
/* Frees through the function that belongs to the allocation; 0, or EINVAL (no live chunk starts at p) or
 * ENOTSUP (its allocator frees no single chunks, or not with what is known of this one). */
ALLOCS_API int alloc_free(void *p);

ALLOCS_API const char *alloc_site_file(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_function(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_callee(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_type(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_evidence(const struct alloc_site *s);
ALLOCS_API unsigned alloc_site_line(const struct alloc_site *s);
ALLOCS_API unsigned alloc_site_column(const struct alloc_site *s);

/* Enumerations stop when f returns non-zero. */
ALLOCS_API void alloc_for_each_allocator(int (*f)(const struct allocator *, void *), void *arg);
ALLOCS_API void alloc_for_each_wrapper(int (*f)(const struct alloc_wrapper *, void *), void *arg);
ALLOCS_API void alloc_for_each_site(int (*f)(const struct alloc_site *, void *), void *arg);
ALLOCS_API void alloc_for_each_chunk(int (*f)(const void *base, size_t size, void *), void *arg);
/* Writes a profile of now, as at exit; 0, or an errno. */
ALLOCS_API int alloc_snapshot(const char *path);

#ifdef __cplusplus
}
#endif
#endif
