/* leaks=1: which live chunks can nothing reach any more? A conservative scan, as LeakSanitizer's
 *
 * It runs in a child process, a copy of this one that nobody changes, and that may crash; the numbers come back in shared
 * memory. Here is the scan; roots.c finds where to begin, leakreport.c tells the result.
 */
#include "reporting.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOTS ((uintptr_t)1 << (ADDRESS_BITS - LEAF_BITS))
#define BIG ((uintptr_t)1 << 20)
#define RECENT 256

enum { LOST, REACHED, INDIRECT };

/* an allocator, and a byte for each of its granules */
struct marks {
	struct allocator *allocator;
	unsigned char **leaf;
	uintptr_t low, high;
	int part; /* its chunks go with the chunk that they lie in: they are not judged by themselves */
	/* chunks larger than a block that were reached; the index would look through the block before p each time */
	struct rt_range recent[RECENT];
};

struct pending {
	uintptr_t low, high;
	int has_children;
};

static struct {
	struct marks *marks;
	unsigned allocators;
	uintptr_t low, span;
	size_t chunks;
	struct pending *pending;
	size_t waiting;
	struct rt_range *inner; /* chunks of suballocators that are judged by themselves, by address */
	size_t inners;
	uintptr_t page;
	int pagemap;
	int failed;
	unsigned char mark;
	uintptr_t self; /* the chunk that is being scanned, which does not reach itself */
	int exact;      /* only pointers to a chunk's begin count */
	struct rt_range loader;
	struct rt_lost *lost;
	uint32_t last;
} scan;

/* ---- marks ---- */

static unsigned char *mark_of(struct marks *m, uintptr_t base)
{
	unsigned shift = m->allocator->index->shift;
	unsigned char **leaf = &m->leaf[base >> LEAF_BITS];
	if (!*leaf && !(*leaf = rt_pages(((uintptr_t)1 << LEAF_BITS) >> shift))) {
		scan.failed = ENOMEM;
		return 0;
	}
	return *leaf + ((base & (((uintptr_t)1 << LEAF_BITS) - 1)) >> shift);
}

static void reach(struct marks *m, const struct chunk *c)
{
	unsigned char *mark = mark_of(m, c->base);
	if (!mark || *mark || c->base == scan.self) return;
	*mark = scan.mark;
	if (scan.mark != REACHED || m->part) return; /* a part is read with the whole */
	size_t size = entry_size(c->entry);
	scan.pending[scan.waiting++] = (struct pending){c->base, c->base + size, (c->entry & CHILDREN) != 0};
}

/* every chunk around p: who points to a piece of a pool keeps the pool, too */
static void hit(uintptr_t p)
{
	for (unsigned i = 0; i < scan.allocators; i++) {
		struct marks *m = &scan.marks[i];
		struct rt_range *recent = &m->recent[p >> BLOCK_BITS & (RECENT - 1)];
		struct chunk c;
		if (p - m->low >= m->high - m->low) continue;
		if (scan.mark == REACHED && p - recent->low < recent->high - recent->low) continue;
		if (!index_find(m->allocator, p, &c) || (scan.exact && c.base != p)) continue;
		reach(m, &c);
		if (entry_size(c.entry) >> BLOCK_BITS) *recent = (struct rt_range){.low = c.base, .high = c.base + entry_size(c.entry)};
	}
}

static void words(uintptr_t low, uintptr_t high)
{
	for (; low + sizeof low <= high; low += sizeof low) {
		uintptr_t p = *(const uintptr_t *)low;
		if (unlikely(p - scan.low < scan.span)) hit(p);
	}
}

/* pages of a large chunk that were never touched hold nothing, and reading them takes memory */
static void touched_words(uintptr_t low, uintptr_t high)
{
	static uint64_t entry[512];
	for (uintptr_t at = low; at < high;) {
		uintptr_t first = at / scan.page;
		ssize_t n = pread(scan.pagemap, entry, sizeof entry, first * sizeof entry[0]);
		if (n < (ssize_t)sizeof entry[0]) {
			words(at, high);
			return;
		}
		for (ssize_t i = 0; i < n / (ssize_t)sizeof entry[0] && at < high; i++) {
			uintptr_t next = (first + i + 1) * scan.page;
			if (next > high) next = high;
			if (entry[i] >> 62) words(at, next);
			at = next;
		}
	}
}

