/* allocs.h: ask any heap pointer who allocated it (R18). C99 and C++11 or newer; docs/api.md has examples and costs.
 *
 * Every function may be called with any address; interior pointers work; NULL or 0 means "nothing is known".
 * Pointers to sites, types and strings stay valid until the process ends, those to an allocator or a wrapper until its
 * object is unloaded; chunks that outlive it have a copy from then on, which frees nothing.
 *
 * A program runs unchanged where the runtime is absent, or older than this header. The functions are weak, so either test
 * each before the first call (`if (alloc_get_site) ...`), or define ALLOCS_OPTIONAL before including this file: every call
 * then tests for itself, and a function that is absent knows nothing. alloc_version tells the one from the other.
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
/* Only the address counts: gcc would warn of memory that nobody has written to yet. */
#if defined __GNUC__ && !defined __clang__ && __GNUC__ >= 11
#define ALLOCS_ASK ALLOCS_API __attribute__((access(none, 1)))
#else
#define ALLOCS_ASK ALLOCS_API
#endif
/* Rises when something is added; nothing that is there changes. What came when is said where it is not 1. */
#define ALLOCS_VERSION 2

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
struct allocator;

/* `struct allocator`, also where a program has said `using namespace std;`, which has another one. */
#ifdef __cplusplus
#define ALLOCS_ALLOCATOR struct ::allocator
#else
#define ALLOCS_ALLOCATOR struct allocator
#endif

/* One function of an allocator; `function` is NULL where it is not linked. */
struct alloc_function {
	const char *name, *role; /* role: the config's list that has it, e.g. "alloc" or "usable-size" */
	void (*function)(void);
};

/* One instance of an allocator: one definition of its family's key symbol in one linked object (R10). */
struct allocator {
	const char *name;                /* the family's; "family@object" where several instances live in the process */
	const ALLOCS_ALLOCATOR *parent;  /* whose chunks it carves up; observed at run time; NULL for top level */
	unsigned long alloc_count;       /* chunks allocated so far, as of the last alloc_get_allocator or enumeration */
	struct alloc_index *index;
	int suballocates;
	int (*free_chunk)(void *, size_t); /* its own free function with the arguments it needs; 0 or an errno */
	ALLOCS_ALLOCATOR *next;
	unsigned number;
	const char *family;              /* the config entry's name */
	const char *object;              /* file name of the shared object that it is in; NULL: the executable */
	const struct alloc_function *functions; /* all functions of the family; the last one's name is NULL */
};

/* One wrapper function (R12). */
struct alloc_wrapper {
	const char *name;
	const ALLOCS_ALLOCATOR *allocator; /* the one that was first observed under it, or NULL */
	int (*free_chunk)(void *, size_t);
	struct alloc_wrapper *next;
	int known;
	int sized; /* only carries an element's size to inner allocations: what these say of the type does not count */
	void (*const *frees)(void); /* functions that free its chunks or resize them; NULL for one that is not linked */
	unsigned free_count;
};

/* One call instruction that calls an entry point or a wrapper (R13). Use the accessors below. */
struct alloc_site;

/* One type that a site allocates (version 2). */
struct alloc_type {
	const char *name; /* the very pointer that alloc_get_type and alloc_site_type give */
	size_t size;      /* of one element, in bytes; 0 if it is unknown, or if two units of the program differ */
	unsigned sites;   /* how many sites of loaded objects allocate it */
};

/* One wrapper that an allocation went through, and the site that called the wrapper. */
struct alloc_frame {
	const struct alloc_wrapper *wrapper;
	const struct alloc_site *site;
};

