"""What a profile adds: all that a function allocates comes from one site in it that has no type (R15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from allocscc.report.profile import Row
from allocscc.suggest.facts import Function
from allocscc.suggest.judge import Suggestion
from allocscc.suggest.solve import RESULT, Knowledge
from allocscc.values import dataclass, replace

_MORE = 0.1


@dataclass(frozen=True)
class Untyped:
    """A function all of whose allocations come from one site without a type.

    Attributes:
        function: its name in the source.
        file: the site's source.
        line: the site's line.
        bytes, chunks: what was allocated there.
    """

    function: str
    file: str
    line: int
    bytes: int
    chunks: int


def untyped(rows: Iterable[Row]) -> list[Untyped]:
    """The functions of a profile that allocate from one site without a type, most bytes first."""
    places: dict[tuple[str, str], dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        place = row.place
        if place.file and place.function:
            places[place.file, place.function][place.line].append(row)
    found = []
    for (file, function), lines in places.items():
        if len(lines) != 1:
            continue
        line, there = next(iter(lines.items()))
        if any(row.type for row in there):
            continue
        size = sum(row.counts.total_bytes or row.counts.peak_bytes or row.counts.live_bytes for row in there)
        chunks = sum(row.counts.total_chunks or row.counts.peak_chunks or row.counts.live_chunks for row in there)
        found.append(Untyped(function, file, line, size, chunks))
    return sorted(found, key=lambda one: -one.bytes)


def strengthened(
    suggestions: Sequence[Suggestion], seen: Sequence[Untyped], known: Knowledge
) -> tuple[list[Suggestion], list[Untyped]]:
    """Suggestions with what a profile says of them, and those that only the profile has.

    Returns:
        The suggestions, surest first; and functions of the profile whose sources were not read, so that no signature is
        known.
    """
    by_name: Mapping[str, list[Function]] = defaultdict(list)
    for function in known.functions.values():
        by_name[function.key.rpartition("::")[2]].append(function)
    found = {one.key: one for one in suggestions}
    unread = []
    for one in seen:
        functions = [
            f for f in by_name[one.function] if one.file.endswith(f.file.removeprefix("./").removeprefix("../"))
        ]
        if not functions:
            if not by_name[one.function]:
                unread.append(one)
            continue
        key = functions[0].key
        told = f"; all {one.bytes} bytes of it in the profile come from line {one.line} and have no type"
        if key in found:
            before = found[key]
            found[key] = replace(
                before, why=before.why + told, confidence=round(min(before.confidence + _MORE, 0.99), 2)
            )
        elif key not in known.known and functions[0].letter == "p" and RESULT in known.fresh.get(key, {}):
            memory = known.fresh[key][RESULT]
            letters = "".join(p.letter.replace("P*", "p") or "p" for p in functions[0].parameters)
            tail = "." if functions[0].variadic else ""
            why = f"gives memory of {' and '.join(memory.via)}{told}"
            found[key] = Suggestion(
                key, "wrapper", "alloc", f"{key}({letters}{tail})p", 0.5, why,
                functions[0].file, functions[0].line, 0, memory.via,
            )  # fmt: skip
    return sorted(found.values(), key=lambda one: (-one.confidence, -one.callers, one.key)), unread
