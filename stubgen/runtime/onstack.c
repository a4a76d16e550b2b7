/* alloca: chunks on the stack, known until their function returns (allocscc/compile/onstack.py makes the calls) */
#include "rt.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct alloc_index stack_index = {.shift = 3};
struct allocator rt_on_stack = {.name = "alloca", .family = "alloca", .index = &stack_index};

/* The frame of this thread's innermost chunk; 0: it has none. All that a return from a function looks at. */
__thread uintptr_t rt_stack_edge __attribute__((tls_model(RT_TLS)));

/* ---- which stack an address is on ----
 *
 * That a chunk lies below the stack pointer says that it is gone, but only on the same stack: a coroutine's or a signal
 * handler's may be anywhere. Asked only where the innermost chunk is not the one that is expected. */

struct reader {
	int fd;
	ssize_t have, at;
	char buffer[4096];
};

/* No function of libc's that handles bytes, here and below: those change registers that hold a function's result. */
static int next(struct reader *r)
{
	if (r->at == r->have) {
		r->have = read(r->fd, r->buffer, sizeof r->buffer);
		r->at = 0;
		if (r->have <= 0) return r->have = 0, -1;
	}
	return (unsigned char)r->buffer[r->at++];
}

static uintptr_t hex(struct reader *r)
{
	uintptr_t n = 0;
	for (;;) {
		unsigned c = next(r), d = c - '0' < 10 ? c - '0' : (c | 32) - 'a' + 10;
		if (d > 15) return n;
		n = n << 4 | d;
	}
}

#define MAIN_STACK 0x5b737461636b5d /* [stack] */

/* The mapping that holds p: without a lock or malloc, which may be what calls alloca. The main thread's stack grows: it
 * may reach down to the mapping below. */
static struct span mapping_of(uintptr_t p)
{
	struct reader r = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
	uintptr_t before = 0;
	struct span found = {0, 0};
	while (r.fd >= 0 && !found.high) {
		uintptr_t low = hex(&r), high = hex(&r);
		uint64_t last = 0;
		int c;
		while ((c = next(&r)) >= 0 && c != '\n') last = last << 8 | c;
		if (p >= low && p < high) found = (struct span){(last & 0xffffffffffffff) == MAIN_STACK ? before : low, high};
		before = high;
		if (c < 0) break;
	}
	if (r.fd >= 0) close(r.fd);
	return found;
}

static int is_in(const struct span *s, uintptr_t p) { return p >= s->low && p < s->high; }

/* whether two addresses are on one stack; `on` is */
static int is_same_stack(struct on_stack *s, uintptr_t on, uintptr_t p)
{
	for (unsigned i = 0; i < STACK_SPANS; i++)
		if (is_in(&s->span[i], on)) return is_in(&s->span[i], p);
	struct chunk c;
	struct span *found = &s->span[s->turn++ % STACK_SPANS];
	int saved = errno;
	if (parent_find(&rt_on_stack, on, &c)) *found = (struct span){c.base, c.base + entry_size(c.entry)};
	else *found = mapping_of(on);
	errno = saved;
	return is_in(found, on) && is_in(found, p);
}

/* ---- the chunks of a thread, innermost last ---- */

static void edge_set(const struct on_stack *s) { rt_stack_edge = s->count ? s->chunk[s->count - 1].frame : 0; }

static void chunk_drop(struct on_stack *s, size_t i)
{
	uintptr_t base = s->chunk[i].base;
	int is_last = 1;
	for (size_t j = s->count; --j > i;) is_last &= s->chunk[j].base != base; /* else its place has another one */
	if (is_last) chunk_remove(&rt_on_stack, (void *)base);
	s->count--;
	for (; i < s->count; i++) {
		s->chunk[i] = s->chunk[i + 1];
		__asm__ volatile("" ::: "memory"); /* not memmove */
	}
}

/* its function is still the one that called alloca: what a frame record says stays as it is until it returns */
static int frame_holds(const struct stack_chunk *c)
{
	const uintptr_t *frame = (const uintptr_t *)c->frame;
	return frame[0] == c->caller_frame && frame[1] == c->return_address;
}

/* whether the chunk is live; -1: it is on another stack */
static int lives(struct on_stack *s, const struct stack_chunk *c, uintptr_t sp)
{
	if (c->base < sp && c->frame >= sp) return 0; /* what a block had of the stack was given back */
	if (c->base >= sp && c->frame - sp < FRAME_REACH && frame_holds(c)) return 1;
	if (!is_same_stack(s, sp, c->frame)) return -1;
	return c->base >= sp && frame_holds(c);
}

