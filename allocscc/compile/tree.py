"""libclang's tree of preprocessed text, read with as few Python objects as possible.

A walk of a whole tree in Python takes longer than the parse. So a walk goes only to given places in the text: libclang
visits the tree itself and calls back for what lies on the way to them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from ctypes import CFUNCTYPE, c_int, py_object
from functools import cached_property

from allocscc.compile.gnutypes import GCC_TYPES
from allocscc.compile.linemarks import LineMarks
from allocscc.compile.nested import Nested, flatten, original
from allocscc.libclang import (
    Cursor,
    CursorKind,
    Index,
    SourceLocation,
    TranslationUnit,
    TranslationUnitLoadError,
    conf,
)
from allocscc.values import dataclass

_CONTINUE, _RECURSE = 1, 2  # enum CXChildVisitResult
_MANY = 500  # nested functions; text with more of them is no program
_NESTED = "function definition is not allowed here"
# C23's word that libclang 18 does not read in C.
_C23 = ("c2x", "c23", "gnu2x", "gnu23", "iso9899:2024", "c2y", "gnu2y")

# cpp manual, "Preprocessor Output"
_MARKER = re.compile(rb'# \d+ ".*\n')
_PACK = re.compile(rb"integer_sequence<(\w+),\s*__integer_pack\((\w+)\)\s*\.\.\.>")
_TYPEDEF = re.compile(rb"\btypedef\b[^;{}]*$")
_MARKERS = re.compile(rb'\n# \d+ ".*\n')

CALL = CursorKind.CALL_EXPR.value
NEW = CursorKind.CXX_NEW_EXPR.value
PAREN = CursorKind.PAREN_EXPR.value
UNEXPOSED = CursorKind.UNEXPOSED_EXPR.value
CASTS = frozenset(
    kind.value
    for kind in (
        CursorKind.CSTYLE_CAST_EXPR,
        CursorKind.CXX_STATIC_CAST_EXPR,
        CursorKind.CXX_REINTERPRET_CAST_EXPR,
        CursorKind.CXX_FUNCTIONAL_CAST_EXPR,
    )
)
TRANSPARENT = CASTS | {PAREN, UNEXPOSED}


class Node:
    """A cursor on the way to a place in the text.

    Attributes:
        cursor: libclang's.
        kind: its kind's number.
        start: offset of its first byte; of what libclang gives no extent, that of its name.
        end: offset behind its last byte.
        parent: the node around it, None at the top.
    """

    __slots__ = ("cursor", "end", "kind", "parent", "start")

    def __init__(self, cursor: Cursor, start: int, end: int, parent: Node | None) -> None:
        self.cursor, self.start, self.end, self.parent = cursor, start, end, parent
        self.kind: int = cursor._kind_id

    def ancestors(self) -> Iterator[Node]:
        """The nodes around it, nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent


@dataclass(frozen=True)
class Parsed:
    """Preprocessed text as libclang sees it.

    Attributes:
        unit: libclang's translation unit.
        path: the file of the text.
        text: its contents, as libclang was given them.
        language: `c` or `c++`.
        nested: GNU C's nested functions in it.
    """

    unit: TranslationUnit
    path: str
    text: bytes
    language: str
    nested: tuple[Nested, ...] = ()

    def cursor(self, offset: int) -> Cursor:
        """The cursor at a byte of the text."""
        return Cursor.from_location(self.unit, self._location(offset))

    def span(self, cursor: Cursor) -> tuple[int, int]:
        """Offsets of a cursor's first byte and behind its last one; (0, 0) where libclang does not say."""
        extent = conf.lib.clang_getCursorExtent(cursor)
        if extent.begin_int_data < 1 << 31:
            # One file, and not in a macro of ours: libclang's numbers of locations are offsets from a base.
            start, end = extent.begin_int_data - self._base, extent.end_int_data - self._base
        else:
            start, end = extent.start.offset, extent.end.offset
        return (start, end) if 0 <= start <= end else (0, 0)

    def source(self, cursor: Cursor) -> bytes:
        """The text of a cursor."""
        start, end = self.span(cursor)
        return self.text[start:end]

    def place(self, offset: int) -> tuple[str, int, int]:
        """File, line and column of a byte as line markers give them; the column is that in the preprocessed line."""
        return self._marks.place(offset)

    def line_start(self, offset: int) -> int:
        """The offset of the first byte of the preprocessed line that holds a byte."""
        return self._marks.lines.start(offset)

    def logical_line(self, offset: int) -> tuple[int, bytes]:
        """The line of the source that a byte belongs to: its first byte's offset, and what the compiler makes of it.

        gcc cuts a line with a macro of a system header by markers; these and the line ends are blanks here.
        """
        start = self.line_start(offset)
        end = self.text.find(b"\n", start) + 1 or len(self.text) + 1
        while (marker := _MARKER.match(self.text, self.line_start(start - 1))) and marker.end() == start:
            above = self.line_start(marker.start() - 1)
            if above >= marker.start() or self.place(above)[:2] != self.place(start)[:2]:
                break
            start = above
        while marker := _MARKER.match(self.text, end):
            if self.place(marker.end())[:2] != self.place(start)[:2]:
                break
            end = self.text.find(b"\n", marker.end()) + 1 or len(self.text) + 1
        line = self.text[start : end - 1]
        return start, _MARKERS.sub(lambda match: b" " * len(match[0]), line) if b"\n" in line else line

    def ways(self, offsets: list[int], root: Cursor | None = None) -> list[Node]:
        """Every node below `root` (the unit) whose text holds one of the offsets, which ascend; in text order."""
        walk = _Walk(self, offsets)
        conf.lib.clang_visitChildren(root or self.unit.cursor, _STEP, walk)
        return walk.found

    @cached_property
    def _marks(self) -> LineMarks:
        return LineMarks(self.text, self.path)

    @cached_property
    def _file(self) -> object:
        return self.unit.get_file(self.path)

    @cached_property
    def _base(self) -> int:
        return int(self._location(0).int_data)

    def _location(self, offset: int) -> SourceLocation:
        return SourceLocation.from_offset(self.unit, self._file, offset)