static void range(uintptr_t low, uintptr_t high, int is_chunk)
{
	low = (low + sizeof low - 1) & ~(sizeof low - 1);
	for (const struct rt_map *m = rt_map_from(low); low < high && m->low < high; m++) {
		uintptr_t from = low > m->low ? low : m->low, to = high < m->high ? high : m->high;
		if (!m->readable) continue;
		if (is_chunk && scan.pagemap >= 0 && to - from >= BIG) touched_words(from, to);
		else words(from, to);
	}
}

/* a chunk without the chunks in it that are judged by themselves */
static void between_inner(uintptr_t low, uintptr_t high)
{
	size_t from = 0, to = scan.inners;
	uintptr_t at = low;
	while (from < to) {
		size_t middle = (from + to) / 2;
		if (scan.inner[middle].low < low) from = middle + 1;
		else to = middle;
	}
	for (; from < scan.inners && scan.inner[from].low < high; from++) {
		const struct rt_range *r = &scan.inner[from];
		if (r->low < at || r->high > high || (r->low == low && r->high == high)) continue; /* deeper inside, or itself */
		range(at, r->low, 1);
		at = r->high;
	}
	range(at, high, 1);
}

static void flood(void)
{
	while (scan.waiting && !scan.failed) {
		struct pending p = scan.pending[--scan.waiting];
		scan.self = 0;
		if (p.has_children && scan.inners) between_inner(p.low, p.high);
		else range(p.low, p.high, 1);
	}
}

/* ---- the allocators and their chunks ---- */

/* what no function frees by itself goes with its region or with the chunk that it lies in */
static int is_part(const struct allocator *a)
{
	int single = 0;
	if (!a->suballocates) return 0;
	for (const struct alloc_function *f = a->functions; f && f->name; f++) {
		if (!strcmp(f->role, "free") || !strcmp(f->role, "free-chain")) single = 1;
		if (!strcmp(f->role, "free-all") || !strcmp(f->role, "free-since")) return 1;
	}
	return !single;
}

static int measure(struct chunk *c, void *arg)
{
	struct marks *m = arg;
	size_t size = entry_size(c->entry);
	if (c->base < m->low) m->low = c->base;
	if (c->base + size + 1 > m->high) m->high = c->base + size + 1;
	scan.chunks++;
	if (m->allocator->suballocates && !m->part) scan.inners++;
	return 0;
}

static int collect_inner(struct chunk *c, void *arg)
{
	(void)arg;
	scan.inner[scan.inners++] = (struct rt_range){.low = c->base, .high = c->base + entry_size(c->entry)};
	return 0;
}

static int comes_before(const struct rt_range *a, const struct rt_range *b)
{
	return a->low != b->low ? a->low < b->low : a->high > b->high;
}

/* heap sort; one allocator's chunks come in order, so mostly there is nothing to do */
static void sort_inner(void)
{
	struct rt_range *v = scan.inner;
	size_t n = scan.inners, sorted = 1;
	while (sorted < n && !comes_before(&v[sorted], &v[sorted - 1])) sorted++;
	if (sorted >= n) return;
	for (size_t end = n, start = n / 2; end > 1;) {
		struct rt_range item;
		size_t hole, child;
		if (start) {
			item = v[--start];
		} else {
			item = v[--end];
			v[end] = v[0];
		}
		for (hole = start; (child = 2 * hole + 1) < end; hole = child) {
			if (child + 1 < end && comes_before(&v[child], &v[child + 1])) child++;
			if (!comes_before(&item, &v[child])) break;
			v[hole] = v[child];
		}
		v[hole] = item;
	}
}

