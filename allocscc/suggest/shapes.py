"""How a function lets its caller decide what is allocated: by a size, a string, a format.

A function whose memory has a type of its own (`struct foo *foo_new(void)`) is where an allocation happens, not a
wrapper: its own line and type say more than its caller's.
"""

from __future__ import annotations

import re

from allocscc.suggest.facts import Function
from allocscc.suggest.solve import RESULT, Fresh
from allocscc.suggest.values import Size
from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# What says nothing of a type.
GENERIC = frozenset(("void", "char", "unsigned char", "signed char"))
CAPITALS = {"z": "Z", "l": "L", "i": "I", "u": "U"}
VA_LISTS = ("va_list", "__va_list_tag", "__gnuc_va_list", "__builtin_va_list")
_QUALIFIER = re.compile(r"\b(?:const|volatile|restrict|struct|union) ?")
# Bytes of a function's text.
_SHORT = 300


@dataclass(frozen=True)
class Shape:
    """How a function lets its caller decide.

    Attributes:
        list: the list of an entry that it belongs in: `alloc`, `resize`, `free` or `free-all`.
        capitals: parameter → its letter where it has a role.
        base: how sure that is, before one looks at what else the function does.
        why: for people.
        kind: `wrapper` or `allocator`.
        shape: what decides: `size`, `string`, `format`; `empty`: nothing does; `public`: a library's users free it;
            `region`: a region is freed.
    """

    list: str
    capitals: Mapping[int, str]
    base: float
    why: str
    kind: str = "wrapper"
    shape: str = "size"


def shape_of(function: Function, place: int, memory: Fresh) -> Shape | None:
    """How the function lets its caller decide what is allocated; None if it does not.

    Args:
        function: the function.
        place: where the memory is handed out: `RESULT`, or a parameter.
        memory: the memory.
    """
    pointee = function.pointee if place == RESULT else function.parameters[place].pointee.removesuffix("*").strip()
    if place != RESULT and (function.letter == "p" or not (place == 0 or function.public)):
        return None
    if not (memory.allocates or memory.pool) or is_const(pointee) or "(" in pointee or memory.inner or memory.moved:
        return None
    out = {} if place == RESULT else {place: "P*"}
    generic, headed = plain_type(pointee) in GENERIC, _headed(memory.size)
    sizes = _sizes(function, memory.size)
    chunk = memory.chunk
    fits = generic or (sizes and not headed)
    if chunk is not None and chunk != place and fits and _same_pointer(function, chunk, pointee):
        return _resizing(function, memory, chunk, plain_type(pointee), out)
    if "parameter" in memory.other:
        return None
    if memory.pool and sizes:
        letters = _capital(sizes) if generic else {}
        base, why = 0.85 if generic else 0.75, "hands out pieces of a block or a list, by size"
        return Shape("alloc", {**out, **letters}, base, why, "allocator")
    if sizes and (generic or (memory.size.factors and not memory.size.types)):
        return _sized(function, memory, sizes, out)
    return _textual(function, memory, bool(sizes), plain_type(pointee), out) if generic else None


def _sizes(function: Function, size: Size) -> dict[int, str]:
    """The parameters that a size depends on, those that it is a product of if it is one, and their capitals."""
    indexes = size.factors or sorted(size.parameters)
    letters = {index: CAPITALS.get(function.parameters[index].letter) for index in indexes}
    return {index: letter for index, letter in letters.items() if letter}


def _capital(sizes: Mapping[int, str]) -> dict[int, str]:
    """The capital of the size; of a product it is the last factor, and a `z` directly before it is the count."""
    return {index: sizes[index] for index in list(sizes)[-1:]}


