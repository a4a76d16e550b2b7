"""Which values of a local variable reach a place in its function.

Over-approximated by text order: what cannot reach may be taken for reaching, never the other way round. An assignment
that every way to the place has to pass hides those before it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property

from allocscc.compile.tree import CALL, TRANSPARENT, Node, Parsed, children, same_expression
from allocscc.libclang import Cursor, CursorKind, StorageClass, conf
from allocscc.values import dataclass

# enum CXBinaryOperatorKind of clang-c/Index.h (libclang >= 17); the Python class came later.
MUL, DIV, ADD, SUB, SHL, SHR, AND, ASSIGN, COMMA = 3, 4, 6, 7, 8, 9, 17, 22, 33
COMPOUND = {23: MUL, 24: DIV, 26: ADD, 27: SUB, 28: SHL, 29: SHR, 30: AND}
_OVERFLOW = {"__builtin_mul_overflow": MUL, "__builtin_add_overflow": ADD, "__builtin_sub_overflow": SUB}
_LOOPS = frozenset(
    kind.value
    for kind in (
        CursorKind.FOR_STMT,
        CursorKind.WHILE_STMT,
        CursorKind.DO_STMT,
        CursorKind.CXX_FOR_RANGE_STMT,
        CursorKind.LAMBDA_EXPR,  # it may run again, and whenever it likes
    )
)
_BLOCK, _SWITCH = CursorKind.COMPOUND_STMT.value, CursorKind.SWITCH_STMT.value
_REFERENCE, _VARIABLE = CursorKind.DECL_REF_EXPR.value, CursorKind.VAR_DECL.value
_BINARY, _COMPOUND = CursorKind.BINARY_OPERATOR.value, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR.value
_UNARY, _STATEMENT = CursorKind.UNARY_OPERATOR.value, CursorKind.DECL_STMT.value
_ASM = frozenset((CursorKind.ASM_STMT.value, CursorKind.MS_ASM_STMT.value))
_LABEL = re.compile(rb"[;{}]\s*(?!default\b)[A-Za-z_]\w*\s*:(?!:)")


@dataclass(frozen=True)
class Value:
    """A value that a variable is given.

    Attributes:
        operands: the expressions that it is made of: one, or the two of an overflow builtin; none: it is unknown.
        operator: `ASSIGN`, or the operator of a compound assignment: what the variable had counts, too.
        inner: the operator between two operands.
        node: where.
    """

    operands: tuple[Cursor, ...]
    operator: int
    inner: int
    node: Node


@dataclass(frozen=True)
class _Variable:
    """What is known of a local variable: its values and where they are, its references, whether it may have others."""

    values: list[Value]
    starts: list[int]
    uses: dict[int, Node]
    escapes: bool


def operator_of(cursor: Cursor) -> int:
    """`enum CXBinaryOperatorKind` of a binary operator's cursor."""
    return int(conf.lib.clang_getCursorBinaryOperatorKind(cursor))


class Flow:
    """The local variables of one function.

    Attributes:
        parsed: the unit.
        function: the function's cursor.
    """

    def __init__(self, parsed: Parsed, function: Cursor) -> None:
        self.parsed, self.function = parsed, function
        self._start, self._end = parsed.span(function)
        self._known: dict[int, _Variable] = {}

    def reaching(self, reference: Cursor) -> list[Value]:
        """The values that a reference to a local variable may stand for; [] if nothing can be said."""
        variable = reference.referenced
        if variable is None or variable.hash not in self._known:
            if variable is None or not _is_local(variable):
                return []
            self._known[variable.hash] = self._occurrences(variable)
        known = self._known[variable.hash]
        use = known.uses.get(self.parsed.span(reference)[0])
        if use is None or known.escapes:
            return []
        if variable.storage_class == StorageClass.STATIC:
            return known.values
        is_parameter = variable.kind == CursorKind.PARM_DECL  # it has a value from the start
        if self._jumps:
            return [] if is_parameter else known.values
        around = [node for node in use.ancestors() if node.kind in _LOOPS]
        before = at = bisect_left(known.starts, use.start)
        first = -1  # where the last assignment is that every way to the use has to pass
        while at and first < 0:
            at -= 1
            value = known.values[at]
            if value.operator == ASSIGN and _is_passed(value.node, use):
                first = value.node.start
        if first < 0 and is_parameter:
            return []
        loops = [node for node in around if node.start > first]
        end = bisect_left(known.starts, loops[-1].end) if loops else before
        # `n = n * 2` has its own value only where it is done again.
        return [value for value in known.values[at:end] if loops or value.node.end <= use.start]

    @cached_property
    def _jumps(self) -> bool:
        """Whether the function has labels that something jumps to."""
        jumps = self.parsed.text.find(b"goto", self._start, self._end) >= 0
        return jumps and _LABEL.search(self.parsed.text, self._start, self._end) is not None

    def _occurrences(self, variable: Cursor) -> _Variable:
        """The values that a variable is given, and its references."""
        word = re.compile(rb"\b%s\b" % re.escape(str(variable.spelling).encode("utf-8", "surrogateescape")))
        offsets = [match.start() for match in word.finditer(self.parsed.text, self._start, self._end)]
        wanted, values, uses = variable.hash, list[Value](), dict[int, Node]()
        for node in self.parsed.ways(offsets, self.function):
            if node.kind == _VARIABLE and node.cursor.hash == wanted:
                given = [child for child in children(node.cursor) if child.kind.is_expression()]
                if given:
                    values.append(Value((given[-1],), ASSIGN, 0, node))
            elif node.kind == _REFERENCE and node.start not in uses and _refers_to(node.cursor, wanted):
                uses[node.start] = node
                value = _given(node)
                values += [value] if value is not None else []
        values.sort(key=lambda value: value.node.start)
        starts = [value.node.start for value in values]
        return _Variable(values, starts, uses, any(not value.operands for value in values))