/* All that is known of one chunk (version 2). Start with ALLOC_INFO_INIT: struct_size says which fields there are. */
struct alloc_info {
	size_t struct_size;
	void *base;
	size_t size;                         /* bytes, as requested */
	const ALLOCS_ALLOCATOR *allocator;
	const struct alloc_wrapper *wrapper; /* the outermost one, or NULL */
	const struct alloc_site *site;       /* the outermost site */
	const char *type;
	unsigned chain_length;               /* how many wrappers the allocation went through */
};
#define ALLOC_INFO_INIT {sizeof(struct alloc_info), NULL, 0, NULL, NULL, NULL, NULL, 0}

/* ALLOCS_VERSION of the runtime (version 2). */
ALLOCS_API unsigned alloc_version(void);

/* ---- the chunk around an address: the innermost one, where a suballocator carves up another allocator's chunk ---- */

ALLOCS_ASK const ALLOCS_ALLOCATOR *alloc_get_allocator(const void *p);
ALLOCS_ASK const struct alloc_wrapper *alloc_get_wrapper(const void *p); /* the outermost one, or NULL */
/* Fills at most n frames, outermost first; returns how many wrappers the allocation went through. */
ALLOCS_ASK unsigned alloc_get_chain(const void *p, const struct alloc_frame *out[], unsigned n);
ALLOCS_ASK const struct alloc_site *alloc_get_site(const void *p);       /* the outermost site */
ALLOCS_ASK const char *alloc_get_type(const void *p);                    /* e.g. "struct node" */
ALLOCS_ASK void *alloc_get_base(const void *p);
ALLOCS_ASK size_t alloc_get_size(const void *p);                         /* bytes, as requested */
/* The base of the chunk that the innermost one was carved out of; NULL if it was not (version 2). */
ALLOCS_ASK void *alloc_get_parent(const void *p);
/* All at once: 1, or 0 if no live chunk is there; then *out is left alone (version 2). */
ALLOCS_ASK int alloc_query(const void *p, struct alloc_info *out);
/* Goes on from a chunk to the one it was carved out of: 1, or 0 at the outermost one; then *chunk is left alone. A base
 * alone would not do: the first chunk in another one often starts where that does (version 2). */
ALLOCS_API int alloc_query_parent(struct alloc_info *chunk);

/* ---- the right free ---- */

/* Frees through the function that belongs to the allocation, with the arguments that it needs: that of the outermost
 * wrapper that names one, else the allocator's. 0, or
 *     EINVAL   no live chunk starts at p (NULL, an interior or unknown pointer, a chunk that was freed)
 *     ENOTSUP  its allocator frees no single chunks, or not with what is known of this one */
ALLOCS_API int alloc_free(void *p);
/* In a few words why alloc_free would refuse; NULL if nothing speaks against it (version 2). */
ALLOCS_ASK const char *alloc_free_problem(const void *p);

/* ---- a site; NULL or 0 for what is not known of it ---- */

