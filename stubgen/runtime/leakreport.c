/* leaks=1: the scan is started in a copy of the process, and its result is told */
#include "reporting.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN 20

struct result { /* shared with the process that scans */
	int done, error;
	struct rt_lost lost[];
};

struct group {
	uint32_t id; /* of one of its nodes */
	const char *type;
	struct rt_lost lost;
};

static uint64_t bytes(const struct rt_lost *l) { return l->direct_bytes + l->indirect_bytes; }
static uint64_t chunks(const struct rt_lost *l) { return l->direct_chunks + l->indirect_chunks; }

static void sum(struct rt_lost *to, const struct rt_lost *l)
{
	to->direct_chunks += l->direct_chunks;
	to->direct_bytes += l->direct_bytes;
	to->indirect_chunks += l->indirect_chunks;
	to->indirect_bytes += l->indirect_bytes;
}

/* ---- the scan ---- */

static void child(struct result *r, const struct rt_roots *roots, uint32_t last)
{
	/* a fault ends the child quietly */
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigaction(SIGSEGV, &usual, 0);
	sigaction(SIGBUS, &usual, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r->error = rt_leaks_find(roots, r->lost, last);
	r->done = 1;
	syscall(SYS_exit_group, 0);
}

/* The lock keeps the holder's signal mask, of which the kernel wrote only the begin: the rest is what lay on the stack, in
 * our data now. So the last holder has a clean one. */
__attribute__((noinline)) static void wipe(void)
{
	volatile char room[4096];
	for (size_t i = 0; i < sizeof room; i++) room[i] = 0;
}

/* The copy is made by the kernel alone: fork() would run the program's handlers, and a child that sends no signal when it
 * ends is not seen by whoever waits for any child. */
__attribute__((noinline)) static int find(struct result *r, struct rt_roots *roots, uint32_t last)
{
	int status;
	wipe();
	rt_lock();
	rt_unlock();
	rt_roots_collect(roots, (uintptr_t)__builtin_frame_address(0));
	pid_t pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (!pid) child(r, roots, last);
	if (pid < 0) {
		r->error = rt_leaks_find(roots, r->lost, last);
		r->done = 1;
	}
	rt_roots_release();
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR) continue;
	return r->done ? r->error : ESRCH;
}

/* ---- groups: one chain of wrappers from one site, and one type ---- */

static uint32_t chain(const struct group *g)
{
	const struct node *n = node_get(g->id);
	return n->parent ? n->parent : g->id;
}

static int by_chain(const struct group *a, const struct group *b)
{
	if (chain(a) != chain(b)) return chain(a) < chain(b) ? -1 : 1;
	uintptr_t left = (uintptr_t)node_get(a->id)->owner, right = (uintptr_t)node_get(b->id)->owner;
	return left < right ? -1 : left > right;
}

