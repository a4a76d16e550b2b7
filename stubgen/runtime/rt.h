/* rt.h: all data layout of the runtime, and what its files share. Everything here is hidden from the program. */
#ifndef ALLOCS_RT_H
#define ALLOCS_RT_H

#define _GNU_SOURCE
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RT_EXPORT __attribute__((visibility("default")))
#define ALLOCS_API RT_EXPORT
#include "../allocs.h"
#include "../abi.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define HOT __attribute__((always_inline)) static inline

/* ---- memory of our own: never malloc ---- */

void *rt_pages(size_t size);                 /* zeroed, lazily backed; NULL when the system has none left */
void *rt_keep(size_t size);                  /* small, never freed */
char *rt_keep_string(const char *s);

int in_executable(const void *);

/* ---- one lock for everything that is rare ---- */

void rt_lock(void);
void rt_unlock(void);

/* ---- index: which chunk is at this address ----
 *
 * Two levels over the address space of programs. A leaf covers 64 MiB: one 64-bit word per granule of 2^shift bytes, zero
 * where no chunk starts. Granules are small enough that two chunks never start in one (glibc: chunks are 32 bytes
 * apart, so 32; suballocators: 8).
 *
 * word: | id 24 | size 36 | children 1 | offset in the granule 3 |
 */
#define LEAF_BITS 26
#ifdef __aarch64__
#define ADDRESS_BITS 48
#else
#define ADDRESS_BITS 47
#endif
#define BLOCK_BITS 16
#define SIZE_BITS 36
#define OFFSET_BITS 3
#define CHILDREN ((uint64_t)1 << OFFSET_BITS)
#define SIZE_MAX_INDEXED (((size_t)1 << SIZE_BITS) - 1)
#define ID_BITS 24

struct leaf {
	/* base of the chunk that covers the start of each 64-KiB block: bounds the search for an interior pointer */
	_Atomic(uintptr_t) covering[1u << (LEAF_BITS - BLOCK_BITS)];
	uint64_t word[];
};

struct chunk {
	struct allocator *allocator;
	uintptr_t base;
	uint64_t entry;
};

HOT size_t entry_size(uint64_t e) { return e >> (OFFSET_BITS + 1) & SIZE_MAX_INDEXED; }
HOT uint32_t entry_id(uint64_t e) { return e >> (64 - ID_BITS); }

struct leaf *index_leaf_make(struct alloc_index *, uintptr_t p);
void index_cover(struct alloc_index *, uintptr_t base, size_t size, uintptr_t value);
int index_find(struct allocator *, uintptr_t p, struct chunk *); /* the chunk of this allocator that holds p */
int chunk_find(uintptr_t p, struct chunk *);                     /* the innermost one of all allocators */
int parent_find(const struct allocator *, uintptr_t p, struct chunk *); /* the innermost one of all others */
void index_give(struct alloc_index *);                           /* its memory to the next one; it is empty */
void index_clear_children(uintptr_t base, size_t size);
void index_mark_parent(struct allocator *, uintptr_t p);
int index_walk(struct allocator *, int (*f)(struct chunk *, void *), void *arg);

HOT uintptr_t entry_base(struct alloc_index *x, uintptr_t granule, uint64_t entry)
{
	unsigned unit = x->shift > OFFSET_BITS ? x->shift - OFFSET_BITS : 0;
	return granule + ((entry & (((uint64_t)1 << OFFSET_BITS) - 1)) << unit);
}

HOT struct leaf *index_leaf(struct alloc_index *x, uintptr_t p)
{
	if (unlikely(!x->root) || unlikely(p >> ADDRESS_BITS)) return 0;
	return atomic_load_explicit(&x->root[p >> LEAF_BITS], memory_order_acquire);
}

HOT uint64_t *index_word(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	return &leaf->word[(p & (((uintptr_t)1 << LEAF_BITS) - 1)) >> x->shift];
}

/* ---- nodes: interned ids of (context, site, owner) ----
 *
 * A chunk's id names a CHUNK node: which allocator, called at which address, under which chain of wrappers. The chain
 * is the list of FRAME nodes through `parent`, innermost first.
 */
enum { NODE_NONE, NODE_CHUNK, NODE_FRAME };

struct node {
	uintptr_t site_address;
	void *owner;                        /* struct allocator (CHUNK) or struct alloc_wrapper (FRAME) */
	uint32_t parent;
	uint32_t kind;
	_Atomic(const struct alloc_site *) site;
	const struct alloc_frame *frame; /* made when somebody asks for the chain */
};

#define NODE_BLOCK_BITS 10
struct slot {
	uintptr_t site_address;
	const void *owner;
	uint32_t parent;
	_Atomic uint32_t id;
};
struct table {
	size_t mask;
	struct slot slot[];
};
extern _Atomic(struct table *) rt_table;
extern struct node *rt_node_blocks[1u << (ID_BITS - NODE_BLOCK_BITS)];
extern uint32_t rt_node_count;