ALLOCS_API const char *alloc_site_file(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_function(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_callee(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_type(const struct alloc_site *s);
ALLOCS_API const char *alloc_site_evidence(const struct alloc_site *s);
ALLOCS_API unsigned alloc_site_line(const struct alloc_site *s);
ALLOCS_API unsigned alloc_site_column(const struct alloc_site *s);

/* ---- enumerations; they stop when f returns non-zero ---- */

ALLOCS_API void alloc_for_each_allocator(int (*f)(const ALLOCS_ALLOCATOR *, void *), void *arg);
ALLOCS_API void alloc_for_each_wrapper(int (*f)(const struct alloc_wrapper *, void *), void *arg);
/* The allocators that were observed under a wrapper, each once (version 2). */
ALLOCS_API void alloc_for_each_wrapper_allocator(const struct alloc_wrapper *w,
                                                 int (*f)(const ALLOCS_ALLOCATOR *, void *), void *arg);
/* Every site of the loaded objects, whether it has allocated or not; and what has allocated without being known. */
ALLOCS_API void alloc_for_each_site(int (*f)(const struct alloc_site *, void *), void *arg);
/* The types of these sites, each name once (version 2). */
ALLOCS_API void alloc_for_each_type(int (*f)(const struct alloc_type *, void *), void *arg);
ALLOCS_API void alloc_for_each_chunk(int (*f)(const void *base, size_t size, void *), void *arg);
/* Writes a profile of now, as at exit; 0, or an errno. */
ALLOCS_API int alloc_snapshot(const char *path);

#ifdef __cplusplus
}
#endif

/* The last argument is what a call gives where the function is absent. */
#ifdef ALLOCS_OPTIONAL
#include <errno.h>
#define ALLOCS_IF(function, arguments, otherwise) (function ? function arguments : otherwise)
#define alloc_version() ALLOCS_IF(alloc_version, (), 0u)
#define alloc_get_allocator(...) ALLOCS_IF(alloc_get_allocator, (__VA_ARGS__), NULL)
#define alloc_get_wrapper(...) ALLOCS_IF(alloc_get_wrapper, (__VA_ARGS__), NULL)
#define alloc_get_chain(...) ALLOCS_IF(alloc_get_chain, (__VA_ARGS__), 0u)
#define alloc_get_site(...) ALLOCS_IF(alloc_get_site, (__VA_ARGS__), NULL)
#define alloc_get_type(...) ALLOCS_IF(alloc_get_type, (__VA_ARGS__), NULL)
#define alloc_get_base(...) ALLOCS_IF(alloc_get_base, (__VA_ARGS__), NULL)
#define alloc_get_parent(...) ALLOCS_IF(alloc_get_parent, (__VA_ARGS__), NULL)
#define alloc_get_size(...) ALLOCS_IF(alloc_get_size, (__VA_ARGS__), (size_t)0)
#define alloc_query(...) ALLOCS_IF(alloc_query, (__VA_ARGS__), 0)
#define alloc_query_parent(...) ALLOCS_IF(alloc_query_parent, (__VA_ARGS__), 0)
#define alloc_free(...) ALLOCS_IF(alloc_free, (__VA_ARGS__), ENOSYS)
#define alloc_free_problem(...) ALLOCS_IF(alloc_free_problem, (__VA_ARGS__), "the runtime is absent")
#define alloc_site_file(...) ALLOCS_IF(alloc_site_file, (__VA_ARGS__), NULL)
#define alloc_site_function(...) ALLOCS_IF(alloc_site_function, (__VA_ARGS__), NULL)
#define alloc_site_callee(...) ALLOCS_IF(alloc_site_callee, (__VA_ARGS__), NULL)
#define alloc_site_type(...) ALLOCS_IF(alloc_site_type, (__VA_ARGS__), NULL)
#define alloc_site_evidence(...) ALLOCS_IF(alloc_site_evidence, (__VA_ARGS__), NULL)
#define alloc_site_line(...) ALLOCS_IF(alloc_site_line, (__VA_ARGS__), 0u)
#define alloc_site_column(...) ALLOCS_IF(alloc_site_column, (__VA_ARGS__), 0u)
#define alloc_for_each_allocator(...) ALLOCS_IF(alloc_for_each_allocator, (__VA_ARGS__), (void)0)
#define alloc_for_each_wrapper(...) ALLOCS_IF(alloc_for_each_wrapper, (__VA_ARGS__), (void)0)
#define alloc_for_each_wrapper_allocator(...) ALLOCS_IF(alloc_for_each_wrapper_allocator, (__VA_ARGS__), (void)0)
#define alloc_for_each_site(...) ALLOCS_IF(alloc_for_each_site, (__VA_ARGS__), (void)0)
#define alloc_for_each_type(...) ALLOCS_IF(alloc_for_each_type, (__VA_ARGS__), (void)0)
#define alloc_for_each_chunk(...) ALLOCS_IF(alloc_for_each_chunk, (__VA_ARGS__), (void)0)
#define alloc_snapshot(...) ALLOCS_IF(alloc_snapshot, (__VA_ARGS__), ENOSYS)
#endif
#endif
