"""From summaries to suggestions: which functions are worth declaring as wrappers or allocators, and how sure that is.

A function whose memory has a type of its own (`struct foo *foo_new(void)`) is where an allocation happens, not a wrapper:
its own line and type say more than its caller's. So what counts is that the caller decides what is allocated: by a size,
a string that is copied, a format.
"""

from __future__ import annotations

import re
from collections import defaultdict

from allocscc.suggest.facts import Function
from allocscc.suggest.solve import RESULT, Fresh, Knowledge
from allocscc.suggest.values import walk
from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from allocscc.suggest.facts import Value

_GENERIC = frozenset(("void", "char", "unsigned char", "signed char"))
_QUALIFIER = re.compile(r"\b(?:const|volatile|restrict|struct|union) ?")
_CAPITAL = {"z": "Z", "l": "L", "i": "I", "u": "U"}
_VA_LIST = ("va_list", "__va_list_tag", "__gnuc_va_list", "__builtin_va_list")
# What is less sure is not suggested unless asked for.
_SURE = 0.6
# Calls of a function that frees and has none that allocates beside it: then it is the project's own `free`.
_MANY = 20
# Bytes of a function's text.
_SHORT = 300
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C", ".c++", ".y", ".l")
# What a wrapper may call beside allocation functions and not do any work: libc's, and what ends or tells.
_TRIVIAL = re.compile(r"_*(?:mem|str|wcs)\w+|&.*|f?printf|abort|exit|_exit|assert\w*|_*errno\w*|__assert_fail|fputs|fflush")
_NAME = re.compile(r"alloc|dup|resize|grow|printf|_new|free|mem", re.I)


@dataclass(frozen=True)
class Suggestion:
    """A function that looks like a wrapper or an allocator.

    Attributes:
        key: its symbol, or `file.c::name`.
        kind: `wrapper` or `allocator`.
        list: `alloc`, `resize` or `free`.
        signature: in the signature mini-language.
        confidence: from 0 to 1.
        why: what it was seen to do.
        file, line: its definition.
        callers: calls of it by functions that are no wrappers.
        via: the functions that its memory comes from, or that it frees with.
        region: type of what it may take pieces from: of its first parameter, if that is no chunk; else "".
    """

    key: str
    kind: str
    list: str
    signature: str
    confidence: float
    why: str
    file: str
    line: int
    callers: int
    via: tuple[str, ...]
    region: str = ""


@dataclass(frozen=True)
class _Shape:
    """How a function lets its caller decide."""

    list: str
    capitals: Mapping[int, str]
    base: float
    why: str
    kind: str = "wrapper"
    shape: str = "size"


def judge(known: Knowledge) -> list[Suggestion]:
    """The functions worth declaring, surest first; each also says how sure that is."""
    shapes: dict[str, tuple[_Shape, float]] = {}
    for key, places in known.fresh.items():
        function = known.functions.get(key)
        if function is None or key in known.known:
            continue
        for place, memory in places.items():
            shape = _shape(function, place, memory)
            if shape is not None and (key not in shapes or shapes[key][0].base < shape.base):
                shapes[key] = shape, _confidence(known, function, shape, memory)
    frees = _frees(known, shapes)
    for key, shape in frees.items():
        if key not in shapes:
            shapes[key] = shape, _confidence(known, known.functions[key], shape, None)
    for key, (shape, sure) in list(shapes.items()):
        if shape.shape in ("string", "empty"):
            unsure = [via for memory in known.fresh[key].values() for via in memory.via if _is_unsure(known, via, shapes)]
            if shape.shape == "empty":
                unsure += [via for memory in known.fresh[key].values() for via in memory.via
                           if via in known.known or (via in shapes and shapes[via][0].shape != "size")]  # fmt: skip
            shapes[key] = shape, round(max(0.05, sure - 0.3 * bool(unsure)), 2)
    for key, shape in _regions(known, shapes).items():
        if key not in shapes:
            shapes[key] = shape, _confidence(known, known.functions[key], shape, None)
    calls = _callers(known)
    kept = _explaining(known, shapes, calls)
    direct = {callee for function in known.functions.values() for callee, _ in function.calls}
    files = {known.functions[key].file for key in kept if shapes[key][0].list != "free"}
    found = []
    for key in kept:
        if not _stands_alone(known, key, shapes[key][0], calls[key], direct, files):
            continue
        callers = sum(n for caller, n in calls[key].items() if caller not in kept)
        shape, sure = shapes[key]
        if _is_callback(known, key, direct) and not _is_bare(known.functions[key], shape):
            sure = round(max(0.05, sure - 0.4), 2)
        if known.functions[key].static and not calls[key]:
            continue
        if known.functions[key].static and sum(calls[key].values()) <= 1:  # only one site would have another place
            sure = round(max(0.05, sure - 0.36), 2)
        found.append(_suggestion(known, key, shape, sure, callers))
    return sorted(found, key=lambda one: (-one.confidence, -one.callers, one.key))


