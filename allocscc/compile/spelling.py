"""The spelling of types: canonical, stable for structs without a name, the same however the source writes it."""

import re
from ctypes import byref, c_uint

from clang.cindex import Cursor, CursorKind, Type, TypeKind, _CXString, conf

_QUALIFIERS = {"const", "volatile", "restrict", "_Atomic", "struct", "union", "enum", "class", "typename"}
_BUILTIN = {
    "unsigned", "signed", "char", "short", "int", "long", "float", "double", "void", "_Bool", "bool", "__int128",
}  # fmt: skip
_SUFFIX = re.compile(r"\**(?:\(\**\)(?:\([^()]*\)|\[\w*\])*)?(?:\[\w*\])*")


def type_name(kind: Type) -> str:
    """Canonical C spelling without top-level qualifiers; stable for structs without a name."""
    canonical = kind.get_canonical()
    name: str = canonical.spelling
    if "(unnamed" in name or "(anonymous" in name:
        declaration = canonical.get_declaration()
        line = declaration.location.line
        presumed = presumed_location(declaration)
        word = name.split(" ", 1)[0]
        name = f"{word} <anonymous at {presumed[0].rsplit('/', 1)[-1]}:{presumed[1] or line}>"
    if canonical.kind != TypeKind.POINTER:
        name = re.sub(r"^(?:(?:const|volatile) )+", "", name)
    return re.sub(r"\*(?:const|volatile|restrict)+$", "*", name)


def pointee_name(kind: Type) -> str:
    """The spelling of what a pointer type points to; "" for void and for no pointer."""
    canonical = kind.get_canonical()
    if canonical.kind != TypeKind.POINTER:
        return ""
    name = type_name(canonical.get_pointee())
    return "" if name == "void" else name


def presumed_location(cursor: Cursor) -> tuple[str, int, int]:
    """File, line and column of a cursor's first token as line markers give them (`clang_getPresumedLocation`)."""
    name, line, column = _CXString(), c_uint(), c_uint()
    conf.lib.clang_getPresumedLocation(cursor.extent.start, byref(name), byref(line), byref(column))
    text = conf.lib.clang_getCString(name)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return str(text or ""), line.value, column.value


def written_type(tokens: list[str], children: list[Cursor]) -> str:
    """The canonical spelling of a type that is written in tokens, with the cursor of the name in it, if any."""
    if any(child.kind == CursorKind.TEMPLATE_REF for child in children):
        return _join(tokens)  # no cursor has the whole of it; as written it is as clang spells it
    references = [child for child in children if child.kind == CursorKind.TYPE_REF]
    at, builtin, constant = 0, list[str](), False
    while at < len(tokens) and (tokens[at] in _QUALIFIERS or tokens[at] in _BUILTIN):
        constant = constant or tokens[at] == "const"
        builtin += [tokens[at]] if tokens[at] in _BUILTIN else []
        at += 1
    if builtin:
        base = _builtin_name(builtin)
    elif references:
        while at + 2 < len(tokens) and tokens[at + 1] == "::":
            at += 2
        base = type_name(references[-1 if len(references) > 1 and tokens[at - 1 : at] == ["::"] else 0].referenced.type)
        at += 1
    else:
        return ""
    while at < len(tokens) and tokens[at] in _QUALIFIERS:
        constant = constant or tokens[at] == "const"
        at += 1
    suffix = _join(tokens[at:])
    if not base or not _SUFFIX.fullmatch(suffix):
        return ""
    prefix = "const " if constant and suffix.startswith("*") and not base.startswith("const ") else ""
    joint = "" if not suffix or base.endswith("*") or suffix.startswith("[") else " "
    return f"{prefix}{base}{joint}{suffix}"


def _join(tokens: list[str]) -> str:
    """A declarator's tokens as clang spells it: a blank only between two words and behind a comma; no qualifiers."""
    text = ""
    for token in tokens:
        if token not in _QUALIFIERS:
            blank = " " if text and (text[-1] == "," or (text[-1].isalnum() and token[0].isalnum())) else ""
            text += blank + token
    return text


def _builtin_name(words: list[str]) -> str:
    """C 6.7.2: specifiers come in any order and number; clang's spelling of the same type."""
    if not words:
        return ""
    unsigned = "unsigned " if "unsigned" in words else ""
    for name in ("void", "float", "_Bool", "bool"):
        if name in words:
            return name
    if "__int128" in words:
        return f"{unsigned}__int128"
    if "double" in words:
        return "long double" if "long" in words else "double"
    if "char" in words:
        return f"{unsigned}char" if unsigned or "signed" not in words else "signed char"
    if "short" in words:
        return f"{unsigned}short"
    return f"{unsigned}{['int', 'long', 'long long'][min(words.count('long'), 2)]}"
