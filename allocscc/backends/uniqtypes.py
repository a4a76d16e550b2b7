"""Liballocs' names for C types (LIBALLOCS-ABI.md, "Type strings"), from the spellings that a site has.

Names are built from the outside in: `int *[4]` is `__ARR4___PTR_int$$32`. What a member of a made-up structure is, is
written in another way, in dwarfidl: `(pointer_type [type = int$32];)`.
"""

from __future__ import annotations

import re

_PREFIX = "__uniqtype__"
UNKNOWN = f"{_PREFIX}__uninterpreted_byte"
# An element that is itself a generic pointer.
_GENERIC = f"{_PREFIX}__EXISTS1___PTR__1"
_BASES = {
    "char": "signed_char$8", "signed char": "signed_char$8", "unsigned char": "unsigned_char$8", "short": "int$16",
    "unsigned short": "uint$16", "int": "int$32", "unsigned int": "uint$32", "long": "int$64",
    "unsigned long": "uint$64",
    "long long": "int$64", "unsigned long long": "uint$64", "float": "float$32", "double": "float$64",
    "long double": "float$128", "_Bool": "boolean$8", "bool": "boolean$8", "wchar_t": "int$32",
    "__int128": "int$128", "unsigned __int128": "uint$128",
}  # fmt: skip
_QUALIFIED = re.compile(r"(?<![\w$])(?:const|volatile|restrict|__restrict|_Atomic|struct|union|enum|class)(?![\w$]) ?")
_ARRAY = re.compile(r"^((?:\[\w*\])+)")
_FUNCTION = re.compile(r"^\((.*)\)$", re.S)


def uniqtype(spelling: str) -> str:
    """The name of a type's `struct uniqtype`; that for bytes of no known type where there is no spelling."""
    if not spelling:
        return UNKNOWN
    plain = _QUALIFIED.sub("", spelling).strip()
    if plain in ("void *", "char *"):
        return _GENERIC
    return _PREFIX + _name(*_split(plain))


def structure(name: str, members: list[str]) -> str:
    """A dwarfidl expression for a structure that no source declares.

    Args:
        name: what to call it; any text.
        members: spellings of its members' types; `[]` behind the last one's says that any number may follow.
    """
    listed = "".join(f"member : {_dwarfidl(_QUALIFIED.sub('', member).strip())}; " for member in members)
    return f"structure_type {_identifier(name)} {{ {listed}}};"


def _split(spelling: str) -> tuple[str, str]:
    """A spelling's base and its declarator without a name: `int (*)[4]` is `int` and `(*)[4]`."""
    at = len(spelling)
    for sign in "*[(":
        found = spelling.find(sign)
        at = min(at, found) if found > 0 else at
    return spelling[:at].strip(), spelling[at:].replace(" ", "") if "(" not in spelling[at:] else spelling[at:].strip()


def _name(base: str, declarator: str) -> str:
    """C declarators bind suffixes first: `*[4]` is an array of pointers, `(*)[4]` a pointer to an array."""
    if not declarator:
        return "void" if base == "void" else _identifier(_BASES.get(base, base))
    if declarator.endswith("]"):
        start = _suffix(declarator)
        bounds = re.findall(r"\[(\w*)\]", declarator[start:])
        arrays = "".join(f"__ARR{bound or 0}_" for bound in bounds)
        return _inside(base, declarator[:start], arrays)
    if declarator.endswith(")"):
        start = _opening(declarator)
        arguments = _arguments(declarator[start + 1 : -1])
        return _around(base, declarator[:start], f"__FUN_FROM_{arguments}__FUN_TO_")
    if declarator.endswith("*"):
        return "__PTR_" + _name(base, declarator[:-1].strip())
    return _identifier(f"{base} {declarator}")


def _inside(base: str, rest: str, arrays: str) -> str:
    """An array of what is left of the declarator; or, where that is in parentheses, what leads to the array."""
    inner = _FUNCTION.match(rest)
    if inner is not None:
        return _pointers(inner[1]) + arrays + _name(base, "")
    return arrays + _name(base, rest)


def _around(base: str, rest: str, function: str) -> str:
    inner = _FUNCTION.match(rest.strip())
    result = _name(base, "" if inner is not None else rest.strip())
    return (_pointers(inner[1]) if inner is not None else "") + function + result


def _pointers(declarator: str) -> str:
    """What stands in parentheses: pointers, and arrays of pointers."""
    bounds = "".join(f"__ARR{bound or 0}_" for bound in re.findall(r"\[(\w*)\]", declarator))
    return bounds + "__PTR_" * declarator.count("*")


def _suffix(declarator: str) -> int:
    """Where the array bounds at the end of a declarator begin."""
    start = len(declarator)
    while declarator[:start].endswith("]"):
        start = declarator.rindex("[", 0, start)
    return start


def _opening(declarator: str) -> int:
    """Where the last parenthesised part begins."""
    depth = 0
    for at in range(len(declarator) - 1, -1, -1):
        depth += (declarator[at] == ")") - (declarator[at] == "(")
        if depth == 0:
            return at
    return 0


def _arguments(text: str) -> str:
    """The arguments of a function type, numbered."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(f"{text},"):
        depth += (sign in "([<") - (sign in ")]>")
        if sign == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    named = [part for part in parts if part not in ("", "void", "...")]
    listed = "".join(f"__ARG{number}_{_name(*_split(part))}" for number, part in enumerate(named))
    return listed + ("__VA_" if "..." in parts else "")


def _dwarfidl(spelling: str) -> str:
    base, declarator = _split(spelling)
    if declarator.endswith("]") and "(" not in declarator:
        start = declarator.index("[")
        bounds = re.findall(r"\[(\w*)\]", declarator[start:])
        text = _dwarfidl(base + declarator[:start])
        for bound in reversed(bounds):
            text = f"(array_type [type = {text}] {{{f'subrange_type [upper_bound = {bound}];' if bound else ''} }})"
        return text
    if declarator.endswith("*"):
        return f"(pointer_type [type = {_dwarfidl((base + ' ' + declarator[:-1]).strip())}];)"
    if base == "void" and not declarator:
        return "(unspecified_type)"
    known = _BASES.get(base) if not declarator else None
    return re.sub(r"([ :])", r"\\\1", known) if known else _identifier(f"{base}{declarator}")


def _identifier(text: str) -> str:
    """An escaped name: `$` doubled, everything else that is no word's character as `$` and two hexadecimal digits."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(
        "$$" if byte == 0x24 else chr(byte) if (chr(byte).isalnum() and byte < 128) or byte == 0x5F else f"${byte:02x}"
        for byte in data
    )
