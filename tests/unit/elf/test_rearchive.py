"""Archives whose members got stubs: `allocscc.elf.rearchive`."""

import pytest

from allocscc.elf.archive import index, members
from allocscc.elf.rearchive import add_stubs
from allocscc.errors import FormatError
from tests.unit.elf.build import Sym, archive, elf, thin_archive

_OLD = elf([Sym("xmalloc"), Sym("helper")])
_NEW = elf([Sym("__real_xmalloc"), Sym("helper"), Sym("xmalloc", "")])
_STUB = elf([Sym("xmalloc"), Sym("identity"), Sym("__real_xmalloc", "")])
_OTHER = elf([Sym("xmalloc", "")])


def rewritten(tmp_path, data):
    """Names and bytes of the copy's members, and its index as symbol → member's name."""
    (tmp_path / "x.a").write_bytes(data)
    add_stubs(str(tmp_path / "x.a"), str(tmp_path / "y.a"), lambda _, m: (_NEW, _STUB) if m.data == _OLD else None)
    copy = (tmp_path / "y.a").read_bytes()
    found = members(copy, "y.a", str(tmp_path))
    names = {member.offset: member.name for member in found}
    listed = index(copy, "y.a")
    return [(m.name, m.data) for m in found], None if listed is None else [(n, names[at]) for n, at in listed]


def test_members_and_index(tmp_path):
    """R6: the stub stands behind its member and has its name in the index; the rest leads where it did."""
    contents, listed = rewritten(tmp_path, archive([("x.o", _OLD), ("y.o", _OTHER)], ["xmalloc", "helper"]))
    assert contents == [("x.o", _NEW), ("allocs-0.o", _STUB), ("y.o", _OTHER)]
    assert listed == [
        (b"xmalloc", "allocs-0.o"), (b"helper", "x.o"), (b"__real_xmalloc", "x.o"), (b"identity", "allocs-0.o"),
    ]  # fmt: skip


def test_no_index(tmp_path):
    """R3: an archive that the linker will not search stays one."""
    data = archive([("x.o", _OLD)])
    at = data.index(b"x.o/")
    assert rewritten(tmp_path, b"!<arch>\n" + data[at:]) == ([("x.o", _NEW), ("allocs-0.o", _STUB)], None)


def test_incomplete_index(tmp_path):
    """R3: what the index does not list is not found afterwards either."""
    _, listed = rewritten(tmp_path, archive([("x.o", _OLD)], ["helper"]))
    assert [name for name, _ in listed] == [b"helper", b"__real_xmalloc", b"identity"]


def test_thin(tmp_path):
    """R6: the copy of a thin archive holds its members."""
    (tmp_path / "x.o").write_bytes(_OLD)
    contents, listed = rewritten(tmp_path, thin_archive(["x.o"], [len(_OLD)], ["xmalloc"]))
    assert contents == [("x.o", _NEW), ("allocs-0.o", _STUB)]
    assert listed[0] == (b"xmalloc", "allocs-0.o")


def test_damaged_index(tmp_path):
    """R3: an index that leads nowhere is not mended."""
    data = archive([("x.o", _OLD)], ["xmalloc"])
    at = data.index(b"xmalloc") - 1
    with pytest.raises(FormatError, match=r"x\.a: the symbol index names byte \d+, where no member begins"):
        rewritten(tmp_path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