static int allocators_find(void)
{
	unsigned n = 0;
	uintptr_t high = 0;
	for (struct allocator *a = rt_allocators; a; a = a->next) n++;
	if (!(scan.marks = rt_pages((n + 1) * sizeof *scan.marks))) return 0;
	scan.low = UINTPTR_MAX;
	for (struct allocator *a = rt_allocators; a && scan.allocators < n; a = a->next) {
		if (a == &rt_on_stack) continue;
		struct marks *m = &scan.marks[scan.allocators];
		m->allocator = a;
		m->low = UINTPTR_MAX;
		m->part = is_part(a);
		index_walk(a, measure, m);
		if (!m->high) continue;
		if (!(m->leaf = rt_pages(ROOTS * sizeof *m->leaf))) return 0;
		if (m->low < scan.low) scan.low = m->low;
		if (m->high > high) high = m->high;
		scan.allocators++;
	}
	scan.span = high > scan.low ? high - scan.low : 0;
	size_t inners = scan.inners;
	scan.inners = 0;
	if (!(scan.inner = rt_pages((inners + 1) * sizeof *scan.inner))) return 0;
	for (unsigned i = 0; i < scan.allocators; i++)
		if (scan.marks[i].allocator->suballocates && !scan.marks[i].part)
			index_walk(scan.marks[i].allocator, collect_inner, 0);
	sort_inner();
	return (scan.pending = rt_pages((scan.chunks + 1) * sizeof *scan.pending)) != 0;
}

/* the smallest chunk of another allocator that c lies in */
static struct marks *enclosing(const struct marks *of, const struct chunk *c, struct chunk *out)
{
	struct marks *found = 0;
	size_t size = entry_size(c->entry);
	for (unsigned i = 0; i < scan.allocators; i++) {
		struct marks *m = &scan.marks[i];
		struct chunk around;
		if (m == of || c->base - m->low >= m->high - m->low || !index_find(m->allocator, c->base, &around)) continue;
		size_t reach = entry_size(around.entry);
		if (reach < size || (reach == size && m->allocator->suballocates)) continue; /* lies in c, or beside it */
		if (found && reach >= entry_size(out->entry)) continue;
		found = m;
		*out = around;
	}
	return found;
}

/* ---- from the roots ---- */

/* not our own notes about where the heap is; and libc's lists of free chunks point to headers, which are the last bytes of
 * the chunks before them */
static void data(const struct rt_range *r)
{
	uintptr_t low = (uintptr_t)&scan, high = (uintptr_t)(&scan + 1);
	scan.exact = r->exact;
	if (r->low <= low && high <= r->high) {
		range(r->low, low, 0);
		range(high, r->high, 0);
	} else {
		range(r->low, r->high, 0);
	}
	scan.exact = 0;
}

/* libc's frames between exit() and us hold nothing of the program's but the registers that the first one saved; what lies
 * in them besides is what earlier calls left behind, like the last chunk's address */
static uintptr_t behind_exit(uintptr_t at, uintptr_t end)
{
#if defined __x86_64__ && defined __GLIBC__
	const uintptr_t code = (uintptr_t)exit;
	for (uintptr_t p = at; p < end && p < at + 8192; p += sizeof p)
		if (*(const uintptr_t *)p - code - 1 < 48) return p - 6 * sizeof p;
#endif
	(void)end;
	return at;
}

/* behind it, another mapping may follow without a gap */
static uintptr_t stack_end(const struct rt_stopped *t, const struct rt_map *own)
{
#ifdef __aarch64__
	(void)t;
	return own->high; /* thread-local data lies behind the record */
#else
	return t->stack >= t->pointer && t->stack < own->high ? own->high : t->pointer;
#endif
}

