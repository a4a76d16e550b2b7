"""Writing records into assembly: `allocscc.compile.records`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.asm import find_sites
from allocscc.compile.records import add_records
from allocscc.sidecar import FLAG_ARRAY, Site, decode, encode
from tests.unit.compile.assembly import CLANG, GCC, function

_ESCAPE = re.compile(rb"\\([0-7]{3})")


def annotate(text, **known):
    """The text with records; every site gets the same knowledge."""
    machine = find_sites(text, {"malloc", "calloc"}, "/w")
    fields = {"file": "/w/x.c", "line": 3, "column": 9, "function": "f", "callee": "malloc"} | known
    found = tuple(Site(**fields) for _ in machine)
    return add_records(text, machine, found, encode("x.c", "gcc", found))


def unquote(text):
    """A string as gas reads it."""
    assert text[0] == text[-1] == '"'
    assert text.isascii()
    inner = text[1:-1].encode()
    assert b'"' not in inner
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 8)]), inner)


def strings(text):
    """Label → string of the string section."""
    found = re.findall(r"^(\.Lallocs_str\d+):\n\t\.string\t(.*)$", text, re.M)
    return {label: unquote(value) for label, value in found}


def records(text):
    """The words of every record, labels of strings replaced by the strings."""
    table = strings(text)
    found = []
    for body in re.findall(
        r"\t\.pushsection\tallocs_sites,.*\n\t\.balign\t4\n((?:\t\.long\t.*\n)+)\t\.popsection", text
    ):
        words = re.findall(r"\t\.long\t(.*)", body)
        first, *offsets, numbers = words
        values = [table[w.removesuffix("-.")] if w != "0" else b"" for w in offsets]
        found.append((first, *values, *(int(n) for n in numbers.split(","))))
    return found


def sidecar(text):
    """The contents of the sidecar section."""
    body = text.split('\t.pushsection\t.allocs.sidecar,"e",@progbits\n')[1].split("\t.popsection")[0]
    return b"".join(unquote(line.removeprefix("\t.ascii\t")) for line in body.splitlines())


@pytest.mark.parametrize("text", [GCC, CLANG], ids=["gcc", "clang"])
def test_nothing_is_lost(text):
    """R4: what the compiler wrote stays, in its order, but for the jumps that became calls."""
    kept = [line for line in text.splitlines() if not line.startswith("\tjmp")]
    rest = iter(annotate(text).splitlines())
    assert all(line in rest for line in kept)


def test_label_and_record_behind_the_call():
    """R4: the label is at the return address; the record holds eight words and names the call's section."""
    text = annotate(function(["call\tmalloc@PLT", "nop"]), type="struct s", evidence="sizeof", array=True)
    assert '\tcall\tmalloc@PLT\n.Lallocs_site0:\n\t.pushsection\tallocs_sites,"ao?",@progbits,.text\n' in text
    assert records(text) == [(".Lallocs_site0-.", b"/w/x.c", b"f", b"malloc", b"struct s", 3, 9, 1 | FLAG_ARRAY)]
    assert "\t.popsection\n\tnop\n" in text


def test_size_of_the_type():
    """R4, R10: the runtime finds the size of a typed primitive's chunk in the record."""
    text = annotate(function(["call\tmalloc@PLT", "nop"]), type="struct s", evidence="return-type", size=24)
    assert [record[-1] for record in records(text)] == [5 | 24 << 12]
    assert decode(sidecar(text))[0].size == 24


def test_record_names_its_section():
    """R6: `--gc-sections` drops a record with its function's section."""
    text = annotate(function(['.section\t.text.f,"ax",@progbits', "call\tmalloc"]))
    assert 'allocs_sites,"ao?",@progbits,.text.f\n' in text


def test_labels_differ():
    """R4: a label for each site."""
    text = annotate(function(["call\tmalloc", "call\tcalloc", "call\tmalloc"]))
    labels = re.findall(r"^(\.Lallocs_site\d+):$", text, re.M)
    assert len(set(labels)) == 3
    assert [words[0] for words in records(text)] == [f"{label}-." for label in labels]