/* Drops what was left without a return, by longjmp or an exception. */
void stack_trim(struct thread *t, uintptr_t sp)
{
	struct on_stack *s = &t->on_stack;
	if (s->busy) return;
	s->busy = 1;
	for (size_t i = s->count; i-- > 0;) {
		int is_live = lives(s, &s->chunk[i], sp);
		if (is_live == 1) break; /* and all further out */
		if (!is_live) chunk_drop(s, i);
	}
	edge_set(s);
	s->busy = 0;
}

/* the thread ends */
void stack_forget(struct thread *t)
{
	struct on_stack *s = &t->on_stack;
	while (s->count) chunk_take(&rt_on_stack, (void *)s->chunk[--s->count].base);
	for (unsigned i = 0; i < STACK_SPANS; i++) s->span[i] = (struct span){0, 0};
	s->busy = 0;
	s->page = 0;
}

static struct stack_chunk *room(struct on_stack *s)
{
	if (s->count < s->room) return &s->chunk[s->count];
	size_t more = s->room ? 2 * s->room : 64;
	struct stack_chunk *fresh = rt_pages(more * sizeof *fresh);
	if (!fresh) return 0;
	for (size_t i = 0; i < s->count; i++) fresh[i] = s->chunk[i];
	s->chunk = fresh; /* all before it together are as large */
	s->room = more;
	return &s->chunk[s->count];
}

static uint32_t stack_id(struct thread *t, uintptr_t site)
{
	/* without wrappers: what is on the stack is none's to hand out */
	uint64_t hash = chunk_hash(t->frame, site, rt_on_stack.number);
	uint32_t id = has_own_number(&rt_on_stack) ? quick_find(hash) : 0;
	if (id) return id;
	uint32_t epoch = atomic_load_explicit(&rt_quick_epoch, memory_order_acquire);
	id = intern(0, site, &rt_on_stack, NODE_CHUNK);
	if (id && has_own_number(&rt_on_stack)) quick_put(hash, id, epoch);
	return id;
}

/* A stack that is a chunk of the heap's takes its chunks along when it is freed. */
static void parent_note(struct on_stack *s, uintptr_t base)
{
	struct chunk around;
	if (s->page == base >> 12) return;
	s->page = base >> 12;
	if (!parent_find(&rt_on_stack, base, &around)) return;
	struct alloc_index *x = around.allocator->index;
	index_mark(x, index_leaf(x, around.base), around.base);
}

static int overlaps(const struct stack_chunk *c, uintptr_t base, size_t size)
{
	return c->base < base + size && base < c->base + c->size;
}

static void insert(struct thread *t, uintptr_t base, size_t size, uintptr_t frame, uintptr_t site)
{
	struct on_stack *s = &t->on_stack;
	/* in one frame: what was there before is gone, be it by giving a block's stack back; alloca(0) has no place of its own */
	for (size_t i = s->count; i-- > 0 && s->chunk[i].frame <= frame;) {
		if (s->chunk[i].base == base && !size) return;
		if (s->chunk[i].base == base || overlaps(&s->chunk[i], base, size)) chunk_drop(s, i);
	}
	struct leaf *leaf = index_leaf(&stack_index, base);
	if (!leaf && !(leaf = index_leaf_make(&stack_index, base))) return;
	struct stack_chunk *c = room(s);
	if (!c) return;
	parent_note(s, base);
	if (size > SIZE_MAX_INDEXED) size = SIZE_MAX_INDEXED;
	*c = (struct stack_chunk){base, size, frame, ((uintptr_t *)frame)[0], ((uintptr_t *)frame)[1]};
	if (index_entry(&stack_index, leaf, base)) chunk_remove(&rt_on_stack, (void *)base); /* another thread's, long ago */
	index_put(&stack_index, leaf, base, stack_id(t, site), size);
	s->count++;
	t->allocs[rt_on_stack.number]++;
}

RT_EXPORT void __allocs_alloca(void *chunk, size_t size, void *frame)
{
	uintptr_t sp = (uintptr_t)__builtin_dwarf_cfa();
	if (rt_stands_aside()) return;
	if (unlikely(!rt_on_stack.number)) allocator_register(&rt_on_stack);
	struct thread *t = thread_self();
	struct on_stack *s = &t->on_stack;
	if (!rt_self || s->busy) return; /* no thread of its own; a signal's handler came between */
	if (s->count) stack_trim(t, sp);
	s->busy = 1;
	insert(t, (uintptr_t)chunk, size, (uintptr_t)frame, (uintptr_t)__builtin_return_address(0));
	edge_set(s);
	s->busy = 0;
}

