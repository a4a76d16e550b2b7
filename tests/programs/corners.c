/* malloc in corners: what is asked for by name is asserted; the first that does not hold ends the program with its line */
#define _GNU_SOURCE
#include <allocs.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(x) \
	do { \
		if (!(x)) { \
			dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			_exit(1); \
		} \
	} while (0)

static volatile size_t huge = PTRDIFF_MAX;

static int observed(void) { return alloc_get_base != NULL; }

/* a live chunk of at least so many bytes begins there */
static void known(const void *p, size_t least)
{
	CHECK(p);
	CHECK(!observed() || (alloc_get_base(p) == p && alloc_get_size(p) >= least));
}

static void unknown(const void *p) { CHECK(!observed() || !p || alloc_get_base(p) != p); }

static void release(void *p)
{
	free(p);
	unknown(p);
}

/* ---- sizes and errno ---- */

static void sizes(void)
{
	void *p = malloc(1), *kept = p, *out = &out;
	known(p, 1);
	errno = 0;
	CHECK(!malloc(huge) && errno == ENOMEM);
	errno = 0;
	CHECK(!malloc(huge + 1) && errno == ENOMEM);
	errno = 0;
	CHECK(!calloc(huge, 3) && errno == ENOMEM);
	errno = 0;
	CHECK(!realloc(p, huge) && errno == ENOMEM);
	errno = 0;
	CHECK(!reallocarray(p, huge, 3) && errno == ENOMEM);
	known(kept, 1);
	errno = 77;
	CHECK(posix_memalign(&out, 64, huge) == ENOMEM && out == &out);
	errno = 77;
	CHECK(posix_memalign(&out, 24, 8) == EINVAL && out == &out && errno == 77);
	CHECK(posix_memalign(&out, 64, 640) == 0 && errno == 77);
	known(out, 640);
	release(out);
	CHECK(errno == 77);
	errno = 0;
	CHECK(!aligned_alloc(64, huge & -64) && errno == ENOMEM);
	CHECK(!memalign(64, huge) && !valloc(huge) && !pvalloc(huge));
	void *zero[] = {malloc(0), calloc(0, 5), calloc(5, 0), aligned_alloc(16, 0), realloc(NULL, 0)};
	for (size_t i = 0; i < sizeof zero / sizeof *zero; i++) {
		known(zero[i], 0);
		release(zero[i]);
	}
	errno = 77;
	for (size_t n = 1; n < (size_t)64 << 20; n *= 2) free(malloc(n));
	CHECK(errno == 77);
	CHECK(!realloc(p, 0)); /* glibc frees */
	unknown(p);
	CHECK(!alloc_get_base || (!alloc_get_base(NULL) && !alloc_get_allocator((void *)8)));
}

/* ---- functions of libc that allocate for their caller ---- */

static void callers(void)
{
	char *line = NULL, *text = NULL, *out;
	size_t room = 0, length;
	int fd[2];
	known(out = strdup("hello"), 6), release(out);
	known(out = strndup("hello", 3), 4), release(out);
	CHECK(asprintf(&out, "%d", 12345) == 5);
	known(out, 6), release(out);
	FILE *f = open_memstream(&text, &length);
	CHECK(f && fprintf(f, "%1000d", 1) == 1000 && !fclose(f) && length == 1000);
	known(text, 1001), release(text);
	CHECK(!pipe(fd) && write(fd[1], "a line\n", 7) == 7 && !close(fd[1]) && (f = fdopen(fd[0], "r")));
	CHECK(getline(&line, &room, f) == 7 && !fclose(f));
	known(line, 8), release(line);
	known(out = realpath("/", NULL), 2), release(out);
	known(out = getcwd(NULL, 0), 2), release(out);
	known(out = reallocarray(NULL, 3, 5), 15);
	CHECK(malloc_usable_size(out) >= 15 && !malloc_usable_size(NULL));
	release(out);
	known(out = memalign(64, 10), 10), release(out);
	known(out = aligned_alloc(32, 64), 64), release(out);
	known(out = valloc(10), 10), release(out);
	known(out = pvalloc(10), 4096), release(out);
	CHECK(!posix_memalign((void **)&out, 16, 40));
	known(out, 40);
	known(out = realloc(out, 400), 400), release(out);
	known(out = calloc(3, 7), 21), release(out);
}

