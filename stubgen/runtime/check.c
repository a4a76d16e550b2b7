/* check=mismatch: frees that do not belong to how the chunk was allocated (R14) */
#include "code.h"
#include "reporting.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int rt_checking;

/* of chunks that went, the last ones at their place by hash: what a second free may be about */
#define WENT (1u << 16)
struct went {
	uintptr_t base, freed_at;
	uint32_t node;
};
static struct went *went;

static struct went *went_at(uintptr_t base)
{
	struct went *all = __atomic_load_n(&went, __ATOMIC_ACQUIRE);
	if (!all) {
		rt_lock();
		if (!went) __atomic_store_n(&went, rt_pages(WENT * sizeof *went), __ATOMIC_RELEASE);
		all = went;
		rt_unlock();
	}
	return all ? &all[base * 0x9e3779b97f4a7c15 >> 48] : 0;
}

/* where two threads meet in one place, what is told of it may be of both, no more */
static struct went went_get(const struct went *w)
{
	return (struct went){__atomic_load_n(&w->base, __ATOMIC_RELAXED), __atomic_load_n(&w->freed_at, __ATOMIC_RELAXED),
			     __atomic_load_n(&w->node, __ATOMIC_RELAXED)};
}

static void went_set(struct went *w, uintptr_t base, uintptr_t freed_at, uint32_t node)
{
	__atomic_store_n(&w->freed_at, freed_at, __ATOMIC_RELAXED);
	__atomic_store_n(&w->node, node, __ATOMIC_RELAXED);
	__atomic_store_n(&w->base, base, __ATOMIC_RELAXED);
}

/* ---- who frees ---- */

struct who {
	const struct alloc_wrapper *wrapper;
	uintptr_t inner; /* the function that the frame before this one is in; 0 where that is not known */
	int steps, is_right, is_unclear;
};

static int is_free_of(const struct alloc_wrapper *w, uintptr_t function)
{
	for (unsigned i = 0; function && i < w->free_count; i++)
		if (w->frees[i] && code_behind_jump((uintptr_t)w->frees[i]) == function) return 1;
	return 0;
}

static int in_libc(uintptr_t pc)
{
	Dl_info one, libc;
	return dladdr((void *)pc, &one) && dladdr((void *)memcpy, &libc) && one.dli_fbase == libc.dli_fbase;
}

/* one frame outwards: whether its function, or the one that it called, which may have jumped on, is one of the wrapper's */
static int look(uintptr_t pc, uintptr_t function, void *arg)
{
	struct who *w = arg;
	uintptr_t called = code_called_by(pc);
	/* what was called is not where we are: it jumped on, nobody knows through what; far outside, or where main is called
	 * from, that says nothing */
	if (w->inner && called != w->inner && (!w->steps || (w->steps == 1 && !in_libc(pc)))) w->is_unclear = 1;
	w->steps++;
	w->inner = function;
	w->is_right = is_free_of(w->wrapper, function) || is_free_of(w->wrapper, called);
	return w->is_right || w->is_unclear;
}

/* the outermost wrapper that names functions that free its chunks */
static const struct alloc_wrapper *with_frees(uint32_t node)
{
	const struct alloc_wrapper *found = 0;
	for (uint32_t id = node ? node_get(node)->parent : 0; id; id = node_get(id)->parent) {
		const struct alloc_wrapper *w = node_get(id)->owner;
		if (w && w->free_count) found = w;
	}
	return found;
}

/* ---- reports ---- */

static void where(struct rt_writer *w, const char *what, const struct alloc_site *s, uintptr_t address)
{
	rt_text(w, what);
	if (s && s->file) {
		rt_text(w, s->file);
		rt_text(w, ":");
		rt_number(w, s->line);
		rt_text(w, s->function ? " in " : "");
		rt_text(w, s->function ? s->function : "");
		return;
	}
	const struct rt_place *p = rt_place_of(address);
	char offset[24];
	snprintf(offset, sizeof offset, "+0x%zx", (size_t)(p ? p->offset : 0)); /* as addr2line takes it */
	rt_text(w, p && p->symbol ? p->symbol : "");
	rt_text(w, p && p->symbol ? " (" : "");
	rt_text(w, p && p->object ? p->object : "?");
	rt_text(w, offset);
	rt_text(w, p && p->symbol ? ")" : "");
}