def _shape(function: Function, place: int, memory: Fresh) -> _Shape | None:
    """How the function lets its caller decide what is allocated; None if it does not."""
    pointee = function.pointee if place == RESULT else _target(function.parameters[place].pointee)
    if place != RESULT and (function.letter == "p" or not (place == 0 or function.public)):
        return None
    if not (memory.allocates or memory.pool) or _is_const(pointee) or "(" in pointee or memory.inner or memory.moved:
        return None
    plain = _plain(pointee)
    generic = plain in _GENERIC
    out = {} if place == RESULT else {place: "P*"}
    size, chunk = memory.size, memory.chunk
    sizes = {i: c for i in size.factors or sorted(size.parameters) if (c := _CAPITAL.get(function.parameters[i].letter))}
    typed = any(_plain(one) == plain for one in size.types) and not generic
    headed = any(_plain(one) not in _GENERIC and "*" not in one and _is_record(one) for one in size.types)
    via = " and ".join(memory.via[:2]) or "a pool"
    fits = generic or (sizes and not headed)
    if chunk is not None and chunk != place and fits and _same_pointer(function, chunk, pointee):
        capitals = {**out, chunk: "P", **_size_letters(function, sizes)}
        strings = size.strings - {chunk}
        if not (size.factors and sizes) and not strings and not _formats(function):
            if size.strings != {chunk} or plain != "char":
                return None
            return _Shape("resize", capitals, 0.7, f"gives what {via} makes of its parameter {chunk + 1}")
        exact = bool(sizes) and not size.other
        if not exact and plain not in ("char", "void"):  # a data structure in bytes, which grows by an element
            return None
        base = 0.95 if exact else 0.8
        if not exact and plain == "char" and not _formats(function):  # a text that grows; by what other parameters say?
            base -= 0.15 * max(len(function.parameters) - len(capitals) - 1, 0)
            base -= 0.15 * any(capitals[i] == "I" for i in sizes if i in capitals)
        return _Shape("resize", capitals, base, f"gives what {via} makes of its parameter {chunk + 1}")
    if "parameter" in memory.other:
        return None
    if memory.pool and sizes:
        letters = _size_letters(function, sizes) if generic else {}
        return _Shape("alloc", {**out, **letters}, 0.85 if generic else 0.75, "hands out pieces of a block or a list, by size", "allocator")
    if sizes and not typed and (generic or not size.types) and not (headed and not generic):
        if not generic and not size.factors:
            return None
        base = 0.65 if not size.factors else 0.8 if size.strings or size.other else 0.95
        if any(function.parameters[i].pointee for i in size.parameters):
            base -= 0.2
        which = ", ".join(function.parameters[i].type + f" (parameter {i + 1})" for i in sizes)
        return _Shape("alloc", {**out, **_size_letters(function, sizes)}, base, f"passes a size on to {via}: {which}")
    if not generic:
        return None
    strings = [i for i in size.strings if function.parameters[i].letter in ("s", "p")]
    if strings and not sizes:
        capitals = {**out, strings[0]: "S"} if len(strings) == 1 else out
        base = 0.85 if not size.other or function.length <= _SHORT else 0.75 if len(strings) == 2 else 0.55
        return _Shape("alloc", capitals, base, f"passes a string on to {via}, which copies it", shape="string")
    if _formats(function):
        return _Shape("alloc", out, 0.85, f"makes a formatted text with memory of {via if memory.via else 'a buffer'}", shape="format")
    if not function.parameters and plain == "char" and memory.via and not (size.other or memory.other) and function.length < _SHORT // 2:
        return _Shape("alloc", out, 0.65, f"gives an empty one of {via}", shape="empty")
    if function.public and not sizes and memory.allocates and "literal" not in memory.other:
        return _Shape("alloc", out, 0.7, f"gives memory of {via} to the users of the library", shape="public")
    return None


def _size_letters(function: Function, sizes: Mapping[int, str]) -> dict[int, str]:
    """The capital of the size; of a product it is the last factor, and a `z` directly before it is the count."""
    last = list(sizes)[-1:]
    return {index: sizes[index] for index in last}


