/* Asks about chunks of a shared object that defines malloc, allocated and freed inside and outside of it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "allocs.h"
struct outer { long b[7]; };

static int (*is_own)(const void *);
static void *(*inside)(void);
static void (*inside_free)(void *);


struct search { const void *base; int found; };

static int count(const void *base, size_t size, void *arg)
{
	struct search *s = arg;
	(void)size;
	s->found += base == s->base;
	return 0;
}

static void tell(const char *what, void *p)
{
	const struct allocator *a = alloc_get_allocator(p);
	const char *type = alloc_get_type(p);
	struct search s = {p, 0};
	alloc_for_each_chunk(count, &s);
	printf("%s: own=%d allocator=%s type=%s size=%zu chunks=%d\n", what, is_own(p), a ? a->name : "-",
	       type ? type : "-", alloc_get_size(p), s.found);
}

int main(int argc, char **argv)
{
	void *library = dlopen(argc > 1 ? argv[1] : NULL, RTLD_NOW | RTLD_LOCAL);
	if (!library) return puts(dlerror()), 1;
	is_own = (int (*)(const void *))dlsym(library, "is_own");
	inside = (void *(*)(void))dlsym(library, "inside");
	inside_free = (void (*)(void *))dlsym(library, "inside_free");
	void *in = inside(), *out = malloc(sizeof(struct outer));
	tell("inside", in);
	tell("outside", out);
	inside_free(in);
	free(out);
	tell("freed inside", in);
	tell("freed outside", out);
	if (argc > 2) { /* one malloc serves both sides */
		in = inside();
		free(in);
		tell("inside, freed outside", in);
		out = malloc(3);
		inside_free(out);
		tell("outside, freed inside", out);
	}
	return 0;
}
