/* roots: where a program keeps the pointers that count: data of its objects, stacks, registers, thread-local data
 *
 * Threads are stopped for a moment by a signal, as collectors do; its handler says where their stack is.
 */
#include "reporting.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#define PATIENCE_MS 200
#define RED_ZONE 128      /* below the stack pointer, in use all the same */
#define THREAD_SIZE 2304 /* libc's own record of a thread (glibc's; musl's is smaller) */

static struct {
	struct rt_range range[64];
	unsigned ranges;
	uintptr_t stack, pointer;
} main_thread;

static struct rt_roots *stopping;
static _Atomic unsigned arrived;
static _Atomic uint32_t released;
static struct sigaction old_action;
static int stop_signal;

static uintptr_t thread_pointer(void) { return (uintptr_t)__builtin_thread_pointer(); }

static void add(struct rt_roots *r, uintptr_t low, uintptr_t high)
{
	if (low < high && r->ranges < sizeof r->range / sizeof *r->range) r->range[r->ranges++] = (struct rt_range){low, high, 0};
}

/* libc's record lies behind the thread pointer where thread-local data lies before it, and the other way round */
static void add_record(struct rt_roots *r, uintptr_t tp)
{
#ifdef __aarch64__
	add(r, tp - THREAD_SIZE, tp + 16);
#else
	add(r, tp, tp + THREAD_SIZE);
#endif
}

static uintptr_t in_libc(void)
{
#ifdef __GLIBC__
	return (uintptr_t)gnu_get_libc_version;
#else
	return 0;
#endif
}

static int object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct rt_roots *r = arg;
	uintptr_t low = UINTPTR_MAX, high = 0, libc = in_libc();
	unsigned first = r->ranges;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;
		if (p->p_type == PT_LOAD) {
			if (p->p_flags & PF_W) add(r, start, end);
			if (start < low) low = start;
			if (end > high) high = end;
		} else if (p->p_type == PT_TLS && size >= offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(void *) &&
			   info->dlpi_tls_data) {
			add(r, (uintptr_t)info->dlpi_tls_data, (uintptr_t)info->dlpi_tls_data + p->p_memsz);
		}
	}
	if (info->dlpi_addr && info->dlpi_addr == getauxval(AT_BASE)) r->loader = (struct rt_range){low, high, 0};
	if (libc >= low && libc < high && !in_executable((void *)libc))
		while (first < r->ranges) r->range[first++].exact = 1;
	return 0;
}

/* main's thread-local data: another thread that calls exit() could not find it */
static int main_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start;
		if (p->p_type != PT_TLS || size < offsetof(struct dl_phdr_info, dlpi_tls_data) + sizeof(void *)) continue;
		if (!(start = (uintptr_t)info->dlpi_tls_data) || main_thread.ranges == 64) continue;
		main_thread.range[main_thread.ranges++] = (struct rt_range){start, start + p->p_memsz, 0};
	}
	return 0;
}

void rt_roots_prepare(void)
{
	struct rt_roots *none = 0;
	dl_iterate_phdr(main_object, none);
	main_thread.pointer = thread_pointer();
	main_thread.stack = (uintptr_t)__builtin_frame_address(0);
}

/* ---- the other threads ---- */

static void on_stop(int signal, siginfo_t *info, void *context)
{
	int saved = errno;
	const ucontext_t *u = context;
	struct rt_roots *r = stopping;
	unsigned i = r ? atomic_fetch_add(&r->threads, 1) : UINT_MAX;
	(void)signal, (void)info;
	if (i < sizeof r->thread / sizeof *r->thread) {
		struct rt_stopped *t = &r->thread[i];
		t->pointer = thread_pointer();
#ifdef __aarch64__
		t->stack = u->uc_mcontext.sp - RED_ZONE;
		for (int g = 0; g < 31; g++) t->reg[g] = u->uc_mcontext.regs[g];
#else
		t->stack = u->uc_mcontext.gregs[REG_RSP] - RED_ZONE;
		for (int g = 0; g < NGREG && g < RT_REGISTERS; g++) t->reg[g] = u->uc_mcontext.gregs[g];
#endif
		t->tid = syscall(SYS_gettid);
	}
	atomic_fetch_add(&arrived, 1);
	while (!atomic_load(&released)) syscall(SYS_futex, &released, RT_FUTEX_WAIT, 0, 0, 0, 0);
	errno = saved;
}

