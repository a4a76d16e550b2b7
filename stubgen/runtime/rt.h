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

/* what is declared here and not exported is in this executable */
#pragma GCC visibility push(hidden)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define HOT __attribute__((always_inline)) static inline

/* ---- where the runtime is: a part of the executable, or preloaded (preload/) ---- */

#ifdef RT_PRELOADED
#define RT_TLS "initial-exec"
/* another runtime is in the executable, or a sanitizer: nothing is observed */
#define RT_OTHER_RUNTIME 1
#define RT_SANITIZER 2
int rt_stands_aside(void);
#else
#define RT_TLS "local-exec"
#define RT_SANITIZER 2
#define rt_stands_aside() 0
#endif

/* ---- memory of our own: never malloc ---- */

void *rt_pages(size_t size);                 /* zeroed, lazily backed; NULL when the system has none left */
void *rt_keep(size_t size);                  /* small, never freed */
const char *rt_keep_string(const char *s);
extern int rt_is_short;                      /* the system had none left once: not every chunk is known */

int in_executable(const void *);
int rt_is_readable(const void *); /* 8 bytes; asks the kernel */

/* ---- one lock for everything that is rare ---- */

void rt_lock(void);
void rt_unlock(void);

/* ---- index: which chunk is at this address ----
 *
 * Two levels over the address space of programs. A leaf covers 64 MiB: one word per granule of 2^shift bytes, zero where
 * no chunk starts. Granules are small enough that two chunks never start in one (glibc: chunks are 32 bytes apart, so 32;
 * elsewhere 8).
 *
 * wide word:   | id 23 | size 36 | closer 1 | children 1 | offset in the granule 3 |   of generated instances
 * narrow word: | id 19 | size 10 | closer 1 | children 1 | offset / 16 1 |             of libc's malloc
 *
 * `closer`: who frees the chunk has more to do than to clear the word. A size that does not fit into a narrow word stands
 * in the two words behind it, in whose granules no chunk can start; they are marked by `children` without `closer`.
 * Everything but the paths of malloc and free themselves sees narrow words as wide ones: as entries.
 */
#define LEAF_BITS 26
#ifdef __aarch64__
#define ADDRESS_BITS 48
#else
#define ADDRESS_BITS 47
#endif
#define BLOCK_BITS 16
#define OFFSET_BITS 3
#define CHILDREN ((uint64_t)1 << OFFSET_BITS)
#define CLOSER (CHILDREN << 1)
#define SIZE_SHIFT (OFFSET_BITS + 2)
#define SIZE_BITS 36
#define SIZE_MAX_INDEXED (((size_t)1 << SIZE_BITS) - 1)
#define ID_SHIFT (SIZE_SHIFT + SIZE_BITS)
#define ID_BITS 19

#define NARROW_CHILDREN 2u
#define NARROW_CLOSER 4u
#define NARROW_SIZE_SHIFT 3
#define NARROW_LARGE 1023u /* a size that stands behind */
#define NARROW_ID_SHIFT 13
#define NARROW_MORE_BITS 29

struct leaf {
	/* base of the chunk that covers the start of each 64-KiB block: bounds the search for an interior pointer; not of
	 * chunks whose size stands in a narrow word, which are looked for */
	_Atomic(uintptr_t) covering[1u << (LEAF_BITS - BLOCK_BITS)];
	uint64_t word[];
};

struct chunk {
	struct allocator *allocator;
	uintptr_t base;
	uint64_t entry;
};

HOT size_t entry_size(uint64_t e) { return e >> SIZE_SHIFT & SIZE_MAX_INDEXED; }
HOT uint32_t entry_id(uint64_t e) { return e >> ID_SHIFT; }

struct leaf *index_leaf_make(struct alloc_index *, uintptr_t p);
void index_cover(struct alloc_index *, uintptr_t base, size_t size, uintptr_t value);
void index_put(struct alloc_index *, struct leaf *, uintptr_t base, uint32_t id, size_t size); /* a chunk, as any */
uint32_t *index_mark(struct alloc_index *, struct leaf *, uintptr_t base); /* chunks are inside; its word's lower half */
int index_find(struct allocator *, uintptr_t p, struct chunk *); /* the chunk of this allocator that holds p */
int chunk_find(uintptr_t p, struct chunk *);                     /* the innermost one of all allocators */
int parent_find(const struct allocator *, uintptr_t p, struct chunk *); /* the innermost one of all others */
void index_give(struct alloc_index *);                           /* its memory to the next one; it is empty */
void index_clear_children(uintptr_t base, size_t size);
void index_mark_parent(struct allocator *, uintptr_t p);
int index_walk(struct allocator *, int (*f)(struct chunk *, void *), void *arg);

