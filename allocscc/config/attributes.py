"""What attributes in a source say of a function (R5).

gcc's (manual, "Common Function Attributes"): `malloc`, `malloc (deallocator, n)`, `alloc_size (i[, j])`,
`alloc_align (i)`. Ours: `annotate("allocs:KIND.LIST [LETTERS][->FUNCTION] [FAMILY[<PARENT]]")`, or the same as
`[[allocs::KIND_LIST("…")]]`; the macros of stubgen/allocs.h write them.
"""

import re
from collections.abc import Sequence

from allocscc.config.model import gives_chunk
from allocscc.config.signature import Signature, parse_signature
from allocscc.errors import SignatureError
from allocscc.sidecar import Declaration
from allocscc.values import dataclass, replace

_GROUP = re.compile(r"__attribute(?:__)?\s*\(\s*\(|\[\s*\[")
_NAME = re.compile(r"\s*(?:__extension__\s+)?(?:using\s+\w+\s*:)?\s*([A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)?)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_INDEX = re.compile(r"[0-9]{1,3}", re.ASCII)
_CAPITALS = {"z": "Z", "i": "I", "u": "U", "l": "L"}
_LISTS = {
    "wrapper": ("alloc", "resize", "free"),
    "allocator": ("alloc", "resize", "free", "free-chain", "free-since", "free-all"),
    "sized": ("sized",),
}  # fmt: skip


@dataclass(frozen=True)
class Attribute:
    """One attribute: its name without underscores around it, and its arguments as text."""

    name: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prototype:
    """A function as its declaration has it.

    Attributes:
        name: its symbol.
        letters: one of the mini-language for each parameter, all lower case; `.` last if it is variadic.
        ret: the letter of its result.
        returns_void_pointer: whether the result is `void *`, so that it says nothing of a type.
        origin: file:line.
    """

    name: str
    letters: tuple[str, ...]
    ret: str
    returns_void_pointer: bool
    origin: str


def parse_attributes(text: str) -> list[Attribute]:
    """All attributes in the text of a declaration, in order."""
    found = []
    for group in _GROUP.finditer(text):
        opening = "(" if text[group.end() - 1] == "(" else "["
        body = _enclosed(text, group.end(), opening)
        for part in _split(body):
            name = _NAME.match(part)
            if name is None:
                continue
            rest = part[name.end() :].strip()
            args = _split(_enclosed(rest, 1, "(")) if rest.startswith("(") else []
            words = [re.sub(r"^__(\w+)__$", r"\1", word.strip()) for word in name[1].split("::")]
            bare = "::".join(words).removeprefix("gnu::").removeprefix("clang::")
            found.append(Attribute(bare, tuple(arg.strip() for arg in args)))
    return found


def declare(prototype: Prototype, attributes: list[Attribute], frees: dict[str, Signature]) -> list[Declaration]:
    """What the attributes make of a function; nothing if they are not about allocation, or wrong.

    Args:
        prototype: the function.
        attributes: its attributes, of all its declarations.
        frees: signatures, all lower case, of the functions that `malloc (deallocator, n)` names, where known.
    """
    own = [found for a in attributes if (found := _annotated(prototype, a)) is not None]
    if own:
        return own
    by_name = {attribute.name: attribute for attribute in attributes}
    if prototype.ret != "p" or not by_name.keys() & {"malloc", "alloc_size", "alloc_align"}:
        return []
    letters = list(prototype.letters)
    alignments = _indexes(by_name.get("alloc_align"), letters) or []
    sizes = _indexes(by_name.get("alloc_size"), letters)
    if sizes is None:
        sizes = _guessed_sizes(prototype, alignments)
    if not sizes and not by_name.keys() & {"malloc", "alloc_size"}:
        return []  # it aligns what it is given
    for index in alignments:
        letters[index] = "a" if letters[index] == "z" else letters[index]
    for index in sizes:
        letters[index] = _CAPITALS.get(letters[index], letters[index])
    free = [_free(a, frees) for a in attributes if a.name == "malloc" and a.args]
    signature = Signature(prototype.name, tuple(letters), prototype.ret)
    return [
        Declaration(
            "wrapper", "alloc", prototype.name, str(signature), tuple(f for f in free if f), origin=prototype.origin
        )
    ]


def _indexes(attribute: Attribute | None, letters: list[str]) -> list[int] | None:
    """The parameters that an attribute's arguments number from 1; None without the attribute."""
    if attribute is None:
        return None
    numbers = [int(arg) - 1 for arg in attribute.args if _INDEX.fullmatch(arg)]
    return [number for number in numbers if 0 <= number < len(letters)]


def _guessed_sizes(prototype: Prototype, alignments: Sequence[int] = ()) -> list[int]:
    """Where no size is said: of a function that gives `void *`, its sizes are the size, if they can be told."""
    letters = {index: letter for index, letter in enumerate(prototype.letters) if index not in alignments}
    sizes = [index for index, letter in letters.items() if letter == "z"]
    if not prototype.returns_void_pointer:
        return []
    if not sizes:
        sizes = [index for index, letter in letters.items() if letter in _CAPITALS]
        return sizes if len(sizes) == 1 else []
    return sizes if len(sizes) <= 2 else []


def _free(attribute: Attribute, frees: dict[str, Signature]) -> str:
    """The signature of a deallocator that takes the chunk at the place that the attribute says."""
    name = attribute.args[0]
    place = attribute.args[1] if len(attribute.args) > 1 else "1"
    known = frees.get(name)
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or not _INDEX.fullmatch(place):
        return ""
    if known is None:
        return f"{name}(P)" if place == "1" else ""
    letters = list(known.args)
    index = int(place) - 1
    if not 0 <= index < len(letters) or letters[index] != "p":
        return ""
    letters[index] = "P"
    return str(Signature(name, tuple(letters), known.ret))


def _annotated(prototype: Prototype, attribute: Attribute) -> Declaration | None:
    """One of our own attributes."""
    if attribute.name.startswith("allocs::"):
        kind, _, role = attribute.name.removeprefix("allocs::").partition("_")
        words = [word for arg in attribute.args for match in _STRING.finditer(arg) for word in match[1].split()]
        role = role.replace("_", "-")
    else:
        text = "".join(m[1] for arg in attribute.args for m in _STRING.finditer(arg))
        if attribute.name != "annotate" or not text.startswith("allocs:"):
            return None
        head, *words = text.removeprefix("allocs:").split() or [""]
        kind, _, role = head.partition(".")
    role = role or ("sized" if kind == "sized" else "alloc")
    if role not in _LISTS.get(kind, ()):
        return None
    letters = next((word for word in words if word.startswith(("(", "->"))), "")
    family, _, parent = next((word for word in words if not word.startswith(("(", "->"))), "").partition("<")
    signature = _written_signature(prototype, role, letters)
    if signature is None or (role not in ("alloc", "sized") and signature.first_pointer is None):
        return None
    if kind == "allocator" and role in ("alloc", "resize") and not gives_chunk(signature):
        return None
    entry = family or signature.undoes or prototype.name
    plain = Signature(signature.name, signature.args, signature.ret)
    return Declaration(kind, role, entry, str(plain), suballocates=parent, origin=prototype.origin)


def _written_signature(prototype: Prototype, role: str, letters: str) -> Signature | None:
    """The signature that an annotation writes; what it leaves out comes from the prototype.

    A stub that passes other arguments on than the function takes would break the program: such a one is left out.
    """
    if letters.startswith("("):
        try:
            written = parse_signature(prototype.name + letters)
        except SignatureError:
            return None
        return replace(written, ret=prototype.ret) if len(written.args) == len(prototype.letters) else None
    guessed = list(prototype.letters)
    if role.startswith("free"):
        pointers = [index for index, letter in enumerate(guessed) if letter == "p"]
        if not pointers:
            return None
        guessed[pointers[0] if role == "free-all" else pointers[-1]] = "P"
    else:
        for index in _guessed_sizes(prototype):
            guessed[index] = _CAPITALS[guessed[index]]
        if role == "resize" and "p" in guessed:
            guessed[guessed.index("p")] = "P"
    return Signature(prototype.name, tuple(guessed), prototype.ret, letters.removeprefix("->"))


def _enclosed(text: str, start: int, opening: str) -> str:
    """The text from `start` to the bracket that closes the one before it."""
    closing = {"(": ")", "[": "]"}[opening]
    depth, at = 1, start
    while at < len(text):
        if text[at] == '"':
            string = _STRING.match(text, at)
            at = string.end() if string else at + 1
            continue
        depth += {opening: 1, closing: -1}.get(text[at], 0)
        if depth == 0:
            return text[start:at]
        at += 1
    return text[start:]


def _split(text: str) -> list[str]:
    """Parts between commas that stand in no brackets or strings."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        if text[at] == '"':
            string = _STRING.match(text, at)
            at = string.end() if string else at + 1
            continue
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        if text[at] == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [part for part in (*parts, text[start:]) if part.strip()]
