/* What `allocs run` is tried on: copies its input, says its arguments, and ends in the way that the first one asks for */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct item {
	struct item *next;
	char text[100];
};

static struct item *volatile kept;

__attribute__((noinline)) void *xmalloc(size_t n) { return malloc(n); }

int main(int argc, char **argv)
{
	char line[100];
	const char *how = argc > 1 ? argv[1] : "";
	while (fgets(line, sizeof line, stdin)) {
		struct item *item = xmalloc(sizeof *item); /* here */
		strcpy(item->text, line);
		item->next = kept;
		kept = item;
		fputs(line, stdout);
	}
	for (int i = 1; i < argc; i++) printf("[%s]\n", argv[i]);
	fflush(stdout);
	if (!strcmp(how, "lose")) kept = 0;
	if (!strcmp(how, "abort")) abort();
	if (!strcmp(how, "interrupt")) kill(getppid(), SIGINT), kill(getppid(), SIGTERM), pause();
	if (!strcmp(how, "pipe")) raise(SIGPIPE);
	if (!strcmp(how, "_exit")) _exit(3);
	if (!strcmp(how, "long")) sleep(1), _exit(4);
	if (!strcmp(how, "fork")) {
		if (fork() == 0) exit(0);
		wait(0);
	}
	return !strcmp(how, "seven") ? 7 : 0;
}
