#include "../../check.h"
static inline double *make(size_t n) { return malloc(n * sizeof(double)); }
