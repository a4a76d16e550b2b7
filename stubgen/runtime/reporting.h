/* reporting.h: options, and what is written for people: profiles and leaks. Nothing here allocates. */
#ifndef ALLOCS_REPORTING_H
#define ALLOCS_REPORTING_H

#include "rt.h"
#include <stdio.h>

/* futex(2) among the threads of one process; musl has no header for it */
#define RT_FUTEX_WAIT 128
#define RT_FUTEX_WAKE 129

/* ---- options ---- */

#define RT_PATH 4096
#define RT_NAME_ROOM (RT_PATH + 300) /* of an expanded name */

struct options {
	char profile[RT_PATH]; /* the name as given, made absolute; "" for none */
	char leaks[RT_PATH];   /* where leaks go as JSON */
	int look_for_leaks, leak_status;
	int signal;
	uint64_t interval_us, every;
};
extern struct options rt_options;

void rt_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int rt_started_here(void);   /* not in a child that was forked */
int rt_has(const char *name, char escape);
/* %p is the process id, %n the number of the profile, %% a percent sign; 0 where it gets too long */
int rt_expand(const char *name, unsigned number, char out[RT_NAME_ROOM]);
const char *rt_error_text(int error);

/* ---- writer ---- */

struct rt_writer {
	int fd, error;
	int direct, named; /* written in place, not being a regular file; the temporary file has a name */
	const char *path;
	char temporary[RT_NAME_ROOM];
	size_t used;
	char buffer[32768];
};

/* The one writer, for this thread alone until it is closed; NULL, with *error, where that is impossible. */
struct rt_writer *rt_writer_open(const char *path, int *error);
struct rt_writer *rt_writer_open_fd(int fd);
int rt_writer_close(struct rt_writer *); /* puts the file into its place; 0, or an errno and no file */

void rt_put(struct rt_writer *, const char *s, size_t n);
void rt_text(struct rt_writer *, const char *s);
void rt_number(struct rt_writer *, long long n);
void rt_string(struct rt_writer *, const char *s); /* as JSON; null for NULL */
void rt_field(struct rt_writer *, const char *name, const char *value);
void rt_count(struct rt_writer *, const char *name, long long value);

/* ---- profile ---- */

void rt_put_program(struct rt_writer *);
void rt_put_node(struct rt_writer *, struct node *); /* allocator, chain, site and type: the begin of a row */
/* where code lies that has no record: NULL where nobody knows */
struct rt_place {
	uintptr_t address, offset;
	const char *object, *symbol;
	int built; /* by allocscc: then it is this call that has no record */
};
#define RT_NO_RECORD(place) ((place) && (place)->built ? " (no record of this call)" : " (not built by allocscc)")
const struct rt_place *rt_place_of(uintptr_t address); /* only between open and close of a writer */
void rt_places_forget(void);

int rt_profile_write(const char *path, const char *reason, unsigned number);

/* ---- time line: profiles while the program runs ---- */

struct rt_sample {
	uint64_t ms;
	int64_t bytes, chunks;
};
void rt_timeline_prepare(void);            /* the options are known */
unsigned rt_timeline_next(void);           /* the next profile's number */
uint64_t rt_timeline_now(void);            /* milliseconds since the start */
void rt_timeline_put(struct rt_writer *);  /* ,"timeline":[…] if there is one */
void rt_timeline_end(void);                /* no more profiles by the helper */

/* ---- leaks ---- */

/* of the chunks of one node: those to which nothing points, and those to which only lost ones do */
struct rt_lost {
	uint64_t direct_chunks, direct_bytes, indirect_chunks, indirect_bytes;
};

struct rt_range {
	uintptr_t low, high;
	int exact; /* only a pointer to a chunk's begin counts */
};
#define RT_REGISTERS 34
struct rt_stopped {
	int tid;
	uintptr_t stack, pointer; /* the stack pointer (0: who knows) and the thread pointer (0: who knows) */
	uintptr_t reg[RT_REGISTERS];
};
struct rt_roots {
	struct rt_range range[8192]; /* data of objects, thread-local data of this thread and of main */
	struct rt_stopped thread[2048];
	unsigned ranges, unseen;
	int pid;
	_Atomic unsigned threads;
	struct rt_range loader;
	uintptr_t main_stack; /* an address in it */
};
void rt_roots_prepare(void); /* main, before it begins */
/* Stops the other threads, as far as they let us; they go on with rt_roots_release. */
void rt_roots_collect(struct rt_roots *, uintptr_t here);
void rt_roots_release(void);
int rt_helper(void); /* the number of our own thread, or 0 */

struct rt_map {
	uintptr_t low, high;
	int readable;
};
int rt_maps_read(void);
const struct rt_map *rt_map_from(uintptr_t p); /* the one that holds p, or the next one; others follow */
const struct rt_map *rt_map_of(uintptr_t p);   /* NULL if there is none */

int rt_leaks_find(const struct rt_roots *, struct rt_lost *by_node, uint32_t last); /* 0, or an errno */
int rt_leaks_report(void); /* whether there are any */

#endif
