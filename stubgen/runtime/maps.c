/* the mappings of this process, as the kernel tells them */
#include "reporting.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_MAPS 65536

/* by address; behind the last one lies one that nothing reaches */
static struct rt_map *maps;
static size_t count, last;

static uintptr_t hex(const char **s)
{
	uintptr_t n = 0;
	for (;; ++*s) {
		unsigned char c = **s, d = c >= '0' && c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
		if (d > 15) return n;
		n = n << 4 | d;
	}
}

static void add(const char *line)
{
	struct rt_map m = {0};
	m.low = hex(&line);
	line++;
	m.high = hex(&line);
	m.readable = line[1] == 'r';
	if (count < MAX_MAPS) maps[count++] = m;
}

int rt_maps_read(void)
{
	static char buffer[65536];
	size_t have = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return 0;
	if (!maps) maps = rt_pages((MAX_MAPS + 1) * sizeof *maps);
	count = last = 0;
	for (ssize_t n; maps && (n = read(fd, buffer + have, sizeof buffer - have)) > 0;) {
		char *line = buffer, *end;
		have += n;
		while ((end = memchr(line, '\n', buffer + have - line))) {
			add(line);
			line = end + 1;
		}
		have -= line - buffer;
		memmove(buffer, line, have);
	}
	close(fd);
	if (maps) maps[count] = (struct rt_map){UINTPTR_MAX, UINTPTR_MAX, 0};
	return count > 0;
}

const struct rt_map *rt_map_from(uintptr_t p)
{
	size_t low = 0, high = count;
	if (last < high && p >= maps[last].low && p < maps[last].high) return &maps[last];
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (maps[middle].high <= p) low = middle + 1;
		else high = middle;
	}
	return &maps[last = low];
}

const struct rt_map *rt_map_of(uintptr_t p)
{
	const struct rt_map *m = rt_map_from(p);
	return p >= m->low && p < m->high ? m : 0;
}
