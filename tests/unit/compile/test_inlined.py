"""Inlined calls from the debug info in assembly text: `allocscc.compile.inlined`, `allocscc.compile.dwarftext`."""

import cProfile
import pstats
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.dwarfunit import Function
from allocscc.compile.inlined import Frame, inlined_frames
from tests.unit.compile.dwarf import (
    ADDR,
    ADDRESSES_BASE,
    ADDRX,
    BLOCK,
    CALL_COLUMN,
    CALL_FILE,
    CALL_LINE,
    CLASS,
    CONSTANT,
    DATA1,
    DATA2,
    DATA4,
    DATA8,
    EXPRLOC,
    EXTERNAL,
    FLAG,
    FRAME_BASE,
    HIGH,
    IMPLICIT,
    INLINED,
    LINKAGE,
    LOW,
    NAME,
    ORIGIN,
    RANGES,
    RANGES_BASE,
    REF4,
    RNGLISTX,
    SEC_OFFSET,
    SIG8,
    SPECIFICATION,
    STRING,
    STRINGS_BASE,
    STRP,
    STRX1,
    STRX3,
    SUBPROGRAM,
    TYPEDEF,
    UDATA,
    UNIT,
    WIDE,
    Entry,
    Writer,
)

CODE = """\
\t.text
.Ltext0:
\t.type\tf, @function
f:
.LFB1:
\t.file 1 "/w/a.cc"
\t.file 2 "/usr/include/c++/12/bits/stl_vector.h"
\tcall\tfirst
.LBB1:
\tcall\tsecond
.LBB2:
\tcall\tthird
.LBE2:
.LBE1:
\tcall\tfourth
.LFE1:
\t.size\tf, .-f
\t.type\tg, @function
g:
.LFB2:
.LBB3:
\tcall\tfifth
.LBE3:
.LFE2:
"""
CALLS = ("first", "second", "third", "fourth", "fifth")


def frames(debug, code=CODE):
    """What is known of each call of the code."""
    text = code + debug
    return inlined_frames(text, [text.index(f"\tcall\t{name}") for name in CALLS], "/w")


def place(file, line, column):
    return [(CALL_FILE, DATA1, file), (CALL_LINE, DATA2, line), (CALL_COLUMN, DATA1, column)]


def gcc_unit(string=STRP):
    """As gcc writes it: labels as addresses, the abstract functions first or last."""
    return Entry(UNIT, [(NAME, STRP, "a.cc")], [
        Entry(CLASS, [(NAME, STRP, "vector<node>")], [
            Entry(SUBPROGRAM, [(NAME, string, "push_back"), (LINKAGE, STRP, "_ZNSt6vectorI4nodeE9push_backEv")],
                  label="declared"),
        ]),
        Entry(SUBPROGRAM, [(SPECIFICATION, REF4, "declared")], label="push_back"),
        Entry(SUBPROGRAM, [(NAME, STRP, "f"), (LOW, ADDR, ".LFB1"), (HIGH, DATA8, ".LFE1-.LFB1"),
                           (FRAME_BASE, EXPRLOC, 1)], [
            Entry(INLINED, [(ORIGIN, REF4, "push_back"), (LOW, ADDR, ".LBB1"), (HIGH, DATA8, ".LBE1-.LBB1"),
                            *place(1, 300, 9)], [
                Entry(BLOCK, [(LOW, ADDR, ".LBB2"), (HIGH, DATA8, ".LBE2-.LBB2")], [
                    Entry(INLINED, [(ORIGIN, REF4, "allocate"), (RANGES, SEC_OFFSET, [(".LBB2", ".LBE2")]),
                                    *place(2, 70, 12)]),
                ]),
            ]),
        ]),
        Entry(SUBPROGRAM, [(NAME, STRP, "g"), (RANGES, SEC_OFFSET, [(".LFB2", ".LFE2")])], [
            Entry(INLINED, [(ORIGIN, REF4, "push_back"), (LOW, ADDR, ".LBB3"), (HIGH, DATA8, ".LBE3-.LBB3"),
                            *place(1, 3, 4)]),
        ]),
        Entry(SUBPROGRAM, [(NAME, STRP, "allocate")], label="allocate"),
    ])  # fmt: skip


