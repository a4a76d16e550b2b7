/* when the preloaded runtime observes nothing: the executable has one of its own, or a sanitizer's allocator, which must
 * see each call as the program makes it */
#include "../rt.h"
#include "../reporting.h"

/* the first definition in lookup order, and this object's own */
extern const char __allocs_runtime __attribute__((visibility("default")));
extern const char __allocs_runtime_here;

#define SANITIZERS(each) each(asan, "AddressSanitizer") each(hwasan, "HWAddressSanitizer") each(msan, "MemorySanitizer") \
	each(tsan, "ThreadSanitizer") each(lsan, "LeakSanitizer")
#define DECLARE(name, text) extern void __##name##_init(void) __attribute__((weak, visibility("default")));
SANITIZERS(DECLARE)

#define ASK(name, text) \
	if (__##name##_init) return text;
static const char *sanitizer(void)
{
	SANITIZERS(ASK)
	return 0;
}

int rt_stands_aside(void)
{
	if (&__allocs_runtime != &__allocs_runtime_here) return RT_OTHER_RUNTIME;
	return sanitizer() ? RT_SANITIZER : 0;
}

__attribute__((constructor(101))) static void tell(void)
{
	const char *name = sanitizer();
	if (name) rt_complain("the program has %s, whose allocator must not be interposed: nothing is observed", name);
}
