/* threads: the stack of live wrapper frames, and counters that no other thread writes */
#include "rt.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#else
#define __libc_single_threaded 0 /* musl does not tell */
#endif

__thread struct thread *rt_self __attribute__((tls_model(RT_TLS)));
__thread struct thread *rt_hasty __attribute__((tls_model(RT_TLS)));
int rt_has_shortcuts;
struct thread *rt_threads;
int rt_counting = 1; /* until the options are known: an early chunk must not be freed without having been counted */
_Atomic uint64_t rt_peak_generation = 1;
_Atomic int64_t rt_live_bytes;
int64_t rt_peak_bytes;

/* with several threads the peak is exact to this many bytes a thread: a share of the heap, so that a small one has a peak */
static int64_t flush_bytes(void)
{
	int64_t n = 512 + (atomic_load_explicit(&rt_live_bytes, memory_order_relaxed) >> 6);
	return n < 32768 ? n : 32768;
}
#define COUNTER_BLOCKS (1u << (ID_BITS - COUNTER_BLOCK_BITS))

static pthread_key_t exit_key;
static int have_key;

/* a thread's counters outlive it and serve the next thread: sums need no merging */
static void thread_exit(void *arg)
{
	struct thread *t = arg;
	stack_forget(t);
	rt_stack_edge = 0;
	rt_self = rt_hasty = 0;
	t->top = t->frame;
	rt_lock();
	t->in_use = 0;
	rt_unlock();
}

/* Those that are gone without a word: in a parent process, or after libc had called the last destructor, when it frees
 * what is its own. Looked for where there have come to be twice as many as were left the last time. */
static void reclaim(void)
{
	static unsigned made, enough = 16;
	if (++made < enough) return;
	int saved = errno, pid = getpid();
	made = 0;
	for (struct thread *t = rt_threads; t; t = t->next) {
		if (t->in_use && t->tid && syscall(SYS_tgkill, pid, t->tid, 0) && errno == ESRCH) {
			t->in_use = 0;
			t->top = t->frame;
			stack_forget(t);
		}
		made++;
	}
	enough = 2 * made + 16;
	errno = saved;
}

static struct thread *unused(void)
{
	struct thread *t = rt_threads;
	while (t && t->in_use) t = t->next;
	return t;
}

/* where the system has no memory left, for all threads: counts get vague, and no frame is pushed, since it looks full */
static struct thread fallback __attribute__((aligned(ALLOCS_PAGE))) = {.top = &fallback.frame[MAX_FRAMES]};

struct thread *thread_make(void)
{
	rt_lock();
	struct thread *t = unused();
	if (!t) reclaim(), t = unused();
	if (!t && (t = rt_pages(sizeof *t))) {
		t->counters = rt_pages(COUNTER_BLOCKS * sizeof t->counters[0]);
		t->next = rt_threads;
		rt_threads = t;
	}
	if (t) {
		if (!t->top) t->top = t->frame;
		t->in_use = 1;
		t->tid = syscall(SYS_gettid);
	}
	rt_unlock();
	if (!t) return &fallback; /* the next time there may be some */
	rt_self = t;
	if (have_key) pthread_setspecific(exit_key, t);
	return t;
}

_Static_assert(offsetof(struct thread, frame) + sizeof ((struct thread *)0)->frame <= ALLOCS_PAGE, "one page");

/* The kernel reads it for us. Where that call is forbidden or unknown (a filter, an emulator): of a set of signals it reads
 * the set before it looks at what is to be done with it; but valgrind has something to say of that. */
int rt_is_readable(const void *p)
{
	uint64_t word;
	struct iovec to = {&word, sizeof word}, from = {(void *)p, sizeof word};
	int saved = errno, readable = process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof word;
	if (!readable && errno != EFAULT) readable = syscall(SYS_rt_sigprocmask, -1, p, 0, 8) == 0 || errno != EFAULT;
	errno = saved;
	return readable;
}

static int lives_far(const struct frame *f, uintptr_t here)
{
	const uintptr_t *back = (const uintptr_t *)f->address + 1;
	return f->address - here - 1 < STACK_REACH && rt_is_readable(back) && *back == f->site;
}

struct frame *thread_frame_slow(struct thread *t, uintptr_t here)
{
	while (t != &fallback && t->top != t->frame) {
		struct frame *f = t->top;
		if (f->address > here && f->address - here > STACK_REACH) return t->frame;
		if (lives_far(f, here)) return f;
		t->top = f - 1;
	}
	return t->frame;
}

void frame_node_under(struct frame *f, struct frame *below)
{
	if (!__atomic_load_n(&f->wrapper->known, __ATOMIC_ACQUIRE)) wrapper_register(f->wrapper);
	f->node = intern(below->node, f->site, f->wrapper, NODE_FRAME);
}

