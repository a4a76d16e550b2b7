"""In which lines two links differ; no opinion on any of them (R15)."""

from collections import Counter
from collections.abc import Iterable, Iterator

from allocscc.link.outcome import Outcome, SymbolFact
from allocscc.values import dataclass


@dataclass(frozen=True)
class Line:
    """One line of the difference.

    Attributes:
        sign: `+` where only our link has it, `-` where only the vanilla one has.
        kind: `option`, `input`, `symbol`, `export`, `import`, `needed`, `section` or `property`.
        name: of what.
        text: the whole of it, in words.
        fact: for symbols.
        growth: for sections: bytes.
    """

    sign: str
    kind: str
    name: str
    text: str
    fact: SymbolFact | None = None
    growth: int = 0


def difference(vanilla: Outcome, ours: Outcome) -> tuple[Line, ...]:
    """Every line in which two outcomes differ; the order of symbols and inputs does not count."""
    lines = [*_words("option", vanilla.options, ours.options), *_words("input", vanilla.inputs, ours.inputs)]
    lines += _facts(vanilla.symbols, ours.symbols, "symbol", "symbol")
    lines += _facts(vanilla.dynamic, ours.dynamic, "export", "import")
    lines += _words("needed", vanilla.needed, ours.needed)
    before, after = dict(vanilla.sections), dict(ours.sections)
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old != new:
            text = f"{name}: {'none' if old is None else old} → {'none' if new is None else f'{new} bytes'}"
            lines.append(Line("-" if new is None else "+", "section", name, text, None, (new or 0) - (old or 0)))
    properties = ([f"{name} {value}" for name, value in one.properties] for one in (vanilla, ours))
    return (*lines, *_words("property", *properties))


def _words(kind: str, before: Iterable[str], after: Iterable[str]) -> Iterator[Line]:
    old, new = Counter(before), Counter(after)
    for sign, words in (("-", old - new), ("+", new - old)):
        yield from (Line(sign, kind, word, word) for word in words.elements())


def _facts(before: tuple[SymbolFact, ...], after: tuple[SymbolFact, ...], here: str, there: str) -> Iterator[Line]:
    old, new = Counter(before), Counter(after)
    for sign, facts in (("-", old - new), ("+", new - old)):
        yield from (Line(sign, here if f.defined else there, f.name, str(f), f) for f in facts.elements())