def test_strings_are_shared():
    """R4: one string for one text in a unit; what is not known is 0 and takes no string."""
    text = annotate(function(["call\tmalloc", "call\tmalloc"]))
    assert sorted(strings(text).values()) == [b"/w/x.c", b"f", b"malloc"]
    assert [words[4] for words in records(text)] == [b"", b""]


@pytest.mark.parametrize(
    "name",
    ["a b.c", 'q"uote.c', "back\\slash.c", "né.c", "new\nline.c", "tab\t.c", "\udcff.c", "1\x012.c", "\x7f"],
)
def test_string_escapes(name):
    """R4: any file name (HAZARDS 22) arrives byte for byte."""
    assert records(annotate(function(["call\tmalloc"]), file=name))[0][1] == name.encode("utf-8", "surrogateescape")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20))
def test_any_string(name):
    """R4: type names and functions may be any text, too."""
    (found,) = records(annotate(function(["call\tmalloc"]), function=name, type=name))
    assert found[2] == found[4] == name.encode()


def test_tail_call():
    """R4: a jump has no return address: it becomes a call and a return, the stack aligned, the CFI right."""
    text = annotate(function(["jmp\tmalloc@PLT"]))
    before, after = text.split(".Lallocs_site0:\n")
    assert before.endswith("\tsubq\t$8, %rsp\n\t.cfi_adjust_cfa_offset 8\n\tcall\tmalloc@PLT\n")
    assert after.startswith("\taddq\t$8, %rsp\n\t.cfi_adjust_cfa_offset -8\n\tret\n")
    assert "jmp" not in text


def test_tail_call_without_cfi():
    """R4: with -fno-asynchronous-unwind-tables the assembler would refuse the directives."""
    text = annotate("\t.type f, @function\nf:\n\tjmp\tmalloc\n")
    assert "\tsubq\t$8, %rsp\n\tcall\tmalloc@PLT\n.Lallocs_site0:\n\taddq\t$8, %rsp\n\tret\n" in text
    assert ".cfi" not in text


def test_indirect_tail_call():
    """R4: with -fno-plt the call stays one through the GOT."""
    text = annotate(function(["jmp\t*malloc@GOTPCREL(%rip)"]))
    assert "\tcall\t*malloc@GOTPCREL(%rip)\n.Lallocs_site0:\n" in text


def test_sidecar_section():
    """R4: the unit's record in a section that the final link drops, in lines that any assembler takes."""
    source = function(["call\tmalloc"] * 60)
    text = annotate(source, file="/w/" + "é" * 100)
    assert len(decode(sidecar(text))) == 60
    assert max(len(line) for line in text.splitlines()) < 20_000


def test_pushes_and_pops_balance():
    """R6: behind the unit the section stack is what it was."""
    text = annotate(GCC)
    assert text.count(".pushsection") == text.count(".popsection") == 4


def test_text_without_a_last_newline():
    """R4: a `.s` that does not end in a newline stays well-formed."""
    text = annotate("\tcall\tmalloc\n\tnop")
    assert "\tnop\n\t.pushsection" in text


@pytest.mark.parametrize(
    ("section", "linked"),
    [
        (".text.f", ".text.f"),
        (".text._ZZ1fvENK3$_0clEv", ".Lallocs_site0"),  # clang -ffunction-sections: what has no name
        ('".text.a b"', ".Lallocs_site0"),
    ],
)
def test_section_that_a_record_belongs_to(section, linked):
    """R6: gas takes a linked-to section's name for a symbol; where it is none, the call's label stands for it."""
    text = annotate(function([f'.section\t{section},"ax",@progbits', "call\tmalloc"]))
    assert f'\t.pushsection\tallocs_sites,"ao?",@progbits,{linked}\n' in text