/* ---- before main ---- */

static void *early[4];

static void early_chunk(int i) { early[i] = malloc(100 + i); }

#ifdef IFUNC
static int one(void) { return 1; }
static int (*choose(void))(void)
{
	early_chunk(0);
	return one;
}
int chosen(void) __attribute__((ifunc("choose")));
#endif

static void before_all(void) { early_chunk(1); }
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = before_all;
__attribute__((constructor(101))) static void first(void) { early_chunk(2); }
__attribute__((constructor)) static void second(void) { early_chunk(3); }

static void before_main(void)
{
#ifdef IFUNC
	CHECK(chosen() == 1);
#else
	early[0] = malloc(100);
#endif
	for (int i = 0; i < 4; i++) {
		memset(early[i], 1, 100 + i);
		known(early[i], 100 + i);
		known(early[i] = realloc(early[i], 1000), 1000);
		release(early[i]);
	}
}

/* dlsym, dlopen and dlerror allocate, also what is not found; an error that is there stays there */
static void loader(void)
{
	CHECK(!dlerror()); /* ours must not leave any */
	CHECK(!dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere"));
	void *p = malloc(10);
	CHECK(dlerror());
	CHECK(!dlopen("no-such-library.so", RTLD_NOW) && dlerror());
	release(p);
}

/* ---- after main ---- */

static void *kept_at_exit, *last;

__attribute__((destructor(101))) static void in_last_destructor(void)
{
	void *p = malloc(7);
	if (last) release(last), known(p, 7);
	free(p);
}
static void in_atexit(void)
{
	release(kept_at_exit);
	known(last = malloc(500), 500);
	puts("left");
}
static void leaving(void)
{
	known(kept_at_exit = malloc(50), 50);
	CHECK(!atexit(in_atexit));
}

/* ---- threads ---- */

static pthread_key_t key, second_key;
static int rounds;
static _Thread_local char large[300000];

static void at_thread_exit(void *p)
{
	known(p, 1);
	free(p); /* another thread may have it by now */
	known(p = malloc(60), 60);
	if (__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED) % 7) pthread_setspecific(key, p); /* again and again */
	else free(p);
}

static void *leaving_thread(void *arg)
{
	void *p = malloc(40), *q = malloc(41);
	CHECK(arg == &key);
	memset(large, 1, sizeof large);
	pthread_setspecific(key, p), pthread_setspecific(second_key, q);
	strerror(12345); /* memory that libc frees when the last destructor is through */
	free(malloc(1000));
	return large;
}

static void threads(void)
{
	pthread_t t[4];
	CHECK(!pthread_key_create(&key, at_thread_exit) && !pthread_key_create(&second_key, at_thread_exit));
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 4; i++) CHECK(!pthread_create(&t[i], NULL, leaving_thread, &key));
		for (int i = 0; i < 4; i++) CHECK(!pthread_join(t[i], NULL));
	}
}

/* ---- processes ---- */

static volatile int stop;

static void *busy(void *arg)
{
	void *p[64] = {0};
	for (unsigned i = 0; !stop; i++) {
		free(p[i % 64]);
		p[i % 64] = malloc(1 + i * 37 % 3000);
	}
	for (int i = 0; i < 64; i++) free(p[i]);
	return arg;
}

static void forks(void)
{
	pthread_t t[3];
	for (int i = 0; i < 3; i++) CHECK(!pthread_create(&t[i], NULL, busy, NULL));
	for (int i = 0; i < 300; i++) {
		void *p = malloc(i + 1);
		int status;
		pid_t child = fork();
		CHECK(child >= 0);
		if (!child) {
			known(p, i + 1);
			release(p);
			void *q = malloc(70 << 10);
			known(q, 70 << 10);
			if (i % 16 == 0) {
				pthread_t more;
				stop = 1;
				CHECK(!pthread_create(&more, NULL, busy, NULL) && !pthread_join(more, NULL));
			}
			_exit(3);
		}
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
		release(p);
	}
	stop = 1;
	for (int i = 0; i < 3; i++) CHECK(!pthread_join(t[i], NULL));
}

