/* linked once into every executable and shared object that has sites: tells the runtime of them */
#include "rt.h"

/* not weak: bfd's --gc-sections would keep every record, and with it dead code, for a weak reference (measured, 2.40) */
#define HIDDEN __attribute__((visibility("hidden")))
extern const struct site_record __start_allocs_sites[] HIDDEN;
extern const struct site_record __stop_allocs_sites[] HIDDEN;

/* an empty section of that name, so that the references hold where every record went with its dead function; mold 1.10
 * would take it for the whole of them, and keeps all records anyway */
#ifndef FOR_MOLD
__asm__(".pushsection allocs_sites,\"aR\",@progbits\n\t.balign 4\n\t.popsection");
#endif

void __allocs_module_add(struct allocs_module *) __attribute__((weak));
void __allocs_module_remove(struct allocs_module *) __attribute__((weak));

static struct allocs_module module;

/* the address, from an instruction: where gcc had put it into a constant, bfd 2.44 kept all records (measured) */
static const struct site_record *from_code(const struct site_record *address)
{
	__asm__("" : "+r"(address));
	return address;
}

__attribute__((constructor)) static void add(void)
{
	module.sites = from_code(__start_allocs_sites);
	module.sites_end = from_code(__stop_allocs_sites);
	if (__allocs_module_add && module.sites != module.sites_end) __allocs_module_add(&module);
}

__attribute__((destructor)) static void remove(void)
{
	if (__allocs_module_remove && module.sites != module.sites_end) __allocs_module_remove(&module);
}
