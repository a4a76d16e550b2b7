"""Functions that call alloca: `allocscc.compile.onstack`; additions to a unit's text: `allocscc.compile.apart`."""

import pytest

from allocscc.compile.apart import Additions, Definition, keep_file_apart
from allocscc.compile.interest import grows_stack, has_frame_pointer, mentions_alloca
from allocscc.compile.onstack import calls_alloca, with_leaves

_LEFT = "\tcall\t__allocs_alloca_left\n"


def function(name, *lines):
    return (
        f"\t.type\t{name}, @function\n{name}:\n\t.cfi_startproc\n"
        + "".join(f"\t{line}\n" for line in lines)
        + "\t.cfi_endproc\n"
    )


def x86(hook_call="call\t__allocs_alloca@PLT"):
    return "\t.text\n" + function("f", hook_call, "leave", "ret", "rep ret", "retq") + function("g", "call\th", "ret")


def test_every_return():
    """R12: before each return of a function with a call of the hook, and of no other one."""
    text = with_leaves(x86(), "__allocs_alloca")
    assert text.count(_LEFT) == 3
    assert f"leave\n{_LEFT}\tret\n{_LEFT}\trep ret\n{_LEFT}\tretq\n" in text
    assert "\tcall\th\n\tret\n" in text
    assert text.count("__allocs_alloca_left,comdat") == 1


@pytest.mark.parametrize("call", ["callq\t__allocs_alloca@PLT", "call\t*__allocs_alloca@GOTPCREL(%rip)"])
def test_ways_to_call(call):
    """R12: as gcc and clang write it, with and without a PLT."""
    assert with_leaves(x86(call), "__allocs_alloca").count(_LEFT) == 3


@pytest.mark.parametrize("call", ["call\t__allocs_alloca_other", "call\talloca", "nop"])
def test_no_call(call):
    """R3: without a call nothing changes."""
    assert with_leaves(x86(call), "__allocs_alloca") == x86(call)


def test_cold_part():
    """R12: the call may be in the part that gcc split off, the return in the other."""
    text = function("f", "jmp\tf.cold", "ret") + function("f.cold", "call\t__allocs_alloca@PLT", "jmp\t.L2")
    assert with_leaves(text, "__allocs_alloca").count(_LEFT) == 1


def test_unframed_and_intel():
    """R12: no CFI where the unit has none; our instructions keep their own syntax."""
    text = "\t.intel_syntax noprefix\n" + x86().replace("\t.cfi_startproc\n", "").replace("\t.cfi_endproc\n", "")
    made = with_leaves(text, "__allocs_alloca")
    assert ".cfi" not in made
    assert made.endswith("\t.intel_syntax noprefix\n")
    assert "\t.att_syntax prefix\n" in made


def test_aarch64():
    """R12: the link register is kept where no result is."""
    text = "\t.arch armv8-a\n\t.type\tf, %function\nf:\n\tbl\t__allocs_alloca\n\tldp\tx29, x30, [sp], 16\n\tret\n"
    made = with_leaves(text, "__allocs_alloca")
    assert "\tmov\tx10, x30\n\tbl\t__allocs_alloca_left\n\tmov\tx30, x10\n\tret\n" in made
    assert "%progbits" in made


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"p = __builtin_alloca (3)", True), (b"__builtin_alloca_with_align(3, 64)", False), (b"alloca(3)", False)],
)
def test_calls(text, found):
    """R12: what <alloca.h> makes of it."""
    assert calls_alloca(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p = alloca(3);", True),
        ("p = my_alloca (3);", True),
        ("s = strdupa(t);", True),
        ("#include <alloca.h>", True),
        ("an allocator's allocation", False),
        ("alloca_h dupadupe", False),
        ("allocator alloca", True),
        ("", False),
    ],
)
def test_mentions(tmp_path, text, found):
    """R3: units that have nothing to do with it do not pay."""
    path = tmp_path / "x.c"
    path.write_text(text)
    assert mentions_alloca([str(path), "/nowhere/x.h"]) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\tsubq\t%rax, %rsp\n", True),
        ("\tmovq\t%rcx, %rsp\n", True),
        ("\tmovq\t%rbp, %rsp\n", False),
        ("\tsubq\t$24, %rsp\n", False),
        ("\tsubq\t$24, %rsp\n\tsubq\t%rdx, %rsp\n", True),
        ("\tsub\tsp, sp, x3\n", True),
        ("\tsub\tsp, sp, #48\n", False),
    ],
)
def test_grows(text, found):
    """R4: where there may be an array of variable length."""
    assert grows_stack(text) is found