static void vforks(void)
{
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t child = vfork();
		if (!child) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(9);
		}
		CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
		release(malloc(i + 1));
	}
}

/* ---- signals: main makes new chains all the time, which is where the runtime takes its lock ---- */

static volatile unsigned long handled;

void *left_alloc(unsigned path, unsigned depth, size_t n);
void *right_alloc(unsigned path, unsigned depth, size_t n);

__attribute__((noinline)) void *left_alloc(unsigned path, unsigned depth, size_t n)
{
	void *p = !depth ? malloc(n) : path & 1 ? right_alloc(path >> 1, depth - 1, n) : left_alloc(path >> 1, depth - 1, n);
	return p;
}

__attribute__((noinline)) void *right_alloc(unsigned path, unsigned depth, size_t n)
{
	void *p = !depth ? malloc(n) : path & 1 ? right_alloc(path >> 1, depth - 1, n) : left_alloc(path >> 1, depth - 1, n);
	return p;
}

static void on_alarm(int signal)
{
	unsigned n = ++handled;
	void *p = left_alloc(n * 2654435761u, 14, 33);
	(void)signal;
	CHECK(!alloc_get_base || alloc_get_base(p) == p);
	free(p);
}

/* only for a malloc that a handler may call (safemalloc.c) */
static void signals(int flags)
{
	stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART | flags};
	struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
	CHECK(!sigaltstack(&stack, NULL) && !sigaction(SIGALRM, &action, NULL) && !setitimer(ITIMER_REAL, &often, NULL));
	for (unsigned i = 0; i < 60000 || handled < 100; i++) {
		void *p = right_alloc(i, 15, i % 500 + 1);
		known(p, i % 500 + 1);
		release(p);
	}
	CHECK(!setitimer(ITIMER_REAL, &never, NULL));
	sigset_t now;
	CHECK(!sigprocmask(SIG_SETMASK, NULL, &now) && !sigismember(&now, SIGALRM) && !sigismember(&now, SIGUSR1));
}

/* ---- stacks that are switched inside a wrapper ---- */

static ucontext_t outside, inside;
static void *made;

__attribute__((noinline)) void *yielding_alloc(size_t n)
{
	void *before = malloc(n);
	swapcontext(&inside, &outside);
	void *p = malloc(n + 1);
	free(before);
	return p;
}

static void coroutine(void) { made = yielding_alloc(80); }

static void *resume(void *arg)
{
	void *p = malloc(20); /* the thread has frames of its own */
	CHECK(!swapcontext(&outside, &inside));
	known(made, 81);
	release(made);
	free(p);
	return arg;
}

static void coroutines(void)
{
	size_t room = 1 << 18;
	pthread_t t;
	for (int i = 0; i < 200; i++) {
		char *stack = malloc(room);
		getcontext(&inside);
		inside.uc_stack.ss_sp = stack, inside.uc_stack.ss_size = room;
		inside.uc_link = &outside;
		makecontext(&inside, coroutine, 0);
		CHECK(!swapcontext(&outside, &inside));
		void *p = malloc(30); /* not by the wrapper that waits on the other stack */
		known(p, 30);
		CHECK(!alloc_get_wrapper || !alloc_get_wrapper(p));
		if (i % 3 == 0) resume(NULL);
		if (i % 3 == 1) CHECK(!pthread_create(&t, NULL, resume, NULL) && !pthread_join(t, NULL));
		void *q = left_alloc(0, 1, 10); /* what is left of i % 3 == 2 is in nobody's way */
		known(q, 10);
		CHECK(!alloc_get_chain || alloc_get_chain(q, NULL, 0) <= 2);
		release(q), release(p), release(stack);
	}
}

