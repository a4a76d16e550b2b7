/* the profile: JSON, one row an interned (allocator, chain, site); read by allocscc/report/profile.py */
#include "rt.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct writer {
	int fd, error;
	size_t used;
	char buffer[32768];
};

static void flush(struct writer *w)
{
	for (size_t at = 0; at < w->used && !w->error;) {
		ssize_t n = write(w->fd, w->buffer + at, w->used - at);
		if (n > 0) at += n;
		else if (errno != EINTR) w->error = errno;
	}
	w->used = 0;
}

static void put(struct writer *w, const char *s, size_t n)
{
	for (; n; s++, n--) {
		if (w->used == sizeof w->buffer) flush(w);
		w->buffer[w->used++] = *s;
	}
}

static void text(struct writer *w, const char *s) { put(w, s, strlen(s)); }

static void number(struct writer *w, long long n)
{
	char digits[24];
	put(w, digits, snprintf(digits, sizeof digits, "%lld", n));
}

/* bytes that are not UTF-8 stay as they are: the reader decodes with surrogateescape, as Python does file names */
static void string(struct writer *w, const char *s)
{
	if (!s) {
		text(w, "null");
		return;
	}
	put(w, "\"", 1);
	for (; *s; s++) {
		unsigned char c = *s;
		char escape[8];
		if (c == '"' || c == '\\') put(w, escape, snprintf(escape, sizeof escape, "\\%c", c));
		else if (c < 32) put(w, escape, snprintf(escape, sizeof escape, "\\u%04x", c));
		else put(w, s, 1);
	}
	put(w, "\"", 1);
}

static void field(struct writer *w, const char *name, const char *value)
{
	text(w, ",\"");
	text(w, name);
	text(w, "\":");
	string(w, value);
}

static void count(struct writer *w, const char *name, long long value)
{
	text(w, ",\"");
	text(w, name);
	text(w, "\":");
	number(w, value);
}

/* a site without a record is in code that was not built by us: say at least which object and symbol */
static void site(struct writer *w, struct node *n)
{
	const struct alloc_site *s = node_site(n);
	Dl_info info;
	text(w, "{\"line\":");
	number(w, s ? s->line : 0);
	if (!s || !s->file) {
		if (n->site_address != UINTPTR_MAX && dladdr((void *)(n->site_address - 1), &info)) {
			field(w, "object", info.dli_fname);
			field(w, "symbol", info.dli_sname);
			count(w, "offset", n->site_address - (uintptr_t)info.dli_fbase);
		}
	} else {
		count(w, "column", s->column);
		field(w, "file", s->file);
		field(w, "function", s->function);
		field(w, "callee", s->callee);
		field(w, "type", s->type);
		field(w, "evidence", s->evidence);
	}
	text(w, "}");
}

static void frames(struct writer *w, uint32_t id)
{
	if (!id) return;
	struct node *n = node_get(id);
	frames(w, n->parent);
	if (n->parent) text(w, ",");
	text(w, "{\"wrapper\":");
	string(w, n->owner ? ((struct alloc_wrapper *)n->owner)->name : 0);
	text(w, ",\"site\":");
	site(w, n);
	text(w, "}");
}

static int live_count(struct chunk *c, void *arg)
{
	struct counter *live = (struct counter *)arg + entry_id(c->entry);
	live->live_bytes += entry_size(c->entry);
	live->live_chunks++;
	return 0;
}

static void rows(struct writer *w, const struct counter *walked, uint32_t last)
{
	int first = 1;
	for (uint32_t id = 1; id <= last; id++) {
		struct node *n = node_get(id);
		struct counter c;
		if (n->kind != NODE_CHUNK || !n->owner) continue;
		if (walked) c = walked[id];
		else counter_sum(id, &c);
		if (!c.total_chunks && !c.live_chunks) continue;
		text(w, first ? "\n" : ",\n");
		first = 0;
		text(w, "{\"allocator\":");
		string(w, ((struct allocator *)n->owner)->name);
		const struct allocator *parent = ((struct allocator *)n->owner)->parent;
		field(w, "parent", parent ? parent->name : 0);
		text(w, ",\"chain\":[");
		frames(w, n->parent);
		text(w, "],\"site\":");
		site(w, n);
		field(w, "type", chunk_type(n));
		count(w, "live_bytes", c.live_bytes);
		count(w, "live_chunks", c.live_chunks);
		count(w, "peak_bytes", c.peak_bytes);
		count(w, "peak_chunks", c.peak_chunks);
		count(w, "total_bytes", c.total_bytes);
		count(w, "total_chunks", c.total_chunks);
		text(w, "}");
	}
}

static void program(struct writer *w)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	string(w, path);
}

int profile_write(const char *path)
{
	char temporary[4200];
	if (snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof temporary)
		return ENAMETOOLONG;
	static struct writer w; /* exit and snapshots are rare: one at a time */
	static atomic_flag busy = ATOMIC_FLAG_INIT;
	if (atomic_flag_test_and_set(&busy)) return EBUSY;
	w = (struct writer){.fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
	if (w.fd < 0) {
		atomic_flag_clear(&busy);
		return errno;
	}
	uint32_t last = rt_node_count;
	struct counter *walked = 0;
	if (!rt_counting && (walked = rt_pages((last + 1) * sizeof *walked)))
		for (struct allocator *a = rt_allocators; a; a = a->next) index_walk(a, live_count, walked);
	text(&w, "{\"allocscc_profile\":1,\"pid\":");
	number(&w, getpid());
	text(&w, ",\"program\":");
	program(&w);
	text(&w, walked ? ",\"counted\":false,\"rows\":[" : ",\"counted\":true,\"rows\":[");
	rows(&w, walked, last);
	text(&w, "\n]}\n");
	flush(&w);
	int error = w.error;
	if (close(w.fd) && !error) error = errno;
	if (!error && rename(temporary, path)) error = errno;
	if (error) unlink(temporary);
	atomic_flag_clear(&busy);
	return error;
}
