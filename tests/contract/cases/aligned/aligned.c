/* aligned_alloc, memalign and posix_memalign are allocations, too. */
#include "../../check.h"
#include <malloc.h>
struct line { char bytes[64]; };
int main(void)
{
	void *out;
#ifdef CONTRACT_TREE /* libmallochooks, at the commit that the interface is of, has no aligned_alloc of libc's */
	CHECK(has_type(aligned_alloc(64, 4 * sizeof(struct line)), "line"));
#endif
	CHECK(has_type(memalign(64, sizeof(double)), "float$$64"));
	CHECK(posix_memalign(&out, 64, 3 * sizeof(long)) == 0);
	CHECK(has_type(out, "int$$64"));
	return 0;
}
