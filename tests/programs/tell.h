/* tell(name, p): one line of JSON with everything that allocs.h says of p. */
#include <allocs.h>
#include <stdio.h>

#ifdef __cplusplus
#define TELL_STATIC static inline
#else
#define TELL_STATIC static inline __attribute__((unused))
#endif

TELL_STATIC void tell_string(const char *key, const char *value)
{
	if (value) printf(",\"%s\":\"%s\"", key, value);
	else printf(",\"%s\":null", key);
}

TELL_STATIC void tell(const char *name, const void *p)
{
	printf("{\"name\":\"%s\"", name);
	if (!alloc_get_site) {
		printf(",\"runtime\":false}\n");
		return;
	}
	const struct allocator *a = alloc_get_allocator(p);
	const struct alloc_wrapper *w = alloc_get_wrapper(p);
	const struct alloc_site *s = alloc_get_site(p);
	const struct alloc_frame *chain[20];
	unsigned n = alloc_get_chain(p, chain, 20);
	tell_string("allocator", a ? a->name : NULL);
	tell_string("parent", a && a->parent ? a->parent->name : NULL);
	tell_string("wrapper", w ? w->name : NULL);
	tell_string("observed", w && w->allocator ? w->allocator->name : NULL);
	tell_string("file", alloc_site_file(s));
	tell_string("function", alloc_site_function(s));
	tell_string("callee", alloc_site_callee(s));
	tell_string("type", alloc_get_type(p));
	tell_string("evidence", alloc_site_evidence(s));
	printf(",\"line\":%u,\"column\":%u,\"size\":%zu", alloc_site_line(s), alloc_site_column(s), alloc_get_size(p));
	printf(",\"offset\":%ld,\"chain\":[", alloc_get_base(p) ? (long)((const char *)p - (const char *)alloc_get_base(p)) : -1);
	for (unsigned i = 0; i < n && i < 20; i++)
		printf("%s[\"%s\",%u]", i ? "," : "", chain[i]->wrapper->name, alloc_site_line(chain[i]->site));
	printf("]}\n");
	fflush(stdout);
}
