/* wrappers whose frames have many shapes (frames.c), and who calls them (framed.c) */
#include <stddef.h>

void *w_plain(size_t);
void *w_alloca(size_t);
void *w_vla(size_t);
void *w_aligned(size_t);
void *w_aligned_vla(size_t);
void *w_saved(size_t);
void *w_large(size_t);
void *w_pushed(size_t);
void *w_recursive(size_t, int depth);
void *w_pointer(size_t);
void *w_tail(size_t);
void *w_cold(size_t);
void *w_jumps(size_t);
void *w_grown(size_t);
extern void *last;