uint32_t intern_slow(uint32_t parent, uintptr_t site, const void *owner, unsigned kind);
void intern_kill(struct node *, uint32_t id);        /* no new chunk finds this node again */
void intern_forget(uintptr_t low, uintptr_t high); /* addresses of a module that is being unloaded */

HOT struct node *node_get(uint32_t id)
{
	return &rt_node_blocks[id >> NODE_BLOCK_BITS][id & ((1u << NODE_BLOCK_BITS) - 1)];
}

HOT size_t intern_hash(uint32_t parent, uintptr_t site)
{
	uint64_t h = (site ^ (uint64_t)parent * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
	return h >> 32;
}

HOT uint32_t intern(uint32_t parent, uintptr_t site, const void *owner, unsigned kind)
{
	struct table *t = atomic_load_explicit(&rt_table, memory_order_acquire);
	if (likely(t)) {
		struct slot *s = &t->slot[intern_hash(parent, site) & t->mask];
		uint32_t id = atomic_load_explicit(&s->id, memory_order_acquire);
		if (likely(id && s->site_address == site && s->parent == parent && s->owner == owner)) return id;
	}
	return intern_slow(parent, site, owner, kind);
}

/* ---- threads ---- */

#define MAX_FRAMES 64
#define MAX_ALLOCATORS 256
#define COUNTER_BLOCK_BITS 8

struct counter { /* one node in one thread; 64 bytes, a cache line */
	int64_t live_bytes, live_chunks;
	int64_t peak_bytes, peak_chunks; /* live at the last peak, if `generation` is current; else live is */
	uint64_t total_bytes, total_chunks;
	uint64_t generation;
	uint64_t unused;
};

struct frame {
	uintptr_t address; /* of the stub's stack frame */
	uintptr_t site;    /* its return address, to tell a frame that longjmp left behind */
	uint32_t node;
};

/* the chunk of another allocator that a suballocator last carved from: most often the next one, too */
struct nest {
	const struct allocator *child;
	uintptr_t low, high;
	uint64_t *word, value;
};

/* the region and the page that the last chunk with a region was in */
struct visit {
	struct alloc_index *index;
	uintptr_t region, page;
	uint64_t generation;
	uint32_t id;
};

struct thread {
	struct frame frame[MAX_FRAMES];
	unsigned depth;
	int64_t unflushed;
	unsigned long allocs[MAX_ALLOCATORS];
	struct counter **counters; /* blocks by node id */
	struct nest nest;
	struct visit visit;
	volatile int walking; /* the list of allocators; an object whose allocator is in it waits before it goes */
	volatile unsigned walks;
	struct thread *next;
	int in_use;
};

extern __thread struct thread *rt_self __attribute__((tls_model("local-exec")));
extern struct thread *rt_threads;
extern int rt_counting;
extern _Atomic uint64_t rt_peak_generation;
extern _Atomic int64_t rt_live_bytes;
extern int64_t rt_peak_bytes;

struct thread *thread_make(void);
/* heap: how much this adds to or takes from the heap; 0 for a suballocated chunk, its parent counts already */
void count_alloc(struct thread *, uint32_t id, size_t size, size_t heap);
void count_free(struct thread *, uint32_t id, size_t size, size_t heap);
void count_undo(struct thread *, uint32_t id, size_t size, size_t heap); /* as if it had not been allocated */
void counter_sum(uint32_t id, struct counter *out);

HOT struct thread *thread_self(void)
{
	struct thread *t = rt_self;
	return likely(t != 0) ? t : thread_make();
}

HOT struct thread *walk_begin(void)
{
	struct thread *t = thread_self();
	t->walking++;
	atomic_signal_fence(memory_order_seq_cst); /* the one who waits makes it a barrier for all (membarrier) */
	return t;
}

HOT void walk_end(struct thread *t)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (!--t->walking) t->walks++;
}

/* The innermost live wrapper frame's node, or 0; frames that were left without a return are dropped. A frame far away
 * is on another stack (a coroutine's, a signal handler's), which may be gone: it is neither looked at nor dropped. */
#define STACK_REACH ((uintptr_t)8 << 20)
HOT uint32_t thread_context(struct thread *t, uintptr_t here)
{
	while (t->depth) {
		struct frame *f = &t->frame[t->depth - 1];
		if (likely(f->address > here)) {
			if (unlikely(f->address - here > STACK_REACH)) return 0;
			if (likely(((uintptr_t *)f->address)[1] == f->site)) return f->node;
		}
		t->depth--;
	}
	return 0;
}

/* ---- modules, sites, allocators ---- */

/* Written by the compile phase (allocscc/compile/records.py); offsets are relative to their own field. */
struct site_record {
	int32_t return_address, file, function, callee, type;
	uint32_t line, column, flags;
};

struct allocs_module {
	const struct site_record *sites, *sites_end;
	struct allocs_module *next;
	const struct site_record **sorted;
};

