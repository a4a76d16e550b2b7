"""System V archives: `allocscc.elf.archive`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.elf.archive import index_names, members, write
from allocscc.errors import FormatError
from tests.unit.damage import nothing_but
from tests.unit.elf.build import archive, member, thin_archive

_DATA = archive([("a.o", b"one"), ("b.o", b"four")], ["xmalloc", "xfree"])
_LONG = "a-name-of-more-than-15-bytes.o"


def contents(data, folder="."):
    return [(m.name, m.data) for m in members(data, "lib.a", str(folder))]


def test_members():
    """R6: names and bytes of what is a file, not the index."""
    assert contents(_DATA) == [("a.o", b"one"), ("b.o", b"four")]


def test_offsets():
    """R6: each member knows where its header is."""
    for found in members(_DATA, "lib.a", "."):
        assert _DATA[found.offset : found.offset + 60] == found.header
        assert _DATA[found.offset + 60 :].startswith(found.data)


def test_index():
    """R6: the names alone tell whether an archive is of interest."""
    assert index_names(_DATA) == b"xmalloc\0xfree\0"


def test_no_index():
    """R6: an archive without an index has no names, one with an empty index neither."""
    assert index_names(b"!<arch>\n") == b""
    assert index_names(b"!<arch>\n" + member(b"a.o/", b"one")) == b""
    assert index_names(archive([])) == b""


def test_large_index():
    """R6: `/SYM64/`."""
    body = (1).to_bytes(8, "big") + bytes(8) + b"malloc\0"
    assert index_names(b"!<arch>\n" + member(b"/SYM64/", body)) == b"malloc\0"
    assert contents(b"!<arch>\n" + member(b"/SYM64/", body) + member(b"a.o/", b"x")) == [("a.o", b"x")]


def test_long_names():
    """R6: names in the table of long ones."""
    table = f"{_LONG}/\nsub/other-long-name.o/\n".encode()
    data = b"!<arch>\n" + member(b"//", table) + member(b"/0", b"one") + member(b"/%d" % (len(_LONG) + 2), b"two")
    assert contents(data) == [(_LONG, b"one"), ("sub/other-long-name.o", b"two")]


def test_two_members_of_one_name():
    """R6: `ar q` with a/util.o and b/util.o (HAZARDS 4)."""
    assert contents(archive([("u.o", b"a"), ("u.o", b"b")])) == [("u.o", b"a"), ("u.o", b"b")]


def test_thin(tmp_path):
    """R6: a thin archive's members are files beside it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.o").write_bytes(b"one")
    data = thin_archive(["sub/a.o", str(tmp_path / "sub" / "a.o")], [3, 3], ["xmalloc"])
    assert [body for _, body in contents(data, tmp_path)] == [b"one", b"one"]


def test_index_of_a_thin_archive():
    """R6: a thin archive has an index like any other."""
    assert index_names(thin_archive(["a.o", "b.o"], [300, 400], ["xmalloc"])) == b"xmalloc\0"


def test_thin_member_that_is_missing(tmp_path):
    """R6: the message says which archive and which file."""
    with pytest.raises(FormatError, match=r"^lib\.a: thin archive member a\.o: No such file"):
        contents(thin_archive(["a.o"], [3]), tmp_path)


def test_thin_member_with_an_impossible_name(tmp_path):
    """R6: a damaged name is a damaged archive."""
    with pytest.raises(FormatError):
        contents(thin_archive(["a\0b.o"], [3]), tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        _DATA[:8] + b"x" * 60,
        _DATA[:-1],
        b"!<arch>\n" + member(b"a.o/", b"x").replace(b"`\n", b"``"),
        b"!<arch>\n" + member(b"a.o/", b"").replace(b"0         `", b"-1        `"),
        b"!<arch>\n" + member(b"a.o/", b"").replace(b"0         `", b"9999999999`"),
        b"!<arch>\n" + member(b"a.o/", b"").replace(b"0         `", b"          `"),
    ],
)
def test_damaged_header(data):
    """R6: the message says which archive and where."""
    with pytest.raises(FormatError, match=r"^lib\.a: .*at byte"):
        contents(data)


@given(st.integers(0, len(_DATA)))
def test_truncated(size):
    """R6: no exception but FormatError, no invented member."""
    try:
        found = contents(_DATA[:size])
        index_names(_DATA[:size])
    except FormatError:
        return
    assert found == [("a.o", b"one"), ("b.o", b"four")][: len(found)]


_THIN = thin_archive(["a.o", "b.o"], [3, 4], ["xmalloc"])


@given(
    st.sampled_from([_DATA, _THIN, b"!<arch>\n" + member(b"//", b"long/\n") + member(b"/0", b"x")]),
    st.lists(st.tuples(st.integers(8, 400), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damaged(data, changes):
    """R6: changed bytes raise FormatError and nothing else, and end."""
    damaged = bytearray(data)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    with nothing_but(FormatError, "at byte", "thin archive member"):
        contents(bytes(damaged), "/nowhere")
    with nothing_but(FormatError, "at byte"):
        index_names(bytes(damaged))


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/\n"), min_size=1, max_size=30)


@given(st.lists(st.tuples(_NAMES, st.binary(max_size=9)), max_size=5))
def test_write_and_read(tmp_path_factory, files):
    """R6: a rewritten archive has the same members in the same order."""
    path = tmp_path_factory.getbasetemp() / "written.a"
    write(str(path), files)
    assert contents(path.read_bytes()) == files


def test_written_archive_is_one(tmp_path):
    """R6: padding, name fields and sizes are as ar(5) says."""
    path = tmp_path / "lib.a"
    write(str(path), [("a.o", b"odd"), (_LONG, b"even")])
    table = f"{_LONG}/\n".encode()
    assert path.read_bytes() == (b"!<arch>\n" + member(b"//", table) + member(b"a.o/", b"odd") + member(b"/0", b"even"))


def test_write_without_members(tmp_path):
    """R6: an empty archive is its magic."""
    write(str(tmp_path / "lib.a"), [])
    assert (tmp_path / "lib.a").read_bytes() == b"!<arch>\n"


def test_index_goes_when_written_anew(tmp_path):
    """R6: offsets of an old index would be wrong."""
    write(str(tmp_path / "lib.a"), contents(_DATA))
    assert index_names((tmp_path / "lib.a").read_bytes()) == b""
    assert contents((tmp_path / "lib.a").read_bytes()) == contents(_DATA)
