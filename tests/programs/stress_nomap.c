/* preloaded: the n-th mmap of the executable fails (NOMAP=n), or all from the n-th on (NOMAP=n+); the last line on stderr
 * says how many there were. glibc's own calls do not come by here, so what fails is the runtime's alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int calls, wanted = -1;
static int onwards, tells;

/* the first call may come before libc knows the environment */
static void configure(void)
{
	static char text[65536];
	int fd = open("/proc/self/environ", O_RDONLY), n = 0, got;
	while (fd >= 0 && n < (int)sizeof text - 1 && (got = read(fd, text + n, sizeof text - 1 - n)) > 0) n += got;
	close(fd);
	int number = 0;
	for (char *s = text; s < text + n; s += strlen(s) + 1) {
		if (strncmp(s, "NOMAP=", 6)) continue;
		for (s += 6; *s >= '0' && *s <= '9'; s++) number = number * 10 + *s - '0';
		onwards = *s == '+';
		tells = 1;
	}
	wanted = number;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (wanted < 0) configure();
	int n = ++calls;
	if (wanted && (n == wanted || (onwards && n > wanted))) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

__attribute__((destructor)) static void tell(void)
{
	if (tells) dprintf(2, "mmap: %d\n", calls);
}