HOT uintptr_t entry_base(const struct alloc_index *x, uintptr_t granule, uint64_t entry)
{
	return granule + ((entry & (((uint64_t)1 << OFFSET_BITS) - 1)) << (x->narrow ? 4 : 0));
}

HOT struct leaf *index_leaf(struct alloc_index *x, uintptr_t p)
{
	if (unlikely(!x->root) || unlikely(p >> ADDRESS_BITS)) return 0;
	return atomic_load_explicit(&x->root[p >> LEAF_BITS], memory_order_acquire);
}

HOT uint64_t *wide_word(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	return &leaf->word[(p & (((uintptr_t)1 << LEAF_BITS) - 1)) >> x->shift];
}

/* of a size below NARROW_LARGE; of the id no more bits count than it has */
HOT uint32_t narrow_make(uint32_t id, uintptr_t p, size_t size)
{
	return id << NARROW_ID_SHIFT | (uint32_t)size << NARROW_SIZE_SHIFT | (p >> 4 & 1);
}

HOT uint32_t *narrow_word(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	return (uint32_t *)leaf->word + ((p & (((uintptr_t)1 << LEAF_BITS) - 1)) >> x->shift);
}

HOT int narrow_starts(uint32_t w) { return w && (w & (NARROW_CHILDREN | NARROW_CLOSER)) != NARROW_CHILDREN; }

HOT uint64_t narrow_entry(const uint32_t *w)
{
	if (!narrow_starts(*w)) return 0;
	uint64_t size = *w >> NARROW_SIZE_SHIFT & NARROW_LARGE;
	if (size == NARROW_LARGE)
		size = (uint64_t)(w[2] >> NARROW_SIZE_SHIFT) << NARROW_MORE_BITS | w[1] >> NARROW_SIZE_SHIFT;
	return (uint64_t)(*w >> NARROW_ID_SHIFT) << ID_SHIFT | size << SIZE_SHIFT |
	       (uint64_t)(*w & (NARROW_CLOSER | NARROW_CHILDREN)) << 2 | (*w & 1);
}

/* the entry of the granule that p lies in, 0 where no chunk starts */
HOT uint64_t index_entry(struct alloc_index *x, struct leaf *leaf, uintptr_t p)
{
	return x->narrow ? narrow_entry(narrow_word(x, leaf, p)) : *wide_word(x, leaf, p);
}

/* ---- nodes: interned ids of (context, site, owner) ----
 *
 * A chunk's id names a CHUNK node: which allocator, called at which address, under which chain of wrappers. The chain
 * is the list of FRAME nodes through `parent`, innermost first.
 */
enum { NODE_NONE, NODE_CHUNK, NODE_FRAME, NODE_HIDDEN }; /* hidden: a chunk's, for intern alone */

struct node {
	uintptr_t site_address;
	void *owner;                        /* struct allocator (CHUNK) or struct alloc_wrapper (FRAME) */
	uint32_t parent;
	uint16_t kind, is_hidden;
	_Atomic(const struct alloc_site *) site;
	const struct alloc_frame *frame; /* made when somebody asks for the chain */
	struct kept_told *told;          /* query.c */
};

#define NODE_BLOCK_BITS 10
#define NODE_UNKNOWN UINT32_MAX /* a frame for whose node there was no memory: chunks under it get none */

/* key: the address, and above it the owner's number, so that two words tell a node: allocators have numbers up to
 * MAX_ALLOCATORS, wrappers from FIRST_WRAPPER on. Of those that got none, keys are not unique: only intern, which
 * looks at the owner, finds them. */
#define KEY_SHIFT 48
#define FIRST_WRAPPER 0x1000
#define LAST_WRAPPER 0x7fff
#define NO_NUMBER 0x8000
#define HIDDEN_KEY 0xa000 /* and the allocator's number */
#define DEAD_KEY UINT64_MAX

extern struct node *rt_node_blocks[1u << (ID_BITS - NODE_BLOCK_BITS)];
extern uint32_t rt_node_count;

uint32_t intern(uint32_t parent, uintptr_t site, const void *owner, unsigned kind);
void intern_kill(struct node *, uint32_t id); /* no new chunk finds this node again */
void intern_forget(uintptr_t low, uintptr_t high); /* addresses of a module that is being unloaded */

HOT struct node *node_get(uint32_t id)
{
	return &rt_node_blocks[id >> NODE_BLOCK_BITS][id & ((1u << NODE_BLOCK_BITS) - 1)];
}

