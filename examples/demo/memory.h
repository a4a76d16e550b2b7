#include <stddef.h>

void *xmalloc(size_t size);                 /* like malloc, never returns NULL */
void *xcalloc(size_t count, size_t size);

struct arena;
struct arena *arena_new(size_t size);
void *arena_alloc(struct arena *, size_t size);
void arena_delete(struct arena *);          /* frees all that was allocated from it */
