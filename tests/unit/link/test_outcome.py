"""The facts of outputs and objects: `allocscc.link.outcome` (real outputs: tests/integration/test_explain.py)."""

import pytest

from allocscc.errors import FormatError
from allocscc.link.outcome import Outcome, SymbolFact, read_object, read_outcome
from tests.unit.elf.build import DYN, HIDDEN, LOCAL, OBJECT, WEAK, Sec, Sym, elf

_SYMBOLS = [
    Sym("here", size=7),
    Sym("quiet", visibility=HIDDEN),
    Sym("own", binding=LOCAL, type=OBJECT),
    Sym("perhaps", section="", binding=WEAK),
    Sym("_end"),
]


def test_an_object():
    """R15: named symbols, loaded sections with their alignment, relocations of these."""
    data = elf(_SYMBOLS, [Sec(".text", relocations=[(1, "perhaps", 4, -4)]), Sec(".debug", flags=0)])
    facts = read_object(data, "x.o")
    assert {fact.name: fact for fact in facts.symbols} == {
        "here": SymbolFact("here", ".text", size=7),
        "quiet": SymbolFact("quiet", ".text", visibility="hidden", size=4),
        "own": SymbolFact("own", ".text", "local", "object", size=4),
        "perhaps": SymbolFact("perhaps", "UND", "weak", "notype"),
        "_end": SymbolFact("_end", "ABS", kind="notype"),  # the linker's marks lie where its sections happen to end
    }
    assert [(name, size) for name, size, _ in facts.sections] == [(".text", 16)]
    assert facts.relocations == 1


@pytest.mark.parametrize(("kind", "where"), [(2, "symbols"), (DYN, "dynamic")])
def test_an_output(tmp_path, kind, where):
    """R15: what is hidden is local in an output, whatever a linker calls it."""
    path = tmp_path / "output"
    path.write_bytes(elf(_SYMBOLS, kind=kind))
    outcome = read_outcome(str(path), ["/w/a.o"], ["-pie"])
    assert (outcome.inputs, outcome.options, outcome.needed) == (("/w/a.o",), ("-pie",), ())
    assert outcome.sections == ((".text", 16),)
    assert ("type", str(kind)) in outcome.properties
    facts = {fact.name: fact for fact in getattr(outcome, where)}
    assert facts["here"] == SymbolFact("here", ".text", size=7)
    if kind != DYN:
        assert facts["quiet"] == SymbolFact("quiet", ".text", "local", size=4)
    assert getattr(outcome, "dynamic" if where == "symbols" else "symbols") == ()


def test_facts_in_words():
    """R15: as a report has them."""
    assert str(SymbolFact("f", ".text", size=3)) == "f: global function in .text, 3 bytes"
    assert str(SymbolFact("f", ".data", "local", "object", "hidden", 8)) == "f: local hidden object in .data, 8 bytes"
    assert str(SymbolFact("f", "UND", "weak", version="V2")) == "f@V2: undefined weak"


def test_what_is_no_output(tmp_path):
    """R15: a file of another kind is an error that names it; an empty outcome is a value like any other."""
    path = tmp_path / "text"
    path.write_text("hello")
    with pytest.raises(FormatError, match="text: not an ELF file"):
        read_outcome(str(path), [], [])
    assert Outcome() == Outcome()
