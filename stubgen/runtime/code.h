/* code.h: what a function's code and its unwind tables say; all of it only read */
#ifndef ALLOCS_CODE_H
#define ALLOCS_CODE_H

#include "rt.h"

#pragma GCC visibility push(hidden)

/* ---- unwind tables: cfi.c ---- */

struct code {
	uintptr_t low, high;
};

/* how a call's frame is left */
struct way {
	int32_t cfa; /* offset of the caller's frame, from what `base` says */
	int16_t fp;  /* offset of the saved frame pointer from there; UNCHANGED: it is not saved */
	int8_t base;
};
/* the stack pointer, the frame pointer; or a place at an offset from the latter holds the frame's address, as in functions
 * that align the stack, and `fp` counts from the frame pointer */
enum { BY_SP, BY_FP, IN_FRAME };
#define UNCHANGED INT16_MIN

void code_ask_loader(void);                 /* once, where dlsym may be called: a lookup then needs no lock */
const void *code_object(const void *);      /* where the object lies that holds p; 0 where only a lock would tell */
int code_around(uintptr_t pc, struct code *); /* the function */
int code_way_out(uintptr_t pc, struct way *); /* 0 where `struct way` cannot say it */

/* ---- instructions: jump.c ---- */

/* where code jumps on at once, as a PLT entry does; the same address where it is none, or cannot be read */
uintptr_t code_behind_jump(uintptr_t code);
/* which function the call before a return address calls; 0 where that does not stand in the code */
uintptr_t code_called_by(uintptr_t back);
/* which function is called or jumped to at an address, if an instruction that does begins there; else 0 */
uintptr_t code_called_at(uintptr_t at);
#define MOST_OF_CALL 5 /* bytes that may be looked at */

/* ---- wrappers without stubs: ranges.c ---- */

extern int rt_ranges_lost; /* there was no memory to keep where one is: whoever called what is not known any more */

/* callers of these hold the lock */
struct alloc_wrapper *wrapper_at(uintptr_t pc); /* whose code it is, or NULL */
int helps_wrapper(uintptr_t pc);                 /* a function that one calls in its own object: it may allocate in its stead */
int ranges_forget(uintptr_t low, uintptr_t high); /* an object goes; whether wrappers go with it */
void unwind_refresh(uintptr_t low, uintptr_t high); /* unwind.c: a wrapper was found there */

#pragma GCC visibility pop
#endif
