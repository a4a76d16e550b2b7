#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
void *xmalloc(size_t);
void *xcalloc(size_t, size_t);
void *xrealloc(void *, size_t);
void *xmemdup(const void *, size_t);
void xfree(void *);
#ifdef __cplusplus
}
#endif
