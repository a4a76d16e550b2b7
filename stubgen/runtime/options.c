/* ALLOCS_OPTIONS="profile=FILE": read once, before the program's own constructors */
#include "rt.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char profile_path[4096];
static pid_t started_as;

static void complain(const char *what, const char *about, size_t n)
{
	char line[512];
	int length = snprintf(line, sizeof line, "allocscc: %s '%.*s'\n", what, (int)(n < 300 ? n : 300), about);
	if (write(2, line, length) < 0) return;
}

/* %p is the process id, %% a percent sign */
static int expand(const char *from, size_t n, char *to, size_t room)
{
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		char piece[24] = {from[i]};
		if (from[i] == '%' && i + 1 < n && from[i + 1] == 'p') {
			snprintf(piece, sizeof piece, "%ld", (long)getpid());
			i++;
		} else if (from[i] == '%' && i + 1 < n && from[i + 1] == '%') {
			i++;
		}
		size_t length = strlen(piece);
		if (used + length >= room) return 0;
		memcpy(to + used, piece, length);
		used += length;
	}
	to[used] = 0;
	return used > 0;
}

static const char *template;
static size_t template_length;

static void option(const char *s, size_t n)
{
	static const char profile[] = "profile=";
	size_t key = sizeof profile - 1;
	if (!n) return;
	if (n > key && !memcmp(s, profile, key)) {
		template = s + key;
		template_length = n - key;
		return;
	}
	complain("ALLOCS_OPTIONS: known is only profile=FILE; ignored", s, n);
}

/* callers: the first constructor; the environment does not change its place before main */
void options_read(void)
{
	started_as = getpid();
	const char *s = secure_getenv("ALLOCS_OPTIONS");
	while (s) {
		const char *end = strchr(s, ':');
		option(s, end ? (size_t)(end - s) : strlen(s));
		s = end ? end + 1 : 0;
	}
	/* the name is fixed now: the program may change its folder and its environment */
	char *at = profile_path;
	if (template && template[0] != '/' && getcwd(profile_path, sizeof profile_path - 1)) {
		at += strlen(at);
		*at++ = '/';
	}
	if (template && template_length < sizeof profile_path - (at - profile_path)) {
		memcpy(at, template, template_length);
		at[template_length] = 0;
	} else {
		profile_path[0] = 0;
	}
	rt_counting = profile_path[0] != 0;
}

/* last of the executable's destructors; a child that was forked writes only if it has a file of its own */
__attribute__((destructor(101))) static void profile_at_exit(void)
{
	char path[4096];
	if (!profile_path[0]) return;
	if (getpid() != started_as && !strstr(profile_path, "%p")) return;
	if (!expand(profile_path, strlen(profile_path), path, sizeof path)) return;
	int error = profile_write(path);
	if (error) {
		complain("cannot write the profile", path, strlen(path));
		complain("reason:", strerror(error), strlen(strerror(error)));
	}
}
