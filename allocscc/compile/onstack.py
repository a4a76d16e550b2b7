"""`alloca` (issue 8): has its calls observed, and what the function gave it taken back when it returns.

Compilers make no call of alloca that could be seen in the assembly. So a unit that uses it is compiled again
(`allocscc.compile.apart`) from text in which each call is followed by one of `__allocs_alloca`, with chunk, size and
frame; a weak reference, so that objects link anywhere. In the assembly of functions that have such a call, a call of a
thunk stands before each return: chunks of that function are gone there. Jumps out of a function need none, since no
compiler makes a last call a jump where alloca's memory may be in use.

VLAs and `__builtin_alloca_with_align`, which end with a block, are not observed.
"""

import re
from itertools import pairwise

from allocscc.compile.asm import is_aarch64, plain_name
from allocscc.config.signature import Signature

# The callee that sites of alloca have.
ALLOCA = "alloca"
SIGNATURE = Signature(ALLOCA, ("Z",), "p")
# What <alloca.h> calls (glibc's, musl's, the BSDs').
_BUILTIN = b"__builtin_alloca"
_USE = re.compile(rb"\b__builtin_alloca\s*\(")
_FUNCTION = re.compile(r"\t\.type[ \t]+\"?([^\s,\"]+)\"?,[ \t]*[@%]function")
_RETURN = {
    False: re.compile(r"^\t(?:rep[ \t;]+)?retq?(?=[ \t]*(?:#.*)?$)", re.M),
    True: re.compile(r"^\tret(?:aa|ab)?(?=[ \t]*(?://.*)?$)", re.M),
}
_CALL = {
    False: "\tcall\t__allocs_alloca_left\n",
    # x10: neither a result nor kept for the caller; the thunk leaves it alone
    True: "\tmov\tx10, x30\n\tbl\t__allocs_alloca_left\n\tmov\tx30, x10\n",
}
_JUMP = {
    # r11, and x16: what a linker's own jumps may change, too
    False: "\tmovq\t__allocs_alloca_leave@GOTPCREL(%rip), %r11\n\ttestq\t%r11, %r11\n\tje\t.Lallocs_nobody\n"
    "\tjmp\t*%r11\n.Lallocs_nobody:\n\tret\n",
    True: "\tadrp\tx16, :got:__allocs_alloca_leave\n\tldr\tx16, [x16, :got_lo12:__allocs_alloca_leave]\n"
    "\tcbz\tx16, .Lallocs_nobody\n\tbr\tx16\n.Lallocs_nobody:\n\tret\n",
}  # fmt: skip
# In each object, as one that is linked with a plain linker, or without us, needs it, too.
_THUNK = """\t.pushsection\t.text.__allocs_alloca_left,"axG",@progbits,__allocs_alloca_left,comdat
\t.weak\t__allocs_alloca_leave
\t.weak\t__allocs_alloca_left
\t.hidden\t__allocs_alloca_left
\t.type\t__allocs_alloca_left, @function
\t.balign\t16
__allocs_alloca_left:
{start}{jump}{end}\t.size\t__allocs_alloca_left, .-__allocs_alloca_left
\t.popsection
"""
_INTEL = "\t.intel_syntax noprefix\n"


def calls_alloca(text: bytes) -> bool:
    """Whether preprocessed text has a call of alloca."""
    return _BUILTIN in text and _USE.search(text) is not None


def with_leaves(text: str, hook: str) -> str:
    """The assembly with a call of the thunk before each return of a function that calls the hook, and the thunk.

    Args:
        text: assembly of a compile with a backend's prelude.
        hook: the backend's.
    """
    functions = list(_FUNCTION.finditer(text))
    bounds = [match.start() for match in functions] + [len(text)]
    parts = [text[a:b] for a, b in pairwise(bounds)]
    called = re.compile(rf"\t(?:call|jmp|bl?)q?[ \t]+\*?{hook}\b(?!_)")
    names = [plain_name(match[1]) for match in functions]
    # A part that the compiler split off (`f.cold`) may have the call, and the rest the return.
    having = {name for name, part in zip(names, parts, strict=True) if called.search(part)}
    if not having:
        return text
    arm = is_aarch64(text)
    parts = [
        _RETURN[arm].sub(lambda match: _CALL[arm] + match[0], part) if name in having else part
        for name, part in zip(names, parts, strict=True)
    ]
    return text[: bounds[0]] + "".join(parts) + _thunk(text, arm)


def _thunk(text: str, arm: bool) -> str:
    framed = "\t.cfi_startproc\n" in text
    start, end = ("\t.cfi_startproc\n", "\t.cfi_endproc\n") if framed else ("", "")
    thunk = _THUNK.format(start=start, jump=_JUMP[arm], end=end)
    if arm:
        thunk = thunk.replace("@progbits", "%progbits").replace("@function", "%function")
    newline = "" if text.endswith("\n") else "\n"
    return f"{newline}\t.att_syntax prefix\n{thunk}\t.intel_syntax noprefix\n" if _INTEL in text else newline + thunk
