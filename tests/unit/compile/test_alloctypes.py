"""What clang's debug info says that calls allocate: `allocscc.compile.alloctypes`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.alloctypes import add_dwarf_types, allocated_types
from allocscc.compile.asm import find_sites
from allocscc.sidecar import Site
from tests.unit.compile.dwarf import (
    ADDR,
    ADDRESSES_BASE,
    ADDRX,
    CLASS,
    EXPRLOC,
    FLAG,
    LOW,
    NAME,
    REF4,
    SEC_OFFSET,
    STRINGS_BASE,
    STRX1,
    SUBPROGRAM,
    TYPEDEF,
    UNIT,
    Entry,
    Writer,
)

CALL_SITE, CALL_VALUE, BASE, POINTER, CONST, NAMESPACE, ARRAY = 0x48, 0x49, 0x24, 0x0F, 0x26, 0x39, 0x01
TYPE, RETURN_PC, CALL_PC, TAIL_CALL, ALLOC_TYPE = 0x49, 0x7D, 0x81, 0x82, 0x3E0E
CODE = """\
\t.text
\t.type\tf,@function
f:
.Lfunc_begin0:
\t.cfi_startproc
\t.file\t1 "/w" "a.cc"
\t.loc\t1 3 17
\tcallq\t_Znwm@PLT
.Ltmp1:
\tcallq\t_Znwm@PLT
.Ltmp2:
\tcallq\t_Znwm@PLT
.Ltmp3:
\tcallq\t_Znwm@PLT
.Ltmp4:
\tcallq\t_Znwm@PLT
\tnop
.Ltmp5:
\tjmp\t_Znwm@PLT                      # TAILCALL
.Lfunc_end0:
\t.cfi_endproc
"""


def unit(indexes=True, allocates=("class", "int", "pointer", "array", "class")):
    """A function with calls, and the types that they allocate."""
    string, address = (STRX1, ADDRX) if indexes else (0x0E, ADDR)
    bases = [(STRINGS_BASE, SEC_OFFSET, ".Lstr_base0"), (ADDRESSES_BASE, SEC_OFFSET, ".Laddr0")] if indexes else []
    pc = RETURN_PC if indexes else LOW
    calls = [
        Entry(CALL_SITE, [(pc, address, f".Ltmp{n}"), (ALLOC_TYPE, REF4, kind)], [
            Entry(CALL_VALUE, [(2, EXPRLOC, 1), (0x7E, EXPRLOC, 2)]),
        ])
        for n, kind in enumerate(allocates[:-1], 1)
    ]  # fmt: skip
    last = [(TAIL_CALL, FLAG, 1), (CALL_PC, address, ".Ltmp5"), (ALLOC_TYPE, REF4, allocates[-1])]
    calls.append(Entry(CALL_SITE, last if indexes else [(LOW, address, ".Ltmp5"), last[-1]]))
    return Entry(UNIT, [(NAME, string, "a.cc"), *bases], [
        Entry(NAMESPACE, [(NAME, string, "n")], [
            Entry(CLASS, [(NAME, string, "outer")], [Entry(CLASS, [(NAME, string, "V<int>")], label="class")]),
        ]),
        Entry(SUBPROGRAM, [(NAME, string, "f"), (LOW, address, ".Lfunc_begin0")], calls),
        Entry(BASE, [(NAME, string, "int")], label="int"),
        Entry(TYPEDEF, [(NAME, string, "number"), (TYPE, REF4, "int")], label="typedef"),
        Entry(CONST, [(TYPE, REF4, "typedef")], label="const"),
        Entry(POINTER, [(TYPE, REF4, "const")], label="pointer"),
        Entry(POINTER, [(TYPE, REF4, "pointer")], label="pointers"),
        Entry(ARRAY, [(TYPE, REF4, "int")], label="array"),
        Entry(CLASS, [(0x0B, 0x0B, 4)], label="unnamed"),
        Entry(CLASS, [(0x0B, 0x0B, 4)], [Entry(CLASS, [(NAME, string, "in")], label="within")], label="around"),
        Entry(NAMESPACE, [(0x0B, 0x0B, 4)], [Entry(CLASS, [(NAME, string, "local")], label="hidden")]),
    ])  # fmt: skip


def text(root=None, version=5):
    return CODE + Writer(clang=True, version=version).text(root or unit(version == 5))


@pytest.mark.parametrize("version", [4, 5])
def test_types(version):
    """R4: by the label behind the call, of a tail call by that in front of it; DWARF 4 has addresses in place."""
    assert allocated_types(text(version=version)) == {
        ".Ltmp1": "n::outer::V<int>", ".Ltmp2": "int", ".Ltmp3": "const number *", ".Ltmp4": "",
        ".Ltmp5": "n::outer::V<int>",
    }  # fmt: skip


def test_spellings():
    """R4: types without a name have no spelling here, namespaces without one do."""
    found = allocated_types(text(unit(allocates=("pointers", "unnamed", "within", "hidden", "typedef"))))
    assert list(found.values()) == ["const number **", "", "", "(anonymous namespace)::local", "number"]


def test_sites():
    """R4: only sites without a type take what the debug info says; one whose label is not at the call takes nothing."""
    given_text = text()
    machine = find_sites(given_text, {"_Znwm"}, "/w")
    assert len(machine) == 6
    bare = Site("/w/a.cc", 3, 17, "f", "_Znwm")
    sites = (Site("/w/a.cc", 3, 17, "f", "_Znwm", "mine", "new"), *[bare] * 5)
    found = add_dwarf_types(given_text, machine, sites)
    assert [(site.type, site.evidence) for site in found] == [
        ("mine", "new"), ("int", "dwarf"), ("const number *", "dwarf"), ("", "none"), ("", "none"),
        ("n::outer::V<int>", "dwarf"),
    ]  # fmt: skip


def test_without():
    """R4: text without the attribute has no such types."""
    assert allocated_types(CODE) == {}
    assert allocated_types(CODE + Writer(clang=True).text(Entry(UNIT, [(NAME, 0x08, "a.cc")]))) == {}


@given(st.data())
def test_damaged(data):
    """R4: text that is not as a compiler writes it gives fewer types and no exception."""
    whole = text()
    at = data.draw(st.integers(len(CODE), len(whole)))
    end = data.draw(st.integers(at, len(whole)))
    junk = data.draw(st.sampled_from(["", "\t.byte\t7\n", "\n", "\t.long\t0xffffffff\n", "x"]))
    assert isinstance(allocated_types(whole[:at] + junk + whole[end:]), dict)
