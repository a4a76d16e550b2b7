#include "../../malloc.inc.h"
void *plugin_make(int n) { return malloc(n * sizeof(short)); }
void plugin_drop(void *p) { free(p); }
