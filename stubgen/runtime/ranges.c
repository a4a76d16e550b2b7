/* where the code of wrappers is that have no stubs (R16), and that of the functions that help them */
#include "code.h"
#include <dlfcn.h>
#include <string.h>

#pragma weak dlsym /* a static program need not have it */

struct range {
	uintptr_t low, high;
	struct alloc_wrapper *wrapper;
};

#define MAX_HELPERS 512
#define HELPER_DEPTH 3 /* a wrapper's helper may have its own */
static struct range *ranges; /* sorted; under the lock */
static size_t range_count, range_room;
static struct code helpers[MAX_HELPERS];
static size_t helper_count;
int rt_ranges_lost;

/* callers of these hold the lock */

struct alloc_wrapper *wrapper_at(uintptr_t pc)
{
	size_t low = 0, high = range_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (ranges[mid].high <= pc) low = mid + 1;
		else high = mid;
	}
	return low < range_count && ranges[low].low <= pc ? ranges[low].wrapper : 0;
}

int helps_wrapper(uintptr_t pc)
{
	for (size_t i = 0; i < helper_count; i++)
		if (pc >= helpers[i].low && pc < helpers[i].high) return 1;
	return 0;
}

static int range_add(struct range new)
{
	if (range_count == range_room) {
		size_t room = range_room ? range_room * 2 : 128;
		struct range *fresh = rt_pages(room * sizeof *fresh);
		if (!fresh) {
			rt_ranges_lost = rt_unwinding = 1;
			return 0;
		}
		if (ranges) memcpy(fresh, ranges, range_count * sizeof *fresh);
		ranges = fresh;
		range_room = room;
	}
	size_t at = range_count++;
	for (; at && ranges[at - 1].low > new.low; at--) ranges[at] = ranges[at - 1];
	ranges[at] = new;
	return 1;
}

int ranges_forget(uintptr_t low, uintptr_t high)
{
	size_t kept = 0;
	for (size_t i = 0; i < helper_count;)
		if (helpers[i].low >= low && helpers[i].low < high) helpers[i] = helpers[--helper_count];
		else i++;
	for (size_t i = 0; i < range_count; i++) {
		uintptr_t w = (uintptr_t)ranges[i].wrapper;
		if ((ranges[i].low < low || ranges[i].low >= high) && (w < low || w >= high)) ranges[kept++] = ranges[i];
	}
	int is_less = kept < range_count;
	range_count = kept;
	return is_less;
}

/* callers do not hold the lock: the loader may be asked */
static void helpers_learn(const struct code *code, unsigned depth)
{
	for (uintptr_t at = code->low; depth && at + MOST_OF_CALL <= code->high; at++) {
		struct code callee;
		uintptr_t to = code_called_at(at);
		if (!to || (to >= code->low && to < code->high) || !code_around(to, &callee) || callee.low != to) continue;
		rt_lock();
		int is_new = !helps_wrapper(to) && !wrapper_at(to) && helper_count < MAX_HELPERS;
		if (is_new) helpers[helper_count++] = callee;
		rt_unlock();
		if (is_new) helpers_learn(&callee, depth - 1);
	}
}

static void range_of(struct alloc_wrapper *w, uintptr_t pc)
{
	struct code code;
	if (!code_around(pc, &code)) return;
	if (!w->known) wrapper_register(w);
	helpers_learn(&code, HELPER_DEPTH);
	rt_lock();
	if (range_add((struct range){code.low, code.high, w})) unwind_refresh(code.low, code.high);
	rt_unlock();
}

/* a program that is no PIE may have a jump to a function as its address: of an ifunc, or of one that it imports, which may
 * not be bound yet */
RT_EXPORT void __allocs_range(struct alloc_wrapper *w, const void *code)
{
	code_ask_loader();
	range_of(w, code_behind_jump((uintptr_t)code));
}

/* of a function that another object defines */
RT_EXPORT void __allocs_range_imported(struct alloc_wrapper *w, const void *code)
{
	code_ask_loader();
	uintptr_t next = dlsym ? (uintptr_t)dlsym(RTLD_NEXT, w->name) : 0, at = code_behind_jump((uintptr_t)code);
	int is_jump = at != (uintptr_t)code;
	range_of(w, is_jump && next ? next : at);
	/* the runtime's own, which jumps on (operators.c) */
	if (next && !is_jump && in_executable(code)) range_of(w, next);
}
