"""Reading ELF files: `allocscc.elf.object`."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.elf.object import SHT_DYNSYM, SHT_SYMTAB, ElfObject, cstring
from allocscc.errors import FormatError
from tests.unit.damage import nothing_but
from tests.unit.elf.build import DYN, EXEC, FUNC, GLOBAL, HIDDEN, LOCAL, NOTYPE, REL, WEAK, Sec, Sym, elf

_SYMBOLS = [
    Sym("helper", binding=LOCAL), Sym("xmalloc", value=8), Sym("malloc", "", type=NOTYPE),
    Sym("weak", binding=WEAK, visibility=HIDDEN),
]  # fmt: skip
_OBJECT = elf(_SYMBOLS, [Sec(".text"), Sec(".mine", b"contents", 0), Sec(".bss", bytes(99), type=8)])


def symbols(data, *names, kind=SHT_SYMTAB):
    found = ElfObject(data, "x.o")
    return {s.name: s for s in found.symbols(found.table(kind), {name.encode() for name in names})}


def read_everything(data):
    """All that the link phase reads of a file."""
    found = ElfObject(data, "x.o")
    for kind in (SHT_SYMTAB, SHT_DYNSYM):
        table = found.table(kind)
        if table is not None:
            found.symbols(table, {b"xmalloc", b"malloc", b"weak"})
    for section in found.sections:
        found.contents(section)


@pytest.mark.parametrize("kind", [REL, EXEC, DYN])
def test_header(kind):
    """R6: what kind of file it is, for which machine."""
    found = ElfObject(elf(kind=kind), "x.o")
    assert (found.type, found.machine) == (kind, 62)


def test_sections():
    """R6: names, contents, flags; a section without bytes in the file is empty."""
    found = ElfObject(_OBJECT, "x.o")
    assert [s.name for s in found.sections] == [b"", b".text", b".mine", b".bss", b".symtab", b".strtab", b".shstrtab"]
    assert found.contents(found.section(b".mine")) == b"contents"
    assert found.contents(found.section(b".bss")) == b""
    assert found.section(b".none") is None
    assert [s.index for s in found.sections] == list(range(7))
    assert found.section(b".text").flags == 2
    assert found.section(b".bss").size == 99


def test_symbols():
    """R6: binding, visibility, section, value of those that were asked for."""
    found = symbols(_OBJECT, "xmalloc", "malloc", "weak", "helper", "absent")
    assert found.keys() == {b"xmalloc", b"malloc", b"weak", b"helper"}
    assert (found[b"xmalloc"].binding, found[b"xmalloc"].type, found[b"xmalloc"].value) == (GLOBAL, FUNC, 8)
    assert found[b"xmalloc"].defined
    assert not found[b"malloc"].defined
    assert (found[b"weak"].binding, found[b"weak"].visibility) == (WEAK, HIDDEN)
    assert found[b"helper"].binding == LOCAL
    assert found[b"helper"].index == 1


def test_only_what_was_asked_for():
    """R6: a name that is part of another one is another one."""
    data = elf([Sym("xmalloc"), Sym("mallocx")])
    assert symbols(data, "malloc", "x") == {}
    assert symbols(data, "") == {}


def test_name_that_is_the_tail_of_another():
    """R6: linkers store `malloc` inside `xmalloc`."""
    data = elf([Sym("xmalloc"), Sym("xmallo_")])
    table = ElfObject(data, "x.o").table(SHT_SYMTAB)
    merged = bytearray(data)
    struct.pack_into("<I", merged, table.offset + 2 * 24, 2)  # "xmalloc" stands at 1
    assert symbols(bytes(merged), "malloc").keys() == {b"malloc"}


def test_dynamic_symbols():
    """R6: a shared object's table."""
    data = elf(_SYMBOLS, kind=DYN)
    assert symbols(data, "xmalloc", kind=SHT_DYNSYM).keys() == {b"xmalloc"}
    assert ElfObject(data, "x.so").table(SHT_SYMTAB) is None