def clang_unit(string=STRX1):
    """As clang -gdwarf-5 writes it: indexes, call_line as an implicit constant."""
    return Entry(UNIT, [(NAME, string, "a.cc"), (STRINGS_BASE, SEC_OFFSET, ".Lstr_base0"),
                        (ADDRESSES_BASE, SEC_OFFSET, ".Laddr0"), (RANGES_BASE, SEC_OFFSET, ".Lrnglists_base0")], [
        Entry(CLASS, [(NAME, string, "vector<node>")], [
            Entry(SUBPROGRAM, [(LINKAGE, string, "_ZNSt6vectorI4nodeE9push_backEv"), (NAME, string, "push_back"),
                               (EXTERNAL, FLAG, 1)], label="declared"),
        ]),
        Entry(SUBPROGRAM, [(SPECIFICATION, REF4, "declared")], label="push_back"),
        Entry(SUBPROGRAM, [(NAME, string, "allocate")], label="allocate"),
        Entry(SUBPROGRAM, [(LOW, ADDRX, ".LFB1"), (HIGH, DATA4, ".LFE1-.LFB1"), (FRAME_BASE, EXPRLOC, 1),
                           (NAME, string, "f")], [
            Entry(INLINED, [(ORIGIN, REF4, "push_back"), (LOW, ADDRX, ".LBB1"), (HIGH, DATA4, ".LBE1-.LBB1"),
                            (CALL_FILE, DATA1, 1), (CALL_LINE, IMPLICIT, 300), (CALL_COLUMN, DATA1, 9)], [
                Entry(INLINED, [(ORIGIN, REF4, "allocate"), (RANGES, RNGLISTX, [(".LBB2", ".LBE2")]),
                                *place(2, 70, 12)]),
            ]),
        ]),
        Entry(SUBPROGRAM, [(LOW, ADDRX, ".LFB2"), (HIGH, DATA4, ".LFE2-.LFB2"), (NAME, string, "g")], [
            Entry(INLINED, [(ORIGIN, REF4, "push_back"), (LOW, ADDRX, ".LBB3"), (HIGH, DATA4, ".LBE3-.LBB3"),
                            *place(1, 3, 4)]),
        ]),
    ])  # fmt: skip


PUSH_BACK = Function("push_back", "_ZNSt6vectorI4nodeE9push_backEv", "vector<node>")
OUTER = Frame(PUSH_BACK, "/w/a.cc", 300, 9)
INNER = Frame(Function("allocate", "", ""), "/usr/include/c++/12/bits/stl_vector.h", 70, 12)
EXPECTED = [(), (OUTER,), (INNER, OUTER), (), (Frame(PUSH_BACK, "/w/a.cc", 3, 4),)]

TEXTS = {
    "gcc 5": Writer(version=5).text(gcc_unit()),
    "gcc 4": Writer(version=4).text(gcc_unit()),
    "gcc 2": Writer(version=2).text(gcc_unit()),
    "gcc inline strings": Writer().text(gcc_unit(STRING)),
    "clang 5": Writer(clang=True).text(clang_unit()),
    "clang 5, many strings": Writer(clang=True).text(clang_unit(STRX3)),
    "clang 4": Writer(clang=True, version=4).text(gcc_unit()),
}


@pytest.mark.parametrize("debug", TEXTS.values(), ids=TEXTS)
def test_inlined_calls(debug):
    """R4: whose call it was, and from which line, innermost first; whatever compiler and DWARF version wrote it."""
    assert frames(debug) == EXPECTED


def test_no_debug_info():
    """R3: nothing is known without it."""
    assert frames("") == [()] * 5
    assert inlined_frames(CODE + TEXTS["gcc 5"], [], "/w") == []


