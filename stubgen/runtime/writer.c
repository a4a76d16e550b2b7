/* the writer: JSON and text into a file that is there as a whole or not at all; no malloc */
#include "reporting.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000

/* One at a time. The word says who: a child that was forked in the middle does not inherit the work, nor the wait for it. */
static _Atomic uint64_t owner;
static struct rt_writer writer;
static int open_fd = -1; /* of a parent that was writing when we were forked */
static sigset_t old_mask;
static int was_pending, old_cancel;

static uint64_t me(void)
{
	return (uint64_t)getpid() << 32 | (uint32_t)syscall(SYS_gettid);
}

static int begin(void)
{
	uint64_t mine = me(), now = 0;
	int patience = PATIENCE_MS;
	while (!atomic_compare_exchange_strong(&owner, &now, mine)) {
		if (now == mine) return EBUSY; /* a signal handler came into the middle */
		if (now >> 32 == mine >> 32) {
			if (!patience--) return EBUSY;
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, 0);
			now = 0;
		} else if (atomic_compare_exchange_strong(&owner, &now, mine)) {
			if (open_fd >= 0) close(open_fd);
			open_fd = -1;
			break;
		}
	}
	return 0;
}

/* a file that may not grow, or a pipe that nobody reads, is an error to report, not the program's end */
static void hold_signals(void)
{
	sigset_t set, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	sigaddset(&set, SIGPIPE);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old_cancel);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGXFSZ) | sigismember(&pending, SIGPIPE) << 1;
	pthread_sigmask(SIG_BLOCK, &set, &old_mask);
}

static void release_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	if (!(was_pending & 1)) sigaddset(&set, SIGXFSZ);
	if (!(was_pending & 2)) sigaddset(&set, SIGPIPE);
	while (sigtimedwait(&set, 0, &(struct timespec){0}) > 0) continue;
	pthread_sigmask(SIG_SETMASK, &old_mask, 0);
	pthread_setcancelstate(old_cancel, 0);
}

/* a device or a pipe is written as it stands, and so is what /dev/stdout and its like point to; any other name gets a
 * new file */
static int is_direct(const char *path)
{
	struct stat s;
	if (lstat(path, &s)) return 0;
	if (S_ISLNK(s.st_mode)) return !strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6);
	return !S_ISREG(s.st_mode);
}

/* a file without a name needs no tidying up, however we end; not every file system has them */
static int open_nameless(const char *path)
{
#ifdef O_TMPFILE
	char folder[RT_NAME_ROOM];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;
	if (n >= sizeof folder) return -1;
	memcpy(folder, slash ? path : ".", n ? n : 1);
	folder[n ? n : 1] = 0;
	return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
#else
	return -1;
#endif
}

static int open_named(const char *temporary)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd >= 0 || errno != EEXIST) return fd;
	unlink(temporary);
	return open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static void end(void)
{
	open_fd = -1;
	release_signals();
	atomic_store(&owner, 0);
}

struct rt_writer *rt_writer_open(const char *path, int *error)
{
	struct rt_writer *w = &writer;
	if ((*error = begin())) return 0;
	hold_signals();
	w->error = w->used = w->named = 0;
	w->path = path;
	w->direct = is_direct(path);
	if (snprintf(w->temporary, sizeof w->temporary, "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof w->temporary) {
		*error = ENAMETOOLONG;
		end();
		return 0;
	}
	if (w->direct) {
		w->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	} else if ((w->fd = open_nameless(path)) < 0) {
		w->fd = open_named(w->temporary);
		w->named = 1;
	}
	open_fd = w->fd;
	if (w->fd < 0) {
		*error = errno;
		end();
		return 0;
	}
	return w;
}

struct rt_writer *rt_writer_open_fd(int fd)
{
	struct rt_writer *w = &writer;
	if (begin()) return 0;
	hold_signals();
	w->error = w->used = w->named = 0;
	w->path = 0;
	w->fd = fd;
	return w;
}

static void flush(struct rt_writer *w)
{
	for (size_t at = 0; at < w->used && !w->error;) {
		ssize_t n = write(w->fd, w->buffer + at, w->used - at);
		if (n > 0) at += n;
		else if (n == 0) w->error = ENOSPC;
		else if (errno != EINTR) w->error = errno;
	}
	w->used = 0;
}

/* linking gives a file a name only if that is free; else it takes another one first, for the time between two calls */
static int link_nameless(struct rt_writer *w)
{
	char self[40];
	snprintf(self, sizeof self, "/proc/self/fd/%d", w->fd);
	if (!linkat(AT_FDCWD, self, AT_FDCWD, w->path, AT_SYMLINK_FOLLOW)) return 0;
	if (errno != EEXIST) return errno;
	int failed = linkat(AT_FDCWD, self, AT_FDCWD, w->temporary, AT_SYMLINK_FOLLOW);
	if (failed && errno == EEXIST) {
		unlink(w->temporary); /* of a process that had our number before */
		failed = linkat(AT_FDCWD, self, AT_FDCWD, w->temporary, AT_SYMLINK_FOLLOW);
	}
	if (!failed && !rename(w->temporary, w->path)) return 0;
	int error = errno;
	if (!failed) unlink(w->temporary);
	return error;
}

int rt_writer_close(struct rt_writer *w)
{
	flush(w);
	if (w->path) {
		if (!w->error && !w->direct && !w->named) w->error = link_nameless(w);
		open_fd = -1;
		if (close(w->fd) && !w->error && errno != EINTR) w->error = errno;
		if (!w->error && w->named && rename(w->temporary, w->path)) w->error = errno;
		if (w->error && w->named) unlink(w->temporary);
	}
	int error = w->error;
	end();
	return error;
}

void rt_put(struct rt_writer *w, const char *s, size_t n)
{
	while (n) {
		size_t room = sizeof w->buffer - w->used, piece = n < room ? n : room;
		memcpy(w->buffer + w->used, s, piece);
		w->used += piece;
		s += piece;
		n -= piece;
		if (w->used == sizeof w->buffer) flush(w);
	}
}

void rt_text(struct rt_writer *w, const char *s) { rt_put(w, s, strlen(s)); }

void rt_number(struct rt_writer *w, long long n)
{
	char digits[24], *p = digits + sizeof digits;
	unsigned long long left = n < 0 ? -(unsigned long long)n : (unsigned long long)n;
	do *--p = '0' + left % 10;
	while (left /= 10);
	if (n < 0) *--p = '-';
	rt_put(w, p, digits + sizeof digits - p);
}

/* bytes that are not UTF-8 stay as they are: the reader decodes with surrogateescape, as Python does file names */
void rt_string(struct rt_writer *w, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	if (!s) {
		rt_text(w, "null");
		return;
	}
	rt_put(w, "\"", 1);
	for (; *s; s++) {
		unsigned char c = *s;
		size_t plain = 0;
		while ((unsigned char)s[plain] >= 32 && s[plain] != '"' && s[plain] != '\\') plain++;
		if (plain) {
			rt_put(w, s, plain);
			s += plain - 1;
		} else if (c < 32) {
			rt_put(w, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
		} else {
			rt_put(w, (char[]){'\\', (char)c}, 2);
		}
	}
	rt_put(w, "\"", 1);
}

void rt_field(struct rt_writer *w, const char *name, const char *value)
{
	rt_text(w, ",\"");
	rt_text(w, name);
	rt_text(w, "\":");
	rt_string(w, value);
}

void rt_count(struct rt_writer *w, const char *name, long long value)
{
	rt_text(w, ",\"");
	rt_text(w, name);
	rt_text(w, "\":");
	rt_number(w, value);
}
