"""How sure it is that a function only passes memory on: what does other work has a purpose of its own."""

from __future__ import annotations

import re

from allocscc.suggest.facts import Function
from allocscc.suggest.shapes import GENERIC, Shape, takes_format
from allocscc.suggest.solve import RESULT, Fresh, Knowledge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# What is less sure is not suggested unless asked for.
SURE = 0.6
SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C", ".c++", ".y", ".l")
# What a wrapper may call beside allocation functions and not do any work: libc's, and what ends or tells.
_TRIVIAL = re.compile(
    r"_*(?:mem|str|wcs)\w+|&.*|f?printf|abort|exit|_exit|assert\w*|_*errno\w*|__assert_fail|fputs|fflush"
)
# A name is a weak hint only.
_NAME = re.compile(r"alloc|dup|resize|grow|printf|_new|free|mem", re.I)


def bounded(sure: float) -> float:
    """A confidence as it is told."""
    return round(max(0.05, min(sure, 0.99)), 2)


def sureness(known: Knowledge, function: Function, shape: Shape, memory: Fresh | None) -> float:
    """How sure it is that the function only passes memory on: what does other work has a purpose of its own."""
    sure = shape.base + (0.03 if _NAME.search(function.key) else 0)
    if shape.shape in ("format", "public", "region"):  # what these make is long to write down
        return bounded(sure)
    if shape.list != "free" and takes_format(function):
        return bounded(sure)
    pool = shape.kind == "allocator"
    if function.loops:
        sure -= (0.2 if pool and function.pointee not in GENERIC else 0.1) if function.loops == 1 else 0.25
    if function.length > 1500:
        sure -= 0.1 if function.length < 2500 else 0.3
    given, others = effort(known, function, shape)
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
            sure -= 0.3 * (sources_of(known, memory) > 1)
    return bounded(sure)


def effort(known: Knowledge, function: Function, shape: Shape) -> tuple[int, int]:
    """How many functions it gives the memory to, and how many others it calls that have nothing to do with memory."""
    values = known.values[function.key]
    freed = next((index for index, capital in shape.capitals.items() if capital == "P"), None)
    given: set[str] = set()
    others: set[str] = set()
    for callee, args in function.calls:
        if _TRIVIAL.fullmatch(callee) or callee in known.fresh or callee in known.frees:
            continue
        other = known.functions.get(callee)
        if other is not None and ((other.static and not other.file.endswith(SOURCES)) or other.letter not in "pv"):
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


def is_unsure(known: Knowledge, via: str, shapes: Mapping[str, tuple[Shape, float]]) -> bool:
    """Whether a function that memory comes from decides for itself what it allocates."""
    if via in known.known:
        return False
    if via in shapes:
        return shapes[via][1] < SURE
    return any(
        memory.size.strings or memory.size.parameters or memory.size.other for memory in known.fresh[via].values()
    )


def sources_of(known: Knowledge, memory: Fresh) -> int:
    """From how many functions memory comes, without those that only resize it."""
    found = 0
    for via in memory.via:
        places = known.fresh.get(via, {})
        found += not (RESULT in places and places[RESULT].chunk is not None)
    return found
