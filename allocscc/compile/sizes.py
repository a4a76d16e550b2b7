"""From a size expression to a type: what does `n * sizeof *p` allocate (R4, DESIGN §2).

Works on libclang cursors of preprocessed text, where every token stands as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from clang.cindex import Cursor, CursorKind, conf

from allocscc.compile.source import Sized
from allocscc.compile.spelling import pointee_name, type_name, written_type

# enum CXBinaryOperatorKind of clang-c/Index.h (libclang >= 17); the Python class came later.
_MUL, _DIV, _ADD, _SUB, _SHL, _ASSIGN = 3, 4, 6, 7, 8, 22
_COMPOUND = {23: _MUL, 24: _DIV, 26: _ADD, 27: _SUB, 28: _SHL}
_TRANSPARENT = {
    CursorKind.UNEXPOSED_EXPR,
    CursorKind.PAREN_EXPR,
    CursorKind.CSTYLE_CAST_EXPR,
    CursorKind.CXX_STATIC_CAST_EXPR,
    CursorKind.CXX_REINTERPRET_CAST_EXPR,
    CursorKind.CXX_FUNCTIONAL_CAST_EXPR,
}
# ISO C 7.26.6.3 and friends: sizes that count characters, so the chunk holds characters.
_LENGTHS = {"strlen": "char", "strnlen": "char", "wcslen": "int", "__builtin_strlen": "char"}
_TYPEOF = {"typeof", "__typeof__", "__typeof", "decltype"}
_MAX_DEPTH = 40


def operator_of(cursor: Cursor) -> int:
    """`enum CXBinaryOperatorKind` of a binary operator's cursor."""
    return int(conf.lib.clang_getCursorBinaryOperatorKind(cursor))


class SizeReader:
    """Reads size expressions inside one function; knows the definitions of its local variables."""

    def __init__(self, function: Cursor) -> None:
        self._function = function
        self._definitions: dict[int, list[_Definition]] | None = None
        self._variables: dict[int, Sized | None] = {}

    def read(self, expression: Cursor, depth: int = 0) -> Sized | None:
        """What the expression says of a type, or None."""
        if depth > _MAX_DEPTH:
            return None
        kind = expression.kind
        if kind == CursorKind.CXX_UNARY_EXPR:
            return _sizeof(expression)
        if kind in _TRANSPARENT:
            return self._transparent(expression, depth)
        children = list(expression.get_children())
        if kind == CursorKind.BINARY_OPERATOR and len(children) == 2:
            left, right = (self.read(child, depth + 1) for child in children)
            return _combine(operator_of(expression), left, right)
        if kind == CursorKind.CONDITIONAL_OPERATOR and len(children) == 3:
            return _agree([self.read(children[1], depth + 1), self.read(children[2], depth + 1)], children[1:])
        if kind == CursorKind.CALL_EXPR and expression.spelling in _LENGTHS:
            return Sized(_LENGTHS[expression.spelling], "strlen", True)
        if kind == CursorKind.DECL_REF_EXPR:
            return self._variable(expression, depth)
        return None

    def _transparent(self, expression: Cursor, depth: int) -> Sized | None:
        children = list(expression.get_children())
        if expression.kind == CursorKind.UNEXPOSED_EXPR and (
            not children or children[0].kind in (CursorKind.TYPE_REF, CursorKind.MEMBER_REF)
        ):
            return _offsetof(expression, children)
        values = [child for child in children if child.kind.is_expression()]
        return self.read(values[-1], depth + 1) if values else None

    def _variable(self, reference: Cursor, depth: int) -> Sized | None:
        """What a local variable holds, if all its definitions agree; read once, since they may refer to each other."""
        variable = reference.referenced
        if variable is None or variable.kind != CursorKind.VAR_DECL:
            return None
        key = variable.hash
        if key not in self._variables:
            self._variables[key] = None  # a definition in terms of the variable itself adds nothing
            if self._definitions is None:
                self._definitions = _definitions(self._function)
            self._variables[key] = self._agreed(self._definitions.get(key, []), key, depth)
        return self._variables[key]

    def _agreed(self, definitions: list[_Definition], key: int, depth: int) -> Sized | None:
        """The type that all definitions agree on; constants say nothing either way, `*=` and its like come on top."""
        plain = [d for d in definitions if d.operator == _ASSIGN]
        if any(d.value is None for d in definitions):
            return None
        values = [d.value for d in plain if d.value is not None and not is_constant(d.value)]
        values = [value for value in values if not _mentions(value, key)]
        found = _agree_all([self.read(value, depth + 8) for value in values])
        for definition in definitions:
            if definition.operator != _ASSIGN and definition.value is not None:
                found = _combine(definition.operator, found, self.read(definition.value, depth + 8))
        return replace(found, evidence="flow") if found else None


@dataclass(frozen=True)
class _Definition:
    """A value that a variable is given, by `=` or, with another operator, on top of what it has; None: it escapes."""

    value: Cursor | None
    operator: int = _ASSIGN


def _definitions(function: Cursor) -> dict[int, list[_Definition]]:
    """Every value that each local variable is given, and where its address escapes."""
    table: dict[int, list[_Definition]] = {}

    def define(target: Cursor | None, definition: _Definition) -> None:
        if target is not None:
            table.setdefault(target.hash, []).append(definition)

    for cursor in function.walk_preorder():
        children = list(cursor.get_children())
        if cursor.kind == CursorKind.VAR_DECL:
            values = [child for child in children if child.kind.is_expression()]
            if values:
                define(cursor, _Definition(values[-1]))
        elif cursor.kind == CursorKind.BINARY_OPERATOR and len(children) == 2 and operator_of(cursor) == _ASSIGN:
            define(_reference(children[0]), _Definition(children[1]))
        elif cursor.kind == CursorKind.COMPOUND_ASSIGNMENT_OPERATOR and operator_of(cursor) in _COMPOUND:
            define(_reference(children[0]), _Definition(children[1], _COMPOUND[operator_of(cursor)]))
        elif cursor.kind == CursorKind.UNARY_OPERATOR and len(children) == 1:
            target = _reference(children[0])
            if target is not None and next((t.spelling for t in cursor.get_tokens()), "") == "&":
                define(target, _Definition(None))
    return table