def test_no_sections():
    """R6: `sstrip` leaves no section headers."""
    data = bytearray(elf())
    struct.pack_into("<Q", data, 40, 0)
    assert ElfObject(bytes(data), "x").sections == []


def test_more_sections_than_the_header_can_say():
    """R6: gABI: with 65280 sections and more the count and the name table's index stand in section 0."""
    data = bytearray(_OBJECT)
    headers, count, names = struct.unpack_from("<Q", data, 40)[0], 7, 6
    struct.pack_into("<QI", data, headers + 32, count, names)
    struct.pack_into("<HH", data, 60, 0, 0xFFFF)
    assert len(ElfObject(bytes(data), "x.o").sections) == count
    assert ElfObject(bytes(data), "x.o").section(b".mine") is not None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.o: not an ELF file"),
        (b"BC\xc0\xde" + bytes(80), "x.o: not an ELF file"),  # LLVM bitcode
        (b"\x7fELF", "x.o: not 64-bit little-endian ELF"),
        (b"\x7fELF\1\1" + bytes(80), "x.o: not 64-bit little-endian ELF"),
        (b"\x7fELF\2\2" + bytes(80), "x.o: not 64-bit little-endian ELF"),
        (_OBJECT[:-1], "x.o: the section headers are cut short"),
    ],
)
def test_not_ours(data, message):
    """R6: foreign and damaged files (HAZARDS 15)."""
    with pytest.raises(FormatError) as caught:
        ElfObject(data, "x.o")
    assert str(caught.value) == message


@given(st.integers(0, len(_OBJECT) - 1))
def test_truncated(size):
    """R6: a file that lost its end raises FormatError and nothing else."""
    with pytest.raises(FormatError):
        read_everything(_OBJECT[:size])


@given(st.lists(st.tuples(st.integers(0, len(_OBJECT) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged(changes):
    """R6: changed bytes raise FormatError and nothing else, and end."""
    data = bytearray(_OBJECT)
    for position, value in changes:
        data[position] = value
    with nothing_but(FormatError, "x.o: "):
        read_everything(bytes(data))


_HEADERS = struct.unpack_from("<Q", _OBJECT, 40)[0]


@given(st.integers(_HEADERS, len(_OBJECT) - 8), st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
def test_damaged_section_headers(position, value):
    """R6: the largest numbers in the most sensitive place."""
    data = bytearray(_OBJECT)
    struct.pack_into("<Q", data, position, value)
    with nothing_but(FormatError, "x.o: "):
        read_everything(bytes(data))


@pytest.mark.parametrize(("offset", "string"), [(0, b""), (1, b"ab"), (2, b"b"), (4, b""), (9, b""), (-1, b"")])
def test_cstring(offset, string):
    """R6: outside of the table there is nothing."""
    assert cstring(b"\0ab\0c", offset) == string


@pytest.mark.parametrize("offset", [2**63 - 1, 2**63, 2**64 - 64, 2**64 - 1])
def test_section_headers_far_behind_the_end(offset):
    """R6: an offset that no machine has is one that the file ends before."""
    data = bytearray(_OBJECT)
    struct.pack_into("<Q", data, 40, offset)
    with pytest.raises(FormatError, match=r"^x\.o: the section headers are cut short"):
        ElfObject(bytes(data), "x.o")


def test_endless_section_names():
    """R3: headers that share a string of a file's length take the memory of one, and none of them is looked for."""
    data = bytearray(elf([], [Sec(".text"), Sec("x" * 100_000)]))
    found = ElfObject(bytes(data), "x.o")
    assert [s.name for s in found.sections] == [b"", b".text", b"", b".symtab", b".strtab", b".shstrtab"]


def test_definitions():
    """R6: what an archive's index lists of an object."""
    found = ElfObject(_OBJECT, "x.o").definitions()
    assert found == [b"xmalloc", b"weak"]
    assert ElfObject(elf(kind=DYN), "x.so").definitions() == []
