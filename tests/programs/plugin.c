/* loaded and unloaded by loader.c */
#include <stdlib.h>
struct plugin_data {
	int x[4];
};
void *plugin_make(void)
{
	struct plugin_data *volatile p = malloc(sizeof(struct plugin_data));
	return p;
}
