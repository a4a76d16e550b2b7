/* ALLOCS_OPTIONS="profile=FILE:leaks=1": read once, before the program's own constructors (docs/profiles.md) */
#include "reporting.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options rt_options;
static pid_t started_as;

__attribute__((noinline)) void rt_complain(const char *format, ...)
{
	static const char prefix[] = "allocscc: ";
	char line[RT_NAME_ROOM + 200];
	va_list args;
	memcpy(line, prefix, sizeof prefix);
	va_start(args, format);
	int n = vsnprintf(line + sizeof prefix - 1, sizeof line - sizeof prefix, format, args);
	va_end(args);
	size_t length = strlen(line);
	if (n < 0) return;
	line[length++] = '\n';
	if (write(2, line, length) < 0) return;
}

const char *rt_error_text(int error)
{
#if defined __GLIBC__ && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
	const char *text = strerrordesc_np(error); /* strerror may allocate, to translate */
	return text ? text : "unknown error";
#else
	return strerror(error);
#endif
}

int rt_started_here(void)
{
	return getpid() == started_as;
}

/* ---- how values are read: each gives 1, or 0 where the value is not one ---- */

struct value {
	const char *s;
	size_t n;
};

static int is(struct value v, const char *word)
{
	return v.n == strlen(word) && !memcmp(v.s, word, v.n);
}

/* the name is fixed now: the program may change its folder and its environment */
static int parse_path(struct value v, void *to)
{
	char *path = to;
	size_t at = 0;
	if (!v.n) return 0;
	if (v.s[0] != '/') {
		if (!getcwd(path, RT_PATH - 1)) return path[0] = 0;
		at = strlen(path);
		path[at++] = '/';
	}
	if (at + v.n >= RT_PATH) return path[0] = 0;
	memcpy(path + at, v.s, v.n);
	path[at + v.n] = 0;
	return 1;
}

/* digits, at most `limit`; gives what is left behind them */
static int digits(struct value *v, uint64_t limit, uint64_t *out)
{
	size_t i = 0;
	for (*out = 0; i < v->n && v->s[i] >= '0' && v->s[i] <= '9'; i++) {
		*out = *out * 10 + (v->s[i] - '0');
		if (*out > limit) return 0;
	}
	v->s += i;
	v->n -= i;
	return i > 0;
}

static int parse_seconds(struct value v, void *to)
{
	uint64_t seconds = 0, us = 0;
	int have = digits(&v, 1000000000, &seconds);
	if (v.n && v.s[0] == '.') {
		uint64_t place = 100000;
		for (v.s++, v.n--; v.n && v.s[0] >= '0' && v.s[0] <= '9'; v.s++, v.n--, have = 1) {
			us += place * (v.s[0] - '0');
			place /= 10;
		}
	}
	us += seconds * 1000000;
	if (!have || v.n || us < 1000) return 0;
	*(uint64_t *)to = us;
	return 1;
}

static int parse_bytes(struct value v, void *to)
{
	static const char suffixes[] = "KMGT";
	uint64_t n;
	if (!digits(&v, (uint64_t)1 << 50, &n)) return 0;
	const char *suffix = v.n == 1 ? strchr(suffixes, v.s[0] & ~32) : 0;
	if (v.n && (!suffix || !*suffix)) return 0;
	if (suffix) {
		unsigned shift = 10 * (suffix - suffixes + 1);
		if (n >> (60 - shift)) return 0;
		n <<= shift;
	}
	if (!n) return 0;
	*(uint64_t *)to = n;
	return 1;
}

static int parse_status(struct value v, void *to)
{
	uint64_t n;
	if (!digits(&v, 255, &n) || v.n) return 0;
	*(int *)to = n;
	return 1;
}

static int parse_signal(struct value v, void *to)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{"HUP", SIGHUP}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"ALRM", SIGALRM},
		{"TERM", SIGTERM}, {"URG", SIGURG}, {"WINCH", SIGWINCH}, {"IO", SIGIO}, {"PWR", SIGPWR}, {"VTALRM", SIGVTALRM},
		{"PROF", SIGPROF}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP},
	};
	uint64_t n;
	if (v.n > 3 && !memcmp(v.s, "SIG", 3)) v.s += 3, v.n -= 3;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is(v, names[i].name)) return *(int *)to = names[i].number;
	int real_time = v.n > 6 && !memcmp(v.s, "RTMIN+", 6);
	if (real_time) v.s += 6, v.n -= 6;
	if (!digits(&v, 64, &n) || v.n) return 0;
	if (real_time) n += SIGRTMIN;
	/* those that cannot be caught, that mean a crash, or that libc keeps for itself */
	static const int never[] = {0, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGXFSZ,
				    SIGPIPE};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if ((int)n == never[i]) return 0;
	if ((n > 31 && (int)n < SIGRTMIN) || (int)n > SIGRTMAX) return 0;
	*(int *)to = n;
	return 1;
}

/* 1 is the report on stderr, 0 none, and anything else a file */
static int parse_leaks(struct value v, void *to)
{
	(void)to;
	char *path = rt_options.leaks;
	path[0] = 0;
	if (!is(v, "0") && !is(v, "1") && !parse_path(v, path)) return 0;
	rt_options.look_for_leaks = !is(v, "0");
	return 1;
}

