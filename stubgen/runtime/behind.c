/* which malloc is behind the interposed one, and what it is called */
#include "rt.h"
#include "behind.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct behind kept; /* all threads find the same */

/* ---- what an allocator of its own does not define is made of what it does ---- */

static void *memalign_by_posix(size_t align, size_t size)
{
	void *p = 0;
	int error = kept.posix_memalign(&p, align < sizeof p ? sizeof p : align, size);
	if (error) errno = error;
	return error ? 0 : p;
}

static void *aligned_by_memalign(size_t align, size_t size)
{
	return kept.memalign(align, size);
}

static int posix_by_memalign(void **out, size_t align, size_t size)
{
	if (align & (align - 1) || align % sizeof(void *) || !align) return EINVAL;
	int saved = errno;
	void *p = kept.memalign(align, size);
	errno = saved;
	if (!p) return ENOMEM;
	*out = p;
	return 0;
}

static void *valloc_by_memalign(size_t size)
{
	return kept.memalign(getpagesize(), size);
}

static void *pvalloc_by_memalign(size_t size)
{
	size_t page = getpagesize();
	if (size <= SIZE_MAX - page) return kept.memalign(page, (size + page - 1) & ~(page - 1));
	errno = ENOMEM;
	return 0;
}

/* ---- who it is ---- */

/* dladdr would look through all symbols of an object, which may be many */
struct object {
	uintptr_t low, high;
	uintptr_t around;
};

static int is_around(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = arg;
	uintptr_t low = UINTPTR_MAX, high = 0;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
		uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = begin + info->dlpi_phdr[i].p_memsz;
		if (begin < low) low = begin;
		if (end > high) high = end;
	}
	if (o->around < low || o->around >= high) return 0;
	o->low = low;
	o->high = high;
	return 1;
}

static struct object object_of(const void *p)
{
	struct object o = {.around = (uintptr_t)p};
	if (p) dl_iterate_phdr(is_around, &o);
	return o;
}

static int is_in(const struct object *o, const void *p)
{
	return (uintptr_t)p >= o->low && (uintptr_t)p < o->high;
}

static struct object object; /* that the malloc is in which is asked */

/* by what only it defines, or else by the name of its file: libhoard.so.1 is hoard */
static const char *provider_name(const void *function)
{
	static const struct {
		const char *symbol, *name;
	} known[] = {{"mallctl", "jemalloc"}, {"tc_version", "tcmalloc"}, {"mi_version", "mimalloc"}};
	static char text[80];
	char name[64] = "";
	Dl_info info;
	if (!dladdr(function, &info)) return 0;
	for (size_t i = 0; i < sizeof known / sizeof *known && !name[0]; i++)
		if (is_in(&object, dlsym(RTLD_DEFAULT, known[i].symbol))) strcpy(name, known[i].name);
	if (!name[0] && info.dli_fname) {
		const char *file = strrchr(info.dli_fname, '/');
		file = file ? file + 1 : info.dli_fname;
		if (!strncmp(file, "lib", 3)) file += 3;
		size_t n = strcspn(file, ".");
		memcpy(name, file, n < sizeof name ? n : sizeof name - 1);
	}
	if (!name[0]) return 0;
	snprintf(text, sizeof text, "malloc (%s)", name);
	return text;
}

/* no jump: dlsym looks at who calls it */
static void *symbol(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);
	__asm__ volatile("" : "+r"(p));
	return p;
}

/* what another object defines does not know this one's chunks */
static void *symbol_of(const struct object *o, const char *name)
{
	void *p = symbol(name);
	return !o || is_in(o, p) ? p : 0;
}

/* an embedded runtime's next definition may be a preloaded runtime, which stands aside */
static int steps_over;
static void step_over(struct behind *b)
{
	const struct behind *(*behind)(const void *, size_t) =
		(const struct behind *(*)(const void *, size_t))dlsym(RTLD_NEXT, "__allocs_behind");
	const struct behind *known = behind ? behind((void *)b->malloc, sizeof *b) : 0;
	if (known) *b = *known;
	steps_over = !!known;
}

static void fill(struct behind *b, const struct object *o)
{
	*(void **)&b->calloc = symbol("calloc");
	*(void **)&b->realloc = symbol("realloc");
	*(void **)&b->free = symbol("free");
	*(void **)&b->usable_size = symbol("malloc_usable_size");
	*(void **)&b->memalign = symbol_of(o, "memalign");
	*(void **)&b->aligned_alloc = symbol_of(o, "aligned_alloc");
	*(void **)&b->posix_memalign = symbol_of(o, "posix_memalign");
	*(void **)&b->valloc = symbol_of(o, "valloc");
	*(void **)&b->pvalloc = symbol_of(o, "pvalloc");
	if (!b->memalign && b->aligned_alloc) b->memalign = b->aligned_alloc;
	if (!b->memalign && b->posix_memalign) b->memalign = memalign_by_posix;
	if (!b->memalign) *(void **)&b->memalign = symbol("memalign");
	if (!b->aligned_alloc) b->aligned_alloc = aligned_by_memalign;
	if (!b->posix_memalign) b->posix_memalign = posix_by_memalign;
	if (!b->valloc) b->valloc = valloc_by_memalign;
	if (!b->pvalloc) b->pvalloc = pvalloc_by_memalign;
}

struct provider behind_find(struct behind *b)
{
	struct provider p = {0};
	*(void **)&b->malloc = symbol("malloc");
	if (rt_stands_aside() == RT_SANITIZER) { /* whose dl_iterate_phdr is not ready yet */
		fill(b, 0);
		return p;
	}
	void *glibc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), *libc = glibc ? glibc : (void *)memcpy;
	object = object_of((void *)b->malloc);
	if (is_in(&object, libc)) {
		fill(b, 0);
	} else {
		fill(b, &object);
		step_over(b);
		object = object_of((void *)b->malloc);
		if (!is_in(&object, libc)) p.name = provider_name((void *)b->malloc);
	}
	p.is_glibc = is_in(&object, glibc);
	kept = *b;
	dlerror(); /* what was looked for in vain is not the program's error */
	return p;
}

int behind_holds(const void *p) { return is_in(&object, p); }

/* what is looked for in vain costs an error message, which is memory of the program's */
void *behind_symbol(const char *name)
{
	void *p = symbol(name);
	void *(*behind)(const char *, const void *) =
		steps_over ? (void *(*)(const char *, const void *))symbol("__allocs_behind_symbol") : 0;
	void *other = behind ? behind(name, p) : 0;
	return other ? other : p;
}

#ifdef RT_PRELOADED
/* for an executable's own runtime: the next definition, if the one that it found is in this object */
RT_EXPORT void *__allocs_behind_symbol(const char *name, const void *found)
{
	struct object here = object_of((void *)behind_find);
	return is_in(&here, found) ? symbol(name) : 0;
}
#endif