static void chain(struct rt_writer *w, uint32_t node)
{
	struct node *n = node_get(node);
	for (uint32_t id = n->parent; id; id = node_get(id)->parent) {
		rt_text(w, " through ");
		rt_text(w, node_get(id)->owner ? ((struct alloc_wrapper *)node_get(id)->owner)->name : "?");
	}
}

static void allocated(struct rt_writer *w, uint32_t node)
{
	if (!node) return;
	struct node *n = node_get(node);
	const struct alloc_site *s = chunk_site(n);
	where(w, "\n  allocated at ", s, s ? s->address : 0);
	chain(w, node);
	rt_text(w, ", by ");
	rt_text(w, n->owner ? ((struct allocator *)n->owner)->name : "?");
}

/* the same mistake again says nothing new */
static int is_known(uint32_t node, uintptr_t by)
{
	static struct {
		uintptr_t by;
		uint32_t node;
	} known[1024]; /* where two want the same place, one is told again */
	size_t i = (node * 0x9e3779b97f4a7c15 ^ by * 0xff51afd7ed558ccd) >> 54;
	if (known[i].by == by && known[i].node == node) return 1;
	known[i].by = by;
	known[i].node = node;
	return 0;
}

static void report(const char *what, const void *p, const char *about, const struct chunk *c, uint32_t node, uintptr_t by,
	const struct went *before)
{
	struct rt_writer *w = node && is_known(node, by) ? 0 : rt_writer_open_fd(2);
	if (w) {
		char text[24];
		snprintf(text, sizeof text, "%p", p);
		rt_text(w, "allocscc: ");
		rt_text(w, what);
		rt_text(w, " ");
		rt_text(w, text);
		if (c) {
			rt_text(w, ", ");
			rt_number(w, entry_size(c->entry));
			rt_text(w, " bytes");
		}
		const char *type = node ? chunk_type(node_get(node)) : 0;
		rt_text(w, type ? ", " : "");
		rt_text(w, type ? type : "");
		rt_text(w, about);
		allocated(w, node);
		if (before) where(w, "\n  freed before at ", 0, before->freed_at);
		where(w, "\n  freed at ", 0, by);
		rt_text(w, "\n");
		rt_writer_close(w);
	}
	if (rt_checking & RT_CHECK_ABORT) abort();
}

/* ---- the check ---- */

static int starts_at(struct allocator *a, uintptr_t p, struct chunk *c) { return index_find(a, p, c) && c->base == p; }

static int find(const struct allocator *a, uintptr_t p, struct chunk *c)
{
	int found = 0;
	struct thread *t = walk_begin();
	for (struct allocator *b = rt_allocators; b; b = b->next) {
		struct chunk one;
		if (!starts_at(b, p, &one)) continue;
		if (!found || (a->family && b->family && !strcmp(a->family, b->family))) *c = one;
		found = 1;
	}
	walk_end(t);
	return found;
}

int check_free(struct allocator *a, const void *chunk, uintptr_t self, uintptr_t site, uintptr_t here)
{
	uintptr_t p = (uintptr_t)chunk;
	struct chunk c = {0};
	struct went *place = went_at(p);
	if (thread_self()->on_stack.count) stack_trim(thread_self(), here);
	if (!starts_at(a, p, &c) && !find(a, p, &c)) {
		if (rt_is_short) return 0;
		struct went before = place ? went_get(place) : (struct went){0};
		if (before.base == p) {
			report("double free of", chunk, "", 0, before.node, site, &before);
			return 1;
		}
		if (!chunk_find(p, &c)) {
			report("free of what is no chunk:", chunk, "", 0, 0, site, 0);
			return 0;
		}
		report("free of a pointer into a chunk:", chunk, "", &c, entry_id(c.entry), site, 0);
		return 1;
	}
	uint32_t node = entry_id(c.entry);
	struct who who = {.wrapper = with_frees(node), .inner = self};
	if (c.allocator != a && (!a->family || !c.allocator->family || strcmp(a->family, c.allocator->family))) {
		report("mismatched free of", chunk, ": by another allocator's function", &c, node, site, 0);
	} else if (who.wrapper && !is_free_of(who.wrapper, self)) {
		unwind_walk(site, here, look, &who);
		if (!who.is_right && !who.is_unclear && !rt_is_short)
			report("mismatched free of", chunk, ": not by a function of its wrapper's", &c, node, site, 0);
	}
	if (place) went_set(place, p, site, node);
	return 0;
}
