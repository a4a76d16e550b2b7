"""Linker scripts in the place of a library: `allocscc.link.script`, and what a link makes of them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.link.job import ARCHIVE, DSO, LinkJob
from allocscc.link.script import script_words
from tests.unit.elf.build import DYN, Sym, archive, elf


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("INPUT(a.a)", ["a.a"]),
        ("/* GNU ld script */\nGROUP ( /l/libc.so.6 n.a AS_NEEDED ( /l/ld.so.2 ) )",
         ["--start-group", "/l/libc.so.6", "n.a", "--push-state", "--as-needed", "/l/ld.so.2", "--pop-state",
          "--end-group"]),
        ("OUTPUT_FORMAT(elf64-x86-64)\nINPUT(-lfoo, \"b c.a\");", ["-lfoo", "b c.a"]),
        ("INPUT(a.a) INPUT(b.a)", ["a.a", "b.a"]),
        ("SECTIONS { .text : { *(.text) } }", None),
        ("INPUT(a.a) ENTRY(x)", None),
        ("INPUT(a.a", None),
        ("INPUT()", None),
        ("", None),
        ("just a text", None),
        ("\0", None),
    ],
)  # fmt: skip
def test_words(text, words):
    """R6: the statements that bring inputs, as words of a command line; other scripts stay what they are."""
    assert script_words(text.encode()) == words


@given(
    st.lists(st.sampled_from(["INPUT", "GROUP", "AS_NEEDED", "(", ")", ",", ";", "a.a", "-lx", '"', "/*", "*/", "\n"]))
)
def test_any_text(pieces):
    """R6: any text gives words or none."""
    words = script_words(" ".join(pieces).encode())
    assert words is None or words


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "libreal.a").write_bytes(archive([("d.o", elf([Sym("xmalloc")]))], ["xmalloc"]))
    (tmp_path / "libshared.so.1").write_bytes(elf([Sym("f")], None, DYN))
    return tmp_path


@pytest.mark.parametrize("word", ["-lscript", "libscript.so", "--library=script", "-l:libscript.so"])
def test_a_script_with_an_archive_is_expanded(folder, word):
    """R6: its archive is an input like any other, beside the script or on the search path."""
    (folder / "libscript.so").write_text("GROUP ( libshared.so.1 -lreal )")
    job = LinkJob(["-L.", "a.o", word, "-lc"], str(folder))
    assert [(source.kind, source.index) for source in job.inputs] == [(DSO, 3), (ARCHIVE, 4)]
    words = [os.path.normpath(word) if "/" in word else word for word in job.args]
    assert words == ["-L.", "a.o", "--start-group", str(folder / "libshared.so.1"), "-lreal", "--end-group", "-lc"]
    assert (job.libc_at, job.expanded) == (6, True)


@pytest.mark.parametrize("text", ["GROUP ( libshared.so.1 )", "INPUT(none.a)", "SECTIONS { x.a }", "text.a", ""])
def test_other_scripts_stay(folder, text):
    """R6: what brings no archive is the linker's business alone."""
    (folder / "libscript.so").write_text(text)
    job = LinkJob(["-L.", "-lscript", "libscript.so"], str(folder))
    assert job.args == ["-L.", "-lscript", "libscript.so"]
    assert not job.expanded