@pytest.mark.parametrize(
    "extra",
    [
        [(CONSTANT, WIDE, 0)],
        [(CONSTANT, SIG8, 0)],
        [(FRAME_BASE, EXPRLOC, 0)],
        [(FRAME_BASE, EXPRLOC, 200)],
        [(CONSTANT, UDATA, 5)],
        [(CONSTANT, UDATA, 20000)],
        [(NAME, STRING, "T"), (CONSTANT, UDATA, 300)],
        [(NAME, STRING, 'with # and , and \\"quotes\\" and \\303\\251')],
        [(NAME, STRX3, "x")],
        [(EXTERNAL, FLAG, 1)],
        [(EXTERNAL, IMPLICIT, -7)],
        [],
    ],
)
@pytest.mark.parametrize("clang", [False, True])
def test_entries_of_every_size(extra, clang):
    """R4: references count bytes, so that every entry in front of a function has to be measured."""
    unit = clang_unit() if clang else gcc_unit()
    unit.children[:0] = [Entry(TYPEDEF, extra), Entry(TYPEDEF, extra)]
    assert frames(Writer(clang=clang).text(unit)) == EXPECTED


@pytest.mark.parametrize("clang", [False, True])
@pytest.mark.parametrize(("attribute", "form"), [(FRAME_BASE, EXPRLOC), (CONSTANT, UDATA)])
def test_sizes_that_differ(attribute, form, clang):
    """R4: entries of one kind whose LEB128s, also lengths of blocks, have one byte or two."""
    unit = clang_unit() if clang else gcc_unit()
    unit.children[:0] = [
        Entry(TYPEDEF, [(attribute, form, value), (CONSTANT, DATA1, 7)]) for value in (5, 200, 127, 128)
    ]
    assert frames(Writer(clang=clang).text(unit)) == EXPECTED


def test_cut_string():
    """R4: gcc writes long strings in pieces, in .debug_info (-fno-merge-debug-strings) and in .debug_str."""
    unit = gcc_unit()
    unit.children.insert(0, Entry(TYPEDEF, [(NAME, STRING, "a name so long| that gcc| cuts it"), (CONSTANT, UDATA, 4)]))
    unit.children[1].children[0].attributes[1] = (LINKAGE, STRP, "_ZNSt6vectorI4node|E9push_|backEv")
    assert frames(Writer().text(unit)) == EXPECTED


def test_codes_of_two_bytes():
    """R4: a unit with more than 127 kinds of entries; clang writes such codes as strings."""
    for clang in (False, True):
        unit = clang_unit() if clang else gcc_unit()
        unit.children[:0] = [Entry(TYPEDEF, [(NAME, STRP, "t"), (CONSTANT, IMPLICIT, n)]) for n in range(150)]
        assert frames(Writer(clang=clang).text(unit)) == EXPECTED


def test_index_with_a_character_that_ends_words():
    """R4: the bytes of clang's LEB128 may be a blank or a quote."""
    writer = Writer(clang=True)
    writer.addresses = [f".Lother{number}" for number in range(0x22 * 128)]
    writer.strings = ["other"] * 3
    text = writer.text(clang_unit())
    assert '"\\200\\042"' in text
    assert frames(text.replace('"\\200\\042"', '"\\200\\""').replace("\\040", " ")) == EXPECTED


def test_units_without_code_are_passed_over():
    """R4: a type unit (-fdebug-types-section) has a section part of its own."""
    whole = TEXTS["gcc 5"]
    other = '\t.section\t.debug_info,"G",@progbits,wi.1234,comdat\n\t.long\t0x9\n\t.value\t5\n\t.byte\t2\n\t.byte\t8\n'
    assert frames(f"{other}\t.long\t.Labbrev0\n\t.quad\t1\n\t.long\t9\n{whole}") == EXPECTED