def _resizing(function: Function, memory: Fresh, chunk: int, plain: str, out: Mapping[int, str]) -> Shape | None:
    """The shape of a function that gives what realloc makes of its parameter."""
    size, sizes = memory.size, _sizes(function, memory.size)
    capitals = {**out, chunk: "P", **_capital(sizes)}
    why = f"gives what {_via(memory)} makes of its parameter {chunk + 1}"
    formats = takes_format(function)
    if not (size.factors and sizes) and not size.strings - {chunk} and not formats:
        return Shape("resize", capitals, 0.7, why) if size.strings == {chunk} and plain == "char" else None
    if sizes and not size.other:
        return Shape("resize", capitals, 0.95, why)
    if plain not in ("char", "void"):  # a data structure in bytes, which grows by an element
        return None
    base = 0.8
    if plain == "char" and not formats:  # a text that grows: do other parameters say by what?
        base -= 0.15 * max(len(function.parameters) - len(capitals) - 1, 0)
        base -= 0.15 * any(capitals.get(index) == "I" for index in sizes)
    return Shape("resize", capitals, base, why)


def _sized(function: Function, memory: Fresh, sizes: Mapping[int, str], out: Mapping[int, str]) -> Shape:
    size = memory.size
    base = 0.65 if not size.factors else 0.8 if size.strings or size.other else 0.95
    if any(function.parameters[index].pointee for index in size.parameters):
        base -= 0.2
    which = ", ".join(f"{function.parameters[index].type} (parameter {index + 1})" for index in sizes)
    return Shape("alloc", {**out, **_capital(sizes)}, base, f"passes a size on to {_via(memory)}: {which}")


def _textual(function: Function, memory: Fresh, sized: bool, plain: str, out: Mapping[int, str]) -> Shape | None:
    """The shape of a function whose memory holds a text: a copy, what a format makes, an empty one."""
    size, via = memory.size, _via(memory)
    strings = [index for index in size.strings if function.parameters[index].letter in ("s", "p")]
    if strings and not sized:
        capitals = {**out, strings[0]: "S"} if len(strings) == 1 else out
        base = 0.85 if not size.other or function.length <= _SHORT else 0.75 if len(strings) == 2 else 0.55
        return Shape("alloc", capitals, base, f"passes a string on to {via}, which copies it", shape="string")
    if takes_format(function):
        return Shape("alloc", out, 0.85, f"makes a formatted text with memory of {via}", shape="format")
    constant = not (function.parameters or size.other or memory.other)
    if constant and plain == "char" and memory.via and function.length < _SHORT // 2:
        return Shape("alloc", out, 0.65, f"gives an empty one of {via}", shape="empty")
    if function.public and not sized and memory.allocates and "literal" not in memory.other:
        return Shape("alloc", out, 0.7, f"gives memory of {via} to the users of the library", shape="public")
    return None


def takes_format(function: Function) -> bool:
    """Whether it takes a format and what belongs in it."""
    parameters = function.parameters
    if function.variadic:
        return bool(parameters) and parameters[-1].letter == "s"
    return len(parameters) > 1 and takes_list(function) and parameters[-2].letter == "s"


def takes_list(function: Function) -> bool:
    """Whether its last parameter is a `va_list`."""
    last = function.parameters[-1] if function.parameters else None
    return last is not None and any(name in last.type or name in last.pointee for name in VA_LISTS)


def plain_type(kind: str) -> str:
    """A type without qualifiers and `struct`."""
    return _QUALIFIER.sub("", kind).strip()


def is_const(pointee: str) -> bool:
    """Whether what a pointer leads to must not be changed: nobody frees such a thing."""
    return pointee.startswith("const ") and not pointee.endswith("*")


def _via(memory: Fresh) -> str:
    return " and ".join(memory.via[:2]) or "a buffer"


def _same_pointer(function: Function, index: int, pointee: str) -> bool:
    """Whether a parameter and the result are pointers of one kind."""
    plain, other = plain_type(pointee), plain_type(function.parameters[index].pointee)
    return plain == other or (plain in GENERIC and other in GENERIC)


def _headed(size: Size) -> bool:
    """Whether a structure is part of what is allocated."""
    return any("*" not in kind and _is_record(kind) for kind in size.types)


def _is_record(kind: str) -> bool:
    return plain_type(kind).rstrip("*[]0123456789 ") not in (
        "char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long", "float",
        "double", "long long", "unsigned long long", "void", "_Bool",
    )  # fmt: skip
