/* sites and types, each once: called or not, in the program and in a library, under any number of contexts */
#include <allocs.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct used {
	char x[24];
};
struct unused {
	char x[40];
};

void *inner_alloc(size_t n) { return malloc(n); } /* one site, two contexts */
void *outer_alloc(size_t n) { return inner_alloc(n); }

static void *early;
static unsigned early_line;

/* before the program's sites are registered */
__attribute__((constructor(102))) static void begin(void)
{
	early = malloc(3 * sizeof(struct used)); /* early */
	early_line = alloc_site_line(alloc_get_site(early));
}

void never(void **p)
{
	p[0] = malloc(sizeof(struct unused)); /* never */
	struct unused *q = (struct unused *)inner_alloc((size_t)p[1]); /* a cast says the size, too */
	p[1] = q;
}

static int show_type(const struct alloc_type *t, void *arg)
{
	if (strncmp(t->name, "struct ", 7)) return 0;
	printf("%s[\"%s\",%zu,%u]", *(const char **)arg, t->name, t->size, t->sites);
	*(const char **)arg = ",";
	return 0;
}

static int show_site(const struct alloc_site *s, void *arg)
{
	if (!alloc_site_file(s)) return 0;
	printf("%s[\"%s\",%u]", *(const char **)arg, alloc_site_function(s), alloc_site_line(s));
	*(const char **)arg = ",";
	return 0;
}

static void show(const char *name)
{
	const char *comma = "";
	printf("{\"name\":\"%s\",\"types\":[", name);
	alloc_for_each_type(show_type, &comma);
	comma = "";
	printf("],\"sites\":[");
	alloc_for_each_site(show_site, &comma);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	const struct alloc_frame *chain[2], *other[2];
	struct used *a = inner_alloc(sizeof *a), *b = outer_alloc(2 * sizeof *b), *c = malloc(sizeof(struct used));
	alloc_get_chain(a, chain, 2);
	alloc_get_chain(b, other, 2);
	printf("{\"name\":\"same\",\"type\":%d", alloc_get_type(a) == alloc_get_type(b) && alloc_get_type(b) == alloc_get_type(c));
	printf(",\"sites\":%d", alloc_get_site(a) != alloc_get_site(b) && other[1]->site != alloc_get_site(a));
	printf(",\"early\":%u,\"now\":%u}\n", early_line, alloc_site_line(alloc_get_site(early)));
	show("program");
	if (argc > 1) {
		void *library = dlopen(argv[1], RTLD_NOW);
		show("loaded");
		void *kept = ((void *(*)(void))dlsym(library, "plugin_make"))();
		dlclose(library);
		show("unloaded");
		printf("{\"name\":\"kept\",\"type\":\"%s\"}\n", alloc_get_type(kept));
	}
	return 0;
}