def _formats(function: Function) -> bool:
    """Whether it takes a format and what belongs in it."""
    parameters = function.parameters
    if function.variadic:
        return bool(parameters) and parameters[-1].letter == "s"
    if len(parameters) < 2 or not any(name in parameters[-1].type or name in parameters[-1].pointee for name in _VA_LIST):
        return False
    return parameters[-2].letter == "s"


def _effort(known: Knowledge, function: Function, shape: _Shape) -> tuple[int, int]:
    """How many functions it gives the memory to, and how many others it calls that have nothing to do with memory."""
    values = known.values[function.key]
    freed = next((index for index, capital in shape.capitals.items() if capital == "P"), None)
    given: set[str] = set()
    others: set[str] = set()
    for callee, args in function.calls:
        if _TRIVIAL.fullmatch(callee) or callee in known.fresh or callee in known.frees:
            continue
        other = known.functions.get(callee)
        if other is not None and ((other.static and not other.file.endswith(_SOURCES)) or other.letter not in "pv"):
            continue  # inline, or a question
        others.add(callee)
        for arg in args:
            for leaf, _ in values.leaves(arg):
                if (leaf[0] == "c" and leaf[1] in known.fresh) or (freed is not None and leaf == ("p", freed)):
                    given.add(callee)
    for place, value in function.stores:  # a local structure that says where to write
        if place[0] == "f" and values.root(place[2])[0] == "v":
            for leaf, _ in values.leaves(value):
                if leaf[0] == "c" and leaf[1] in known.fresh:
                    given |= {place[1], ""}
    return len(given), len(others)


def _confidence(known: Knowledge, function: Function, shape: _Shape, memory: Fresh | None) -> float:
    """How sure it is that the function only passes memory on: what does other work has a purpose of its own."""
    sure = shape.base + (0.03 if _NAME.search(function.key) else 0)
    if shape.shape in ("format", "public", "region"):  # what these make is long to write down
        return round(min(sure, 0.99), 2)
    if shape.list != "free" and _formats(function):
        return round(min(sure, 0.99), 2)
    pool = shape.kind == "allocator"
    if function.loops:
        sure -= (0.2 if pool and function.pointee not in _GENERIC else 0.1) if function.loops == 1 else 0.25
    if function.length > 1500:
        sure -= 0.1 if function.length < 2500 else 0.3
    given, others = _effort(known, function, shape)
    given = 0 if shape.list == "resize" else given
    sure -= min(0.15 * max(given - 1, 0) + 0.1 * max(others - 4, 0), 0.45)
    if memory is not None:
        if "call" in memory.other:
            sure -= 0.15 if shape.list == "resize" else 0.3
        if not pool and memory.other & {"field", "global", "deref", "unknown", "local"}:
            sure -= 0.25
        if memory.other & {"literal", "address"}:
            sure -= 0.1
        if shape.shape == "string":
            sure -= 0.3 * (_sources(known, memory) > 1)
    return round(max(0.05, min(sure, 0.99)), 2)


def _is_unsure(known: Knowledge, via: str, shapes: Mapping[str, tuple[_Shape, float]]) -> bool:
    """Whether a function that memory comes from decides for itself what it allocates."""
    if via in known.known:
        return False
    if via in shapes:
        return shapes[via][1] < _SURE
    return any(memory.size.strings or memory.size.parameters or memory.size.other for memory in known.fresh[via].values())


def _sources(known: Knowledge, memory: Fresh) -> int:
    """From how many functions memory comes, without those that only resize it."""
    found = 0
    for via in memory.via:
        places = known.fresh.get(via, {})
        found += not (RESULT in places and places[RESULT].chunk is not None)
    return found


def _frees(known: Knowledge, shapes: Mapping[str, tuple[_Shape, float]]) -> dict[str, _Shape]:
    """Functions that free a chunk of any type and do nothing else with it."""
    pointers = {
        _plain(known.functions[key].pointee)
        for key, (shape, _) in shapes.items()
        if shape.list != "free" and known.functions[key].letter == "p"
    }
    found: dict[str, _Shape] = {}
    pure = {key for key in known.frees if key in known.known}
    pure |= {key for key, (shape, _) in shapes.items() if shape.list == "resize"}
    pure |= {key for key in known.fresh if key in known.known}
    more = True
    while more:
        more = False
        for key, freed in known.frees.items():
            function = known.functions.get(key)
            if function is None or key in pure or len(freed) != 1 or function.letter not in ("v", "i") or function.loops:
                continue
            index = next(iter(freed))
            plain = _plain(function.parameters[index].pointee)
            if (plain not in _GENERIC and plain not in pointers) or "*" in plain:
                continue
            if _is_const(function.parameters[index].pointee) :
                continue
            given, others = _effort(known, function, _Shape("free", {index: "P"}, 0.9, ""))
            if given > 2 or others > 6:
                continue
            by = _freeing(known, key, index, pure)
            if not by or _frees_more(known, key, index) or _looks_inside(known, key, index, plain):
                continue
            found[key] = _Shape("free", {index: "P"}, 0.9, f"passes parameter {index + 1} on to {by}")
            pure.add(key)
            more = True
    return found


