/* The runtime's way out of calls (cfi.c, unwind.c) against libgcc's, wherever the C library allocates. */
#include "../../stubgen/runtime/cfi.c"
#include "../../stubgen/runtime/jump.c"
#include "../../stubgen/runtime/quick.c"
#include "../../stubgen/runtime/ranges.c"
#include "../../stubgen/runtime/unwind.c"
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* of the runtime, what these need */
struct node *rt_node_blocks[1u << (ID_BITS - NODE_BLOCK_BITS)];
uint32_t rt_node_count;
struct alloc_wrapper *rt_wrappers;
void rt_lock(void) {}
void rt_unlock(void) {}
void *rt_pages(size_t size) { return mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
uint32_t intern(uint32_t parent, uintptr_t site, const void *owner, unsigned kind)
{
	(void)parent, (void)site, (void)owner, (void)kind;
	return 0;
}
uint32_t frame_node(struct frame *f) { return f->node; }
void intern_kill(struct node *n, uint32_t id) { (void)n, (void)id; }
void wrapper_register(struct alloc_wrapper *w) { (void)w; }
int in_executable(const void *p) { return p == NULL; }
int rt_is_readable(const void *p) { return p != NULL; }
int site_has_record(uintptr_t address) { return (int)(address & 0); }
const char *site_callee(uintptr_t address) { return (void)address, NULL; }

void *__libc_malloc(size_t);
static __thread int inside;
static int ready;
static unsigned long stacks, frames, wrong, lost;
static struct {
	void *pc[256];
	int n, at;
} truth;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static int compare(uintptr_t pc, uintptr_t function, void *arg)
{
	(void)arg;
	if (truth.at == truth.n) return 1;
	frames++;
	if (truth.pc[truth.at++] == (void *)pc && function <= pc) return 0;
	wrong++;
	return 1;
}

__attribute__((noinline, optimize("no-omit-frame-pointer"))) void *malloc(size_t n)
{
	if (ready && !inside) {
		inside = 1;
		pthread_mutex_lock(&one);
		void *site = __builtin_return_address(0);
		truth.n = backtrace(truth.pc, 256);
		for (truth.at = 0; truth.at < truth.n && truth.pc[truth.at] != site;) truth.at++;
		unwind_walk((uintptr_t)site, (uintptr_t)__builtin_frame_address(0), compare, NULL);
		lost += truth.n - truth.at;
		stacks++;
		pthread_mutex_unlock(&one);
		inside = 0;
	}
	return __libc_malloc(n);
}

static int by_value(const void *a, const void *b)
{
	free(malloc(1));
	return *(const int *)a - *(const int *)b;
}

static void visit(const void *node, VISIT which, int depth) { (void)node, (void)which, (void)depth, free(malloc(2)); }
static int each(struct dl_phdr_info *info, size_t size, void *arg) { return (void)info, (void)size, (void)arg, free(malloc(3)), 0; }
static void once(void) { free(malloc(4)); }
static void handler(int signal) { (void)signal, free(malloc(5)); }

static int deep(int n)
{
	volatile char room[n * 8 + 1];
	room[n] = 1;
	if (!n) return free(malloc(6)), room[0] != 0;
	return deep(n - 1) + room[n];
}

static void *work(void *arg)
{
	char *text, date[100];
	regex_t regex;
	glob_t found;
	void *tree = NULL;
	int values[200];
	pthread_once_t control = PTHREAD_ONCE_INIT;
	time_t now = time(NULL);
	struct addrinfo *addresses = NULL;
	if (!regcomp(&regex, "^(a|b)*[[:alpha:]]{2,5}(x+y?)+$", REG_EXTENDED)) regexec(&regex, "abxyxy", 0, NULL, 0), regfree(&regex);
	if (!glob("/etc/*.conf", 0, NULL, &found)) globfree(&found);
	if (asprintf(&text, "%200d %.50Lf %s", 3, 1.0L, "x") > 0) free(text);
	for (int i = 0; i < 200; i++) values[i] = i * 7919 % 211;
	qsort(values, 200, sizeof *values, by_value);
	for (int i = 0; i < 50; i++) tsearch(&values[i], &tree, by_value);
	twalk(tree, visit);
	dl_iterate_phdr(each, NULL);
	pthread_once(&control, once);
	getpwnam("nobody");
	getgrnam("nogroup");
	if (!getaddrinfo("localhost", "80", NULL, &addresses)) freeaddrinfo(addresses);
	strftime(date, sizeof date, "%c %Z", localtime(&now));
	iconv_t convert = iconv_open("UTF-16", "LATIN1");
	if (convert != (iconv_t)-1) iconv_close(convert);
	FILE *file = fopen("/etc/passwd", "r");
	if (file) {
		char *line = NULL;
		size_t room = 0;
		while (getline(&line, &room, file) > 0) continue;
		free(line);
		fclose(file);
	}
	void *handle = dlopen("libm.so.6", RTLD_NOW);
	if (handle) dlclose(handle);
	deep(60);
	raise(SIGUSR1);
	return arg;
}

int main(void)
{
	pthread_t thread;
	setlocale(LC_ALL, "");
	backtrace(truth.pc, 4); /* it loads libgcc */
	signal(SIGUSR1, handler);
	code_ask_loader();
	ready = 1;
	work(NULL);
#ifdef DLFO_STRUCT_HAS_EH_DBASE
	find_object = 0; /* as before glibc 2.35 */
	atomic_store(&calls, NULL);
#endif
	pthread_create(&thread, NULL, work, NULL);
	pthread_join(thread, NULL);
	ready = 0;
	printf("{\"stacks\":%lu,\"frames\":%lu,\"wrong\":%lu,\"lost\":%lu}\n", stacks, frames, wrong, lost);
	return 0;
}
