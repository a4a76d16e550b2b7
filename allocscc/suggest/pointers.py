"""Which functions a pointer may lead to: what initializers, assignments and arguments put where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from allocscc.suggest.facts import Function, UnitFacts
from allocscc.suggest.values import Values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.suggest.facts import Value


class Pointers:
    """The targets of calls through pointers, by field and variable, not by object.

    Attributes:
        taken: functions whose address is used.
    """

    def __init__(self, units: Iterable[UnitFacts], functions: Iterable[Function]) -> None:
        self._targets: dict[str, set[str]] = defaultdict(set)
        edges: dict[str, set[str]] = defaultdict(set)
        for unit in units:
            for bound, target in unit.bindings:
                self._targets[bound].add(target)
        for function in functions:
            for place, value in function.stores:
                self._flow(edges, _place(function, place), function, value)
            for callee, args in function.calls:
                for index, arg in enumerate(args):
                    self._flow(edges, f"#{callee}#{index}", function, arg)
        waiting = list(self._targets)
        while waiting:
            source = waiting.pop()
            for target in edges.get(source, ()):
                if not self._targets[source] <= self._targets[target]:
                    self._targets[target] |= self._targets[source]
                    waiting.append(target)
        self.taken = {function for found in self._targets.values() for function in found}

    def _flow(self, edges: dict[str, set[str]], place: str, function: Function, value: Value) -> None:
        if not place:
            return
        if value[0] == "?":
            for one in value[1]:
                self._flow(edges, place, function, one)
        elif value[0] == "fn":
            self._targets[place].add(value[1])
        else:
            source = _place(function, value)
            if source:
                edges[source].add(place)

    def targets(self, callee: str, values: Values) -> list[str]:
        """The functions that a call may call."""
        if not callee.startswith("&"):
            return [callee]
        place = callee[1:]
        if place.startswith("@"):
            found: list[str] = []
            for leaf, _ in values.leaves(("v", place[1:])):
                if leaf[0] == "fn":
                    found.append(leaf[1])
                elif inner := _place(values.function, leaf):
                    found += self._targets.get(inner, ())
            return sorted(set(found))
        if place.startswith("#"):
            place = f"#{values.function.key}{place}"
        return sorted(self._targets.get(place, ()))


def _place(function: Function, value: Value) -> str:
    if value[0] in ("f", "g"):
        return str(value[1])
    if value[0] == "p":
        return f"#{function.key}#{value[1]}"
    return ""
