"""Reads the functions of a preprocessed unit with libclang into `allocscc.suggest.facts`."""

from __future__ import annotations

import os
import re

from allocscc.compile.tree import Parsed, children
from allocscc.libclang import Cursor, CursorKind, StorageClass, Type, TypeKind
from allocscc.suggest.body import Body
from allocscc.suggest.facts import Function, Parameter, UnitFacts

_FUNCTION = CursorKind.FUNCTION_DECL.value
_VARIABLE = CursorKind.VAR_DECL.value
_SCOPES = frozenset(kind.value for kind in (CursorKind.LINKAGE_SPEC, CursorKind.NAMESPACE, CursorKind.UNEXPOSED_DECL))
_LETTERS = {
    TypeKind.VOID: "v", TypeKind.POINTER: "p", TypeKind.INCOMPLETEARRAY: "p", TypeKind.CONSTANTARRAY: "p",
    TypeKind.ULONG: "z", TypeKind.ULONGLONG: "z", TypeKind.LONG: "l", TypeKind.LONGLONG: "l", TypeKind.UINT: "u",
    TypeKind.INT: "i", TypeKind.SHORT: "i", TypeKind.USHORT: "i", TypeKind.BOOL: "i", TypeKind.CHAR_S: "i",
    TypeKind.SCHAR: "i", TypeKind.UCHAR: "i", TypeKind.ENUM: "u", TypeKind.DOUBLE: "d",
}  # fmt: skip
_CHARS = frozenset((TypeKind.CHAR_S, TypeKind.CHAR_U, TypeKind.SCHAR, TypeKind.UCHAR))
_DEFAULT = re.compile(rb'visibility(?:__)?\s*\(\s*"default"')
_HEADERS = (".h", ".hh", ".hpp", ".hxx", ".inc", ".def")
# Longer bodies are no wrappers, and cost the most to read.
_LONGEST = 12000


def read_unit(parsed: Parsed, seen: set[tuple[str, int]] | None = None) -> UnitFacts:
    """The functions that a unit defines.

    Args:
        parsed: the unit.
        seen: file and line of the functions of headers that other units have told of; those of this one are added.
    """
    reader = _Reader(parsed, set() if seen is None else seen)
    for cursor in _declarations(parsed.unit.cursor):
        reader.declaration(cursor)
    return UnitFacts(tuple(reader.functions), tuple(dict.fromkeys(reader.bindings)))


def _declarations(top: Cursor) -> list[Cursor]:
    found = []
    for cursor in children(top):
        if cursor._kind_id in _SCOPES:
            found += _declarations(cursor)
        elif cursor._kind_id in (_FUNCTION, _VARIABLE):
            found.append(cursor)
    return found


class _Reader:
    """Collects what one unit says."""

    def __init__(self, parsed: Parsed, seen: set[tuple[str, int]]) -> None:
        self.parsed, self.seen = parsed, seen
        self.functions: list[Function] = []
        self.bindings: list[tuple[str, str]] = []
        self.public: set[str] = set()

    def declaration(self, cursor: Cursor) -> None:
        """A declaration at file level."""
        start, end = self.parsed.span(cursor)
        if start >= end:
            return
        if cursor._kind_id == _VARIABLE:
            if b"=" in self.parsed.text[start:end]:
                body = Body(self.parsed, [], self.key)
                body.variable(cursor)
                self.bindings += body.bindings
            return
        text = self.parsed.text[start:end]
        if text.endswith(b"}") and cursor.is_definition():
            self._definition(cursor, start, end)
        elif _DEFAULT.search(text):
            self.public.add(cursor.spelling)

    def key(self, cursor: Cursor) -> str:
        """The key of a function by one of its declarations."""
        if cursor.storage_class == StorageClass.STATIC:
            file = self.parsed.place(cursor.location.offset)[0]
            return f"{os.path.basename(file)}::{cursor.spelling}"
        return str(cursor.spelling if self.parsed.language == "c" else cursor.mangled_name or cursor.spelling)

    def _definition(self, cursor: Cursor, start: int, end: int) -> None:
        if end - start > _LONGEST * 4:
            return
        file, line, _ = self.parsed.place(cursor.location.offset)
        if file.startswith(("/usr/include/", "/usr/lib/", "<")):
            return
        if file.endswith(_HEADERS):
            if (file, line) in self.seen:
                return
            self.seen.add((file, line))
        result = cursor.result_type
        parameters = list(cursor.get_arguments())
        body = Body(self.parsed, parameters, self.key)
        body.read(cursor)
        variadic = cursor.type.kind == TypeKind.FUNCTIONPROTO and cursor.type.is_function_variadic()
        head = self.parsed.text[start : self.parsed.text.find(b"{", start)]
        public = cursor.spelling in self.public or _DEFAULT.search(head) is not None
        self.bindings += body.bindings
        self.functions.append(
            Function(
                self.key(cursor), file, line, cursor.storage_class == StorageClass.STATIC,
                tuple(_parameter(argument.type) for argument in parameters), variadic, letter(result),
                str(result.spelling), _pointee(result), public, tuple(body.returns),
                {key: list(dict.fromkeys(values)) for key, values in body.locals.items()},
                tuple(dict.fromkeys(body.stores)), tuple(body.calls),
                tuple(dict.fromkeys(body.reads)), body.loops, _length(self.parsed.text[start:end]),
            )
        )  # fmt: skip


def _length(text: bytes) -> int:
    """Bytes of a text without line markers, which hold the names of folders."""
    return sum(len(line) for line in text.splitlines() if not line.startswith(b"#"))


def letter(kind: Type) -> str:
    """The class of a type in the signature mini-language, "" if it has none."""
    canonical = kind.get_canonical()
    if canonical.kind == TypeKind.POINTER:
        pointee = canonical.get_pointee()
        if pointee.kind in _CHARS and pointee.is_const_qualified():
            return "s"
    return _LETTERS.get(canonical.kind, "")


def _parameter(kind: Type) -> Parameter:
    found = letter(kind)
    pointee = _pointee(kind)
    if found in ("p", "s") and pointee.endswith("*") and "(" not in pointee:
        found = "P*"
    return Parameter(found, str(kind.spelling).removeprefix("const ") if not pointee else str(kind.spelling), pointee)


def _pointee(kind: Type) -> str:
    canonical = kind.get_canonical()
    if canonical.kind == TypeKind.POINTER:
        return str(canonical.get_pointee().spelling)
    if canonical.kind in (TypeKind.INCOMPLETEARRAY, TypeKind.CONSTANTARRAY):
        return str(canonical.element_type.spelling)
    return ""