def test_several_units():
    """R4: lto1 writes several units into one part; references are each unit's own."""
    info, behind = TEXTS["gcc 5"].split('\t.section\t.debug_abbrev,"",@progbits\n', 1)
    head, body = info.split(".Linfo0:\n")
    twice = f'{head}.Linfo0:\n{body}{body}\t.section\t.debug_abbrev,"",@progbits\n{behind}'
    assert [chain[: len(chain) // 2 or None] for chain in frames(twice)][4] == EXPECTED[4]


def test_dwarf64():
    """R4: -gdwarf64 puts an escape in front of the unit's length."""
    escaped = "\t.long\t0xffffffff\n\t.quad\t0x99\n\t.value\t5\n"
    text = TEXTS["gcc 5"].replace("\t.long\t0x99\n\t.value\t5\n", escaped, 1)
    assert [[frame.line for frame in chain] for chain in frames(text)] == [
        [frame.line for frame in chain] for chain in EXPECTED
    ]


def test_unknown_line():
    """R4: a call that the compiler made up has no line, and so no file."""
    text = TEXTS["gcc 5"].replace("\t.value\t300", "\t.value\t0")
    assert frames(text)[1] == (Frame(PUSH_BACK, "", 0, 9),)


def test_cold_part():
    """R4: a cold part is another function in the text; its ranges are in the list with the hot ones."""
    cold = "\t.section\t.text.unlikely\n\t.type\tf.cold, @function\nf.cold:\n.LBB9:\n\tcall\tcold\n.LBE9:\n"
    code = CODE + cold
    unit = gcc_unit()
    inner = unit.children[2].children[0].children[0].children[0]
    inner.attributes[1] = (RANGES, SEC_OFFSET, [(".LBB2", ".LBE2"), (".LBB9", ".LBE9")])
    unit.children[2].attributes[1:3] = [(RANGES, SEC_OFFSET, [(".LFB1", ".LFE1"), (".LBB9", ".LBE9")])]
    text = code + Writer().text(unit)
    assert inlined_frames(text, [text.index("\tcall\tthird"), text.index("\tcall\tcold")], "/w") == [
        (INNER, OUTER), (INNER,),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["gcc 5", "gcc 4", "clang 5"])
@given(data=st.data())
def test_damaged_text(name, data):
    """R3: text cut short, with lines lost or other ones in their place: never an error, at worst nothing is known."""
    lines = (CODE + TEXTS[name]).split("\n")
    start = len(CODE.split("\n"))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(start, len(lines) - 1))
        other = data.draw(st.sampled_from([
            "", "\t.byte", "\t.byte\t", "\t.long\t.LFB1", "\t.uleb128 0xffffffffffffffffffff", "\t.quad\t-1",
            "\t.ascii\t\"\\", '\t.ascii\t"\\377\\377\\377"', "\t.long\t4294967295", "\t.section\t.debug_info",
            "\t.section\t", ".Lx:", "\t.string", "\t.value\tabc", "\t.byte\t0x7", "\t.byte\t0", "\t.long\t010",
            "\t.long\t.Lranges0+99999999999999",
        ]))  # fmt: skip
        lines[at : at + data.draw(st.integers(0, 2))] = [other]
    cut = data.draw(st.integers(start, len(lines)))
    assert len(frames("\n".join(lines[start - 1 : cut]))) == 5


@given(st.text(max_size=60))
def test_any_text(text):
    """R3: nothing that a section may hold is an error."""
    for section in (".debug_info", ".debug_abbrev", ".debug_str", ".debug_rnglists"):
        assert frames(f'\t.section\t{section},"",@progbits\n{text}\n' + TEXTS["gcc 5"]) is not None
        assert frames(f"{TEXTS['gcc 5']}\t.section\t{section}{text}") is not None


def many(count):
    """Code with so many functions with a call each, and the positions of the calls."""
    unit, code = gcc_unit(), [CODE]
    for n in range(count):
        code.append(f"\t.type\th{n}, @function\nh{n}:\n.LFB1{n}:\n.LBB1{n}:\n\tcall\tx\n.LBE1{n}:\n.LFE1{n}:\n")
        inner = [(ORIGIN, REF4, "allocate"), (LOW, ADDR, f".LBB1{n}"), (HIGH, DATA8, f".LBE1{n}-.LBB1{n}")]
        own = [(LOW, ADDR, f".LFB1{n}"), (HIGH, DATA8, f".LFE1{n}-.LFB1{n}")]
        unit.children.append(Entry(SUBPROGRAM, own, [Entry(INLINED, [*inner, *place(1, 5, 5)])]))
    text = "".join(code) + Writer().text(unit)
    return text, [match.start() for match in re.finditer("\tcall\tx", text)]


def test_cost_is_linear():
    """R4: four times the functions and calls, not much more than four times the work, counted in calls of functions."""
    counts = []
    for count in (100, 400):
        text, positions = many(count)
        profile = cProfile.Profile()
        found = profile.runcall(inlined_frames, text, positions, "/w")
        assert [len(chain) for chain in found] == [1] * count
        counts.append(pstats.Stats(profile).total_calls)
    assert counts[1] < 5 * counts[0]
