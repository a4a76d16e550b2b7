/* the link phase names this one symbol; from here every file that others refer to only weakly is pulled in */
#include "rt.h"

void __allocs_push(struct alloc_wrapper *, void *, void *);
void __allocs_module_add(struct allocs_module *);
void __allocs_unload(const void *);
void __allocs_range(struct alloc_wrapper *, const void *);
void __allocs_alloca(void *, size_t, void *);

extern void *const __allocs_runtime[] __attribute__((visibility("default")));
void *const __allocs_runtime[] = {
	(void *)__allocs_push, (void *)__allocs_module_add, (void *)__allocs_unload, (void *)__allocs_range,
	(void *)alloc_get_site, (void *)__allocs_alloca,
};

#ifdef RT_PRELOADED
/* this very one; what goes by the name is the first in lookup order */
extern void *const __allocs_runtime_here[6] __attribute__((alias("__allocs_runtime")));
#endif
