/* The contract's runtime, for LD_PRELOAD: libc's malloc indexed, and the functions that stubs call. */
#define _GNU_SOURCE
#include <elf.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "liballocs.h"

__thread void *__current_allocsite;
__thread void *__current_allocfn;
__thread size_t __current_allocsz;
__thread int __currently_freeing;
__thread int __currently_allocating;

struct allocator __default_lib_malloc_allocator = {.name = "libc malloc"};
struct allocator __generic_small_allocator = {.name = "small"};
extern struct allocator __global_malloc_allocator __attribute__((weak, alias("__default_lib_malloc_allocator")));

_Bool __liballocs_is_initialized;
__attribute__((constructor)) static void begin(void) { __liballocs_is_initialized = 1; }

enum { MOST = 1 << 16 };
static struct entry {
	struct allocator *who;
	char *chunk;
	size_t size;
	const void *site;
} entries[MOST];
static unsigned used;
static volatile int lock;
static unsigned inserted, deleted, small;

static void enter(void)
{
	while (__sync_lock_test_and_set(&lock, 1)) {}
}
static void leave(void) { __sync_lock_release(&lock); }

static struct entry *of(struct allocator *who, void *chunk)
{
	for (unsigned i = 0; i < used; i++)
		if (entries[i].who == who && entries[i].chunk == chunk) return &entries[i];
	return 0;
}

void contract_insert(struct allocator *who, void *chunk, size_t size, const void *site)
{
	enter();
	struct entry *found = of(who, chunk);
	if (!found) found = of(0, 0);
	if (!found) {
		if (used == MOST) abort();
		found = &entries[used++];
	}
	*found = (struct entry){who, chunk, size, site};
	inserted++;
	leave();
}

int contract_delete(struct allocator *who, void *chunk)
{
	enter();
	struct entry *found = of(who, chunk);
	if (found) {
		memset(found, 0, sizeof *found);
		deleted++;
	}
	leave();
	return found != 0;
}

unsigned contract_count(const char *event)
{
	return strcmp(event, "insert") == 0 ? inserted : strcmp(event, "delete") == 0 ? deleted : small;
}

int __index_small_alloc(void *chunk, int level, unsigned size)
{
	if (level != -1 || size == 0) abort();
	contract_insert(&__generic_small_allocator, chunk, size, __current_allocsite);
	small++;
	return 2;
}

void __unindex_small_alloc(void *chunk, int level)
{
	(void)level;
	if (!contract_delete(&__generic_small_allocator, chunk)) abort();
}

/* alloca: a chunk has its size in front of it, and room for a trailer; a frame's variable counts the bytes. */
struct allocator __alloca_allocator = {.name = "alloca"};

void __alloca_allocator_notify(void *chunk, unsigned long size, unsigned long *counter, const void *caller, const void *sp, const void *bp)
{
	unsigned long usable = ((unsigned long *)chunk)[-1];
	if (usable < size + sizeof(void *) || usable > *counter || (uintptr_t)chunk % 16) abort();
	if ((char *)counter < (char *)chunk || (const char *)bp < (char *)counter || (const char *)sp > (char *)chunk) abort();
	memcpy((char *)chunk + usable - sizeof(void *), &caller, sizeof caller);
	contract_insert(&__alloca_allocator, chunk, size, caller);
}

/* from the stack pointer upwards, until as many bytes have gone as were counted */
void __liballocs_unindex_stack_objects_counted_by(unsigned long *counter, void *frame)
{
	char *sp = __builtin_frame_address(0);
	if ((char *)frame < (char *)counter) abort();
	while (*counter) {
		struct entry *lowest = 0;
		for (unsigned i = 0; i < used; i++)
			if (entries[i].who == &__alloca_allocator && entries[i].chunk > sp && (!lowest || entries[i].chunk < lowest->chunk))
				lowest = &entries[i];
		unsigned long usable = lowest ? ((unsigned long *)lowest->chunk)[-1] : ~0ul;
		if (usable > *counter) abort();
		*counter -= usable;
		contract_delete(&__alloca_allocator, lowest->chunk);
	}
}

