"""From summaries to suggestions: which functions are worth declaring, and how sure that is."""

from __future__ import annotations

from collections import defaultdict

from allocscc.suggest.facts import Function
from allocscc.suggest.frees import frees, regions
from allocscc.suggest.shapes import CAPITALS, Shape, shape_of, takes_list
from allocscc.suggest.solve import Knowledge
from allocscc.suggest.sureness import SOURCES, SURE, bounded, is_unsure, sureness
from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Shapes = dict[str, tuple[Shape, float]]

# Calls of a function that frees and has none that allocates beside it: then it is the project's own `free`.
_MANY = 20


@dataclass(frozen=True)
class Suggestion:
    """A function that looks like a wrapper or an allocator.

    Attributes:
        key: its symbol, or `file.c::name`.
        kind: `wrapper` or `allocator`.
        list: `alloc`, `resize`, `free` or `free-all`.
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


def judge(known: Knowledge) -> list[Suggestion]:
    """The functions worth declaring, surest first."""
    shapes = _allocating(known)
    for shaped in (frees(known, shapes), regions(known, shapes)):
        for key, shape in shaped.items():
            shapes.setdefault(key, (shape, sureness(known, known.functions[key], shape, None)))
    calls = _callers(known)
    kept = _explaining(known, shapes, calls)
    direct = {callee for function in known.functions.values() for callee, _ in function.calls}
    files = {known.functions[key].file for key in kept if shapes[key][0].list != "free"}
    found = []
    for key in kept:
        function, (shape, sure) = known.functions[key], shapes[key]
        called = sum(calls[key].values())
        if not _stands_alone(known, function, shape, called, direct, files):
            continue
        if key in known.pointers.taken and key not in direct and not _is_bare(function, shape):  # a callback
            sure -= 0.4
        if function.static and called <= 1:  # only one site would have another place
            sure -= 0.36
        outside = sum(number for caller, number in calls[key].items() if caller not in kept)
        found.append(_suggestion(known, function, shape, bounded(sure), outside))
    return sorted(found, key=lambda one: (-one.confidence, -one.callers, one.key))


def _allocating(known: Knowledge) -> Shapes:
    """The functions that allocate as their caller says."""
    shapes: Shapes = {}
    for key, places in known.fresh.items():
        function = known.functions.get(key)
        if function is None or key in known.known:
            continue
        for place, memory in places.items():
            shape = shape_of(function, place, memory)
            if shape is not None and (key not in shapes or shapes[key][0].base < shape.base):
                shapes[key] = shape, sureness(known, function, shape, memory)
    for key, (shape, sure) in list(shapes.items()):
        via = [one for memory in known.fresh[key].values() for one in memory.via]
        unsure = shape.shape in ("string", "empty") and any(is_unsure(known, one, shapes) for one in via)
        if shape.shape == "empty":  # of what has a size elsewhere
            unsure = unsure or not all(one in shapes and shapes[one][0].shape == "size" for one in via)
        shapes[key] = shape, sure - 0.3 * unsure
    return shapes


def _callers(known: Knowledge) -> dict[str, dict[str, int]]:
    """Function → the functions that call it, and how often."""
    calls: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, function in known.functions.items():
        for callee, _ in function.calls:
            for target in known.pointers.targets(callee, known.values[key]):
                calls[target][key] += 1
    return calls


def _explaining(known: Knowledge, shapes: Shapes, calls: Mapping[str, Mapping[str, int]]) -> set[str]:
    """Those without static functions that only other ones call: no site would have another name for them."""
    outer = {key for key in shapes if not known.functions[key].static and shapes[key][1] >= SURE} | known.known
    inside: set[str] = set()
    more = True
    while more:
        reached = outer | inside | {key for key in shapes if shapes[key][1] >= SURE}
        found = {
            key
            for key, function in known.functions.items()
            if function.static and calls[key] and key not in inside and all(caller in reached for caller in calls[key])
        }
        inside |= found
        more = bool(found)
    return set(shapes) - inside


def _is_bare(function: Function, shape: Shape) -> bool:
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
    known: Knowledge, function: Function, shape: Shape, called: int, direct: set[str], files: set[str]
) -> bool:
    """Whether the function is worth an entry.

    One that is inline in a header is not: what it calls is seen. Nor one that nobody can call, or that frees and
    belongs to none that allocates.
    """
    if function.static and (not called or not function.file.endswith(SOURCES)):
        return False
    if shape.list != "free":
        return True
    reached = function.key in direct or function.key not in known.pointers.taken
    return reached and (function.file in files or called >= _MANY)


def _suggestion(known: Knowledge, function: Function, shape: Shape, confidence: float, callers: int) -> Suggestion:
    key, letters = function.key, _letters(known, function, shape)
    result = {"s": "p", "v": ""}.get(function.letter, function.letter)
    text = f"{key}({''.join(letters)}{'.' if function.variadic else ''}){result}"
    via: tuple[str, ...] = (shape.why.rpartition(" ")[2],)
    if shape.list in ("alloc", "resize"):
        via = next((memory.via for memory in known.fresh[key].values()), ())
    region = ""
    if letters and (letters[0] == "p" or (letters[0] == "P" and shape.list == "free-all")):
        region = function.parameters[0].pointee
    return Suggestion(
        key, shape.kind, shape.list, text, confidence, shape.why, function.file, function.line, callers, via, region
    )


def _letters(known: Knowledge, function: Function, shape: Shape) -> list[str]:
    """The parameters in the signature mini-language."""
    factors = {index for memory in known.fresh.get(function.key, {}).values() for index in memory.size.factors}
    letters: list[str] = []
    for index, parameter in enumerate(function.parameters):
        letter = shape.capitals.get(index) or parameter.letter.replace("P*", "p") or "p"
        if letter == "z" and shape.capitals.get(index + 1, "") in CAPITALS.values() and index not in factors:
            letter = "a"  # a `z` would be the count
        letters.append(letter)
    if takes_list(function):
        letters[-1] = "p"
    return letters
