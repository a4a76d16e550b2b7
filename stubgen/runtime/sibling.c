/* instances of one family: the executable's malloc, and those that shared objects bring along for themselves */
#include "rt.h"
#include <string.h>

/* only asked for a chunk that the instance itself does not know */
uint64_t sibling_remove(struct allocator *a, void *chunk)
{
	if (!a->family) return 0;
	uint64_t entry = 0;
	struct thread *t = walk_begin();
	for (struct allocator *b = __atomic_load_n(&rt_allocators, __ATOMIC_ACQUIRE); b && !entry; b = b->next)
		if (b != a && b->family && !strcmp(a->family, b->family)) entry = subchunk_remove(b, (uintptr_t)chunk);
	walk_end(t);
	return entry;
}