/* the first frame, under which there are none, has none */
uint32_t frame_node(struct frame *f)
{
	struct frame *made = f;
	while (made->wrapper && !made->node) made--;
	for (; made != f; made++) frame_node_under(made + 1, made);
	return f->node;
}

static struct counter *counter_get(struct thread *t, uint32_t id)
{
	if (unlikely(!t->counters)) return 0;
	struct counter **block = &t->counters[id >> COUNTER_BLOCK_BITS];
	if (unlikely(!*block)) {
		struct counter *fresh = rt_pages(sizeof **block << COUNTER_BLOCK_BITS);
		if (!fresh) return 0;
		__atomic_store_n(block, fresh, __ATOMIC_RELEASE);
	}
	return &(*block)[id & ((1u << COUNTER_BLOCK_BITS) - 1)];
}

/* what was live at the last peak is what is live now, unless the counter has changed since: so it is saved only on the
 * first change after a peak, and a peak costs the same however many sites there are */
HOT struct counter *counter_touch(struct thread *t, uint32_t id)
{
	struct counter *c = counter_get(t, id);
	uint64_t now = atomic_load_explicit(&rt_peak_generation, memory_order_relaxed);
	if (c && c->generation != now) {
		c->peak_bytes = c->live_bytes;
		c->peak_chunks = c->live_chunks;
		c->generation = now;
	}
	return c;
}

/* a decrease ends a rise: if the rise went above the last peak, this is the new one */
static void peak_check(int64_t live)
{
	if (live <= rt_peak_bytes) return;
	rt_peak_bytes = live;
	atomic_store_explicit(&rt_peak_generation, rt_peak_generation + 1, memory_order_relaxed);
}

void count_alloc(struct thread *t, uint32_t id, size_t size, size_t heap)
{
	if (__libc_single_threaded) {
		atomic_store_explicit(&rt_live_bytes, rt_live_bytes + (int64_t)heap, memory_order_relaxed);
	} else if ((t->unflushed += heap) >= flush_bytes()) {
		atomic_fetch_add_explicit(&rt_live_bytes, t->unflushed, memory_order_relaxed);
		t->unflushed = 0;
	}
	struct counter *c = counter_touch(t, id);
	if (!c) return;
	c->live_bytes += size;
	c->live_chunks++;
	c->total_bytes += size;
	c->total_chunks++;
}

void count_free(struct thread *t, uint32_t id, size_t size, size_t heap)
{
	if (__libc_single_threaded) {
		peak_check(atomic_load_explicit(&rt_live_bytes, memory_order_relaxed));
		atomic_store_explicit(&rt_live_bytes, rt_live_bytes - (int64_t)heap, memory_order_relaxed);
	} else if ((t->unflushed -= heap) <= -flush_bytes()) {
		rt_lock();
		peak_check(atomic_load_explicit(&rt_live_bytes, memory_order_relaxed));
		rt_unlock();
		atomic_fetch_add_explicit(&rt_live_bytes, t->unflushed, memory_order_relaxed);
		t->unflushed = 0;
	}
	struct counter *c = counter_touch(t, id);
	if (!c) return;
	c->live_bytes -= size;
	c->live_chunks--;
}

void count_undo(struct thread *t, uint32_t id, size_t size, size_t heap)
{
	count_free(t, id, size, heap);
	struct counter *c = counter_touch(t, id);
	if (!c) return;
	c->total_bytes -= size;
	c->total_chunks--;
}

void counter_sum(uint32_t id, struct counter *out)
{
	memset(out, 0, sizeof *out);
	int still_rising = rt_live_bytes > rt_peak_bytes; /* then now is the peak */
	for (struct thread *t = rt_threads; t; t = t->next) {
		struct counter *block = t->counters ? __atomic_load_n(&t->counters[id >> COUNTER_BLOCK_BITS], __ATOMIC_ACQUIRE) : 0;
		if (!block) continue;
		struct counter *c = &block[id & ((1u << COUNTER_BLOCK_BITS) - 1)];
		int saved = c->generation == rt_peak_generation && !still_rising;
		out->live_bytes += c->live_bytes;
		out->live_chunks += c->live_chunks;
		out->peak_bytes += saved ? c->peak_bytes : c->live_bytes;
		out->peak_chunks += saved ? c->peak_chunks : c->live_chunks;
		out->total_bytes += c->total_bytes;
		out->total_chunks += c->total_chunks;
	}
}

/* a child has one thread, and must not find the lock held by another */
static void fork_begin(void) { rt_lock(); }
static void fork_end(void) { rt_unlock(); }

__attribute__((constructor(101))) static void thread_init(void)
{
	if (rt_stands_aside()) return;
	options_read();
	have_key = pthread_key_create(&exit_key, thread_exit) == 0;
	pthread_atfork(fork_begin, fork_end, fork_end);
}
