"""Questions about the values of one function: what it may be, which parameters a size depends on."""

from __future__ import annotations

from collections.abc import Iterator

from allocscc.suggest.facts import CONSTANT, UNKNOWN, Function
from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from allocscc.suggest.facts import Value

_MOST = 400
_LENGTHS = frozenset(("strlen", "wcslen", "strnlen"))


@dataclass(frozen=True)
class Size:
    """What a size is made of.

    Attributes:
        parameters: parameters that it depends on.
        factors: parameters that it is a product of, perhaps with a constant added.
        strings: parameters whose length it depends on.
        types: types whose size it depends on.
        other: whether it depends on anything else: fields, globals, calls.
    """

    parameters: frozenset[int] = frozenset()
    factors: tuple[int, ...] = ()
    strings: frozenset[int] = frozenset()
    types: frozenset[str] = frozenset()
    other: bool = False

    def __or__(self, more: Size) -> Size:
        factors = tuple(dict.fromkeys(self.factors + more.factors))
        return Size(
            self.parameters | more.parameters, factors, self.strings | more.strings, self.types | more.types,
            self.other or more.other,
        )  # fmt: skip


class Values:
    """The values of one function."""

    def __init__(self, function: Function, lookup: Callable[[str], Function | None]) -> None:
        self.function, self._lookup = function, lookup
        self._passed: dict[str, list[Value]] | None = None
        self._sizes: dict[str, Size] = {}

    def leaves(self, value: Value) -> list[tuple[Value, tuple[Value, ...]]]:
        """What a value may be, through local variables, choices and pointer arithmetic; with what was added to it."""
        found: dict[tuple[Value, tuple[Value, ...]], None] = {}
        self._leaves(value, (), set(), found)
        return list(found)

    def _leaves(
        self, value: Value, moved: tuple[Value, ...], seen: set[str],
        found: dict[tuple[Value, tuple[Value, ...]], None],
    ) -> None:  # fmt: skip
        if len(found) > _MOST:
            return
        kind = value[0]
        if kind == "?":
            for one in value[1]:
                self._leaves(one, moved, seen, found)
        elif kind == "+":
            self._leaves(value[1], (*moved, value[2])[:4], seen, found)
        elif kind == "v":
            if value[1] in seen:
                return
            seen.add(value[1])
            values = [*self.function.locals.get(value[1], ()), *self.passed(value[1])]
            if not values:
                found[value, moved] = None
            for one in values:
                self._leaves(one, moved, seen, found)
        elif kind == "p":
            found[value, moved] = None
            key = f"p{value[1]}"
            if key not in seen:
                seen.add(key)
                for one in self.function.locals.get(key, ()):
                    self._leaves(one, moved, seen, found)
        elif kind == "a" and value[1][0] in ("f", "d"):  # a part of what a pointer leads to
            inner = value[1]
            self._leaves(inner[2] if inner[0] == "f" else inner[1], moved, seen, found)
        elif kind == "o" and value[1] in ("&", "|", "-"):  # a pointer's low bits, a pointer as a number
            self._leaves(value[2], (*moved, value[3])[:4], seen, found)
        else:
            found[value, moved] = None

    def passed(self, key: str) -> list[Value]:
        """What calls may store in a local variable whose address they are given: `("out", callee, args, index)`."""
        if self._passed is None:
            self._passed = {}
            for callee, args in self.function.calls:
                for index, arg in enumerate(args):
                    if arg[0] == "a" and arg[1][0] == "v":
                        self._passed.setdefault(arg[1][1], []).append(("out", callee, args, index))
        return self._passed.get(key, [])

    def parameter(self, value: Value) -> int | None:
        """The parameter that a value is, perhaps moved by a constant; None if it is or may be anything else."""
        found = {leaf[1] if leaf[0] == "p" else None for leaf, _ in self.leaves(value) if leaf[0] not in ("0", "out")}
        return found.pop() if len(found) == 1 else None

    def chunk(self, value: Value) -> int | None:
        """The parameter that a chunk given to realloc is, also where realloc's result is assigned to it."""
        leaves = self.leaves(value)
        found = {leaf[1] for leaf, _ in leaves if leaf[0] == "p"}
        alone = len(found) == 1 and all(leaf[0] in ("p", "0", "out", "c") for leaf, _ in leaves)
        return found.pop() if alone else None

    def may_be(self, value: Value) -> set[int]:
        """The parameters that a value may be."""
        return {leaf[1] for leaf, _ in self.leaves(value) if leaf[0] == "p"}

    def root(self, value: Value) -> Value:
        """What a field's structure is a part of, or reached from: a parameter, a local variable, a global, a call."""
        for _ in range(20):
            if value[0] in ("f",):
                value = value[2]
            elif value[0] in ("a", "d", "+"):
                value = value[1]
            elif value[0] == "v":
                values = self.function.locals.get(value[1], ())
                values = [one for one in values if one not in (CONSTANT, value)]
                if len(values) != 1:
                    return value
                value = values[0]
            else:
                return value
        return UNKNOWN

    def size(self, value: Value) -> Size:
        """What a size is made of."""
        return self._size(value, set(), 0)

    def _size(self, value: Value, seen: set[str], depth: int) -> Size:
        kind = value[0]
        if kind == "p":
            own = Size(frozenset((value[1],)), () if self.function.parameters[value[1]].pointee else (value[1],))
            key = f"p{value[1]}"
            if key not in seen:
                seen.add(key)
                for one in self.function.locals.get(key, ()):
                    more = self._size(one, seen, depth)
                    own = Size(
                        own.parameters | more.parameters, own.factors, own.strings | more.strings,
                        own.types | more.types, own.other or more.other,
                    )  # fmt: skip
            return own
        if kind == "v":
            if value[1] in self._sizes:
                return self._sizes[value[1]]
            if value[1] in seen:
                return Size()
            seen.add(value[1])
            values = self.function.locals.get(value[1], ())
            result = Size(other=not values and not self.passed(value[1]))
            for one in values:
                result |= self._size(one, seen, depth)
            for out in self.passed(value[1]):
                for arg in out[2]:
                    if arg[0] != "a":
                        told = self._size(arg, seen, depth)
                        result |= Size(told.parameters, (), told.strings, told.types, told.other)
            self._sizes[value[1]] = result
            return result
        if kind == "o":
            a, b = self._size(value[2], seen, depth), self._size(value[3], seen, depth)
            both = a | b
            if value[1] == "-":
                ends = {self.parameter(value[2]), self.parameter(value[3])}
                if None not in ends and all(self.function.parameters[i].pointee for i in ends if i is not None):
                    return Size(strings=frozenset(i for i in ends if i is not None))  # from one pointer to the other
            if value[1] in ("/", ">>", "%", "&"):
                return Size(both.parameters, (), both.strings, both.types, both.other)
            if value[1] == "*" or not (a.factors and b.factors):
                return both
            plain = [one for one in (a, b) if not one.types]  # beside an array in front, or behind
            factors = plain[0].factors if len(plain) == 1 and value[1] == "+" else ()
            return Size(both.parameters, factors, both.strings, both.types, both.other)
        if kind == "+":
            return self._size(value[1], seen, depth) | self._size(value[2], seen, depth)
        if kind == "?":
            result = Size()
            for one in value[1]:
                result |= self._size(one, seen, depth)
            return result
        if kind == "z":
            return Size(types=frozenset((value[1],)))
        if kind == "0":
            return Size()
        if kind == "c":
            return self._call_size(value, seen, depth)
        return Size(other=True)

    def _call_size(self, value: Value, seen: set[str], depth: int) -> Size:
        callee, args = value[1], value[2]
        if callee in _LENGTHS and args:
            string = self.parameter(args[0])
            more = self._size(args[1], seen, depth) if len(args) > 1 else Size()
            if string is None:
                return more | Size(other=args[0][0] != "s")
            return more | Size(strings=frozenset((string,)))
        helper = self._lookup(callee)
        result = Size()
        for arg in args:
            result |= self._size(arg, seen, depth)
        if helper is not None and helper.letter in ("p", "") and args:  # a number got from a pointer's target
            return Size(other=True)
        if helper is not None and len(args) == 1 and helper.letter != "p" and args[0][0] == "p":
            pointer = self.function.parameters[args[0][1]]
            if pointer.pointee in ("char", "const char"):  # a length of its own kind of string
                return Size(strings=frozenset((args[0][1],)))
        if helper is not None and depth < 2:
            inner = Values(helper, self._lookup)
            told = Size()
            for one in helper.returns:
                told |= inner._size(one, set(), depth + 1)
            if not told.factors and (len(result.factors) > 1 or len(args) == 1):
                return Size(result.parameters, (), result.strings, result.types, result.other)
        return result


def walk(value: Value) -> Iterator[Value]:
    """A value and all that it is made of."""
    yield value
    for part in value[1:]:
        if isinstance(part, tuple):
            if part and isinstance(part[0], str):
                yield from walk(part)
            else:
                for one in part:
                    if isinstance(one, tuple) and one:
                        yield from walk(one)
