"""Scans preprocessed source with libclang for allocation sites and the types they allocate (R4).

libclang reads gcc's preprocessed output with harmless diagnostics (gcc's own attributes and builtins); whatever parsed
is kept. Only functions whose text names a callee are walked: a Python walk of the whole tree is slow.
"""

import re

from clang.cindex import Cursor, CursorKind, Index, SourceLocation, TranslationUnit, conf

from allocscc.compile.sizes import (
    SizeReader,
    converted_type,
    is_constant,
    walk_with_parents,
)
from allocscc.compile.source import NEW, Sized, SourceSite
from allocscc.compile.spelling import pointee_name, presumed_location, type_name
from allocscc.config.signature import Signature

_FUNCTIONS = {
    CursorKind.FUNCTION_DECL,
    CursorKind.CXX_METHOD,
    CursorKind.CONSTRUCTOR,
    CursorKind.DESTRUCTOR,
    CursorKind.CONVERSION_FUNCTION,
    CursorKind.FUNCTION_TEMPLATE,
}

_TEMPLATES = {
    CursorKind.FUNCTION_TEMPLATE,
    CursorKind.CLASS_TEMPLATE,
    CursorKind.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION,
}


def scan(path: str, language: str, standard: list[str], signatures: dict[str, Signature]) -> list[SourceSite]:
    """All calls of the functions in `signatures`, and in C++ all `new` expressions, in functions of the unit.

    Args:
        path: file of preprocessed text.
        language: `c` or `c++`.
        standard: the `-std=` option in a list, or an empty list.
        signatures: the functions of interest by name.
    """
    with open(path, "rb") as file:
        text = file.read()
    names = sorted(signatures) + (["new"] if language == "c++" else [])
    hits = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in names))
    arguments = ["-x", language, *standard, "-w", "-ferror-limit=0"]
    unit = Index.create().parse(path, args=arguments, options=TranslationUnit.PARSE_NONE)
    functions: dict[int, Cursor] = {}
    whole = unit.get_file(path)
    for match in hits.finditer(text):
        cursor = Cursor.from_location(unit, SourceLocation.from_offset(unit, whole, match.start()))
        function = _enclosing(cursor)
        if function is not None:
            functions.setdefault(function.hash, function)
    lines = text.split(b"\n")
    sources: dict[str, list[bytes]] = {}
    sites: list[SourceSite] = []
    for function in functions.values():
        sites += _function_sites(function, signatures, lines, sources)
    return sites


def _enclosing(cursor: Cursor | None) -> Cursor | None:
    """The definition around an expression: a function, or a variable or member that it initialises."""
    variable = None
    for _ in range(64):
        if cursor is None or cursor.kind == CursorKind.TRANSLATION_UNIT or cursor.kind.is_invalid():
            return variable
        if cursor.kind in _FUNCTIONS:
            return cursor if cursor.is_definition() else None
        if cursor.kind in (CursorKind.VAR_DECL, CursorKind.FIELD_DECL):
            variable = cursor
        parent = cursor.semantic_parent
        if parent is None or parent == cursor:
            return variable
        cursor = parent
    return None


def _is_generic(function: Cursor) -> bool:
    """Whether a definition is, or is made from, a template: a line of it allocates a type for each instantiation."""
    cursor: Cursor | None = function
    while cursor is not None and cursor.kind != CursorKind.TRANSLATION_UNIT:
        if cursor.kind in _TEMPLATES or conf.lib.clang_getSpecializedCursorTemplate(cursor) is not None:
            return True
        cursor = cursor.semantic_parent
    return False


def _function_sites(
    function: Cursor, signatures: dict[str, Signature], lines: list[bytes], sources: dict[str, list[bytes]]
) -> list[SourceSite]:
    reader, generic = SizeReader(function), _is_generic(function)
    sites = []
    for cursor, parents in walk_with_parents(function):
        if cursor.kind == CursorKind.CXX_NEW_EXPR:
            sized: Sized | None = _new(cursor)
            callee = NEW
        elif cursor.kind == CursorKind.CALL_EXPR and _callee(cursor) in signatures:
            callee = _callee(cursor)
            sized = _call(cursor, parents, signatures[callee], reader)
        else:
            continue
        file, line, column = presumed_location(cursor)
        physical = cursor.extent.start.line
        written = lines[physical - 1] if 0 < physical <= len(lines) else b""
        end = column - 1 + len(callee if callee != NEW else "new")
        exact = bool(written) and written[:end] == _source_line(file, line, sources)[:end]
        sites.append(SourceSite(file, line, column, exact, callee, function.spelling, None if generic else sized))
    return sites


def _callee(call: Cursor) -> str:
    """The name of the function called, also through parentheses."""
    if call.spelling:
        return str(call.spelling)
    callee = next(iter(call.get_children()), None)
    while callee is not None and callee.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR):
        callee = next(iter(callee.get_children()), None)
    return str(callee.spelling) if callee is not None else ""


def _call(call: Cursor, parents: tuple[Cursor, ...], signature: Signature, reader: SizeReader) -> Sized | None:
    arguments = list(call.get_arguments())
    sizes = [index for index in signature.size_args if index < len(arguments)]
    if not sizes and not any(letter.isupper() for letter in signature.args):
        name = pointee_name(call.type)
        return Sized(name, "return-type") if name else None
    found = [reader.read(arguments[index]) for index in sizes]
    sized = found[-1] if found and found[-1] else next((s for s in found if s), None)
    if sized is not None:
        several = len(sizes) > 1 and not is_constant(arguments[sizes[0]])
        return Sized(sized.type, sized.evidence, sized.array or several)
    name = converted_type(parents)
    return Sized(name, "cast", True) if name else None


def _new(expression: Cursor) -> Sized | None:
    name = pointee_name(expression.type) or type_name(expression.type.get_pointee())
    depth = 0
    for token in expression.get_tokens():
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(token.spelling, 0)
        if token.spelling == "[" and depth == 0:  # the bound of an array, not an index in an argument
            return Sized(name, "new", True) if name else None
    return Sized(name, "new") if name else None


def _source_line(file: str, line: int, sources: dict[str, list[bytes]]) -> bytes:
    if file not in sources:
        try:
            with open(file, "rb") as source:
                sources[file] = source.read().split(b"\n")
        except OSError:
            sources[file] = []
    return sources[file][line - 1].rstrip() if 0 < line <= len(sources[file]) else b""
