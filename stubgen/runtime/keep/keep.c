/* linked where a library must stay needed under --as-needed: another malloc, or C++'s, of whose functions the program calls
 * only such as the runtime interposes (lld looks at what is left undefined)
 *
 * KEPT is a function of that library, and the object's name: __allocs_keep_KEPT.
 */
#define NAME_OF(kept) __allocs_keep_##kept
#define NAME(kept) NAME_OF(kept)

extern const char KEPT[];
extern const void *const NAME(KEPT) __attribute__((visibility("hidden")));
const void *const NAME(KEPT) = KEPT;
