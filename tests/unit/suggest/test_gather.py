"""From objects to commands: nothing is run that an object only claims to be a compiler (R15)."""

import os
from pathlib import Path

import pytest

from allocscc.compilecommand import Command
from allocscc.errors import FormatError
from allocscc.suggest.gather import commands_of, find_objects, read_all, read_command


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("/bin/sh", "-c", "touch here"), "no compiler"),
        (("cc1", "-E", "a.c"), "no command"),
        (("/usr/bin/cc1", "-E", "-fplugin=evil.so", "a.c"), "-fplugin=evil.so"),
        (("/usr/bin/clang", "-Xclang", "-load", "a.c"), "-load"),
        (("/usr/bin/cc1", "-o", "/etc/passwd", "a.c"), "-o"),
        (("/usr/bin/clang", "@words", "a.c"), "@words"),
    ],
)
def test_hostile_commands_are_not_run(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """R15: an object from elsewhere can name any program and any option."""
    answer = read_command(Command(str(tmp_path), "a.c", words))
    assert isinstance(answer, str)
    assert told in answer
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_came_along_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R15: a program of that name beside the objects, which belongs to whoever unpacked them."""
    program = tmp_path / "cc1"
    program.write_text("#!/bin/sh\ntouch here\n")
    program.chmod(0o755)
    real = os.stat

    def owned(path: str, *args: object, **named: object) -> os.stat_result:
        found = real(path, *args, **named)  # type: ignore[arg-type]
        return os.stat_result((*found[:4], 1000, *found[5:])) if str(path) == str(program) else found

    monkeypatch.setattr(os, "stat", owned)
    answer = read_command(Command(str(tmp_path), "a.c", (str(program), "-E", "a.c")))
    assert "neither root's nor on PATH" in str(answer)
    assert not (tmp_path / "here").exists()


def test_a_folder_that_is_gone_is_told() -> None:
    """R15: the message says where the unit was compiled."""
    units, told = read_all([Command("/nowhere", "a.c", ("/usr/lib/cc1", "-E", "a.c"))])
    assert units == []
    assert told == ["a.c: it was compiled in /nowhere, which is not there"]


def test_damaged_files(tmp_path: Path) -> None:
    """R15: one that is named is an error, one that was found is left out."""
    (tmp_path / "a.o").write_bytes(b"\x7fELF nothing")
    assert find_objects([str(tmp_path)]) == []
    with pytest.raises(FormatError):
        find_objects([str(tmp_path / "a.o")])
    assert commands_of([]) == []
