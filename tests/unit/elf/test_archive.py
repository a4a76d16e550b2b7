"""System V archives: `allocscc.elf.archive`."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.elf.archive import index, index_names, members, places, write
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
    body = (1).to_bytes(8, "big") + (92).to_bytes(8, "big") + b"malloc\0"
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
    with nothing_but(FormatError, "at byte", "thin archive member", "index"):
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


def test_index_with_places():
    """R6: which symbol leads to which member."""
    first = members(_DATA, "lib.a", ".")[0].offset
    assert index(_DATA, "lib.a") == [(b"xmalloc", first), (b"xfree", first)]
    assert index(b"!<arch>\n" + member(b"a.o/", b"one"), "lib.a") is None
    assert index(archive([]), "lib.a") == []


@pytest.mark.parametrize("body", [b"\0\0\0\2\0\0\0\0a\0b\0", b"\0\0\0\2\0\0\0\0\0\0\0\0a\0", b"\xff\xff\xff\xff"])
def test_damaged_index(body):
    """R6: a count that the index does not hold."""
    with pytest.raises(FormatError, match="the symbol index is cut short"):
        index(b"!<arch>\n" + member(b"/", body), "lib.a")


def test_index_to_nowhere():
    """R3: where the linker would find no member, we find none."""
    body = b"\0\0\0\1\0\0\0\x09xmalloc\0"
    with pytest.raises(FormatError, match="the symbol index names byte 9, where no member begins"):
        contents(b"!<arch>\n" + member(b"/", body) + member(b"a.o/", b"one"))


@pytest.mark.parametrize("name", [b"__.SYMDEF", b"__.SYMDEF SORTED", b"#1/20"])
def test_bsd_archive(name):
    """R6: an archive in BSD's form is the linker's alone."""
    with pytest.raises(FormatError, match="is BSD's, which is not read"):
        contents(b"!<arch>\n" + member(name, bytes(40)))


@pytest.mark.parametrize("names", [["a"], ["a" * 3, "b" * 4, "a"], []])
def test_written_index(tmp_path, names):
    """R6: an index leads to its members, whatever its own size, with long names and without."""
    files = [("a.o", b"odd"), (_LONG, b"even")]
    write(str(tmp_path / "lib.a"), files, [(name.encode(), place % 2) for place, name in enumerate(names)])
    data = (tmp_path / "lib.a").read_bytes()
    places = {found.offset: found.name for found in members(data, "lib.a", ".")}
    assert [(name, places[at]) for name, at in index(data, "lib.a")] == [
        (name.encode(), files[place % 2][0]) for place, name in enumerate(names)
    ]
    assert contents(data) == files


def test_thin_member_in_an_archive(tmp_path):
    """R6: a thin archive of an archive names its members by the offset of their header."""
    (tmp_path / "in.a").write_bytes(_DATA)
    for found in members(_DATA, "lib.a", "."):
        field = b"/0:%d" % found.offset
        data = b"!<thin>\n" + member(b"//", b"in.a/\n") + member(field, b"x" * len(found.data))[:60]
        assert contents(data, tmp_path) == [("in.a", found.data)]
    for field in (b"/0:7", b"/0:99999", b"/0:x", b"/0:"):
        with nothing_but(FormatError, "in another archive", "no archive member header"):
            contents(b"!<thin>\n" + member(b"//", b"in.a/\n") + member(field, b"")[:60], tmp_path)


@pytest.mark.parametrize("what", ["pipe", "folder", "/dev/zero"])
def test_thin_member_that_is_no_file(tmp_path, what):
    """R3: what never ends is not read."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FormatError, match="not a regular file"):
        contents(thin_archive([what], [3]), tmp_path)


def test_thin_members_share_a_file(tmp_path):
    """R3: a small archive that names a large file often takes the memory of one."""
    (tmp_path / "a.o").write_bytes(b"one")
    first, second = members(thin_archive(["a.o", "a.o"], [3, 3]), "lib.a", str(tmp_path))
    assert first.data is second.data


def test_endless_names():
    """R3: a table of long names without ends makes no long names."""
    data = b"!<arch>\n" + member(b"//", b"x" * 100_000) + b"".join(member(b"/%d" % n, b"") for n in range(9))
    assert all(len(name) <= 4096 for name, _ in contents(data))


@pytest.mark.parametrize("field", [b"/0", b"/99999", b"/6"])
def test_long_name_that_is_not_there(field):
    """R3: linkers stop at a name outside of the table, so it is not mended."""
    for data in (b"!<arch>\n" + member(field, b"x"), b"!<arch>\n" + member(b"//", b"") + member(field, b"x")):
        for read in (contents, lambda text: places(text, "lib.a")):
            with pytest.raises(FormatError, match=r"^lib\.a: the member at byte \d+ has no name"):
                read(data)


def test_rest_behind_the_last_member():
    """R3: lld stops there, so it is not mended."""
    for read in (contents, lambda text: places(text, "lib.a")):
        with pytest.raises(FormatError, match=r"^lib\.a: no archive member header at byte"):
            read(_DATA + b"rest")
