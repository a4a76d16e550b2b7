/* chunks that are lost, and chunks that are held by everything that can hold one; the marks say which are which */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include "xmalloc.h"

struct link {
	struct link *next;
	long value[3];
};
struct block {
	char byte[1000];
};
struct held {
	char text[40];
};

static struct link *global;
static char *interior;
static __thread struct held *local;
static pthread_key_t key;
static ucontext_t main_context, other_context;
static void *volatile here; /* so that no call is optimised away; what it holds is overwritten */
static volatile int ready;

static void hold(void)
{
	struct held *h = malloc(sizeof *h);             /* held: by what a global chunk points to */
	global = malloc(sizeof *global);                /* held: by a global variable */
	global->next = malloc(sizeof *global);          /* held: by a chunk */
	global->next->next = (struct link *)h;
	interior = (char *)malloc(sizeof(struct block)); /* held: by a pointer into it */
	interior += 999;
	local = malloc(sizeof *local);                  /* held: by thread-local data */
	pthread_key_create(&key, NULL);
	pthread_setspecific(key, malloc(sizeof *h));    /* held: by thread-specific data */
	static void *volatile empty;
	empty = malloc(0);                              /* held: although it is empty */
}

static void *waiting(void *arg)
{
	struct held *volatile stack = malloc(sizeof *stack); /* held: by a thread's stack */
	local = malloc(sizeof *local);                       /* held: by a thread's thread-local data */
	pthread_setspecific(key, malloc(sizeof *stack));     /* held: by a thread's specific data */
	register struct held *in_register = malloc(sizeof *stack); /* held: by a register */
	ready++;
	while (!arg) __asm__ volatile("" : "+r"(in_register)); /* this one runs, the other one waits */
	while (1) {
		pause();
		__asm__ volatile("" : "+r"(in_register));
	}
	return NULL;
}

static void *deaf(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	struct held *volatile stack = malloc(sizeof *stack); /* held: by the stack of a thread that blocks all signals */
	ready++;
	while (1) pause();
	return arg;
}

static void coroutine(void)
{
	struct held *volatile stack = malloc(sizeof *stack); /* held: by a coroutine's stack */
	swapcontext(&other_context, &main_context);
	(void)stack;
}

static void threads(int blocked)
{
	pthread_t t;
	pthread_create(&t, NULL, waiting, NULL);
	pthread_create(&t, NULL, waiting, &t);
	if (blocked) pthread_create(&t, NULL, deaf, NULL);
	while (ready < 2 + blocked) usleep(100);
	static char *stack;
	stack = aligned_alloc(4096, 65536);                  /* held: with a page in it that nobody may read */
	mprotect(stack, 4096, PROT_NONE);
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack + 4096;
	other_context.uc_stack.ss_size = 65536 - 4096;
	makecontext(&other_context, coroutine, 0);
	swapcontext(&main_context, &other_context);
}

static void lose(void)
{
	here = malloc(24);                                   /* lost */
	here = calloc(3, sizeof(struct block));              /* lost */
	here = malloc(0);                                    /* lost */
	here = xmalloc(sizeof(struct held));                 /* lost: through a wrapper */
	here = xmemdup("one, two", 9);                       /* lost: through two */
	struct link *first = malloc(sizeof *first);          /* lost: it is the list's head */
	first->next = malloc(sizeof *first);                 /* indirect: the rest of the list */
	first->next->next = calloc(1, sizeof *first);        /* indirect: the end of the list */
	struct link *a = malloc(sizeof *a);                  /* indirect: a cycle */
	struct link *b = malloc(sizeof *b);                  /* indirect: the cycle's other half */
	a->next = b, b->next = a;
	struct link *self = malloc(sizeof *self);            /* lost: what points to itself */
	self->next = self;
	first = a = b = self = NULL;
	here = NULL;
}

__attribute__((noinline)) static void wipe(void)
{
	char room[16384];
	memset(room, 0, sizeof room);
	here = room;
	here = NULL;
}

int main(int argc, char **argv)
{
	struct held *volatile on_stack = malloc(sizeof *on_stack); /* held: by main's stack */
	hold();
	lose();
	if (argc > 1) threads(!strcmp(argv[1], "deaf"));
	wipe();
	printf("done");
	exit(on_stack ? argc > 2 ? atoi(argv[2]) : 0 : 1);
}