/* a stack from its pointer on; the end of a thread's own is where libc keeps its record */
static void stack(const struct rt_roots *r, const struct rt_stopped *t)
{
	const struct rt_map *here = t->stack ? rt_map_of(t->stack) : 0, *own = t->pointer ? rt_map_of(t->pointer) : 0;
	const struct rt_map *first = r->main_stack ? rt_map_of(r->main_stack) : 0;
	struct chunk c;
	for (int i = 0; i < RT_REGISTERS; i++)
		if (t->reg[i] - scan.low < scan.span) hit(t->reg[i]);
	if (t->stack && chunk_find(t->stack, &c)) hit(t->stack); /* a coroutine's: all of the chunk is read */
	else if (here) range(t == r->thread ? behind_exit(t->stack, here->high) : t->stack,
			     here == own ? stack_end(t, here) : here->high, 0);
	if (t->tid == r->pid) own = first;
	/* on another stack than its own: who knows how much of that is in use */
	if (own && own != here) range(own->low, own == first ? own->high : stack_end(t, own), 0);
}

/* what the loader allocates for itself it never frees */
static int loader_reaches(struct chunk *c, void *arg)
{
	uint32_t id = entry_id(c->entry);
	if (id && id <= scan.last) {
		uintptr_t site = node_get(id)->site_address;
		if (site < scan.loader.low || site >= scan.loader.high) return 0;
	}
	reach(arg, c);
	return 0;
}

/* a chunk that goes with a parent that we do not know, like memory of mmap, cannot be judged; what it points to lives */
static int orphan_reaches(struct chunk *c, void *arg)
{
	struct chunk parent;
	unsigned char *mark = mark_of(arg, c->base);
	if (!mark || enclosing(arg, c, &parent)) return 0;
	*mark = REACHED;
	range(c->base, c->base + entry_size(c->entry), 1);
	return 0;
}

static void from_roots(const struct rt_roots *r)
{
	scan.mark = REACHED;
	for (unsigned i = 0; i < r->ranges; i++) data(&r->range[i]);
	for (unsigned i = 0; i < r->threads; i++) stack(r, &r->thread[i]);
	for (unsigned i = 0; i < scan.allocators; i++) {
		struct marks *m = &scan.marks[i];
		index_walk(m->allocator, m->part ? orphan_reaches : loader_reaches, m);
	}
	flood();
}

/* ---- the verdict ---- */

/* lost by itself; what lies in a lost chunk is lost with that */
static int is_lost(struct marks *m, const struct chunk *c)
{
	struct chunk parent;
	unsigned char *mark = mark_of(m, c->base);
	if (!mark || *mark == REACHED || m->part) return 0;
	struct marks *around = m->allocator->suballocates ? enclosing(m, c, &parent) : 0;
	return !around || ((mark = mark_of(around, parent.base)) && *mark == REACHED);
}

static int lost_reaches(struct chunk *c, void *arg)
{
	if (!is_lost(arg, c)) return 0;
	scan.self = c->base;
	range(c->base, c->base + entry_size(c->entry), 1);
	return scan.failed;
}

static int lost_count(struct chunk *c, void *arg)
{
	uint32_t id = entry_id(c->entry);
	size_t size = entry_size(c->entry);
	unsigned char *mark = mark_of(arg, c->base);
	if (!is_lost(arg, c) || id > scan.last) return 0;
	struct rt_lost *l = &scan.lost[id];
	if (*mark == INDIRECT) l->indirect_chunks++, l->indirect_bytes += size;
	else l->direct_chunks++, l->direct_bytes += size;
	return 0;
}

int rt_leaks_find(const struct rt_roots *r, struct rt_lost *lost, uint32_t last)
{
	scan.lost = lost;
	scan.last = last;
	scan.loader = r->loader;
	if (!rt_maps_read()) return ENOENT;
	scan.page = getpagesize();
	scan.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t here;
	/* an emulator's is of other addresses */
	if (pread(scan.pagemap, &here, sizeof here, (uintptr_t)&here / scan.page * sizeof here) != sizeof here || !(here >> 62))
		scan.pagemap = -1;
	if (!allocators_find()) return ENOMEM;
	from_roots(r);
	scan.mark = INDIRECT;
	for (unsigned i = 0; i < scan.allocators; i++) index_walk(scan.marks[i].allocator, lost_reaches, &scan.marks[i]);
	for (unsigned i = 0; i < scan.allocators; i++) index_walk(scan.marks[i].allocator, lost_count, &scan.marks[i]);
	return scan.failed;
}
