"""Renaming definitions in objects: `allocscc.elf.edit`."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.elf.edit import check_editable, mark_definitions, replace_definitions
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from tests.unit.damage import nothing_but
from tests.unit.elf.build import (
    ABS64,
    DEFAULT,
    HIDDEN,
    LOCAL,
    PC32,
    PLT32,
    PROTECTED,
    WEAK,
    Sec,
    Sym,
    elf,
    read_relocations,
    read_symbols,
)

_SYMBOLS = [Sym("local", binding=LOCAL), Sym("xmalloc", value=4), Sym("other", value=8), Sym("malloc", "")]
_CALLS = [(1, "xmalloc", PLT32, -4), (6, "malloc", PLT32, -4), (9, "xmalloc", PC32, 2), (12, "local", PC32, 0)]
_DESCRIBES = [(0, "xmalloc", PC32, 7)]
_OBJECT = elf(
    _SYMBOLS,
    [
        Sec(".text", relocations=_CALLS),
        Sec(".data", relocations=[(8, "xmalloc", ABS64, 0)]),
        Sec(".eh_frame", relocations=_DESCRIBES),
        Sec("allocs_sites", relocations=_DESCRIBES),
        Sec(".debug_info", flags=0, relocations=_DESCRIBES),
    ],
)


def named(rows, old, new):
    return [(offset, new if name == old else name, kind, addend) for offset, name, kind, addend in rows]


def test_symbols():
    """R8: the definition gets the other name, hidden; the first name is undefined and global; the rest stays."""
    before, after = read_symbols(_OBJECT), read_symbols(replace_definitions(_OBJECT, ["xmalloc"], "x.o"))
    assert after.pop("__real_xmalloc") == ("STB_GLOBAL", "STT_FUNC", "STV_HIDDEN", ".text", 4)
    assert after.pop("xmalloc") == ("STB_GLOBAL", "STT_NOTYPE", "STV_DEFAULT", "", 0)
    before.pop("xmalloc")
    assert after == before


def test_references():
    """R8: code and data mean the stub; unwind tables, debug info and site records mean the function itself."""
    data = replace_definitions(_OBJECT, ["xmalloc"], "x.o")
    assert read_relocations(data, ".text") == _CALLS
    assert read_relocations(data, ".data") == [(8, "xmalloc", ABS64, 0)]
    for section in (".eh_frame", "allocs_sites", ".debug_info"):
        assert read_relocations(data, section) == named(_DESCRIBES, "xmalloc", "__real_xmalloc")


def test_several():
    """R8: all functions of an object in one step."""
    data = replace_definitions(_OBJECT, ["other", "xmalloc"], "x.o")
    found = read_symbols(data)
    assert {name for name in found if name.startswith("__real_")} == {"__real_xmalloc", "__real_other"}
    assert found["__real_other"][4] == 8
    assert read_relocations(data, ".text") == _CALLS


@pytest.mark.parametrize("visibility", [DEFAULT, HIDDEN, PROTECTED])
def test_visibility(visibility):
    """R8: the reference is as visible as the definition was, the definition is hidden."""
    found = read_symbols(replace_definitions(elf([Sym("f", visibility=visibility)]), ["f"], "x.o"))
    names = {DEFAULT: "STV_DEFAULT", HIDDEN: "STV_HIDDEN", PROTECTED: "STV_PROTECTED"}
    assert found["f"][2] == names[visibility]
    assert found["__real_f"][2] == "STV_HIDDEN"


def test_weak_definition():
    """R8: the definition stays weak, the reference is strong: the stub has to be there."""
    found = read_symbols(replace_definitions(elf([Sym("f", binding=WEAK)]), ["f"], "x.o"))
    assert (found["f"][0], found["__real_f"][0]) == ("STB_GLOBAL", "STB_WEAK")


def test_the_rest_of_the_file_stays():
    """R6: an edit appends and patches; sections keep their contents."""
    before, after = ElfObject(_OBJECT, "x.o"), ElfObject(replace_definitions(_OBJECT, ["xmalloc"], "x.o"), "x.o")
    for one, two in zip(before.sections, after.sections, strict=True):
        assert (one.name, one.type, one.flags, one.link, one.info) == (
            two.name,
            two.type,
            two.flags,
            two.link,
            two.info,
        )
        if one.name in (b".text", b".data", b".shstrtab", b".rela.debug_info"):
            assert before.contents(one) == after.contents(two)
    assert after.section(b".symtab").size == before.section(b".symtab").size + 24
    assert after.section(b".symtab").offset % 8 == 0


def test_twice():
    """R6: an object that was edited can be edited again."""
    once = replace_definitions(_OBJECT, ["xmalloc"], "x.o")
    found = read_symbols(replace_definitions(once, ["other"], "x.o"))
    assert {"xmalloc", "other", "__real_xmalloc", "__real_other"} <= found.keys()


def test_nothing_to_do():
    """R6: no names, no change of meaning."""
    assert read_symbols(replace_definitions(_OBJECT, [], "x.o")) == read_symbols(_OBJECT)


@pytest.mark.parametrize("name", ["malloc", "local", "absent"])
def test_not_defined(name):
    """R6: undefined, local and unknown names are an error that names them."""
    with pytest.raises(FormatError, match=rf"^x\.o: does not define {name} as a global symbol$"):
        replace_definitions(_OBJECT, ["xmalloc", name], "x.o")


def test_stripped():
    """R6: without a symbol table there is nothing to rename."""
    with pytest.raises(FormatError, match=r"^x\.o: no symbol table$"):
        replace_definitions(elf(_SYMBOLS, kind=3), ["xmalloc"], "x.o")


@given(st.integers(0, len(_OBJECT) - 1))
def test_truncated(size):
    """R6: a file that lost its end raises FormatError and nothing else."""
    with pytest.raises(FormatError):
        replace_definitions(_OBJECT[:size], ["xmalloc"], "x.o")


@given(st.lists(st.tuples(st.integers(0, len(_OBJECT) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged(changes):
    """R6: changed bytes raise FormatError and nothing else, and end."""
    data = bytearray(_OBJECT)
    for position, value in changes:
        data[position] = value
    with nothing_but(FormatError, "x.o: "):
        replace_definitions(bytes(data), ["xmalloc"], "x.o")


@pytest.mark.parametrize("table", [b".rela.text", b".symtab"])
@pytest.mark.parametrize("field", [24, 32])
@pytest.mark.parametrize("value", [1, 24 * 3 - 1, 2**32, 2**63, 2**64 - 24, 2**64 - 1])
def test_damaged_table(table, field, value):
    """R6: offset and size of the tables that are edited."""
    data = bytearray(_OBJECT)
    elf_file = ElfObject(_OBJECT, "x.o")
    struct.pack_into("<Q", data, elf_file.section_offset + 64 * elf_file.section(table).index + field, value)
    with nothing_but(FormatError, "x.o: "):
        assert ElfObject(replace_definitions(bytes(data), ["xmalloc"], "x.o"), "x.o").sections


def test_relocation_sections_that_overlap():
    """R3: a small file whose headers name the same relocations often is not worked through as often."""
    data = bytearray(
        elf([Sym("xmalloc", ".t0")], [Sec(f".t{n}", relocations=[(0, "xmalloc", PC32, 0)]) for n in range(9)])
    )
    elf_file = ElfObject(bytes(data), "x.o")
    for section in elf_file.sections:
        if section.type == 4:
            struct.pack_into("<QQ", data, elf_file.section_offset + 64 * section.index + 24, 0, len(data))
    with pytest.raises(FormatError, match=r"^x\.o: the relocation sections overlap"):
        replace_definitions(bytes(data), ["xmalloc"], "x.o")
    with pytest.raises(FormatError, match=r"^x\.o: the relocation sections overlap"):
        check_editable(ElfObject(bytes(data), "x.o"))
    check_editable(elf_file)


@pytest.mark.parametrize("damage", ["name", "terminator", "entry size", "size"])
def test_symbol_tables_that_an_edit_would_mend(damage):
    """R3: what linkers refuse is left as it is."""
    data = bytearray(_OBJECT)
    file = ElfObject(_OBJECT, "x.o")
    table = file.table(2)
    strings = file.sections[table.link]
    header = file.section_offset + 64 * table.index
    if damage == "name":
        struct.pack_into("<I", data, table.offset + 24, strings.size)
    elif damage == "terminator":
        data[strings.offset + strings.size - 1] = 65
    elif damage == "entry size":
        struct.pack_into("<Q", data, header + 56, 16)
    else:
        struct.pack_into("<Q", data, header + 32, table.size - 1)
    check_editable(file)
    with pytest.raises(FormatError, match=r"^x\.o: the symbol table is damaged"):
        check_editable(ElfObject(bytes(data), "x.o"))


def test_section_that_an_edit_would_mend():
    """R3: an edit makes the file longer; a section behind its end would then be in it."""
    data = bytearray(_OBJECT)
    file = ElfObject(_OBJECT, "x.o")
    struct.pack_into("<Q", data, file.section_offset + 64 * file.section(b".debug_info").index + 32, len(data))
    with pytest.raises(FormatError, match=r"^x\.o: a section reaches behind the end of the file"):
        check_editable(ElfObject(bytes(data), "x.o"))


_SPLIT = elf([Sym("xmalloc.cold", value=12, binding=LOCAL), *_SYMBOLS], [Sec(".text", relocations=_CALLS)])


def test_marks():
    """R16: further names, hidden; a reference to what knows of the mark; no reference and no definition changes."""
    before, after = read_symbols(_SPLIT), read_symbols(mark_definitions(_SPLIT, {"xmalloc": ("xmalloc.cold",)}, "x.o"))
    assert after.pop("__allocs_own_xmalloc") == ("STB_GLOBAL", "STT_FUNC", "STV_HIDDEN", ".text", 4)
    assert after.pop("__allocs_own_xmalloc.cold") == ("STB_GLOBAL", "STT_FUNC", "STV_HIDDEN", ".text", 12)
    assert after.pop("__allocs_wrapper_xmalloc") == ("STB_GLOBAL", "STT_NOTYPE", "STV_HIDDEN", "", 0)
    assert after == before
    assert read_relocations(mark_definitions(_SPLIT, {"xmalloc": ()}, "x.o"), ".text") == _CALLS


@pytest.mark.parametrize(
    ("marks", "missing"),
    [
        ({"nothing": ()}, "nothing"),
        ({"malloc": ()}, "malloc"),  # undefined
        ({"local": ()}, "local"),  # only locally
        ({"xmalloc": ("xmalloc.part",)}, "xmalloc.part"),
        ({"xmalloc": ("other",)}, "other"),  # a part is local
    ],
)
def test_marks_of_what_is_not_there(marks, missing):
    """R16: what the survey saw must be there."""
    with pytest.raises(FormatError, match=rf"^x\.o: does not define {missing}$"):
        mark_definitions(_SPLIT, marks, "x.o")


@given(st.lists(st.tuples(st.integers(0, len(_SPLIT) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_marks_in_damaged_objects(changes):
    """R6: changed bytes raise FormatError and nothing else, and end."""
    data = bytearray(_SPLIT)
    for position, value in changes:
        data[position] = value
    with nothing_but(FormatError, "x.o: "):
        mark_definitions(bytes(data), {"xmalloc": ("xmalloc.cold",)}, "x.o")