_TEXT = b'# 0 "a.c"\n# 0 "<built-in>"\n#define ONE 1\n# 1 "a.c"\nint f(int n) {\n  return n; }\nint g() { return 0; }\n'


def added(tmp_path, additions, definitions=()):
    source, target = tmp_path / "in.i", tmp_path / "out.i"
    source.write_bytes(_TEXT)
    assert keep_file_apart(str(source), str(target), list(definitions), "gcc", additions)
    return target.read_bytes()


def test_prelude(tmp_path):
    """R12: the first markers stay first, and those behind say where the rest is."""
    made = added(tmp_path, Additions(b"PRELUDE\n"))
    assert made == _TEXT.replace(b'# 0 "<built-in>"', b'PRELUDE\n# 0 "<built-in>"')


def test_one_marker(tmp_path):
    """R12: the only one is said again."""
    source = tmp_path / "in.i"
    source.write_bytes(b'# 1 "a.c"\nint x;\n')
    assert keep_file_apart(str(source), str(source), [], "gcc", Additions(b"PRELUDE\n"))
    assert source.read_bytes() == b'# 1 "a.c"\nPRELUDE\n# 1 "a.c"\nint x;\n'


def test_nothing_to_do(tmp_path):
    """R12: text without markers stays as it is; so does what gets no addition."""
    source = tmp_path / "in.i"
    source.write_bytes(b"int x;\n")
    assert not keep_file_apart(str(source), str(source), [], "gcc", Additions(b"PRELUDE\n"))
    assert not keep_file_apart(str(source), str(source), [], "gcc", Additions())


def test_frames(tmp_path):
    """R17: a declaration at the begin of a function's body; what stands behind it keeps line and column."""
    frames = (("a.c", 1, 14), ("a.c", 3, 9), ("a.c", 2, 1), ("b.c", 1, 14))
    made = added(tmp_path, Additions(b"P\n", b" FRAME;", frames))
    assert b'int f(int n) { FRAME;\n# 1 "a.c"\n              \n  return n; }\n' in made
    assert b'int g() { FRAME;\n# 3 "a.c"\n' + b" " * 9 + b" return 0; }\n" in made
    assert made.count(b"FRAME") == 2


def test_frames_beside_definitions(tmp_path):
    """R17: also where the definition itself gets an attribute."""
    definition = Definition("f", "f", "a.c", 1, b"")
    made = added(tmp_path, Additions(b"P\n", b" FRAME;", (("a.c", 1, 14),)), [definition])
    assert made.count(b"__noipa__") == 1
    assert b"int f(int n) { FRAME;\n" in made


@pytest.mark.parametrize(("text", "found"), [
    ("f:\n\tpushq\t%rbp\n\tmovq\t%rsp, %rbp\n\tret\n", True),
    ("f:\n\tpush\trbp\n\tmov\trbp, rsp\n\tret\n", True),
    ("f:\n\tstp\tx29, x30, [sp, -32]!\n\tmov\tx29, sp\n\tret\n", True),
    ("f:\n\tsubq\t$24, %rsp\n\tcall\tg\n\taddq\t$24, %rsp\n\tret\n", False),
    ("f:\n\tmovq\t%rsp, %rbpx\n\tmovq\t%rdi, %rbp\n\tret\n", False),
    ("", False),
])  # fmt: skip
def test_frame_pointer(text: str, found: bool) -> None:
    assert has_frame_pointer(text) is found
