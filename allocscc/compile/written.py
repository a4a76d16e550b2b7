"""A type that is written in the source, as in `sizeof(T)`: libclang has no cursor that has the whole of it.

Its name is found by libclang; what stands around that (`unsigned`, `*`, `[4]`) is read here.
"""

from __future__ import annotations

import re

from allocscc.compile.gnutypes import GCC_TYPES
from allocscc.compile.spelling import type_name
from allocscc.libclang import Cursor, CursorKind
from allocscc.values import dataclass

_TOKEN = re.compile(
    rb'[A-Za-z_$\x80-\xff][\w$\x80-\xff]*|\.?\d(?:[eEpP][+-]|[\w.\'])*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|'
    rb"(?m:^# .*$)|::|->|\.\.\.|\S"
)
_QUALIFIERS = {"const", "volatile", "restrict", "__restrict", "_Atomic", "__extension__", "typename", "register"}
_TAGS = {"struct", "union", "enum", "class"}
_BUILTIN = {
    "unsigned", "signed", "char", "short", "int", "long", "float", "double", "void", "_Bool", "bool", "__int128",
    "_Complex", "__complex__", "__signed__", "wchar_t", "char8_t", "char16_t", "char32_t", "_Float16", "__float128",
    "__signed", "__bf16", "_BitInt", *GCC_TYPES,
}  # fmt: skip
_TYPEOF = {"typeof", "__typeof__", "__typeof", "decltype", "typeof_unqual"}
_WITH_GROUP = {"__attribute__", "__attribute", "alignas", "_Alignas"}
_SUFFIX = re.compile(r"[*&\w\s,.:<>()\[\]+/-]*")


@dataclass(frozen=True)
class Token:
    """A word of the text and its offset."""

    text: str
    at: int


def tokens(text: bytes, base: int = 0) -> list[Token]:
    """The tokens of a piece of preprocessed text that begins at an offset; line markers are none."""
    found = _TOKEN.finditer(text)
    return [Token(m[0].decode("utf-8", "replace"), base + m.start()) for m in found if m[0][:2] != b"# "]


@dataclass(frozen=True)
class Reference:
    """A cursor below a written type, and the offset of its first byte."""

    cursor: Cursor
    at: int


def written_type(words: list[Token], references: list[Reference]) -> str:
    """The canonical spelling of a type that is written in tokens; "" if it can't be read.

    Args:
        words: the tokens.
        references: the cursors that libclang has for names and expressions in it.
    """
    at, base, constant, atomic, builtin = 0, "", False, False, list[str]()
    while at < len(words):
        text = words[at].text
        if text == "_Atomic" and _text(words, at + 1) == "(":
            end = closing(words, at + 1)
            base, at = f"_Atomic({written_type(words[at + 2 : end], references)})", end + 1
        elif text in _QUALIFIERS:
            constant, atomic, at = constant or text == "const", atomic or text == "_Atomic", at + 1
        elif text in _WITH_GROUP:
            at = closing(words, at + 1) + 1
        elif text in _TYPEOF and at + 1 < len(words):
            end = closing(words, at + 1)
            base, at = _operand(words[at + 2 : end], words[at + 1].at, references), end + 1
        elif text in _BUILTIN and not base and not any(reference.at == words[at].at for reference in references):
            end = closing(words, at + 1) if text == "_BitInt" else at
            builtin.append("".join(word.text for word in words[at : end + 1]))
            at = end + 1
        elif text in _TAGS:
            base, at = _definition(words, at, references)
        elif not base and not builtin and (text == "::" or text.isidentifier()):
            base, at = _named(words, at, references)
            if not base:
                return ""
        else:
            break
    base = builtin_name(builtin) if builtin else base
    suffix = _join(words[at:])
    if not base or not _SUFFIX.fullmatch(suffix):
        return ""
    base = f"_Atomic({base})" if atomic else base
    if constant and suffix.startswith("*") and not base.startswith("const "):
        base = f"{base}const" if base.endswith("*") else f"const {base}"
    return declared(base, suffix)


def declared(base: str, suffix: str) -> str:
    """A type's spelling with a declarator around it: `int (*)[4]` for `int[4]` and `*`."""
    if not suffix:
        return base
    hole = re.search(r"\(\*+", base)
    if hole:  # a pointer to a function or an array
        return f"{base[: hole.end()]}{suffix}{base[hole.end() :]}"
    stem, bracket, bounds = base.partition("[")
    if bracket and suffix.startswith("["):
        return f"{stem}{suffix}[{bounds}"
    if bracket:
        return f"{stem} ({suffix})[{bounds}"
    return f"{base}{'' if base.endswith('*') or suffix.startswith('[') else ' '}{suffix}"