class _Walk:
    """The state of one walk: the nodes on the way to the cursor that libclang visits, and all that were found."""

    def __init__(self, parsed: Parsed, offsets: list[int]) -> None:
        self.parsed, self.offsets = parsed, offsets
        self.unit, self.base = parsed.unit, parsed._base
        self.last: Node | None = None
        self.found: list[Node] = []


def _step(cursor: Cursor, parent: Cursor, walk: _Walk) -> int:
    extent = conf.lib.clang_getCursorExtent(cursor)
    start, end = extent.begin_int_data - walk.base, extent.end_int_data - walk.base
    cursor._tu = walk.unit
    if not 0 <= start <= end:
        start, end = walk.parsed.span(cursor)
    if start < end:
        at = bisect_left(walk.offsets, start)
        if at == len(walk.offsets) or walk.offsets[at] >= end:
            return _CONTINUE
    else:  # implicit, or libclang lost its end
        start = end = cursor.location.offset
    above = walk.last
    while above is not None and not _same(above.cursor, parent):
        above = above.parent
    walk.last = Node(cursor, start, end, above)
    walk.found.append(walk.last)
    return _RECURSE


def _same(one: Cursor, other: Cursor) -> bool:
    return bool(one._kind_id == other._kind_id and one.data[0] == other.data[0] and one.data[1] == other.data[1])


def _collect(cursor: Cursor, _parent: Cursor, found: list[Cursor]) -> int:
    found.append(cursor)
    return _CONTINUE


_VISITOR = CFUNCTYPE(c_int, Cursor, Cursor, py_object)
_STEP, _COLLECT = _VISITOR(_step), _VISITOR(_collect)


def children(cursor: Cursor) -> list[Cursor]:
    """The cursors right below one."""
    found: list[Cursor] = []
    conf.lib.clang_visitChildren(cursor, _COLLECT, found)
    for child in found:
        child._tu = cursor._tu
    return found


def same_expression(one: Cursor, other: Cursor) -> bool:
    """Whether two cursors are one expression; libclang's own comparison also asks on which way it was come to."""
    return bool(one._kind_id == other._kind_id and one.data[1] == other.data[1])


def parse(path: str, text: bytes, language: str, standard: list[str]) -> Parsed:
    """Parse preprocessed text.

    Args:
        path: its file.
        text: the file's contents.
        language: `c` or `c++`.
        standard: the `-std=` option in a list, or an empty list.
    """
    defines = [f"-D{name}={meaning}" for name, meaning in GCC_TYPES.items() if _is_gcc_s(name.encode(), text)]
    if language == "c" and standard[-1:] and standard[-1].removeprefix("-std=") in _C23:
        defines.append("-Dconstexpr=const")
    arguments = ["-x", language, *standard, *defines, "-w", "-ferror-limit=0"]
    given = text
    if b"__integer_pack" in text:  # gcc's builtin behind std::make_index_sequence, and clang's
        given = _PACK.sub(rb"__make_integer_seq<integer_sequence, \1, \2>", text)
    unit = _unit(path, given, text, arguments)
    flat, nested, bodies = given, tuple[Nested, ...](), set[int]()
    while language == "c" and len(bodies) < _MANY:  # one round more for each level of nesting
        found = {original(nested, d.location.offset) for d in unit.diagnostics if d.spelling == _NESTED} - bodies
        if not found:
            break
        bodies |= found
        flat, nested = flatten(given, sorted(bodies))
        unit = _unit(path, flat, text, arguments)
    return Parsed(unit, path, flat, language, nested)


def _unit(path: str, text: bytes, on_disk: bytes, arguments: list[str]) -> TranslationUnit:
    unsaved = [] if text is on_disk else [(path, text)]
    options = TranslationUnit.PARSE_INCOMPLETE  # templates are instantiated only where a type depends on it
    try:
        return Index.create().parse(path, arguments, unsaved, options)
    except TranslationUnitLoadError:  # a standard that is newer than libclang
        known = [word for word in arguments if not word.startswith("-std=")]
        return Index.create().parse(path, known, unsaved, options)


def _is_gcc_s(name: bytes, text: bytes) -> bool:
    """Whether a text has a name and leaves its meaning to gcc: no typedef is the first to speak of it."""
    at = text.find(name)
    return at >= 0 and _TYPEDEF.search(text, max(at - 200, 0), at) is None