def _mentions(expression: Cursor, key: int) -> bool:
    """Whether an expression is in terms of a variable: then it says no more than the variable's other definitions."""
    for cursor in expression.walk_preorder():
        if cursor.kind == CursorKind.DECL_REF_EXPR and cursor.referenced is not None and cursor.referenced.hash == key:
            return True
    return False


def _reference(expression: Cursor) -> Cursor | None:
    while expression.kind in _TRANSPARENT:
        child = next(iter(expression.get_children()), None)
        if child is None:
            return None
        expression = child
    return expression.referenced if expression.kind == CursorKind.DECL_REF_EXPR else None


def is_constant(expression: Cursor) -> bool:
    """Whether an expression is an integer literal, whatever it is converted to."""
    while expression.kind in _TRANSPARENT:
        child = next((c for c in expression.get_children() if c.kind.is_expression()), None)
        if child is None:
            return False
        expression = child
    return bool(expression.kind == CursorKind.INTEGER_LITERAL)


def _combine(operator: int, left: Sized | None, right: Sized | None) -> Sized | None:
    """What an arithmetic expression says, from what its operands say.

    Product: the first operand with a type wins. Sum: equal types merge, an unknown operand is padding, and of two
    differing types the first is the header of the other. Division by the same type cancels.
    """
    both = bool(left and right)
    found = left or right
    if found is None:
        return None
    if operator in (_MUL, _SHL):
        if both and left and left.evidence == "strlen" and right:
            found = right  # a length is a count here
        return replace(left if operator == _SHL and left else found, array=True)
    if operator == _ADD:
        if left and right:
            same = left.type == right.type
            return replace(left, array=same and (left.array or right.array))
        return found
    if operator == _SUB:
        return left
    if operator == _DIV:
        return None if left and right and left.type == right.type else left
    return None


def _agree(results: list[Sized | None], expressions: list[Cursor]) -> Sized | None:
    return _agree_all([r for r, e in zip(results, expressions, strict=True) if not is_constant(e)])


def _agree_all(results: list[Sized | None]) -> Sized | None:
    """What all results say, if they name one type."""
    known = [result for result in results if result is not None]
    if not known or len(known) < len(results) or any(result.type != known[0].type for result in known):
        return None
    return replace(known[0], array=any(result.array for result in known))


def _sizeof(expression: Cursor) -> Sized | None:
    tokens = list(expression.get_tokens())
    if len(tokens) < 2 or tokens[0].spelling != "sizeof":
        return None
    children = list(expression.get_children())
    operand = next((child for child in children if child.kind.is_expression()), None)
    written = [token.spelling for token in tokens]
    # An expression inside a type (an array's length) is not what sizeof is applied to.
    whole = operand is not None and operand.extent.start.offset == tokens[1].extent.start.offset
    if operand is not None and (whole or (len(written) > 2 and written[2] in _TYPEOF)):
        return Sized(type_name(operand.type), "sizeof")
    end = len(written) - written[::-1].index(")") - 1 if ")" in written else len(written)
    name = written_type(written[2:end], children)
    return Sized(name, "sizeof") if name else None


def _offsetof(expression: Cursor, children: list[Cursor]) -> Sized | None:
    tokens = (token.spelling for token in expression.get_tokens())
    if next(tokens, "") != "__builtin_offsetof" or not children or children[0].kind != CursorKind.TYPE_REF:
        return None
    return Sized(type_name(children[0].referenced.type), "offsetof")


def walk_with_parents(root: Cursor) -> Iterator[tuple[Cursor, tuple[Cursor, ...]]]:
    """Every cursor below `root` with its ancestors, nearest last."""
    stack: list[tuple[Cursor, tuple[Cursor, ...]]] = [(root, ())]
    while stack:
        cursor, parents = stack.pop()
        yield cursor, parents
        below = (*parents, cursor)
        stack.extend((child, below) for child in reversed(list(cursor.get_children())))


_CASTS = (
    CursorKind.CSTYLE_CAST_EXPR,
    CursorKind.CXX_STATIC_CAST_EXPR,
    CursorKind.CXX_REINTERPRET_CAST_EXPR,
    CursorKind.CXX_FUNCTIONAL_CAST_EXPR,
)


def converted_type(parents: tuple[Cursor, ...]) -> str:
    """The `T` of the `T *` that a call's result is converted to by what stands around it, or ""."""
    for parent in reversed(parents):
        kind = parent.kind
        if kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR, CursorKind.CONDITIONAL_OPERATOR):
            continue
        if kind in _CASTS and not pointee_name(parent.type):
            continue  # a cast to void * on the way to another pointer
        if kind in _CASTS or kind == CursorKind.VAR_DECL:
            return pointee_name(parent.type)
        if kind == CursorKind.BINARY_OPERATOR and operator_of(parent) == _ASSIGN:
            return pointee_name(parent.type)
        if kind == CursorKind.RETURN_STMT:
            function = next((p for p in parents if p.kind in (CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD)), None)
            return pointee_name(function.result_type) if function is not None else ""
        return ""
    return ""