/* ---- quick: ids by a hash of all that tells the node (quick.c) ----
 *
 * A cache in front of `intern`. A slot holds 45 bits of the hash above the id; 7 bits more say where it is, or beside it.
 * Two different chains whose hashes agree in 52 bits would be taken for one.
 */
struct quick {
	size_t mask;
	_Atomic uint64_t slot[];
};
extern _Atomic(struct quick *) rt_quick; /* never NULL */
extern _Atomic uint32_t rt_quick_epoch;  /* of what the cache holds */

#define QUICK_PLACE 12
HOT uint64_t quick_hash(uint64_t context, uint64_t key) { return (context + key) * 0xd1342543de82ef95; }

/* a slot, whose id is in its lower bits; whether it is the hash's own (an empty one is, once in 2^45 hashes: then the id is 0) */
HOT int quick_slot(uint64_t hash, uint64_t *out)
{
	struct quick *q = atomic_load_explicit(&rt_quick, memory_order_acquire);
	size_t i = hash >> QUICK_PLACE & q->mask;
	*out = atomic_load_explicit(&q->slot[i], memory_order_relaxed);
	if (likely(!((*out ^ hash) >> ID_BITS))) return 1;
	*out = atomic_load_explicit(&q->slot[i ^ 1], memory_order_relaxed);
	return !((*out ^ hash) >> ID_BITS);
}

/* 0 where it is not known */
HOT uint32_t quick_find(uint64_t hash)
{
	uint64_t slot;
	return quick_slot(hash, &slot) ? slot & ((1u << ID_BITS) - 1) : 0;
}

/* nothing, if what was known at that epoch has been forgotten */
void quick_put(uint64_t hash, uint32_t id, uint32_t epoch);
void quick_forget(void); /* callers hold the lock */

/* ---- threads ---- */

#define MAX_FRAMES 64
#define MAX_ALLOCATORS 256
#define LIBC_NUMBER (MAX_ALLOCATORS - 2) /* the interposed malloc's */
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
	uint64_t mix;      /* of the sites and wrappers from the outermost one on, for quick_hash */
	struct alloc_wrapper *wrapper;
	uint32_t node;     /* 0 until a chunk needs it: frame_node */
};

/* the chunk of another allocator that a suballocator last carved from: most often the next one, too */
struct nest {
	const struct allocator *child;
	uintptr_t low, high;
	uint32_t *word, value; /* the lower half of a wide one */
};

/* the region and the page that the last chunk with a region was in */
struct visit {
	struct alloc_index *index;
	uintptr_t region, page;
	uint64_t generation;
	uint32_t id;
};

/* chunks on a thread's stack (onstack.c), innermost last */
#define STACK_SPANS 4
struct span {
	uintptr_t low, high;
};
struct stack_chunk {
	uintptr_t base;
	size_t size;
	uintptr_t frame, caller_frame, return_address; /* the frame record of the function, and what it says */
};
struct on_stack {
	struct stack_chunk *chunk;
	size_t count, room;
	uintptr_t page;                /* the last one that was looked at for a chunk around it */
	struct span span[STACK_SPANS]; /* stacks that are known */
	unsigned turn;
	volatile int busy;             /* a signal's handler does not see half of it */
};

struct thread {
	struct frame *top; /* the innermost frame; it and the frames are in one page (abi.h) */
	struct frame frame[MAX_FRAMES + 1]; /* the first one is none */
	int64_t unflushed;
	unsigned long allocs[MAX_ALLOCATORS];
	struct counter **counters; /* blocks by node id */
	struct nest nest;
	struct visit visit;
	struct on_stack on_stack;
	volatile int walking; /* the list of allocators; an object whose allocator is in it waits before it goes */
	volatile unsigned walks;
	struct thread *next;
	int in_use;
	int tid;
};

extern __thread struct thread *rt_self __attribute__((tls_model(RT_TLS)));
/* the same, where nothing stands in the way of shortcuts: chunks are not counted, and libc's malloc has an index */
extern __thread struct thread *rt_hasty __attribute__((tls_model(RT_TLS)));
extern int rt_has_shortcuts; /* once the options are known */
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

/* The innermost live frame. Those that were left without a return are dropped. A frame far away is on another stack (a
 * coroutine's, a signal handler's), which may be gone: it is neither looked at nor dropped. */
#define STACK_REACH ((uintptr_t)8 << 20)
/* further up, another stack may have been, which is unmapped by now: only thread_frame_slow looks there */
#define FRAME_REACH ((uintptr_t)16 << 10)
struct frame *thread_frame_slow(struct thread *, uintptr_t here);