def _refers_to(reference: Cursor, variable: int) -> bool:
    found = reference.referenced
    return found is not None and found.hash == variable


def _is_local(variable: Cursor) -> bool:
    if variable.kind == CursorKind.PARM_DECL:
        return True
    scope = variable.semantic_parent
    outside = (CursorKind.TRANSLATION_UNIT, CursorKind.NAMESPACE, CursorKind.LINKAGE_SPEC)
    local = variable.kind == CursorKind.VAR_DECL and scope is not None and scope.kind not in outside
    return local and not scope.kind.is_invalid() and variable.storage_class != StorageClass.EXTERN


def _given(reference: Node) -> Value | None:
    """The value that a variable is given where it is referred to; None if it is only read there."""
    node, parent = reference, reference.parent
    while parent is not None and parent.kind in TRANSPARENT:
        node, parent = parent, parent.parent
    if parent is None:
        return None
    if parent.kind in (_BINARY, _COMPOUND):
        return _assigned(node, parent)
    if parent.kind == _UNARY:
        return _filled(parent) if _address_of(parent) else None
    if parent.kind in _ASM:
        return Value((), ASSIGN, 0, parent)
    by_name = node is reference  # no conversion to a value in between
    bound = parent.kind == CALL or (parent.kind == _VARIABLE and parent.cursor.type.spelling.endswith("&"))
    return Value((), ASSIGN, 0, parent) if by_name and bound else None


def _assigned(target: Node, operation: Node) -> Value | None:
    """What an assignment gives to its left side; None if the target is not that."""
    below = children(operation.cursor)
    if len(below) != 2 or not same_expression(below[0], target.cursor):
        return None
    operator = operator_of(operation.cursor)
    if operator == ASSIGN or operator in COMPOUND:
        return Value((below[1],), COMPOUND.get(operator, ASSIGN), 0, operation)
    return Value((), ASSIGN, 0, operation) if operation.kind == _COMPOUND else None


def _filled(address: Node) -> Value:
    """What is stored through a variable's address: known for the builtins that compute and tell of overflow."""
    node: Node | None = address.parent
    while node is not None and node.kind in TRANSPARENT:
        node = node.parent
    if node is not None and node.kind == CALL and node.cursor.spelling in _OVERFLOW:
        arguments = list(node.cursor.get_arguments())
        if len(arguments) == 3:
            return Value((arguments[0], arguments[1]), ASSIGN, _OVERFLOW[node.cursor.spelling], node)
    return Value((), ASSIGN, 0, address)


def _address_of(unary: Node) -> bool:
    return bool(conf.lib.clang_getCursorUnaryOperatorKind(unary.cursor) == 5)  # CXUnaryOperator_AddrOf


def _is_passed(node: Node, use: Node) -> bool:
    """Whether every way to a use passes an assignment before it: its statement is in a block around the use."""
    if node.kind != _VARIABLE and node.kind != _BINARY:
        return False
    above = node.parent
    while above is not None and (above.kind in TRANSPARENT or above.kind == _STATEMENT):
        above = above.parent
    if above is None or above.kind != _BLOCK or (above.parent is not None and above.parent.kind == _SWITCH):
        return False
    if use.start < node.end:
        return False
    return any(one.start == above.start and one.kind == _BLOCK for one in use.ancestors())
