/* profiles while the program runs: on a signal, at intervals, every so many bytes; and the time line
 *
 * A thread of our own waits and writes, and exists only if one of these options is given. All signals are blocked in it
 * and it holds no file open. A signal's handler only wakes it.
 */
#include "reporting.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#pragma weak pthread_create /* a static program without threads stays one */

#define STACK_SIZE (256 << 10)
#define SAMPLES 1024
#define FINE_US 10000      /* between the first points of a time line */
#define EVERY_US 5000      /* between two looks at how much was allocated */
#define SLOW_US 1000000    /* when nothing but a signal is waited for */
#define ALONE_US 200000    /* between two looks whether the program is still there */
#define SHARE 50           /* a look takes at most one part in so many of a processor */

static uint64_t start_us;
static _Atomic uint32_t asked, numbers; /* signals that came; profiles that were written */
static uint32_t answered;
static _Atomic int ended;
static int started;
static _Atomic int helper_id;
static sigset_t program_mask;

static atomic_flag samples_lock = ATOMIC_FLAG_INIT;
static struct rt_sample sample[SAMPLES];
static unsigned samples;
static uint64_t spacing_us;

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000) + t.tv_nsec / 1000;
}

uint64_t rt_timeline_now(void) { return start_us ? (now_us() - start_us) / 1000 : 0; }

unsigned rt_timeline_next(void) { return atomic_fetch_add(&numbers, 1) + 1; }

void rt_timeline_prepare(void) { start_us = now_us(); }

int rt_helper(void) { return started ? atomic_load(&helper_id) : 0; }

void rt_timeline_end(void) { atomic_store(&ended, 1); }

/* what lies in another allocator's chunks counts there; gives the bytes allocated so far */
static uint64_t look(struct rt_sample *s)
{
	uint64_t total = 0;
	*s = (struct rt_sample){.ms = rt_timeline_now()};
	for (uint32_t id = 1, last = rt_node_count; id <= last; id++) {
		struct node *n = node_get(id);
		struct counter c;
		const struct allocator *a = n->owner;
		if (n->kind != NODE_CHUNK || !a || a->suballocates) continue;
		counter_sum(id, &c);
		s->bytes += c.live_bytes;
		s->chunks += c.live_chunks;
		total += c.total_bytes;
	}
	if (s->bytes < 0) s->bytes = 0;
	if (s->chunks < 0) s->chunks = 0;
	return total;
}

/* when there is no room, every second point goes, and new ones come half as often */
static void keep(const struct rt_sample *s)
{
	while (atomic_flag_test_and_set_explicit(&samples_lock, memory_order_acquire)) continue;
	if (samples == SAMPLES) {
		for (samples = 0; samples < SAMPLES / 2; samples++) sample[samples] = sample[2 * samples];
		spacing_us *= 2;
	}
	sample[samples++] = *s;
	atomic_flag_clear_explicit(&samples_lock, memory_order_release);
}

static void put_sample(struct rt_writer *w, const struct rt_sample *s)
{
	rt_text(w, "[");
	rt_number(w, s->ms);
	rt_text(w, ",");
	rt_number(w, s->bytes);
	rt_text(w, ",");
	rt_number(w, s->chunks);
	rt_text(w, "]");
}

void rt_timeline_put(struct rt_writer *w)
{
	struct rt_sample now;
	if (!started) return;
	look(&now);
	rt_text(w, ",\"timeline\":[");
	while (atomic_flag_test_and_set_explicit(&samples_lock, memory_order_acquire)) continue;
	for (unsigned i = 0; i < samples; i++) {
		put_sample(w, &sample[i]);
		rt_text(w, ",");
	}
	atomic_flag_clear_explicit(&samples_lock, memory_order_release);
	put_sample(w, &now);
	rt_text(w, "]");
}

static void write_profile(const char *reason)
{
	static int complained;
	char path[RT_NAME_ROOM];
	if (atomic_load(&ended)) return;
	unsigned number = rt_timeline_next();
	if (!rt_expand(rt_options.profile, number, path)) return;
	int error = rt_profile_write(path, reason, number);
	if (!error || complained) return;
	complained = 1;
	rt_complain("cannot write the profile '%s': %s", path, rt_error_text(error));
}

