#include "frames.h"
#include "tell.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

struct item {
	int x[5];
};
jmp_buf back;
static ucontext_t here, there;
static void *in_handler, *in_context, *in_thread;

static void handle(int signal)
{
	(void)signal;
	in_handler = w_saved(sizeof(struct item)); /* signal */
}

static void run(void)
{
	in_context = w_aligned(sizeof(struct item)); /* context */
	swapcontext(&there, &here);
}

static void *work(void *arg)
{
	in_thread = w_vla(sizeof(struct item)); /* thread */
	return arg;
}

static void again(int round)
{
	void *p;
	(void)round;
	tell("plain", w_plain(sizeof(struct item))); /* plain */
	tell("alloca", w_alloca(sizeof(struct item))); /* alloca */
	tell("vla", w_vla(sizeof(struct item))); /* vla */
	tell("aligned", w_aligned(sizeof(struct item))); /* aligned */
	tell("aligned_vla", w_aligned_vla(sizeof(struct item))); /* aligned_vla */
	tell("saved", w_saved(sizeof(struct item))); /* saved */
	tell("large", w_large(sizeof(struct item))); /* large */
	tell("pushed", w_pushed(sizeof(struct item))); /* pushed */
	tell("recursive", w_recursive(sizeof(struct item), 3)); /* recursive */
	tell("pointer", w_pointer(sizeof(struct item))); /* pointer */
	tell("tail", w_tail(sizeof(struct item))); /* tail */
	tell("cold", w_cold(100 * sizeof(struct item))); /* cold */
	tell("grown", w_grown(sizeof(struct item))); /* grown */
	if (!setjmp(back)) w_jumps(sizeof(struct item)); /* jumps */
	tell("jumps", last);
	p = malloc(sizeof(struct item)); /* direct */
	tell("direct", p);
}

int main(void)
{
	static char stack[1 << 18], other[1 << 18];
	stack_t alternative = {.ss_sp = other, .ss_size = sizeof other};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
	pthread_t thread;
	for (int round = 0; round < 2; round++) again(round);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof stack;
	makecontext(&there, run, 0);
	swapcontext(&here, &there);
	tell("context", in_context);
	sigaltstack(&alternative, 0);
	sigaction(SIGUSR1, &action, 0);
	raise(SIGUSR1);
	tell("signal", in_handler);
	pthread_create(&thread, 0, work, 0);
	pthread_join(thread, 0);
	tell("thread", in_thread);
	return 0;
}
