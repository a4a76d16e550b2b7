/* A type that every link can refer to. */
#include "uniqtype.h"
struct uniqtype __uniqtype__void __attribute__((weak)) = {"void", 0};