static int parse_check(struct value v, void *to)
{
	int aborts = is(v, "mismatch,abort");
	if (!aborts && !is(v, "mismatch") && !is(v, "0")) return 0;
	*(int *)to = is(v, "0") ? 0 : 1 | (aborts ? RT_CHECK_ABORT : 0);
	return 1;
}

static const struct option {
	const char *name;
	int (*parse)(struct value, void *);
	void *to;
	const char *wanted;
} options[] = {
	{"profile", parse_path, rt_options.profile, "the name of a file"},
	{"signal", parse_signal, &rt_options.signal, "a signal that a program may catch, like USR2"},
	{"interval", parse_seconds, &rt_options.interval_us, "seconds, at least 0.001"},
	{"every", parse_bytes, &rt_options.every, "bytes, like 64M"},
	{"leaks", parse_leaks, 0, "0, 1 or the name of a file"},
	{"check", parse_check, &rt_checking, "0, mismatch, or mismatch,abort"},
	{"leak-status", parse_status, &rt_options.leak_status, "an exit status from 0 to 255"},
};
#define OPTIONS (sizeof options / sizeof *options)

static int shown(size_t n) { return n < 300 ? n : 300; }

static void option(struct value v)
{
	const char *equals = memchr(v.s, '=', v.n);
	struct value name = {v.s, equals ? (size_t)(equals - v.s) : v.n};
	struct value value = equals ? (struct value){equals + 1, v.n - name.n - 1} : (struct value){"", 0};
	for (size_t i = 0; i < OPTIONS; i++) {
		if (!is(name, options[i].name)) continue;
		if (!equals || !options[i].parse(value, options[i].to))
			rt_complain("ALLOCS_OPTIONS: '%.*s' ignored: %s= wants %s", shown(v.n), v.s, options[i].name, options[i].wanted);
		return;
	}
	char known[200] = "";
	for (size_t i = 0, at = 0; i < OPTIONS; i++)
		at += snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", options[i].name);
	rt_complain("ALLOCS_OPTIONS: '%.*s' ignored: there is no such option; known are %s", shown(v.n), v.s, known);
}

/* callers: the first constructor; the environment does not change its place before main */
void options_read(void)
{
	started_as = getpid();
	const char *s = secure_getenv("ALLOCS_OPTIONS");
	while (s) {
		const char *end = strchr(s, ':');
		struct value v = {s, end ? (size_t)(end - s) : strlen(s)};
		if (v.n) option(v);
		s = end ? end + 1 : 0;
	}
	if (!rt_options.profile[0] && (rt_options.signal || rt_options.interval_us || rt_options.every))
		rt_complain("ALLOCS_OPTIONS: signal=, interval= and every= do nothing without profile=FILE");
	rt_counting = rt_options.profile[0] != 0 || rt_checking; /* a check sees every chunk that is freed */
	rt_has_shortcuts = !rt_counting;
	rt_timeline_prepare();
	if (rt_options.look_for_leaks) rt_roots_prepare();
}

int rt_has(const char *name, char escape)
{
	for (; *name; name++) {
		if (*name != '%') continue;
		if (*++name == escape) return 1;
		if (!*name) break;
	}
	return 0;
}

int rt_expand(const char *from, unsigned number, char out[RT_NAME_ROOM])
{
	size_t used = 0;
	for (; *from; from++) {
		char piece[24] = {*from};
		if (from[0] == '%' && from[1] == 'p') snprintf(piece, sizeof piece, "%ld", (long)getpid()), from++;
		else if (from[0] == '%' && from[1] == 'n') snprintf(piece, sizeof piece, "%04u", number), from++;
		else if (from[0] == '%' && from[1] == '%') from++;
		size_t length = strlen(piece);
		if (used + length >= RT_NAME_ROOM) return 0;
		memcpy(out + used, piece, length);
		used += length;
	}
	out[used] = 0;
	return used > 0;
}

__attribute__((noinline)) static void profile_at_exit(void)
{
	char path[RT_NAME_ROOM];
	if (!rt_options.profile[0]) return;
	/* a child that was forked writes only if it has a file of its own */
	if (!rt_started_here() && !rt_has(rt_options.profile, 'p')) return;
	unsigned number = rt_timeline_next();
	if (!rt_expand(rt_options.profile, number, path)) return;
	int error = rt_profile_write(path, "exit", number);
	if (error) rt_complain("cannot write the profile '%s': %s", path, rt_error_text(error));
}

/* exit() runs what is registered while it runs, so shared objects' destructors, which are behind this one, are not cut
 * off, and glibc goes on in a second exit() where the first one was: buffers are flushed. musl's runs no more functions. */
#ifdef __GLIBC__
static void leave(void) { exit(rt_options.leak_status); }
#else
#define atexit(f) 1
#endif

static void change_status(void)
{
	if (atexit(leave) == 0) return;
	fflush(0);
	_exit(rt_options.leak_status);
}

/* last of the executable's destructors */
__attribute__((destructor(101))) static void at_exit(void)
{
	rt_timeline_end();
	int leaks = rt_options.look_for_leaks && rt_leaks_report();
	profile_at_exit();
	if (leaks && rt_options.leak_status) change_status();
}
