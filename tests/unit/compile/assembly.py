"""Assembly texts as the compilers write them, and the shortest units around a few lines."""

GCC = """\
\t.file\t"x.c"
\t.text
.Ltext0:
\t.file 0 "/w/src" "x.c"
\t.p2align 4
\t.globl\tf
\t.type\tf, @function
f:
.LVL0:
.LFB0:
\t.file 1 "x.c"
\t.loc 1 2 15 view -0
\t.cfi_startproc
\t.loc 1 2 16 view .LVU1
\t.loc 1 2 23 is_stmt 0 view .LVU2
\tmovslq\t%edi, %rdi
\t.loc 1 2 23 view .LVU3
\tjmp\tmalloc@PLT
.LVL1:
\t.loc 1 2 24 view .LVU4
\t.cfi_endproc
.LFE0:
\t.size\tf, .-f
\t.section\t.text.startup,"ax",@progbits
\t.globl\tmain
\t.type\tmain, @function
main:
.LFB1:
\t.cfi_startproc
\tsubq\t$8, %rsp
\t.file 2 "/w/include/x.h"
\t.loc 2 7 5
\tcall\tcalloc@PLT
\t.loc 1 9 3
\tcall\tputs@PLT
\t.cfi_endproc
\t.size\tmain, .-main
\t.text
.Letext0:
\t.section\t.debug_info,"",@progbits
.Ldebug_info0:
\t.long\t0x9f
\t.section\t.debug_line,"",@progbits
.Ldebug_line0:
\t.ident\t"GCC: (Debian 12.2.0-14) 12.2.0"
\t.section\t.note.GNU-stack,"",@progbits
"""

CLANG = """\
\t.text
\t.file\t"x.c"
\t.globl\tf                               # -- Begin function f
\t.p2align\t4, 0x90
\t.type\tf,@function
f:                                      # @f
.Lfunc_begin0:
\t.file\t0 "/w/src" "x.c" md5 0x2899099dd03def588a0b1076b1ab104b
\t.loc\t0 2 0                           # x.c:2:0
\t.cfi_startproc
# %bb.0:
\t.loc\t0 2 30 prologue_end             # x.c:2:30
\tmovslq\t%edi, %rdi
.Ltmp0:
\t.loc\t0 2 23 is_stmt 0                # x.c:2:23
\tjmp\tmalloc@PLT                      # TAILCALL
.Ltmp1:
.Lfunc_end0:
\t.size\tf, .Lfunc_end0-f
\t.cfi_endproc
                                        # -- End function
\t.type\tg,@function
g:                                      # @g
\t.cfi_startproc
\t.file\t1 "/usr/include" "stdlib.h" md5 0x02258fad21adf111bb9df9825e61954a
\t.loc\t1 540 3                         # /usr/include/stdlib.h:540:3
\tcallq\tcalloc@PLT
\tretq
\t.cfi_endproc
\t.section\t.debug_abbrev,"",@progbits
\t.byte\t1                               # Abbreviation Code
\t.section\t.debug_str,"MS",@progbits,1
.Linfo_string0:
\t.asciz\t"clang"                         # string offset=0
\t.ident\t"Debian clang version 14.0.6"
\t.section\t".note.GNU-stack","",@progbits
\t.addrsig
"""


def function(body, name="f", before=""):
    """A function with `body` (indented by tabs) in section .text."""
    lines = "".join(f"\t{line}\n" for line in body)
    return f"{before}\t.text\n\t.type\t{name}, @function\n{name}:\n\t.cfi_startproc\n{lines}\t.cfi_endproc\n"