HOT int frame_lives(const struct frame *f, uintptr_t here)
{
	return f->address - here - 1 < FRAME_REACH && ((uintptr_t *)f->address)[1] == f->site;
}

HOT struct frame *thread_frame(struct thread *t, uintptr_t here)
{
	struct frame *f = t->top;
	return likely(f == t->frame || frame_lives(f, here)) ? f : thread_frame_slow(t, here);
}

uint32_t frame_node(struct frame *);
void frame_node_under(struct frame *, struct frame *below);

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

int module_covers(uintptr_t address); /* whether the object that holds an address was built by allocscc; takes the lock */

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

/* of those that got no number of their own nothing is in the cache */
HOT int has_own_number(const struct allocator *a) { return a->number < MAX_ALLOCATORS - 1; }
HOT uint64_t chunk_hash(const struct frame *f, uintptr_t site, unsigned number)
{
	return quick_hash(f->mix, site + ((uint64_t)(number ^ LIBC_NUMBER) << KEY_SHIFT));
}

void allocator_register(struct allocator *);
void allocator_register_as(struct allocator *, unsigned number);
void wrapper_register(struct alloc_wrapper *);
void allocator_refresh(struct allocator *);
void allocator_number_give(unsigned);
extern _Atomic uint32_t rt_sites_generation; /* of what is known of sites */
const struct alloc_site *node_site(struct node *);
const struct alloc_site *chunk_type_site(struct node *); /* the one that says the type */
const char *chunk_type(struct node *);
const struct alloc_site *chunk_site(struct node *);

/* ---- entry: what stubs and the interposed malloc do ---- */

/* without any of the shortcuts; size UNKNOWN_SIZE: of a typed primitive */
#define UNKNOWN_SIZE ((size_t)-1)
void chunk_insert(struct allocator *, void *chunk, size_t size, uintptr_t site, uintptr_t here);
uint64_t chunk_remove(struct allocator *, void *chunk);
/* all of chunk_remove but for the chunks inside, of which `children_move` will know what becomes of them */
uint64_t chunk_take(struct allocator *, void *chunk);

void children_move(struct allocator *, void *chunk, uint64_t old, void *now, size_t size);

void chunk_restore(struct allocator *, void *chunk, uint64_t entry);

/* ---- unwind mode ---- */

extern int rt_unwinding;
uint32_t unwound(uintptr_t site, uintptr_t here, const struct allocator *); /* 0 where unwound_slow has to be asked */
uint32_t unwound_slow(struct frame *, uintptr_t site, uintptr_t here, struct allocator *);
void unwind_learn(void); /* of new records */
void unwind_forget(uintptr_t low, uintptr_t high);
int site_has_record(uintptr_t address);
const char *site_callee(uintptr_t address); /* as its record has it; NULL without one */

/* from a call outwards, until f says so or the way ends: return addresses, and begins of their functions (0: unknown) */
void unwind_walk(uintptr_t site, uintptr_t here, int (*f)(uintptr_t pc, uintptr_t function, void *), void *arg);

/* ---- check=mismatch ---- */

#define RT_CHECK_ABORT 2
extern int rt_checking;
/* self: the function that frees, 0 where that is not known; whether not to go on */
int check_free(struct allocator *, const void *chunk, uintptr_t self, uintptr_t site, uintptr_t here);

/* ---- regions: chunks that one function frees all at once ---- */

void region_join(struct alloc_index *, uintptr_t p, uintptr_t region);
void region_leave(struct alloc_index *, uintptr_t p);
uintptr_t region_of(struct alloc_index *, uintptr_t p);
/* since: not NULL where only chunks go that are younger than this one */
void region_release(struct allocator *, uintptr_t region, uintptr_t since);
void region_release_all(struct allocator *);
void regions_move(struct alloc_index *from, struct alloc_index *to);

/* of a generated instance, which may remember regions */
uint64_t subchunk_remove(struct allocator *, uintptr_t p);

/* A family that several objects define has several instances, and what one handed out may be given back to another. */
uint64_t sibling_remove(struct allocator *, void *chunk);

/* ---- alloca ---- */

extern struct allocator rt_on_stack;
extern __thread uintptr_t rt_stack_edge __attribute__((tls_model(RT_TLS)));
void stack_trim(struct thread *, uintptr_t sp); /* sp: of a frame that is live */
void stack_leave(uintptr_t frame);
void stack_forget(struct thread *);

/* ---- profile and options ---- */

int profile_write(const char *path);
void options_read(void);

#pragma GCC visibility pop
#endif