static int is_free(int signal)
{
	struct sigaction a;
	return !sigaction(signal, 0, &a) && !(a.sa_flags & SA_SIGINFO) && a.sa_handler == SIG_DFL;
}

struct entry {
	uint64_t number;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* f for each other thread of the process; opendir would allocate */
static int each_thread(void (*f)(int tid, void *), void *arg)
{
	char buffer[4096] __attribute__((aligned(8)));
	int self = syscall(SYS_gettid), ours = rt_helper();
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return 0;
	for (ssize_t n; (n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;)
		for (ssize_t at = 0; at < n; at += ((struct entry *)(buffer + at))->length) {
			int tid = atoi(((struct entry *)(buffer + at))->name);
			if (tid && tid != self && tid != ours) f(tid, arg);
		}
	close(fd);
	return 1;
}

static void stop(int tid, void *sent)
{
	if (!syscall(SYS_tgkill, getpid(), tid, stop_signal)) ++*(unsigned *)sent;
}

/* a thread that blocks every signal: where it waits in the kernel, this says where its stack is */
static uintptr_t stack_by_kernel(int tid)
{
	char text[256];
	snprintf(text, sizeof text, "/proc/self/task/%d/syscall", tid);
	int fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	char *last = strrchr(text, ' ');
	if (!last) return 0;
	*last = 0;
	char *stack = strrchr(text, ' ');
	return stack ? strtoull(stack + 1, 0, 16) : 0;
}

static void find_unseen(int tid, void *arg)
{
	struct rt_roots *r = arg;
	for (unsigned i = 0; i < r->threads; i++)
		if (r->thread[i].tid == tid) return;
	r->unseen++;
	if (r->threads < sizeof r->thread / sizeof *r->thread)
		r->thread[r->threads++] = (struct rt_stopped){.tid = tid, .stack = stack_by_kernel(tid)};
}

static void stop_others(struct rt_roots *r)
{
	struct sigaction action = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	unsigned sent = 0;
	/* emulators have no use of the last ones */
	for (stop_signal = SIGRTMAX - 5; stop_signal > SIGRTMIN && !is_free(stop_signal);) stop_signal--;
	sigfillset(&action.sa_mask);
	stopping = r;
	atomic_store(&arrived, 0);
	atomic_store(&released, 0);
	if (sigaction(stop_signal, &action, &old_action)) return;
	each_thread(stop, &sent);
	for (uint64_t begin = rt_timeline_now(); atomic_load(&arrived) < sent && rt_timeline_now() - begin < PATIENCE_MS;)
		nanosleep(&(struct timespec){.tv_nsec = 50000}, 0);
	if (r->threads > sizeof r->thread / sizeof *r->thread) r->threads = sizeof r->thread / sizeof *r->thread;
	each_thread(find_unseen, r);
}

/* one that comes late finds nothing to do; its signal must not end the program, so the handler stays */
void rt_roots_release(void)
{
	stopping = 0;
	atomic_store(&released, 1);
	syscall(SYS_futex, &released, RT_FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

void rt_roots_collect(struct rt_roots *r, uintptr_t here)
{
	dl_iterate_phdr(object, r);
	for (unsigned i = 0; i < main_thread.ranges; i++) add(r, main_thread.range[i].low, main_thread.range[i].high);
	if (main_thread.pointer) add_record(r, main_thread.pointer);
	r->pid = getpid();
	r->main_stack = main_thread.stack;
	r->thread[r->threads++] = (struct rt_stopped){.tid = syscall(SYS_gettid), .stack = here, .pointer = thread_pointer()};
	stop_others(r);
	for (unsigned i = 0; i < r->threads; i++)
		if (r->thread[i].pointer) add_record(r, r->thread[i].pointer);
}
