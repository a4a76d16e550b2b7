"""Section `.allocs.command` (R15)."""

import subprocess
from pathlib import Path

import pytest

from allocscc.compilecommand import Command, decode_commands


def test_records_are_cut_apart() -> None:
    """R15: `ld -r` puts them behind each other; one that is cut short is left out."""
    data = b"/a\0x.c\0cc1\0-E\0\0/b\0y.c\0cc1\0\0/c\0z.c"
    assert list(decode_commands(data)) == [Command("/a", "x.c", ("cc1", "-E")), Command("/b", "y.c", ("cc1",))]
    assert list(decode_commands(b"\0\0a\0b\0\0")) == []


def test_an_empty_word_has_no_record() -> None:
    """R15: it would end the record."""
    assert Command("/a", "x.c", ("cc1", "-D", "")).assembly() == ""


@pytest.mark.parametrize("word", ['-DX="a b"', "-DX=a\\b", "-DX=\t\n", "-DX=\u00e4", "-DX=\udcff", "-DX=%s$(x)`"])
def test_any_word_comes_back(word: str, tmp_path: Path) -> None:
    """R15: through the assembler, whatever a macro is defined as."""
    source, output = tmp_path / "a.s", tmp_path / "a.o"
    command = Command("/a", "x.c", ("/usr/bin/cc1", word))
    source.write_text(command.assembly(), errors="surrogateescape")
    subprocess.run(["as", str(source), "-o", str(output)], check=True)
    subprocess.run(
        ["objcopy", "-O", "binary", "--only-section=.allocs.command", "--set-section-flags", ".allocs.command=alloc",
         str(output), str(tmp_path / "section")], check=True,
    )  # fmt: skip
    assert list(decode_commands((tmp_path / "section").read_bytes())) == [command]
