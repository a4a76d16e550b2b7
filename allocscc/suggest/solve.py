"""From facts to summaries: which functions give fresh memory, and of what size; which free what they are given (pure).

What is asked is whether memory that a function returns comes from an allocation function. The order of statements and
the conditions on the way do not count: a check for NULL, a fallback or a list of free chunks changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from allocscc.config.functions import Role
from allocscc.suggest.facts import CONSTANT, Function, UnitFacts
from allocscc.suggest.pointers import Pointers
from allocscc.suggest.values import Size, Values, walk
from allocscc.values import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.suggest.facts import Value

_ROUNDS = 12
# Where a function hands memory out: as its result.
RESULT = -1


@dataclass(frozen=True)
class Fresh:
    """Memory that a function hands out.

    Attributes:
        size: what its size is made of.
        chunk: the parameter that it may replace (realloc), or None.
        inner: whether it may replace memory that the function holds elsewhere.
        via: the functions that it comes from.
        line: of the call that it comes from.
        other: what else may be returned: `field`, `global`, `literal`, `call`, `deref`, `address`, `parameter`,
            `pointer`, `unknown`.
        built: whether it is taken out of a local structure that was filled before (a string buffer).
        held: parameters out of whose structure it is taken.
        pool: whether it may be a piece that a list or a block hands out.
        moved: whether something that is no constant, size or parameter is added to the pointer.
    """

    size: Size = Size()
    chunk: int | None = None
    inner: bool = False
    via: tuple[str, ...] = ()
    line: int = 0
    other: frozenset[str] = frozenset()
    built: bool = False
    held: frozenset[int] = frozenset()
    pool: bool = False
    moved: bool = False

    @property
    def allocates(self) -> bool:
        """Whether some of it is surely fresh."""
        return bool(self.via) or self.built


@dataclass(frozen=True)
class Knowledge:
    """What is known of all functions.

    Attributes:
        fresh: function → where it hands memory out (`RESULT`, or the parameter that it is stored through) → the memory.
        frees: function → the parameters that it frees.
        known: functions that the config or a declaration speaks of.
        functions: all definitions by key.
        values: their values.
        pointers: where pointers to functions lead.
    """

    fresh: Mapping[str, Mapping[int, Fresh]]
    frees: Mapping[str, frozenset[int]]
    known: frozenset[str]
    functions: Mapping[str, Function]
    values: Mapping[str, Values]
    pointers: Pointers


def solve(units: Iterable[UnitFacts], roles: Mapping[str, Role]) -> Knowledge:
    """What can be known of the functions of some units.

    Args:
        units: what their sources say.
        roles: function → its role in the config, as `allocscc.config.functions.function_roles` has it.
    """
    units = list(units)
    functions: dict[str, Function] = {}
    for unit in units:
        for function in unit.functions:
            functions.setdefault(function.key, function)
    return _Solver(units, functions, roles).run()


class _Solver:
    def __init__(self, units: list[UnitFacts], functions: dict[str, Function], roles: Mapping[str, Role]) -> None:
        self.functions = functions
        self.values = {key: Values(function, functions.get) for key, function in functions.items()}
        self.pointers = Pointers(units, functions.values())
        self.known = frozenset(roles)
        self.fresh: dict[str, dict[int, Fresh]] = {}
        self.frees: dict[str, frozenset[int]] = {}
        self.fields: set[str] = set()
        self.bumped: dict[str, set[str]] = defaultdict(set)
        self.bumps: dict[str, Size] = {}
        for name, role in roles.items():
            self._seed(name, role)

    def _seed(self, name: str, role: Role) -> None:
        signature = role.signature
        if role.allocates and role.list != "sized":
            place = RESULT if signature.out_arg is None else signature.out_arg
            sizes = signature.size_args
            strings = frozenset(() if signature.string_arg is None else (signature.string_arg,))
            chunk = signature.first_pointer if role.list == "resize" else signature.chunk_arg
            size = Size(frozenset(sizes), sizes, strings)
            self.fresh[name] = {place: Fresh(size, chunk, via=(name,))}
        elif role.list == "free" and signature.first_pointer is not None:
            self.frees[name] = frozenset((signature.first_pointer,))

    def run(self) -> Knowledge:
        for function in self.functions.values():
            self._pools(function)
        for _ in range(_ROUNDS):
            before = (dict(self.fresh), dict(self.frees), len(self.fields))
            for key, function in self.functions.items():
                if key in self.known:
                    continue
                self._summarise(key, function)
            if before == (self.fresh, self.frees, len(self.fields)):
                break
        return Knowledge(self.fresh, self.frees, self.known, self.functions, self.values, self.pointers)

    def _pools(self, function: Function) -> None:
        """Fields that are moved on by a size (a block's free part), or replaced by what they point to (a free list)."""
        values = self.values[function.key]
        for place, value in function.stores:
            if place[0] not in ("f", "g", "d"):
                continue
            name = _name(place)
            for leaf, moved in values.leaves(value):
                same = name and _name(leaf) == name
                if same and moved and any(values.size(one).parameters for one in moved):
                    self._bump(function.key, name, [values.size(one) for one in moved])
                elif leaf[0] in ("f", "d") and name and not moved:
                    inner = leaf[2] if leaf[0] == "f" else leaf[1]
                    if any(_name(one) == name for one, _ in values.leaves(inner)):
                        self.bumped[function.key].add(name)
            moves = value[0] == "o" and value[1] in ("+", "-") and name and _name(value[2]) == name
            if moves and values.size(value[3]).parameters:
                self._bump(function.key, name, [values.size(value[3])])

    def _bump(self, key: str, name: str, sizes: list[Size]) -> None:
        """A field is moved on by a size."""
        self.bumped[key].add(name)
        for size in sizes:
            self.bumps[key] = self.bumps.get(key, Size()) | size

    def _summarise(self, key: str, function: Function) -> None:
        values = self.values[key]
        found: dict[int, Fresh] = {}
        if function.letter == "p":
            result = self._fresh(values, function.returns)
            if result is not None:
                found[RESULT] = result
        outs: dict[int, list[Value]] = defaultdict(list)
        for place, value in function.stores:
            if place[0] == "d":
                target = values.parameter(place[1])
                if target is not None and function.parameters[target].letter == "P*":
                    outs[target].append(value)
            elif place[0] in ("f", "g"):
                self._store(values, place, value)
        for callee, args in function.calls:
            for called in self.pointers.targets(callee, values):
                for index in self.fresh.get(called, ()):
                    if 0 <= index < len(args) and args[index][0] == "p":
                        outs[args[index][1]].append(("out", callee, args, index))
        for target, stored in outs.items():
            result = self._fresh(values, stored)
            if result is not None and result.allocates:
                found[target] = result
        if found:
            self.fresh[key] = found
        freed = self._freed(values)
        if freed:
            self.frees[key] = freed

    def _store(self, values: Values, place: Value, value: Value) -> None:
        name = _name(place)
        if not name or name in self.fields:
            return
        result = self._fresh(values, (value,))
        if result is not None and result.allocates:
            self.fields.add(name)

    def _fresh(self, values: Values, returned: Iterable[Value]) -> Fresh | None:
        """The fresh memory among some values; None if there is none."""
        result: Fresh | None = None
        other: set[str] = set()
        pool = False
        bumped = self.bumped.get(values.function.key, set())
        for value in returned:
            for leaf, moved in values.leaves(value):
                if leaf == CONSTANT:
                    continue
                one = self._leaf(values, leaf)
                if _name(leaf) in bumped:  # also where a field holds fresh memory: a piece of that
                    one = "field"
                if isinstance(one, str):
                    pool = pool or _is_piece(values, leaf, moved, bumped)
                    other.add(one)
                    continue
                if any(_foreign(values, offset) for offset in moved):
                    one = replace(one, moved=True)
                result = one if result is None else _merged(result, one)
        bump = self.bumps.get(values.function.key, Size()) if pool else Size()
        if result is None:
            if not pool:
                return None
            result = Fresh()
        return replace(result, size=result.size | bump, other=result.other | other, pool=result.pool or pool)

    def _leaf(self, values: Values, leaf: Value) -> Fresh | str:
        kind = leaf[0]
        if kind in ("c", "out"):
            callee, args = leaf[1], leaf[2]
            place = RESULT if kind == "c" else leaf[3]
            for target in self.pointers.targets(callee, values):
                memory = self.fresh.get(target, {}).get(place)
                if memory is not None:
                    composed = self._composed(values, target, memory, args, leaf[3] if kind == "c" else 0)
                    if composed is not None:
                        return composed
                    return "call"
            if kind == "out":
                return "out"
            return "pointer" if callee.startswith("&") else "call"
        if kind == "f" and _name(leaf) in self.fields:
            root = values.root(leaf[2])
            if root[0] == "p":
                return Fresh(held=frozenset((root[1],)))
            if root[0] == "v":
                return Fresh(built=True, size=Size(other=True))
        names = {
            "p": "parameter", "f": "field", "g": "global", "s": "literal", "d": "deref", "a": "address", "v": "local",
        }  # fmt: skip
        return names.get(kind, "unknown")

    def _composed(self, values: Values, target: str, memory: Fresh, args: tuple[Value, ...], line: int) -> Fresh | None:
        """What a call of a function that hands memory out gives here."""
        size = Size(types=memory.size.types, other=memory.size.other)
        for index in memory.size.parameters:
            if index < len(args):
                size |= values.size(args[index])
        factors: list[int] = []
        for index in memory.size.factors:
            if index < len(args):
                factors += values.size(args[index]).factors
        strings = set(size.strings)
        for index in memory.size.strings:
            if index < len(args):
                string = values.parameter(args[index])
                if string is not None:
                    strings.add(string)
                elif args[index][0] != "s":
                    size |= Size(other=True)
        chunk, inner = None, memory.inner
        if memory.chunk is not None and memory.chunk < len(args):
            chunk = values.chunk(args[memory.chunk])
            leaves = [leaf for leaf, _ in values.leaves(args[memory.chunk])]
            inner = inner or (chunk is None and any(leaf[0] not in ("0", "out", "c") for leaf in leaves))
        built, held = memory.built, set()
        for index in memory.held:
            if index >= len(args):
                continue
            root = values.root(args[index])
            if root[0] == "p":
                held.add(root[1])
            elif root[0] == "v" or (root[0] == "c" and self._gives(values, root)):
                built = True
            elif not memory.via:
                return None
        if not (memory.via or built or held or memory.pool):
            return None
        size = Size(size.parameters, tuple(dict.fromkeys(factors)), frozenset(strings), size.types, size.other)
        via = (target,) if memory.via or memory.pool or built else ()
        other = frozenset(kind for kind in memory.other if kind in ("literal", "address"))
        return Fresh(size, chunk, inner, via, line, other, built, frozenset(held), False, memory.moved)

    def _gives(self, values: Values, call: Value) -> bool:
        targets = self.pointers.targets(call[1], values)
        return any(self.fresh.get(target, {}).get(RESULT) is not None for target in targets)

    def _freed(self, values: Values) -> frozenset[int]:
        freed: set[int] = set()
        for callee, args in values.function.calls:
            if callee.startswith("&#"):  # how it is freed is the caller's business
                continue
            targets = self.pointers.targets(callee, values)
            freeing = [target for target in targets if target in self.frees]
            if len(freeing) == len(targets):
                for target in freeing:
                    for index in self.frees[target]:
                        if index < len(args):
                            freed |= _unmoved(values, args[index])
            for target in targets:  # realloc(p, 0)
                memory = self.fresh.get(target, {}).get(RESULT)
                if memory is None or memory.chunk is None or memory.chunk >= len(args):
                    continue
                sizes = [args[i] for i in memory.size.parameters if i < len(args)]
                if sizes and all(size == ("0",) for size in sizes):
                    freed |= values.may_be(args[memory.chunk])
        return frozenset(freed)


def _is_piece(values: Values, leaf: Value, moved: tuple[Value, ...], bumped: set[str]) -> bool:
    """Whether a value is read from one of these fields, lies where one of them says, or hangs on what one leads to."""
    near = [part for offset in moved for part, _ in values.leaves(offset)]
    near += [part for part, _ in values.leaves(leaf[2])] if leaf[0] == "f" else []
    return any(_name(one) in bumped for one in (leaf, *near))


def _unmoved(values: Values, value: Value) -> set[int]:
    """The parameters that a value may be, perhaps moved by the size of a header."""
    leaves = values.leaves(value)
    return {leaf[1] for leaf, moved in leaves if leaf[0] == "p" and all(_is_constant(offset) for offset in moved)}


def _is_constant(value: Value) -> bool:
    return all(part[0] in ("0", "z", "o") for part in walk(value))


def _merged(one: Fresh, other: Fresh) -> Fresh:
    via = tuple(dict.fromkeys(one.via + other.via))
    chunk = one.chunk if one.chunk is not None else other.chunk
    return Fresh(
        one.size | other.size, chunk, one.inner or other.inner, via, one.line or other.line, one.other | other.other,
        one.built or other.built, one.held | other.held, one.pool or other.pool, one.moved or other.moved,
    )  # fmt: skip


def _name(value: Value) -> str:
    """The name of a field or global variable, or of what a global array or pointer leads to."""
    while value[0] in ("d", "+"):
        value = value[1]
    return str(value[1]) if value[0] in ("f", "g") else ""


def _foreign(values: Values, offset: Value) -> bool:
    """Whether what is added to a pointer comes out of a structure: then it is no header, but a place in a buffer."""
    for leaf, _ in values.leaves(offset):
        for part in walk(leaf):
            if part[0] in ("f", "d", "g") and values.root(part)[0] != "c":
                return True
    return False
