"""Arrays of variable length, which live on the stack as alloca's chunks do: recorded as sites, and not observed.

C11 6.7.6.2; in C++ an extension of gcc's and clang's. They have no call, so they are in the sidecar only.
"""

from __future__ import annotations

import os
import re

from allocscc.compile.columns import SourceLines
from allocscc.compile.spelling import qualified_name, type_name
from allocscc.compile.tree import Parsed
from allocscc.libclang import Cursor, CursorKind, TypeKind
from allocscc.sidecar import Site

# The callee that these sites have.
ARRAY = "(array)"
# A declarator: a name behind a type, a star or a comma, and more than one bound, or one that is no number.
_DECLARATOR = re.compile(rb"(?<=[\w*,&)\s])([A-Za-z_$][\w$]*)\s*\[(?!\s*(?:\d+\s*)?\](?!\s*\[))")
_BEFORE = re.compile(rb"(?:([A-Za-z_$][\w$]*)\s+|[*,&)]\s*)$")
_NO_TYPES = frozenset((b"return", b"else", b"case", b"sizeof", b"goto", b"do"))
_ARRAYS = (TypeKind.VARIABLEARRAY, TypeKind.CONSTANTARRAY)
_MOST = 5000  # names to look at in one unit


def array_sites(parsed: Parsed, cwd: str) -> tuple[Site, ...]:
    """The arrays of variable length that functions of a unit declare, in text order.

    Args:
        parsed: the unit.
        cwd: the compiler's working folder.
    """
    sources, found = SourceLines(), list[Site]()
    for offset in _declarators(parsed.text)[:_MOST]:
        cursor = parsed.cursor(offset)
        if cursor.kind == CursorKind.VAR_DECL and _is_variable(cursor):
            file, line, _ = parsed.place(offset)
            first, expanded = parsed.logical_line(offset)
            line, column = sources.place(file, line, expanded, offset - first, look=True)
            path = os.path.normpath(os.path.join(cwd, file))
            function = qualified_name(cursor.semantic_parent)
            found.append(Site(path, line, column, function, ARRAY, _element(cursor), "declared", True, matched=True))
    return tuple(dict.fromkeys(found))


def _declarators(text: bytes) -> list[int]:
    offsets = []
    for match in _DECLARATOR.finditer(text):
        before = _BEFORE.search(text, max(match.start() - 80, 0), match.start())
        if before is not None and before[1] not in _NO_TYPES:
            offsets.append(match.start())
    return offsets


def _is_variable(cursor: Cursor) -> bool:
    """Whether an array's size, or that of its elements, is known only when the program runs."""
    kind = cursor.type.get_canonical()
    while kind.kind == TypeKind.CONSTANTARRAY:
        kind = kind.element_type
    return bool(kind.kind == TypeKind.VARIABLEARRAY)


def _element(cursor: Cursor) -> str:
    kind = cursor.type
    while kind.get_canonical().kind in _ARRAYS:
        kind = kind.element_type if kind.kind in _ARRAYS else kind.get_canonical().element_type
    return type_name(kind)
