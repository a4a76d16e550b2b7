"""Static functions of a role under global, hidden symbols: `allocscc.compile.statics`."""

import pytest

from allocscc.compile.statics import expose, exposed_symbols, local_functions

TEXT = """\
\t.file\t"get.c"
\t.type\tget, @function
get:
\tret
\t.type\tother, @function
\t.globl\tother
other:
\tcall\tget
\tjmp\tget@PLT
\tmovl\t$get, %edi
\tmovq\t$get+8,%rdi
\tleaq\tget(%rip), %rax
\tmov\teax, OFFSET FLAT:get
\t.quad\tget
\t.string\t"get"
\tcall\tget$x
\tcall\t$$get
\tcall\ttarget
\tcall\tget.cold
"""


def test_local_functions():
    """R4: functions that the assembly defines and does not export."""
    assert local_functions(TEXT, {"get", "other", "target"}) == {"get"}


def test_every_reference_is_renamed():
    """R4: calls, addresses as operands and in data; not texts, and not names that only contain it."""
    symbols = {"get": "get.allocs.1"}
    lines = expose(TEXT, symbols).splitlines()
    changed = [new for old, new in zip(TEXT.splitlines(), lines, strict=False) if old != new]
    assert changed == [
        "\t.type\tget.allocs.1, @function", "get.allocs.1:", "\tcall\tget.allocs.1", "\tjmp\tget.allocs.1@PLT",
        "\tmovl\t$get.allocs.1, %edi", "\tmovq\t$get.allocs.1+8,%rdi", "\tleaq\tget.allocs.1(%rip), %rax",
        "\tmov\teax, OFFSET FLAT:get.allocs.1", "\t.quad\tget.allocs.1",
    ]  # fmt: skip
    assert lines[-2:] == ["\t.globl\tget.allocs.1", "\t.hidden\tget.allocs.1"]


@pytest.mark.parametrize("names", [set(), {"get"}, {"get", "other"}])
def test_symbols(names):
    """R3: the same for the same text, another for another one."""
    symbols = exposed_symbols(TEXT, names)
    assert symbols == exposed_symbols(TEXT, names)
    assert set(symbols) == names
    assert not names or symbols != exposed_symbols(TEXT + "\n", names)
