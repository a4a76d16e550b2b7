/* A malloc of a program's own: bump allocation with a header, and what its users may ask for. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <stddef.h>
#include <sys/mman.h>

/* mapped: what is static data belongs to another allocator of liballocs' */
static struct arena { char bytes[1 << 22]; } *arena;
static size_t arena_at;

static void *take(size_t alignment, size_t size)
{
	if (size > sizeof arena->bytes / 2) return 0;
	if (!arena) {
		static const uintptr_t away = 0x123456780000; /* liballocs takes neighbours for one mapping, of one allocator */
		void *p = mmap((void *)away, sizeof *arena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) return 0;
		arena = p;
	}
	size_t at = (arena_at + 16 + alignment - 1) / alignment * alignment;
	size = (size + 15) & ~(size_t)15;
	if (at + size > sizeof arena->bytes) return 0;
	arena_at = at + size;
	*(size_t *)(arena->bytes + at - 8) = size;
	return arena->bytes + at;
}
size_t malloc_usable_size(void *p) { return p ? *(size_t *)((char *)p - 8) : 0; }
void *malloc(size_t size) { return take(16, size ? size : 1); }
void free(void *p) { if (p) memset(p, 0xdd, malloc_usable_size(p)); }
void *calloc(size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total)) return 0;
	void *p = malloc(total);
	return p ? memset(p, 0, total) : 0;
}
void *realloc(void *p, size_t size)
{
	if (p && size <= malloc_usable_size(p)) return p;
	void *now = malloc(size);
	if (now && p) memcpy(now, p, malloc_usable_size(p)), free(p);
	return now;
}
void *memalign(size_t alignment, size_t size) { return take(alignment < 16 ? 16 : alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return size % alignment ? 0 : memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *p = memalign(alignment, size);
	if (!p) return ENOMEM;
	*out = p;
	return 0;
}