/* main may have ended by pthread_exit: when the last of the program's threads ends, the process would, without us */
static int is_alone(void)
{
	char text[512], *p;
	struct stat s;
	if (stat("/proc/self/task", &s) || s.st_nlink > 4) return 0;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] == 'Z';
}

static void nap(uint32_t seen, uint64_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};
	syscall(SYS_futex, &asked, RT_FUTEX_WAIT, seen, &t, 0, 0);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void *helper(void *unused)
{
	const struct options *o = &rt_options;
	uint64_t now = now_us(), next_sample = now, next_alone = now + ALONE_US;
	uint64_t interval_due = now + o->interval_us, every_due = o->every, rest = 0;
	(void)unused;
	atomic_store(&helper_id, (int)syscall(SYS_gettid));
	prctl(PR_SET_NAME, "allocscc");
	while (!atomic_load(&ended)) {
		struct rt_sample s;
		now = now_us();
		uint64_t total = look(&s), took = now_us() - now;
		if (now >= next_sample) {
			keep(&s);
			next_sample = now + spacing_us;
		}
		uint32_t signals = atomic_load(&asked);
		const char *reason = signals != answered ? "signal" : 0;
		answered = signals;
		if (o->every && total >= every_due) {
			reason = "every";
			every_due = total + o->every;
		}
		if (o->interval_us && now >= interval_due) {
			reason = "interval";
			interval_due = now + o->interval_us;
		}
		if (reason) write_profile(reason);
		if (now >= next_alone) {
			next_alone = now + ALONE_US;
			if (is_alone()) {
				pthread_sigmask(SIG_SETMASK, &program_mask, 0);
				exit(0);
			}
		}
		now = now_us();
		rest = next_sample > now ? next_sample - now : 0;
		if (o->every) rest = least(rest, EVERY_US);
		if (o->interval_us) rest = least(rest, interval_due > now ? interval_due - now : 0);
		if (o->every || o->interval_us) rest = least(rest, ALONE_US);
		nap(answered, rest > took * SHARE ? rest : took * SHARE + 1);
	}
	for (;;) nap(atomic_load(&asked), SLOW_US); /* to end would free what was not counted; the process ends now */
	return 0;
}

/* what libc allocates for the thread is no part of the program's heap: it is not counted */
static int start(void)
{
	sigset_t all;
	pthread_attr_t attr;
	pthread_t thread;
	if (!pthread_create) return ENOSYS;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &program_mask);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	answered = atomic_load(&asked); /* not later: a signal may come before the thread runs */
	rt_counting = 0;
	int error = pthread_create(&thread, &attr, helper, 0);
	if (error == EINVAL) { /* much thread-local data: it lies in the stack */
		pthread_attr_setstacksize(&attr, STACK_SIZE * 32);
		error = pthread_create(&thread, &attr, helper, 0);
	}
	rt_counting = 1;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &program_mask, 0);
	started = !error;
	return error;
}

/* only what a handler may do */
static void on_signal(int signal)
{
	int saved = errno;
	(void)signal;
	atomic_fetch_add(&asked, 1);
	syscall(SYS_futex, &asked, RT_FUTEX_WAKE, INT_MAX, 0, 0, 0);
	errno = saved;
}

static void reset(void)
{
	const struct options *o = &rt_options;
	samples = 0;
	atomic_store(&numbers, 0);
	atomic_flag_clear(&samples_lock);
	spacing_us = o->interval_us ? least(o->interval_us, FINE_US) : o->every ? FINE_US : SLOW_US;
}

/* a child has no thread but the one that forked; it gets a helper where it has a file of its own */
static void in_child(void)
{
	started = 0;
	reset();
	if (rt_has(rt_options.profile, 'p')) start();
}

/* behind thread_init: its fork handlers must run inside ours, or start() would wait for the lock for ever */
__attribute__((constructor(102))) static void begin(void)
{
	const struct options *o = &rt_options;
	if (!o->profile[0] || !(o->signal || o->interval_us || o->every)) return;
	reset();
	int error = start();
	if (error) {
		rt_complain("ALLOCS_OPTIONS: no profiles before the end: no thread for them: %s", rt_error_text(error));
		return;
	}
	pthread_atfork(0, 0, in_child);
	if (!o->signal) return;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	if (sigaction(o->signal, &action, 0))
		rt_complain("ALLOCS_OPTIONS: signal %d cannot be caught: %s", o->signal, rt_error_text(errno));
}
