"""Taking line information out again: `allocscc.compile.lineinfo`."""

import pytest

from allocscc.compile.lineinfo import strip_line_info
from tests.unit.compile.assembly import CLANG, GCC, function


@pytest.mark.parametrize(("text", "kept"), [(GCC, ".Letext0:"), (CLANG, ".Lfunc_end0:")], ids=["gcc", "clang"])
def test_strip_line_info(text, kept):
    """R3: debug info that only we asked for goes again; code, labels and all else stay."""
    stripped = strip_line_info(text)
    assert ".loc" not in stripped.replace(".local", "")
    assert ".debug_" not in stripped
    assert '\t.file\t"x.c"\n' in stripped
    assert kept in stripped
    assert ".note.GNU-stack" in stripped
    assert ".ident" in stripped
    code = [
        line for line in text.splitlines() if line.startswith(("\tcall", "\tjmp", "\tmov", "\tsub", "\t.cfi", "f:"))
    ]
    assert [line for line in stripped.splitlines() if line in code] == code


def test_strip_line_info_between_other_sections():
    """R3: a section behind a debug section is not taken along."""
    text = '\t.section\t.debug_info,"",@progbits\n\t.byte 1\n\t.section\t.mine,"a"\n\t.byte 2\n'
    assert strip_line_info(text) == '\t.section\t.mine,"a"\n\t.byte 2\n'


def test_strip_line_info_without_any():
    """R3: a text without debug info is not touched."""
    text = function(["call\tmalloc"], before='\t.file\t"x.c"\n')
    assert strip_line_info(text) == text
