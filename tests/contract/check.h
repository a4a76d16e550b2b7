/* What the contract's programs ask; with the real tree, whose names of types are richer, a type only has to be known. */
#ifndef CONTRACT_CHECK_H
#define CONTRACT_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "liballocs.h"

#define CHECK(condition)                                                        \
	do {                                                                        \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			_Exit(1);                                                           \
		}                                                                       \
	} while (0)

/* Whether a chunk has this type, as far as the runtime names types alike; it says so otherwise. */
static inline int has_type(void *chunk, const char *name)
{
	struct uniqtype *type = __liballocs_get_alloc_type(chunk);
	const char *found = type ? NAME_FOR_UNIQTYPE(type) : "nothing";
#ifdef CONTRACT_TREE
	if (strncmp(found, "__uniqtype__", 12) == 0) found += 12;
	if (strcmp(found, name) == 0) return 1;
	fprintf(stderr, "the type is %s, not %s\n", found, name);
	return 0;
#else
	(void)name, (void)found;
	return type != 0;
#endif
}

/* Whether the site of a chunk is in a function, which has to be exported. To be asked before the type: with the real tree
 * the answer to that takes the site's place. */
static inline int is_from(void *chunk, const char *function)
{
	const char *site = __liballocs_get_alloc_site(chunk);
	Dl_info info;
	int known = site && dladdr(site - 1, &info) && info.dli_sname;
	if (known && strcmp(info.dli_sname, function) == 0) return 1;
	fprintf(stderr, "the site %p is in %s, not %s\n", (void *)site, known ? info.dli_sname : "nothing", function);
	return 0;
}

#endif