static ucontext_t neighbour;

static void on_the_lower_stack(void)
{
	for (;;) {
		void *p = malloc(40);
		known(p, 40);
		free(p);
		swapcontext(&neighbour, &outside);
	}
}

/* the stack right above goes while a wrapper waits on it */
static void unmapped(void)
{
	size_t room = 1 << 16;
	char *stacks = mmap(NULL, 2 * room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stacks != MAP_FAILED);
	getcontext(&inside), getcontext(&neighbour);
	inside.uc_stack.ss_sp = stacks + room, neighbour.uc_stack.ss_sp = stacks;
	inside.uc_stack.ss_size = neighbour.uc_stack.ss_size = room;
	makecontext(&inside, coroutine, 0), makecontext(&neighbour, on_the_lower_stack, 0);
	CHECK(!swapcontext(&outside, &neighbour) && !swapcontext(&outside, &inside));
	CHECK(!swapcontext(&outside, &neighbour) && !swapcontext(&outside, &neighbour));
	getcontext(&inside), inside.uc_stack.ss_size = room; /* and once more: waits again */
	inside.uc_stack.ss_sp = stacks + room;
	makecontext(&inside, coroutine, 0);
	CHECK(!swapcontext(&outside, &inside) && !munmap(stacks + room, room));
	CHECK(!swapcontext(&outside, &neighbour) && !swapcontext(&outside, &neighbour));
}

/* ---- objects that go while their chunks stay ---- */

static void unloading(const char *path)
{
	for (int i = 0; i < 20; i++) {
		void *object = dlopen(path, RTLD_NOW);
		CHECK(object);
		void *(*get)(size_t) = (void *(*)(size_t))dlsym(object, "get");
		CHECK(get);
		void *p = get(90);
		CHECK(!dlclose(object));
		known(p, 90);
		CHECK(!alloc_get_site || (alloc_get_site(p), alloc_get_type(p), 1));
		known(p = realloc(p, 900), 900);
		release(p);
	}
}

/* ---- no room for us ---- */

static void limited(size_t mebibytes)
{
	char *p[200];
	struct rlimit limit = {mebibytes << 20, mebibytes << 20};
	CHECK(!setrlimit(RLIMIT_AS, &limit));
	for (int i = 0; i < 200; i++) {
		CHECK((p[i] = malloc(i * 20 + 1)));
		memset(p[i], i, i * 20 + 1);
	}
	errno = 77;
	for (int i = 0; i < 200; i += 2) free(p[i]);
	CHECK(errno == 77);
	for (int i = 1; i < 200; i += 2) {
		CHECK((p[i] = realloc(p[i], 5000)));
		for (int k = 0; k < i * 20 + 1; k++) CHECK(p[i][k] == (char)i);
		free(p[i]);
	}
	errno = 0;
	CHECK(!malloc((mebibytes + 1) << 20) && errno == ENOMEM);
	CHECK(!alloc_get_base || alloc_get_base(&limit) == NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *with = argc > 2 ? argv[2] : "";
	if (!strcmp(what, "sizes")) sizes();
	else if (!strcmp(what, "callers")) callers();
	else if (!strcmp(what, "before")) before_main();
	else if (!strcmp(what, "loader")) loader();
	else if (!strcmp(what, "leaving")) leaving();
	else if (!strcmp(what, "threads")) threads();
	else if (!strcmp(what, "forks")) forks();
	else if (!strcmp(what, "vforks")) vforks();
	else if (!strcmp(what, "signals")) signals(0);
	else if (!strcmp(what, "signals-altstack")) signals(SA_ONSTACK);
	else if (!strcmp(what, "coroutines")) coroutines();
	else if (!strcmp(what, "unmapped")) unmapped();
	else if (!strcmp(what, "unloading")) unloading(with);
	else if (!strcmp(what, "limited")) limited(atoi(with));
	else return 2;
	puts("holds");
	return 0;
}
