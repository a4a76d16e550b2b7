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
    found = [at for sign in "*[(" if (at := spelling.find(sign)) > 0]
    at = min(found, default=len(spelling))
    return spelling[:at].strip(), spelling[at:].strip()


def _name(base: str, declarator: str) -> str:
    """The name of a type: what its declarator says, then the base."""
    return _chain(declarator) + ("void" if base == "void" else _identifier(_BASES.get(base, base)))


def _chain(declarator: str) -> str:
    """A declarator in the order of its meaning: what is in parentheses, then arrays and functions, then pointers.

    Where a source names a pointer to a typedef of an array or a function, the site has the `*` behind it:
    `int (void) *`.
    """
    rest, stars, inner, behind = declarator.strip(), 0, "", ""
    while rest.startswith("*"):
        stars, rest = stars + 1, rest[1:].strip()
    if rest.startswith("(") and rest[1:].lstrip().startswith(("*", "(", "[")):
        end = _closing(rest, 0)
        inner, rest = _chain(rest[1:end]), rest[end + 1 :].strip()
    while rest.startswith(("[", "(")):
        end = _closing(rest, 0)
        within = rest[1:end].strip()
        behind += f"__ARR{within or 0}_" if rest[0] == "[" else f"__FUN_FROM_{_arguments(within)}__FUN_TO_"
        rest = rest[end + 1 :].strip()
    outer = "__PTR_" * rest.count("*") if not rest.replace("*", "").strip() else _identifier(rest)
    return outer + inner + behind + "__PTR_" * stars


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at a place is closed; the end of the text if it is not."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "([") - (text[at] in ")]")
        if depth == 0:
            return at
    return len(text)


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
