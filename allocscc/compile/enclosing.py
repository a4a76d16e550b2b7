"""What a call stands in: its function under the name that people write, and the templates around it."""

from __future__ import annotations

import re

from allocscc.compile.nested import innermost
from allocscc.compile.spelling import plain_name, qualified_name
from allocscc.compile.tree import Node, Parsed, children
from allocscc.libclang import Cursor, CursorKind, conf

_KINDS = (
    CursorKind.FUNCTION_DECL,
    CursorKind.CXX_METHOD,
    CursorKind.CONSTRUCTOR,
    CursorKind.DESTRUCTOR,
    CursorKind.CONVERSION_FUNCTION,
    CursorKind.FUNCTION_TEMPLATE,
)
FUNCTIONS = frozenset(kind.value for kind in _KINDS)
_TEMPLATES = {CursorKind.FUNCTION_TEMPLATE, CursorKind.CLASS_TEMPLATE, CursorKind.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION}
_PARAMETERS = {
    CursorKind.TEMPLATE_TYPE_PARAMETER,
    CursorKind.TEMPLATE_NON_TYPE_PARAMETER,
    CursorKind.TEMPLATE_TEMPLATE_PARAMETER,
}
FIELD = CursorKind.FIELD_DECL.value
_VARIABLES = frozenset((CursorKind.VAR_DECL.value, FIELD))
_LAMBDA = CursorKind.LAMBDA_EXPR.value


def is_template(cursor: Cursor) -> bool:
    """Whether a cursor is a template; its text is code for as many functions as it has instantiations."""
    return cursor.kind in _TEMPLATES


def enclosing_definition(node: Node) -> Node | None:
    """The function around a node, or the variable or member that it initialises; the innermost function counts."""
    variable = None
    for above in node.ancestors():
        if above.kind in FUNCTIONS:
            return above
        if above.kind in _VARIABLES:
            variable = above
    return variable


class FunctionNames:
    """Names of the functions of a unit as people write them: qualified, and `{lambda(int)#1}` as c++filt has it."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._lambdas: dict[tuple[int, int], list[tuple[int, int, str]]] = {}

    def name(self, node: Node, definition: Node) -> str:
        """The name of the function that a node stands in."""
        nested = innermost(self._parsed.nested, node.start)
        if nested is not None:
            return nested.name
        name = qualified_name(definition.cursor)
        lambdas = [above for above in node.ancestors() if above.kind == _LAMBDA and above.start >= definition.start]
        for one in reversed(lambdas):
            name += f"::{self._lambda(one, definition)}"
        return name

    def _lambda(self, node: Node, definition: Node) -> str:
        """`{lambda(int)#2}`: its parameters, and its number among those right below its function that have the same."""
        key = definition.start, definition.end
        if key not in self._lambdas:
            brackets = re.finditer(rb"\[", self._parsed.text[definition.start : definition.end])
            ways = self._parsed.ways([definition.start + match.start() for match in brackets], definition.cursor)
            self._lambdas[key] = [_described(way) for way in ways if way.kind == _LAMBDA]
        start, around, parameters = _described(node)
        number = sum(one[1:] == (around, parameters) and one[0] <= start for one in self._lambdas[key])
        return f"{{lambda({parameters})#{number}}}"


def template_scopes(definition: Node) -> str:
    """The templates around and of a definition, as `SourceSite.scopes` has them; "" if it is in none."""
    scopes: list[str] = []
    cursor: Cursor | None = definition.cursor
    while cursor is not None and cursor.kind != CursorKind.TRANSLATION_UNIT and not cursor.kind.is_invalid():
        if is_template(cursor) or conf.lib.clang_getSpecializedCursorTemplate(cursor) is not None:
            scopes.append(f"{plain_name(cursor.spelling)}<{','.join(_parameters(cursor))}>")
        cursor = cursor.semantic_parent
    return " ".join(reversed(scopes))


def _parameters(template: Cursor) -> list[str]:
    """Names of a template's parameters; blank from the first pack on, and all of a specialization."""
    names: list[str] = []
    packed = template.kind == CursorKind.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION
    for child in children(template):
        if child.kind in _PARAMETERS:
            packed = packed or "..." in [token.spelling for token in child.get_tokens()]
            names.append("" if packed else child.spelling)
    return names


def _described(node: Node) -> tuple[int, int, str]:
    """Where a lambda begins, where the lambda around it does (-1: none is), and its parameters."""
    around = next((above.start for above in node.ancestors() if above.kind == _LAMBDA), -1)
    kinds = [one.type.get_canonical().spelling for one in children(node.cursor) if one.kind == CursorKind.PARM_DECL]
    return node.start, around, ", ".join(re.sub(r"type-parameter-\d+-\d+", "auto", kind) for kind in kinds)