static struct entry *innermost(const void *chunk)
{
	struct entry *found = 0;
	for (unsigned i = 0; i < used; i++) {
		struct entry *one = &entries[i];
		int inside = one->who && (const char *)chunk >= one->chunk && (const char *)chunk < one->chunk + one->size + !one->size;
		if (inside && (!found || one->size < found->size || (one->size == found->size && one->who == &__generic_small_allocator)))
			found = one;
	}
	return found;
}

unsigned long __liballocs_get_alloc_size(void *chunk)
{
	struct entry *found = innermost(chunk);
	return found ? found->size : 0;
}
const void *__liballocs_get_alloc_site(const void *chunk)
{
	struct entry *found = innermost(chunk);
	return found ? found->site : 0;
}
struct allocator *__liballocs_leaf_allocator_for(const void *chunk, struct big_allocation **big)
{
	struct entry *found = innermost(chunk);
	if (big) *big = 0;
	return found ? found->who : 0;
}

/* Types: $META_BASE/PATH.allocs has a line for each site of an output: address, type, 0 or 1. */
struct uniqtype *__liballocs_get_alloc_type(void *chunk)
{
	static struct uniqtype types[256];
	static char names[256][256], text[1 << 16];
	static unsigned count;
	Dl_info info;
	struct link_map *map;
	const void *site = __liballocs_get_alloc_site(chunk);
	if (!site || !dladdr1(site, &info, (void **)&map, RTLD_DL_LINKMAP)) return 0;
	char path[4096], resolved[4096], real[4096];
	const char *base = getenv("META_BASE");
	ssize_t length = readlink("/proc/self/exe", real, sizeof real - 1);
	if (length < 0) return 0;
	real[length] = 0;
	const char *object = *map->l_name ? realpath(map->l_name, resolved) : real;
	if (!base || !object || (size_t)snprintf(path, sizeof path, "%s%s.allocs", base, object) >= sizeof path) return 0;
	int file = open(path, O_RDONLY);
	if (file < 0) return 0;
	length = read(file, text, sizeof text - 1);
	close(file);
	text[length > 0 ? length : 0] = 0;
	char *state;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(0, "\n", &state)) {
		char *rest;
		uintptr_t at = strtoul(line, &rest, 16);
		char *end = strrchr(rest, '\t');
		if (*rest != '\t' || !end || at + map->l_addr != (uintptr_t)site || count == 256) continue;
		*end = 0;
		strncpy(names[count], rest + 1, sizeof names[0] - 1);
		types[count] = (struct uniqtype){names[count], end[1] == '1'};
		return &types[count++];
	}
	return 0;
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t), __libc_free(void *);
#define SITE (__current_allocsite ? __current_allocsite : __builtin_return_address(0))
#define INDEXED(call, size)                                                          \
	void *chunk = call;                                                              \
	if (chunk) contract_insert(&__default_lib_malloc_allocator, chunk, (size), SITE); \
	return chunk;

void *malloc(size_t size) { INDEXED(__libc_malloc(size), size) }
void *calloc(size_t n, size_t size) { INDEXED(__libc_calloc(n, size), n * size) }
void *memalign(size_t alignment, size_t size) { INDEXED(__libc_memalign(alignment, size), size) }
void *aligned_alloc(size_t alignment, size_t size) { INDEXED(__libc_memalign(alignment, size), size) }
void *realloc(void *old, size_t size)
{
	if (old) contract_delete(&__default_lib_malloc_allocator, old);
	INDEXED(__libc_realloc(old, size), size)
}
int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = __libc_memalign(alignment, size);
	if (*out) contract_insert(&__default_lib_malloc_allocator, *out, size, SITE);
	return *out ? 0 : ENOMEM;
}
void free(void *chunk)
{
	if (chunk) contract_delete(&__default_lib_malloc_allocator, chunk);
	__libc_free(chunk);
}