def _regions(known: Knowledge, shapes: Mapping[str, tuple[_Shape, float]]) -> dict[str, _Shape]:
    """Functions that free what hangs on the structure that a family takes its pieces from."""
    found = {}
    for key, (shape, _) in shapes.items():
        family = known.functions[key]
        if shape.kind != "allocator" or not family.parameters or not family.parameters[0].pointee:
            continue
        kind = family.parameters[0].pointee
        for other, function in known.functions.items():
            if function.file != family.file or function.letter != "v" or not function.parameters:
                continue
            if function.parameters[0].pointee != kind or other in known.frees or other == key:
                continue
            if _frees_of(known, other, _filled(known, key)):
                found[other] = _Shape("free-all", {0: "P"}, 0.85, f"frees what {key} takes from", "allocator", "region")
    return found


def _filled(known: Knowledge, key: str) -> set[str]:
    """The fields that a function, or one that it calls, stores something in."""
    functions = [known.functions[key]]
    functions += [known.functions[callee] for callee, _ in functions[0].calls if callee in known.functions]
    return {place[1] for function in functions for place, _ in function.stores if place[0] == "f"}


def _frees_of(known: Knowledge, key: str, filled: set[str]) -> bool:
    """Whether the function frees what one of these fields of its first parameter leads to."""
    values = known.values[key]
    for callee, args in known.functions[key].calls:
        for position in known.frees.get(callee, ()):
            if position < len(args):
                leaves = [leaf for leaf, _ in values.leaves(args[position]) if leaf[0] == "f"]
                if any(leaf[1] in filled and values.root(leaf) == ("p", 0) for leaf in leaves):
                    return True
    return False


def _freeing(known: Knowledge, key: str, index: int, pure: set[str]) -> str:
    """The function that only frees to which the parameter goes, "" if there is none."""
    values = known.values[key]
    for callee, args in known.functions[key].calls:
        for target in known.pointers.targets(callee, values, known.functions.get):
            positions = set(known.frees.get(target, ()))
            positions |= {one.chunk for one in known.fresh.get(target, {}).values() if one.chunk is not None}
            if target in pure and any(at < len(args) and values.parameter(args[at]) == index for at in positions):
                return target
    return ""


def _frees_more(known: Knowledge, key: str, index: int) -> bool:
    values = known.values[key]
    for callee, args in known.functions[key].calls:
        for target in known.pointers.targets(callee, values, known.functions.get):
            for position in known.frees.get(target, ()):
                if position < len(args) and index not in values.may_be(args[position]):
                    return True
    return False


def _looks_inside(known: Knowledge, key: str, index: int, plain: str) -> bool:
    """Whether the function reads fields of what it frees, or hands it to one that does: a destructor of a type."""
    if plain not in _GENERIC:
        return False
    function, values = known.functions[key], known.values[key]
    everything = [value for found in function.locals.values() for value in found]
    everything += [value for _, value in function.stores]
    everything += [arg for _, args in function.calls for arg in args]
    for value in everything:
        for part in walk(value):
            if part[0] == "f" and index in values.may_be(part[2]):
                return True
    for callee, args in function.calls:
        other = known.functions.get(callee)
        if other is None:
            continue
        for at, arg in enumerate(args[: len(other.parameters)]):
            if values.parameter(arg) == index and _plain(other.parameters[at].pointee) not in _GENERIC:
                return True
    return False


def _callers(known: Knowledge) -> dict[str, dict[str, int]]:
    """Function → the functions that call it, and how often."""
    calls: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, function in known.functions.items():
        for callee, _ in function.calls:
            for target in known.pointers.targets(callee, known.values[key], known.functions.get):
                calls[target][key] += 1
    return calls


