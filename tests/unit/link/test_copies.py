"""Changed copies of inputs: `allocscc.link.copies`."""

import struct

import pytest

from allocscc.elf import archive
from allocscc.elf.edit import mark_definitions, redirect_references, replace_definitions
from allocscc.link.copies import copy_problems
from tests.unit.elf.build import LOCAL, PLT32, Sec, Sym, elf

ORIGINAL = elf(
    [Sym("xmalloc"), Sym("main", value=8), Sym("malloc", "")],
    [
        Sec(".text", relocations=[(1, "malloc", PLT32, -4), (9, "xmalloc", PLT32, -4)]),
        Sec(".data", b"data"),
    ],
)
COPY = replace_definitions(ORIGINAL, ["xmalloc"], "x.o")


def problems(copy, symbols=("xmalloc",)):
    return copy_problems(ORIGINAL, copy, set(symbols), "x.o")


@pytest.mark.parametrize("edit", [replace_definitions, redirect_references])
def test_what_the_edit_does_is_no_problem(edit):
    """R15: the two edits that there are, of a copy that differs."""
    copy = edit(ORIGINAL, ["xmalloc"], "x.o")
    assert copy != ORIGINAL
    assert problems(copy) == []


def test_the_same_bytes_are_no_problem():
    """R15: a member that is only copied along."""
    assert problems(ORIGINAL, ()) == []


def test_an_edit_for_another_function_is():
    """R15: only the functions of decisions may be renamed."""
    assert "symbol xmalloc is __real_xmalloc with other properties in the copy" in "\n".join(problems(COPY, ("main",)))


def test_other_code_is():
    """R15: one byte of a section."""
    found = problems(COPY.replace(b"data", b"dada", 1))
    assert found == ["x.o: section .data has other contents in the copy"]


def test_another_relocation_is():
    """R15: a relocation that points elsewhere, or to another place."""
    at = ORIGINAL.index(struct.pack("<q", -4)) - 16
    moved = bytearray(COPY)
    moved[at] += 1
    assert "a relocation at 0x1 for malloc is one at 0x2" in "\n".join(problems(bytes(moved)))


def test_members(tmp_path):
    """R15: a copy of an archive has the same members in the same order, and the stubs' beside them."""

    def packed(name, *contents):
        archive.write(str(tmp_path / name), list(contents))
        return (tmp_path / name).read_bytes()

    def check(*contents):
        return copy_problems(original, packed("new.a", *contents), {"xmalloc"}, "l.a")

    original = packed("old.a", ("x.o", ORIGINAL), ("y.o", ORIGINAL))
    assert check(("x.o", COPY), ("allocs-0.o", b"stub"), ("y.o", ORIGINAL)) == []
    for members in ([("x.o", COPY)], [("y.o", ORIGINAL), ("x.o", COPY)], [("x.o", COPY), ("z.o", ORIGINAL)]):
        assert check(*members) == ["l.a: the copy has not the same members in the same order"]
    other = check(("x.o", COPY), ("y.o", ORIGINAL.replace(b"data", b"dada", 1)))
    assert other == ["l.a(y.o): section .data has other contents in the copy"]


_MARKED = elf([Sym("xmalloc.cold", binding=LOCAL, value=12), Sym("xmalloc"), Sym("main", value=8)])


def test_marks_are_no_problem():
    """R15, R16: further names of the function and its parts, and no others."""
    copy = mark_definitions(_MARKED, {"xmalloc": ("xmalloc.cold",)}, "x.o")
    assert copy_problems(_MARKED, copy, {"xmalloc"}, "x.o", ["xmalloc.cold"]) == []
    assert copy_problems(_MARKED, copy, {"xmalloc"}, "x.o") == [
        "x.o: the copy has a further symbol __allocs_own_xmalloc.cold"
    ]


def test_a_mark_elsewhere_is():
    """R15, R16: a further name that is another function's."""
    copy = bytearray(mark_definitions(_MARKED, {"xmalloc": ()}, "x.o"))
    entry = copy.rindex(struct.pack("<QQ", 0, 4))  # value and size of the further name
    struct.pack_into("<Q", copy, entry, 8)
    assert copy_problems(_MARKED, bytes(copy), {"xmalloc"}, "x.o") == [
        "x.o: the further symbol __allocs_own_xmalloc of the copy is not what it is another name of"
    ]
