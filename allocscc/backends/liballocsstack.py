"""liballocs' view of alloca: what its own tools make of a call, said in C in front of a unit (LIBALLOCS-ABI.md).

A chunk has a word in front of it that says how large it is, with the trailer behind it, in which liballocs keeps the
site. A variable of the function counts the bytes of its chunks; when the function is left, they are taken back. Where
none of its libraries is linked, a chunk is only a little larger.
"""

from __future__ import annotations

# objdumpallocs takes a call of such a name for an allocation.
HOOK = "__monalloca_allocs"
FRAME = b" unsigned long __allocs_frame __attribute__((__cleanup__(__allocs_left))) = 0;"
# 16 bytes in front, the word and what keeps the chunk aligned; 8 behind. clang ignores __noipa__, without a word (-w).
PRELUDE = (
    b"void __allocs_notify(void *, unsigned long, unsigned long *, const void *, const void *, const void *) "
    b'__asm__("__alloca_allocator_notify") __attribute__((__weak__));\n'
    b"void __allocs_unindex(unsigned long *, void *) "
    b'__asm__("__liballocs_unindex_stack_objects_counted_by") __attribute__((__weak__));\n'
    b"static __inline__ __attribute__((__always_inline__, __unused__)) void __allocs_left(unsigned long *frame) "
    b"{ if (*frame && __allocs_unindex) __allocs_unindex(frame, __builtin_frame_address(0)); }\n"
    b"static void *__allocs_alloca(char *, unsigned long, unsigned long, unsigned long *, void *) "
    b'__asm__("__monalloca_allocs") __attribute__((__noinline__, __unused__, __noipa__));\n'
    b"static void *__allocs_alloca(char *start, unsigned long size, unsigned long all, unsigned long *frame, void *bp) "
    b"{ char *chunk = start + 16; if (!__allocs_notify) return chunk; "
    b"*(unsigned long *)(chunk - sizeof size) = all - 16; *frame += all - 16; "
    b"__allocs_notify(chunk, size, frame, __builtin_return_address(0), start, bp); return chunk; }\n"
    b"#define __builtin_alloca(n) __extension__({ unsigned long __allocs_n = (n); "
    b"unsigned long __allocs_all = (__allocs_n + 8 + 15 & ~15ul) + 16; "
    b"__allocs_alloca((char *)__builtin_alloca(__allocs_all), __allocs_n, __allocs_all, &__allocs_frame, "
    b"__builtin_frame_address(0)); })\n"
)
