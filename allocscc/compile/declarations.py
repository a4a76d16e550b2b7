"""Finds what a unit's source declares of its functions by attributes (R5).

Three steps, each only where the one before found something: do the unit's files hold such attributes at all
(`allocscc.compile.interest`), does the preprocessed text have them on a function that this unit calls or defines
(`statements`), and what are that function's parameter types (libclang; `read_declarations`). System headers are left
alone: libc marks `fopen` and the like, and packs describe libraries.
"""

import re
from bisect import bisect

from allocscc.compile.scan import Parsed
from allocscc.config.attributes import Attribute, Prototype, declare, parse_attributes
from allocscc.config.signature import Signature
from allocscc.libclang import Cursor, CursorKind, Type, TypeKind
from allocscc.sidecar import Declaration
from allocscc.values import dataclass

_ABOUT = re.compile(r"malloc|alloc_size|alloc_align|allocs:")
# cpp manual, "Preprocessor Output": flag 3 says that the text comes from a system header.
_MARKER = re.compile(r'^# (\d+) "((?:[^"\\]|\\.)*)"([ \d]*)$', re.M)
_ESCAPE = re.compile(r"\\([0-3][0-7][0-7]|.)", re.S)
_MARKER_LINES = re.compile(r"^#.*$", re.M)
_BOUNDS = ";{}"
_LETTERS = {
    TypeKind.POINTER: "p", TypeKind.INCOMPLETEARRAY: "p", TypeKind.CONSTANTARRAY: "p", TypeKind.VARIABLEARRAY: "p",
    TypeKind.LVALUEREFERENCE: "p", TypeKind.RVALUEREFERENCE: "p", TypeKind.ULONG: "z", TypeKind.ULONGLONG: "z",
    TypeKind.LONG: "l", TypeKind.LONGLONG: "l", TypeKind.UINT: "u", TypeKind.INT: "i", TypeKind.SHORT: "i",
    TypeKind.USHORT: "i", TypeKind.CHAR_S: "i", TypeKind.CHAR_U: "i", TypeKind.SCHAR: "i", TypeKind.UCHAR: "i",
    TypeKind.BOOL: "i", TypeKind.ENUM: "i", TypeKind.DOUBLE: "d", TypeKind.VOID: "v",
}  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """A declaration's text in preprocessed text.

    Attributes:
        name: the function that it declares.
        offset: of the name, in bytes.
        attributes: all that the text has.
        origin: file:line of the name.
    """

    name: str
    offset: int
    attributes: tuple[Attribute, ...]
    origin: str


def statements(text: str, names: set[str]) -> list[Statement]:
    """Declarations and definitions with attributes about allocation, of the functions in `names`.

    Args:
        text: preprocessed text, decoded one character a byte (latin-1), so that offsets are bytes.
        names: as the source writes them.
    """
    if not names or _ABOUT.search(text) is None:
        return []
    markers = list(_MARKER.finditer(text))
    starts = [marker.start() for marker in markers]
    found = []
    any_name = "|".join(sorted(map(re.escape, names)))
    for match in re.finditer(rf"\b(?:{any_name})\b(?=\s*\()", text):
        start = max(text.rfind(bound, 0, match.start()) for bound in _BOUNDS) + 1
        end = min((at for bound in _BOUNDS if (at := text.find(bound, match.end())) >= 0), default=len(text))
        statement = _MARKER_LINES.sub("", text[start:end])
        if _ABOUT.search(statement.replace(match[0], "")) is None:
            continue
        attributes = tuple(parse_attributes(statement))
        file, line, system = _place(text, match.start(), markers, starts)
        if attributes and not system:
            found.append(Statement(match[0], match.start(), attributes, f"{file}:{line}"))
    return found


def read_declarations(parsed: Parsed, found: list[Statement]) -> list[Declaration]:
    """What the statements of a unit declare, with the parameter types that libclang sees."""
    attributes: dict[str, list[Attribute]] = {}
    prototypes: dict[str, Prototype] = {}
    for statement in found:
        prototype = _prototype(parsed.cursor(statement.offset), statement)
        if prototype is not None:
            prototypes.setdefault(statement.name, prototype)
            attributes.setdefault(statement.name, []).extend(statement.attributes)
    deallocators = {a.args[0] for group in attributes.values() for a in group if a.name == "malloc" and a.args}
    frees = {name: free for name in deallocators if (free := _deallocator(parsed, name)) is not None}
    declared = []
    for name, prototype in prototypes.items():
        unique = list(dict.fromkeys(attributes[name]))
        declared += declare(prototype, unique, frees)
    return declared


def _place(text: str, position: int, markers: list[re.Match[str]], starts: list[int]) -> tuple[str, int, bool]:
    """File, line, and whether it is a system header, of a position in preprocessed text."""
    at = bisect(starts, position) - 1
    if at < 0:
        return "", text.count("\n", 0, position) + 1, False
    marker = markers[at]
    line = int(marker[1]) + text.count("\n", marker.end() + 1, position)
    return _file_name(marker[2]), line, " 3" in marker[3]


def _file_name(quoted: str) -> str:
    """A file's name from a line marker, where a backslash escapes a character or an octal byte."""
    plain = _ESCAPE.sub(lambda m: chr(int(m[1], 8)) if m[1].isdigit() else m[1], quoted)
    return plain.encode("latin-1").decode("utf-8", "surrogateescape")


def _prototype(cursor: Cursor, statement: Statement) -> Prototype | None:
    """A function's prototype; None if it takes or gives what no stub could pass on."""
    if cursor.kind not in (CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD):
        return None
    letters = _letters(cursor)
    ret = _LETTERS.get(cursor.result_type.get_canonical().kind)
    if letters is None or ret is None:
        return None
    pointee = cursor.result_type.get_canonical().get_pointee()
    symbol = str(cursor.mangled_name or cursor.spelling)
    return Prototype(symbol, letters, ret, pointee.kind == TypeKind.VOID, statement.origin)


def _letters(function: Cursor) -> tuple[str, ...] | None:
    letters = ["p"] if function.kind == CursorKind.CXX_METHOD and not function.is_static_method() else []
    kinds: list[Type] = [argument.type.get_canonical() for argument in function.get_arguments()]
    for kind in kinds:
        letter = _LETTERS.get(kind.kind)
        if letter is None:
            return None
        letters.append(letter)
    variadic = function.type.kind == TypeKind.FUNCTIONPROTO and function.type.is_function_variadic()
    return (*letters, *(["."] if variadic else []))


def _deallocator(parsed: Parsed, name: str) -> Signature | None:
    """The prototype of a function that an attribute names, from its first declaration."""
    for match in re.finditer(rb"\b%s\b(?=\s*\()" % re.escape(name.encode()), parsed.text):
        cursor = parsed.cursor(match.start())
        if cursor.kind == CursorKind.FUNCTION_DECL and cursor.spelling == name:
            letters = _letters(cursor)
            ret = _LETTERS.get(cursor.result_type.get_canonical().kind)
            return Signature(name, letters, ret) if letters is not None and ret is not None else None
    return None
