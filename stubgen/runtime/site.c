/* linked once into every executable and shared object that has sites: tells the runtime of them */
#include "rt.h"

#define HIDDEN __attribute__((visibility("hidden"), weak))
extern const struct site_record __start_allocs_sites[] HIDDEN;
extern const struct site_record __stop_allocs_sites[] HIDDEN;

void __allocs_module_add(struct allocs_module *) __attribute__((weak));
void __allocs_module_remove(struct allocs_module *) __attribute__((weak));

static struct allocs_module module;

__attribute__((constructor)) static void add(void)
{
	module.sites = __start_allocs_sites;
	module.sites_end = __stop_allocs_sites;
	if (__allocs_module_add && module.sites != module.sites_end) __allocs_module_add(&module);
}

__attribute__((destructor)) static void remove(void)
{
	if (__allocs_module_remove && module.sites != module.sites_end) __allocs_module_remove(&module);
}
