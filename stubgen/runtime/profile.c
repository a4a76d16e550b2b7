/* the profile: JSON, one row an interned (allocator, chain, site); read by allocscc/report/profile.py */
#include "reporting.h"
#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* the loader's answer takes long where an object has many symbols, and one site stands in many rows */
#define PLACES 1024
static struct rt_place places[PLACES];

/* an object that they are about may have gone */
void rt_places_forget(void)
{
	memset(places, 0, sizeof places);
}

const struct rt_place *rt_place_of(uintptr_t address)
{
	struct rt_place *p = &places[(address * 0x9e3779b97f4a7c15 >> 40) % PLACES];
	Dl_info info;
	if (p->address != address) {
		*p = (struct rt_place){.address = address};
		if (address != UINTPTR_MAX && dladdr((void *)(address - 1), &info))
			*p = (struct rt_place){
				address, address - (uintptr_t)info.dli_fbase, info.dli_fname, info.dli_sname,
				module_covers(address - 1)
			};
	}
	return p->object ? p : 0;
}

/* a site without a record is in code that was not built by us, or calls through a pointer: say at least which object and symbol */
static void site(struct rt_writer *w, struct node *n)
{
	const struct alloc_site *s = node_site(n);
	rt_text(w, "{\"line\":");
	rt_number(w, alloc_site_line(s));
	if (!alloc_site_file(s)) {
		const struct rt_place *p = rt_place_of(n->site_address);
		if (p) {
			rt_field(w, "object", p->object);
			rt_field(w, "symbol", p->symbol);
			rt_count(w, "offset", p->offset);
			if (p->built) rt_count(w, "built", 1);
		}
	} else {
		rt_count(w, "column", alloc_site_column(s));
		rt_field(w, "file", alloc_site_file(s));
		rt_field(w, "function", alloc_site_function(s));
		rt_field(w, "callee", alloc_site_callee(s));
		rt_field(w, "type", alloc_site_type(s));
		rt_field(w, "evidence", alloc_site_evidence(s));
	}
	rt_text(w, "}");
}

static void frames(struct rt_writer *w, uint32_t id)
{
	if (!id) return;
	struct node *n = node_get(id);
	frames(w, n->parent);
	if (n->parent) rt_text(w, ",");
	rt_text(w, "{\"wrapper\":");
	rt_string(w, n->owner ? ((struct alloc_wrapper *)n->owner)->name : 0);
	rt_text(w, ",\"site\":");
	site(w, n);
	rt_text(w, "}");
}

void rt_put_node(struct rt_writer *w, struct node *n)
{
	const struct allocator *a = n->owner;
	rt_text(w, "{\"allocator\":");
	rt_string(w, a->name);
	rt_field(w, "parent", a->parent ? a->parent->name : 0);
	rt_text(w, ",\"chain\":[");
	frames(w, n->parent);
	rt_text(w, "],\"site\":");
	site(w, n);
	rt_field(w, "type", chunk_type(n));
}

struct walk {
	struct counter *by_node;
	uint32_t last;
};

static int live_count(struct chunk *c, void *arg)
{
	struct walk *walk = arg;
	uint32_t id = entry_id(c->entry);
	if (id > walk->last) return 0; /* another thread's, since we began */
	struct counter *live = &walk->by_node[id];
	live->live_bytes += entry_size(c->entry);
	live->live_chunks++;
	return 0;
}

static int64_t least0(int64_t n) { return n > 0 ? n : 0; }

/* other threads go on meanwhile: what one allocated before we looked and another freed behind our back is not less than
 * nothing */
static void rows(struct rt_writer *w, const struct counter *walked, uint32_t last)
{
	int first = 1;
	for (uint32_t id = 1; id <= last; id++) {
		struct node *n = node_get(id);
		struct counter c;
		if (n->kind != NODE_CHUNK || !n->owner) continue;
		if (walked) c = walked[id];
		else counter_sum(id, &c);
		if (!c.total_chunks && !c.live_chunks) continue;
		rt_text(w, first ? "\n" : ",\n");
		first = 0;
		rt_put_node(w, n);
		rt_count(w, "live_bytes", least0(c.live_bytes));
		rt_count(w, "live_chunks", least0(c.live_chunks));
		rt_count(w, "peak_bytes", least0(c.peak_bytes));
		rt_count(w, "peak_chunks", least0(c.peak_chunks));
		rt_count(w, "total_bytes", c.total_bytes);
		rt_count(w, "total_chunks", c.total_chunks);
		rt_text(w, "}");
	}
}

void rt_put_program(struct rt_writer *w)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	rt_string(w, path);
}

int rt_profile_write(const char *path, const char *reason, unsigned number)
{
	int error;
	struct rt_writer *w = rt_writer_open(path, &error);
	if (!w) return error;
	uint32_t last = rt_node_count;
	struct counter *walked = 0;
	size_t room = ((size_t)last + 1) * sizeof *walked;
	rt_places_forget();
	if (!rt_counting && (walked = rt_pages(room)))
		for (struct allocator *a = rt_allocators; a; a = a->next)
			if (a != &rt_on_stack) index_walk(a, live_count, &(struct walk){walked, last}); /* what is no heap */
	rt_text(w, "{\"allocscc_profile\":1,\"pid\":");
	rt_number(w, getpid());
	rt_text(w, ",\"program\":");
	rt_put_program(w);
	rt_field(w, "reason", reason);
	rt_count(w, "number", number);
	rt_count(w, "ms", rt_timeline_now());
	rt_text(w, walked ? ",\"counted\":false" : ",\"counted\":true");
	rt_timeline_put(w);
	rt_text(w, ",\"rows\":[");
	rows(w, walked, last);
	rt_text(w, "\n]}\n");
	if (walked) munmap(walked, room);
	return rt_writer_close(w);
}

int profile_write(const char *path)
{
	return rt_profile_write(path, "api", 0);
}