/* in `flags`: what kind of evidence there is for the type, and its size in bytes, 0 where that is not known */
#define RECORD_EVIDENCE 0xff
#define RECORD_SIZE_SHIFT 12

struct alloc_site {
	const char *file, *function, *callee, *type, *evidence;
	unsigned line, column, type_size;
	uintptr_t address;
};

extern struct allocator *rt_allocators;
extern struct alloc_wrapper *rt_wrappers;

void allocator_register(struct allocator *);
void wrapper_register(struct alloc_wrapper *);
void allocator_refresh(struct allocator *);
void allocator_number_give(unsigned);
const struct alloc_site *node_site(struct node *);
const struct alloc_site *chunk_type_site(struct node *); /* the one that says the type */
const char *chunk_type(struct node *);
const struct alloc_site *chunk_site(struct node *);

/* ---- entry: what stubs and the interposed malloc do ---- */

HOT int is_nested(struct thread *t, struct allocator *a, uintptr_t p)
{
	struct nest *n = &t->nest;
	return n->child == a && p >= n->low && p < n->high && *n->word == n->value;
}

HOT size_t heap_share(struct allocator *a, size_t size) { return a->suballocates ? 0 : size; }

HOT void chunk_insert(struct allocator *a, void *chunk, size_t size, uintptr_t site, uintptr_t here)
{
	uintptr_t p = (uintptr_t)chunk;
	struct thread *t = thread_self();
	struct leaf *leaf = index_leaf(a->index, p);
	if (unlikely(!leaf) && !(leaf = index_leaf_make(a->index, p))) return;
	uint32_t id = intern(thread_context(t, here), site, a, NODE_CHUNK);
	uint64_t *word = index_word(a->index, leaf, p), old = *word;
	if (size > SIZE_MAX_INDEXED) size = SIZE_MAX_INDEXED;
	unsigned unit = a->index->shift > OFFSET_BITS ? a->index->shift - OFFSET_BITS : 0;
	uint64_t offset = (p & (((uintptr_t)1 << a->index->shift) - 1)) >> unit;
	*word = (uint64_t)id << (64 - ID_BITS) | (uint64_t)size << (OFFSET_BITS + 1) | offset;
	if (unlikely(size && (p ^ (p + size - 1)) >> BLOCK_BITS)) index_cover(a->index, p, size, p);
	if (unlikely(a->suballocates) && !is_nested(t, a, p)) index_mark_parent(a, p);
	t->allocs[a->number] += !old; /* an entry point that calls another one: its chunk is one chunk */
	if (rt_counting) {
		if (unlikely(old)) count_undo(t, entry_id(old), entry_size(old), heap_share(a, entry_size(old)));
		count_alloc(t, id, size, heap_share(a, size));
	}
}

/* all of chunk_remove but for the chunks inside, of which `children_move` will know what becomes of them */
HOT uint64_t chunk_take(struct allocator *a, void *chunk)
{
	uintptr_t p = (uintptr_t)chunk;
	struct leaf *leaf = index_leaf(a->index, p);
	if (unlikely(!leaf)) return 0;
	uint64_t *word = index_word(a->index, leaf, p), old = *word;
	if (unlikely(!old)) return 0;
	*word = 0;
	size_t size = entry_size(old);
	if (unlikely(size && (p ^ (p + size - 1)) >> BLOCK_BITS)) index_cover(a->index, p, size, 0);
	if (rt_counting) count_free(thread_self(), entry_id(old), size, heap_share(a, size));
	return old;
}

HOT uint64_t chunk_remove(struct allocator *a, void *chunk)
{
	uint64_t old = chunk_take(a, chunk);
	if (unlikely(old & CHILDREN)) index_clear_children((uintptr_t)chunk, entry_size(old));
	return old;
}

void children_move(struct allocator *, void *chunk, uint64_t old, void *now, size_t size);

void chunk_restore(struct allocator *, void *chunk, uint64_t entry);

/* ---- regions: chunks that one function frees all at once ---- */

void region_join(struct alloc_index *, uintptr_t p, uintptr_t region);
void region_leave(struct alloc_index *, uintptr_t p);
uintptr_t region_of(struct alloc_index *, uintptr_t p);
/* since: not NULL where only chunks go that are younger than this one */
void region_release(struct allocator *, uintptr_t region, uintptr_t since);
void region_release_all(struct allocator *);
void regions_move(struct alloc_index *from, struct alloc_index *to);

/* of a generated instance, which may remember regions */
HOT uint64_t subchunk_remove(struct allocator *a, uintptr_t p)
{
	uint64_t old = chunk_remove(a, (void *)p);
	if (old && a->index->regions) region_leave(a->index, p);
	return old;
}

/* A family that several objects define has several instances, and what one handed out may be given back to another. */
uint64_t sibling_remove(struct allocator *, void *chunk);

/* ---- profile and options ---- */

int profile_write(const char *path);
void options_read(void);

#endif
