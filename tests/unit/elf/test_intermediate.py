"""The symbol table of LTO's intermediate code: `allocscc.elf.intermediate`."""

from hypothesis import given
from hypothesis import strategies as st

from allocscc.elf.intermediate import ir_symbols


def entry(name, kind, visibility=0, group=b""):
    return name + b"\0" + group + b"\0" + bytes([kind, visibility]) + (7).to_bytes(8, "little") + b"\1\0\0\0"


def test_symbols():
    """R6: what an object of LTO defines and refers to."""
    data = entry(b"main", 0) + entry(b"xm", 2) + entry(b"w", 1, 3, b"group") + entry(b"u", 3, 1) + entry(b"c", 4, 2)
    assert list(ir_symbols(data)) == [
        (b"main", True, False, 0), (b"xm", False, False, 0), (b"w", True, True, 2), (b"u", False, True, 3),
        (b"c", True, False, 1),
    ]  # fmt: skip
    assert list(ir_symbols(data[:-1])) == list(ir_symbols(data))[:-1]
    assert list(ir_symbols(b"")) == []


@given(st.binary(max_size=80))
def test_any_data(data):
    """R6: damaged data has fewer symbols."""
    assert len(list(ir_symbols(data))) <= len(data) // 16
