"""What linkers say they took: `allocscc.link.trace`."""

import pytest

from allocscc.errors import FormatError
from allocscc.link.trace import (
    read_member,
    read_options,
    read_trace,
    split_member,
    thin_members,
    with_thin_members,
)

_BFD = """/usr/lib/Scrt1.o
a.o
./libx.a
(./libx.a)x.o
./libx.a
(./libx.a)x.o
/tmp/ccAb12Cd.ltrans0.ltrans.o
/usr/bin/ld: mode elf_x86_64
"""
_LLD = """/usr/lib/Scrt1.o
a.o
./libx.a(x.o)
/tmp/ccXXXXXX.ltrans0.ltrans.o
"""
_MOLD = """trace: /usr/lib/Scrt1.o
trace: a.o
trace: libx.a(x.o)
trace: libx.a(unused.o)
"""
_MOLD_MAP = "            0x16f2         26     1         libx.a(x.o):(.text)\n"
_INPUTS = ["/usr/lib/Scrt1.o", "/w/a.o", "/w/libx.a(x.o)"]


def is_file(path):
    return path in ("/usr/lib/Scrt1.o", "/w/a.o")


@pytest.mark.parametrize("text", [_BFD, _LLD])
def test_one_form_for_all_linkers(text):
    """R15: members as archive(member), paths absolute, each once; LTO's random names made alike."""
    assert read_trace(text, "/w", is_file) == [*_INPUTS, "<LTO>.ltrans0.ltrans.o"]


def test_mold_names_members_that_it_does_not_use():
    """R15: its map says which it uses."""
    assert read_trace(_MOLD, "/w", is_file, _MOLD_MAP) == _INPUTS


def test_member_names_are_split():
    """R15: an archive and its member, or a file."""
    assert split_member("/w/libx.a(x.o)") == ("/w/libx.a", "x.o")
    assert split_member("/w/x.o") == ("/w/x.o", "")


def test_options_with_their_words():
    """R15: options that we may add are one with their argument."""
    args = ["-u", "f", "-pie", "a.o", "-z", "now", "--wrap=g", "--wrap", "h", "-lx", "-l", "y", "-u"]
    assert read_options(args) == ["-u f", "-pie", "-z now", "--wrap=g", "--wrap h", "-lx", "-l y", "-u"]


def test_a_member_that_is_not_there(tmp_path):
    """R15: is an error that names it."""
    path = tmp_path / "l.a"
    path.write_bytes(b"!<arch>\n")
    with pytest.raises(FormatError, match=r"has no member x\.o"):
        read_member(str(path), "x.o")


@pytest.mark.parametrize(
    "said", ["/w/sub/obj/x.o", "/w/sub/l.a(obj/x.o)", "/w/sub/l.a(sub/obj/x.o)", "/w/sub/l.a(/w/sub/obj/x.o)"]
)
def test_members_of_thin_archives(said):
    """R15: bfd, lld, gold, mold with an absolute path: one name for all."""
    members = {"/w/sub/obj/x.o": "/w/sub/l.a(obj/x.o)"}
    assert with_thin_members([said, "/w/a.o", "/w/b.a(x.o)"], members, "/w") == (
        "/w/sub/l.a(obj/x.o)", "/w/a.o", "/w/b.a(x.o)",
    )  # fmt: skip


def test_a_member_that_is_given_by_itself(tmp_path):
    """R15: is an object of the link, not a member."""
    for name in ("x.o", "y.o"):
        (tmp_path / name).write_bytes(b"object")
    head = b"".join(b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"644", 6) for name in (b"x.o/", b"y.o/"))
    thin, other = tmp_path / "l.a", tmp_path / "m.a"
    thin.write_bytes(b"!<thin>\n" + head)
    other.write_bytes(b"!<arch>\n")
    found = thin_members([str(thin), str(other)], {str(tmp_path / "y.o")})
    assert found == {f"{tmp_path}/x.o": f"{thin}(x.o)"}
