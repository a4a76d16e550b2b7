"""From objects to commands: nothing is run that an object only claims to be a compiler (R15)."""

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