def _explaining(
    known: Knowledge, shapes: Mapping[str, tuple[_Shape, float]], calls: Mapping[str, Mapping[str, int]]
) -> set[str]:
    """Those without static functions that only other ones call: no site would have another name for them."""
    outer = {key for key in shapes if not known.functions[key].static and shapes[key][1] >= _SURE} | known.known
    inside: set[str] = set()
    more = True
    while more:
        reached = outer | inside | {key for key in shapes if shapes[key][1] >= _SURE}
        found = {
            key
            for key, function in known.functions.items()
            if function.static and calls[key] and key not in inside and all(caller in reached for caller in calls[key])
        }
        inside |= found
        more = bool(found)
    return set(shapes) - inside


def _is_callback(known: Knowledge, key: str, direct: set[str]) -> bool:
    """Whether the function is only called through pointers, if at all."""
    return key in known.pointers.taken and key not in direct


def _is_bare(function: Function, shape: _Shape) -> bool:
    """Whether all that it takes is what is allocated: so it is an allocation function for whoever gets its address."""
    if shape.list == "resize":
        return True
    for index, parameter in enumerate(function.parameters):
        capital = shape.capitals.get(index, "")
        if shape.kind == "allocator" and index == 0 and parameter.letter == "p":  # where it takes from
            continue
        counts = parameter.letter == "z" and "Z" in shape.capitals.get(index + 1, "")
        if not (capital or counts) or (capital == "S" and "char" not in parameter.pointee):
            return False
    return True


def _stands_alone(
    known: Knowledge, key: str, shape: _Shape, callers: Mapping[str, int], direct: set[str], files: set[str]
) -> bool:
    """Whether the function is worth an entry: one that frees has to belong to one that allocates."""
    function = known.functions[key]
    if function.static and not function.file.endswith(_SOURCES):  # inline: what it calls is seen
        return False
    if shape.list != "free":
        return True
    return (key in direct or key not in known.pointers.taken) and (known.functions[key].file in files or sum(callers.values()) >= _MANY)


def _without_inner(
    known: Knowledge, kept: set[str], gone: set[str], calls: Mapping[str, Mapping[str, int]]
) -> set[str]:
    inside = set(gone)
    while True:
        more = {
            key for key in kept
            if known.functions[key].static and all(c in kept or c in inside or c in known.known for c in calls[key])
        }  # fmt: skip
        if not more:
            return kept
        inside |= more
        kept -= more


def _suggestion(known: Knowledge, key: str, shape: _Shape, confidence: float, callers: int) -> Suggestion:
    function = known.functions[key]
    factors = {index for memory in known.fresh.get(key, {}).values() for index in memory.size.factors}
    letters: list[str] = []
    for index, parameter in enumerate(function.parameters):
        letter = shape.capitals.get(index) or parameter.letter.replace("P*", "p") or "p"
        before = shape.capitals.get(index + 1, "")
        if letter == "z" and before in _CAPITAL.values() and index not in factors:
            letter = "a"  # a `z` would be the count
        letters.append(letter)
    result = function.letter if function.letter != "s" else "p"
    if any(name in function.parameters[-1].type for name in _VA_LIST) if function.parameters else False:
        letters[-1] = "p"
    text = f"{key}({''.join(letters)}{'.' if function.variadic else ''}){'' if result == 'v' else result or 'p'}"
    memory = known.fresh.get(key, {})
    via = next((one.via for one in memory.values()), ()) if shape.list in ("alloc", "resize") else (shape.why.split()[-1],)
    region = ""
    if function.parameters and letters[0] in ("p", "P") and (letters[0] == "p" or shape.list == "free-all"):
        region = function.parameters[0].pointee
    return Suggestion(
        key, shape.kind, shape.list, text, confidence, shape.why, function.file, function.line, callers, via, region
    )


def _same_pointer(function: Function, index: int, pointee: str) -> bool:
    """Whether a parameter and the result are pointers of one kind."""
    plain, other = _plain(pointee), _plain(function.parameters[index].pointee)
    return plain == other or (plain in _GENERIC and other in _GENERIC)


def _target(pointee: str) -> str:
    return pointee.removesuffix("*").strip()


def _plain(kind: str) -> str:
    return _QUALIFIER.sub("", kind).strip()


def _is_const(pointee: str) -> bool:
    return pointee.startswith("const ") and not pointee.endswith("*")


def _is_record(kind: str) -> bool:
    return _plain(kind).rstrip("*[]0123456789 ") not in (
        "char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long", "float",
        "double", "long long", "unsigned long long", "void", "_Bool",
    )  # fmt: skip