/* A function returns, whose frame record is at `frame` where it is one that the ABI shows; other frames' chunks below are
 * gone, too, if they are on its stack. */
__attribute__((used)) void stack_leave(uintptr_t frame)
{
	struct thread *t = rt_self;
	if (!t || t->on_stack.busy) return;
	struct on_stack *s = &t->on_stack;
	s->busy = 1;
	for (size_t i = s->count; i-- > 0 && s->chunk[i].frame <= frame;)
		if (s->chunk[i].frame == frame || is_same_stack(s, frame, s->chunk[i].frame)) chunk_drop(s, i);
	edge_set(s);
	s->busy = 0;
}

/* Called before a return, when the results are in their registers: nothing may change but what no caller looks at. The
 * code of stack_leave uses no x87 register, and no upper half of a vector register. */
#ifdef __x86_64__
__asm__(
	".pushsection .text\n"
	".globl __allocs_alloca_leave\n"
	".type __allocs_alloca_leave, @function\n"
	".balign 16\n"
	"__allocs_alloca_leave:\n"
	".cfi_startproc\n"
	"endbr64\n"
	"movq rt_stack_edge@gottpoff(%rip), %r11\n"
	"movq %fs:(%r11), %r11\n"
	"subq $1, %r11\n"
	"cmpq %rsp, %r11\n" /* the frame record lies where our own return address does */
	"jae 1f\n"
	"movq %rsp, %rdi\n"
	"pushq %rax\n"
	".cfi_adjust_cfa_offset 8\n"
	"pushq %rdx\n"
	".cfi_adjust_cfa_offset 8\n"
	"subq $32, %rsp\n"
	".cfi_adjust_cfa_offset 32\n"
	"movups %xmm0, (%rsp)\n"
	"movups %xmm1, 16(%rsp)\n"
	"call stack_leave\n"
	"movups (%rsp), %xmm0\n"
	"movups 16(%rsp), %xmm1\n"
	"addq $32, %rsp\n"
	".cfi_adjust_cfa_offset -32\n"
	"popq %rdx\n"
	".cfi_adjust_cfa_offset -8\n"
	"popq %rax\n"
	".cfi_adjust_cfa_offset -8\n"
	"1: ret\n"
	".cfi_endproc\n"
	".size __allocs_alloca_leave, .-__allocs_alloca_leave\n"
	".popsection\n");
#else
/* the frame record is somewhere in the frame that sp has just left; x10 is the function's return address */
__asm__(
	".pushsection .text\n"
	".globl __allocs_alloca_leave\n"
	".type __allocs_alloca_leave, %function\n"
	".balign 16\n"
	"__allocs_alloca_leave:\n"
	".cfi_startproc\n"
	"hint 34\n" /* bti c */
	"mrs x9, tpidr_el0\n"
	"adrp x11, :gottprel:rt_stack_edge\n"
	"ldr x11, [x11, :gottprel_lo12:rt_stack_edge]\n"
	"ldr x11, [x9, x11]\n"
	"sub x11, x11, #1\n"
	"mov x9, sp\n"
	"cmp x11, x9\n"
	"b.hs 1f\n"
	"stp x29, x30, [sp, -160]!\n"
	".cfi_adjust_cfa_offset 160\n"
	".cfi_rel_offset 29, 0\n"
	".cfi_rel_offset 30, 8\n"
	"mov x29, sp\n"
	"stp x0, x1, [sp, 16]\n"
	"stp x2, x3, [sp, 32]\n"
	"stp x4, x5, [sp, 48]\n"
	"stp x6, x7, [sp, 64]\n"
	"stp x8, x10, [sp, 80]\n"
	"stp q0, q1, [sp, 96]\n"
	"stp q2, q3, [sp, 128]\n"
	"sub x0, x9, #1\n"
	"bl stack_leave\n"
	"ldp q2, q3, [sp, 128]\n"
	"ldp q0, q1, [sp, 96]\n"
	"ldp x8, x10, [sp, 80]\n"
	"ldp x6, x7, [sp, 64]\n"
	"ldp x4, x5, [sp, 48]\n"
	"ldp x2, x3, [sp, 32]\n"
	"ldp x0, x1, [sp, 16]\n"
	"ldp x29, x30, [sp], 160\n"
	".cfi_restore 30\n"
	".cfi_restore 29\n"
	".cfi_adjust_cfa_offset -160\n"
	"1: ret\n"
	".cfi_endproc\n"
	".size __allocs_alloca_leave, .-__allocs_alloca_leave\n"
	".popsection\n");
#endif