def closing(words: list[Token], opening: int) -> int:
    """The index of the bracket that closes the one at an index; the last index if there is none."""
    depth = 0
    for at in range(opening, len(words)):
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(words[at].text, 0)
        if depth == 0:
            return at
    return len(words) - 1


def builtin_name(words: list[str]) -> str:
    """C 6.7.2: specifiers come in any order and number; clang's spelling of the same type."""
    if "_Complex" in words or "__complex__" in words:
        rest = [word for word in words if "omplex" not in word]
        return f"_Complex {builtin_name(rest or ['double'])}"
    unsigned = "unsigned " if "unsigned" in words else ""
    signed = not words or any(word.strip("_") == "signed" for word in words)
    for name in ("void", "float", "_Bool", "bool", "wchar_t", "char8_t", "char16_t", "char32_t", "_Float16", "__bf16"):
        if name in words:
            return name
    for name in words:
        if name in GCC_TYPES:
            return GCC_TYPES[name]
        if name.startswith("_BitInt"):
            return f"{unsigned}{name}"
    if "__int128" in words:
        return f"{unsigned}__int128"
    if "__float128" in words:
        return "__float128"
    if "double" in words:
        return "long double" if "long" in words else "double"
    if "char" in words:
        return f"{unsigned}char" if unsigned or not signed else "signed char"
    if "short" in words:
        return f"{unsigned}short"
    return f"{unsigned}{['int', 'long', 'long long'][min(words.count('long'), 2)]}"


def _operand(words: list[Token], opening: int, references: list[Reference]) -> str:
    """The type that `typeof(…)` gives: of an expression, or of a type."""
    if not words:
        return ""
    for reference in references:
        if reference.at in (words[0].at, opening) and reference.cursor.kind.is_expression():
            return type_name(reference.cursor.type)
    return written_type(words, references)


def _definition(words: list[Token], at: int, references: list[Reference]) -> tuple[str, int]:
    """Behind `struct`, where its name follows; of one that is defined here, its spelling and what is behind it."""
    kinds = (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL, CursorKind.ENUM_DECL, CursorKind.CLASS_DECL)
    opening = at + 1
    while _text(words, opening) in _WITH_GROUP:
        opening = closing(words, opening + 1) + 1
    opening += 1 if _text(words, opening).isidentifier() and _text(words, opening + 1) == "{" else 0
    if _text(words, opening) != "{":
        return "", at + 1
    found = next((r.cursor for r in references if r.at == words[at].at and r.cursor.kind in kinds), None)
    return (type_name(found.type) if found is not None else ""), closing(words, opening) + 1


def _named(words: list[Token], at: int, references: list[Reference]) -> tuple[str, int]:
    """A name, perhaps qualified and with template arguments, and the index behind it."""
    start, last = at, at
    template = False
    while at < len(words):
        text = words[at].text
        if text == "::" or text == "template":
            at += 1
        elif text.isidentifier() and (at == start or words[at - 1].text in ("::", "template")):
            last, at = at, at + 1
        elif text == "<" and at == last + 1:
            depth, template = 0, True
            while at < len(words):
                depth += {"<": 1, ">": -1}.get(words[at].text, 0)
                at += 1
                if depth == 0:
                    break
            last = at - 1
        else:
            break
    if template:  # no cursor has the whole of it; as written it is as clang spells it
        return _join(words[start:at]), at
    for reference in references:
        if reference.at == words[last].at and reference.cursor.kind == CursorKind.TYPE_REF:
            return type_name(reference.cursor.referenced.type), at
    return "", at


def _join(words: list[Token]) -> str:
    """A declarator's tokens as clang spells it: a blank only between two words and behind a comma; no qualifiers."""
    text, skipped = "", -1
    for at, word in enumerate(words):
        if word.text in _WITH_GROUP:
            skipped = closing(words, at + 1)
        if at <= skipped or word.text in _QUALIFIERS:
            continue
        wordy = text[-1:].isidentifier() or text[-1:].isdigit()
        apart = text[-1:] == "," or (wordy and (word.text[0].isidentifier() or word.text == "*"))
        text += f"{' ' if apart else ''}{word.text}"
    return text


def _text(words: list[Token], at: int) -> str:
    return words[at].text if at < len(words) else ""