static int by_size(const struct group *a, const struct group *b)
{
	uint64_t left = bytes(&a->lost), right = bytes(&b->lost);
	if (left != right) return left > right ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void sort(struct group *v, size_t n, int (*compare)(const struct group *, const struct group *))
{
	for (size_t end = n, start = n / 2; end > 1;) {
		struct group item;
		size_t hole, below;
		if (start) {
			item = v[--start];
		} else {
			item = v[--end];
			v[end] = v[0];
		}
		for (hole = start; (below = 2 * hole + 1) < end; hole = below) {
			if (below + 1 < end && compare(&v[below], &v[below + 1]) < 0) below++;
			if (compare(&item, &v[below]) >= 0) break;
			v[hole] = v[below];
		}
		v[hole] = item;
	}
}

static int same_type(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

__attribute__((noinline)) static size_t group(struct group *v, const struct result *r, uint32_t last)
{
	size_t n = 0, merged = 0;
	for (uint32_t id = 1; id <= last; id++) {
		if (!chunks(&r->lost[id]) || !node_get(id)->owner) continue;
		v[n++] = (struct group){id, chunk_type(node_get(id)), r->lost[id]};
	}
	sort(v, n, by_chain);
	for (size_t i = 0; i < n; i++) {
		if (merged && !by_chain(&v[merged - 1], &v[i]) && same_type(v[merged - 1].type, v[i].type))
			sum(&v[merged - 1].lost, &v[i].lost);
		else v[merged++] = v[i];
	}
	sort(v, merged, by_size);
	return merged;
}

/* ---- telling ---- */

static void amount(struct rt_writer *w, uint64_t n, const char *what)
{
	rt_number(w, n);
	rt_text(w, what);
	if (n != 1) rt_text(w, "s");
}

static void put_wrappers(struct rt_writer *w, uint32_t id)
{
	if (!id) return;
	const struct node *n = node_get(id);
	put_wrappers(w, n->parent);
	rt_text(w, " > ");
	rt_text(w, n->owner ? ((struct alloc_wrapper *)n->owner)->name : "?");
}

static void put_site(struct rt_writer *w, struct node *n)
{
	while (n->parent) n = node_get(n->parent);
	const struct alloc_site *s = node_site(n);
	if (alloc_site_file(s)) {
		rt_text(w, alloc_site_file(s));
		rt_text(w, ":");
		rt_number(w, alloc_site_line(s));
		rt_text(w, ": ");
		rt_text(w, alloc_site_function(s) ? alloc_site_function(s) : "?");
		return;
	}
	const struct rt_place *p = rt_place_of(n->site_address);
	if (p && p->symbol) {
		rt_text(w, p->symbol);
		rt_text(w, " in ");
	}
	rt_text(w, p ? p->object : "unknown code");
	rt_text(w, RT_NO_RECORD(p));
}

static void put_group(struct rt_writer *w, const struct group *g)
{
	struct node *n = node_get(g->id);
	const struct rt_lost *l = &g->lost;
	rt_text(w, "  ");
	amount(w, bytes(l), " byte");
	rt_text(w, " in ");
	amount(w, chunks(l), " chunk");
	rt_text(w, ", ");
	if (l->direct_chunks && l->indirect_chunks) {
		rt_number(w, l->direct_chunks);
		rt_text(w, " directly, ");
		rt_number(w, l->indirect_chunks);
		rt_text(w, " indirectly lost: ");
	} else {
		rt_text(w, l->direct_chunks ? "directly lost: " : "indirectly lost: ");
	}
	rt_text(w, g->type ? g->type : "unknown type");
	rt_text(w, "\n    ");
	put_site(w, n);
	put_wrappers(w, n->parent);
	rt_text(w, " > ");
	rt_text(w, ((const struct allocator *)n->owner)->name);
	rt_text(w, "\n");
}

static void tell(const struct group *v, size_t n, const struct rt_lost *all, unsigned unseen)
{
	struct rt_writer *w = rt_writer_open_fd(2);
	if (!w) return;
	rt_places_forget();
	rt_text(w, "allocscc: ");
	amount(w, chunks(all), " chunk");
	rt_text(w, ", ");
	amount(w, bytes(all), " byte");
	rt_text(w, " leaked\n");
	if (!rt_options.leaks[0]) {
		struct rt_lost rest = {0};
		for (size_t i = 0; i < n; i++)
			if (i < SHOWN) put_group(w, &v[i]);
			else sum(&rest, &v[i].lost);
		if (n > SHOWN) {
			rt_text(w, "  … and ");
			rt_number(w, n - SHOWN);
			rt_text(w, " more, of ");
			amount(w, bytes(&rest), " byte");
			rt_text(w, "\n");
		}
		if (unseen) {
			rt_text(w, "  (");
			amount(w, unseen, " thread");
			rt_text(w, " could not be stopped: what only its registers hold counts as leaked)\n");
		}
	}
	rt_writer_close(w);
}

static int write_file(const struct result *r, uint32_t last, const struct rt_lost *all, const char *path)
{
	int error, first = 1;
	struct rt_writer *w = rt_writer_open(path, &error);
	if (!w) return error;
	rt_places_forget();
	rt_text(w, "{\"allocscc_leaks\":1,\"pid\":");
	rt_number(w, getpid());
	rt_text(w, ",\"program\":");
	rt_put_program(w);
	rt_count(w, "chunks", chunks(all));
	rt_count(w, "bytes", bytes(all));
	rt_text(w, ",\"rows\":[");
	for (uint32_t id = 1; id <= last; id++) {
		const struct rt_lost *l = &r->lost[id];
		if (!chunks(l) || !node_get(id)->owner) continue;
		rt_text(w, first ? "\n" : ",\n");
		first = 0;
		rt_put_node(w, node_get(id));
		rt_count(w, "direct_bytes", l->direct_bytes);
		rt_count(w, "direct_chunks", l->direct_chunks);
		rt_count(w, "indirect_bytes", l->indirect_bytes);
		rt_count(w, "indirect_chunks", l->indirect_chunks);
		rt_text(w, "}");
	}
	rt_text(w, "\n]}\n");
	return rt_writer_close(w);
}

__attribute__((noinline)) static void report(const struct result *r, uint32_t last, struct group *v, size_t n,
					     unsigned unseen)
{
	struct rt_lost all = {0};
	char path[RT_NAME_ROOM];
	for (size_t i = 0; i < n; i++) sum(&all, &v[i].lost);
	if (n) tell(v, n, &all, unseen);
	if (!rt_options.leaks[0] || !rt_expand(rt_options.leaks, 1, path)) return;
	int error = write_file(r, last, &all, path);
	if (error) rt_complain("cannot write the leaks '%s': %s", path, rt_error_text(error));
}

/* Not inlined, and all registers saved: this frame and what called it is the part of the stack that counts. It is small:
 * what was left behind by earlier calls, where nothing was written since, would count, too. */
__attribute__((noinline)) int rt_leaks_report(void)
{
	uint32_t last = rt_node_count;
	size_t room = sizeof(struct result) + ((size_t)last + 1) * sizeof(struct rt_lost);
	struct result *r = mmap(0, room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct rt_roots *roots = rt_pages(sizeof *roots);
	struct group *v = rt_pages(((size_t)last + 1) * sizeof *v);
	__builtin_unwind_init();
	int error = r == MAP_FAILED || !roots || !v ? ENOMEM : find(r, roots, last);
	if (error) {
		rt_complain("cannot look for leaks: %s", error == ESRCH ? "the scan was killed" : rt_error_text(error));
		return 0;
	}
	size_t n = group(v, r, last);
	report(r, last, v, n, roots->unseen);
	return n > 0;
}
