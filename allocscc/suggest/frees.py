"""Functions that free: a chunk of any type and nothing else, or all that was taken from a region."""

from __future__ import annotations

from allocscc.suggest.facts import Function
from allocscc.suggest.shapes import GENERIC, Shape, is_const, plain_type
from allocscc.suggest.solve import Knowledge
from allocscc.suggest.sureness import effort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def frees(known: Knowledge, shapes: Mapping[str, tuple[Shape, float]]) -> dict[str, Shape]:
    """Functions that free a chunk of any type and do nothing else with it.

    Args:
        known: what is known.
        shapes: of the functions that allocate; what they give may have a type.
    """
    pointers = {plain_type(known.functions[key].pointee) for key in shapes if known.functions[key].letter == "p"}
    found: dict[str, Shape] = {}
    pure = {*known.known, *(key for key, (shape, _) in shapes.items() if shape.list == "resize")}
    more = True
    while more:
        more = False
        for key, freed in known.frees.items():
            function = known.functions.get(key)
            if function is None or key in pure or len(freed) != 1:
                continue
            index = next(iter(freed))
            by = _purely(known, function, index, pure, pointers)
            if by:
                found[key] = Shape("free", {index: "P"}, 0.9, f"passes parameter {index + 1} on to {by}")
                pure.add(key)
                more = True
    return found


def _purely(known: Knowledge, function: Function, index: int, pure: set[str], pointers: set[str]) -> str:
    """The function that a parameter is freed by, if that is all that is done with it; else ""."""
    pointee = function.parameters[index].pointee
    plain = plain_type(pointee)
    if function.letter not in ("v", "i") or function.loops or "*" in plain or is_const(pointee):
        return ""
    if plain not in GENERIC and plain not in pointers:
        return ""
    given, others = effort(known, function, Shape("free", {index: "P"}, 0.9, ""))
    if given > 2 or others > 6:
        return ""
    by = _freeing(known, function.key, index, pure)
    return "" if not by or _frees_more(known, function.key, index) or _looks_inside(known, function, index) else by


def regions(known: Knowledge, shapes: Mapping[str, tuple[Shape, float]]) -> dict[str, Shape]:
    """Functions that free what hangs on the structure that a family takes its pieces from; arguments as for `frees`."""
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
                found[other] = Shape("free-all", {0: "P"}, 0.85, f"frees what {key} takes from", "allocator", "region")
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
        for target in known.pointers.targets(callee, values):
            positions = set(known.frees.get(target, ()))
            positions |= {one.chunk for one in known.fresh.get(target, {}).values() if one.chunk is not None}
            if target in pure and any(at < len(args) and values.parameter(args[at]) == index for at in positions):
                return target
    return ""


def _frees_more(known: Knowledge, key: str, index: int) -> bool:
    """Whether the function also frees something else."""
    values = known.values[key]
    for callee, args in known.functions[key].calls:
        for target in known.pointers.targets(callee, values):
            for position in known.frees.get(target, ()):
                if position < len(args) and index not in values.may_be(args[position]):
                    return True
    return False


def _looks_inside(known: Knowledge, function: Function, index: int) -> bool:
    """Whether the function reads fields of what it frees, or hands it to one that does: a destructor of a type."""
    if plain_type(function.parameters[index].pointee) not in GENERIC:
        return False
    values = known.values[function.key]
    if any(index in values.may_be(field[2]) for field in function.reads):
        return True
    for callee, args in function.calls:
        other = known.functions.get(callee)
        if other is None:
            continue
        for at, arg in enumerate(args[: len(other.parameters)]):
            if values.parameter(arg) == index and plain_type(other.parameters[at].pointee) not in GENERIC:
                return True
    return False
