/* `timed FILE COUNT [NAME=VALUE ...] PROGRAM [ARGUMENT ...]`: run a program COUNT times and append a line to FILE for each:
 * nanoseconds, largest resident set in KiB (that of its largest descendant that was waited for), wait status.
 * Not Python's work: the kernel counts what a process had before its exec, so the figure of a small program that Python
 * starts is Python's. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc < 4) return 2;
	FILE *out = fopen(argv[1], "ae");
	if (!out) return 1;
	for (int i = atoi(argv[2]); i > 0; i--) {
		struct rusage usage;
		int status;
		long long start = now();
		pid_t child = fork();
		if (child < 0) return 1;
		if (!child) {
			char **word = argv + 3;
			while (*word && strchr(*word, '=')) putenv(*word++);
			if (*word) execvp(*word, word);
			_exit(127);
		}
		if (wait4(child, &status, 0, &usage) != child) return 1;
		fprintf(out, "%lld %ld %d\n", now() - start, usage.ru_maxrss, status);
	}
	return fclose(out) != 0;
}
