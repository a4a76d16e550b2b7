"""From a size expression to a type: what does `n * sizeof *p` allocate (R4, DESIGN §2).

Works on libclang cursors of preprocessed text, where every token stands as it is.
"""

from __future__ import annotations

from allocscc.compile.flow import (
    ADD,
    AND,
    ASSIGN,
    COMMA,
    DIV,
    MUL,
    SHL,
    SHR,
    SUB,
    Flow,
    Value,
    operator_of,
)
from allocscc.compile.source import Sized
from allocscc.compile.spelling import type_name
from allocscc.compile.tree import TRANSPARENT, Parsed, children
from allocscc.compile.written import Reference, closing, tokens, written_type
from allocscc.libclang import Cursor, CursorKind, Type, TypeKind, conf
from allocscc.values import replace

# ISO C 7.26.6.3 and friends: sizes that count characters, so the chunk holds characters.
_LENGTHS = {"strlen": "char", "strnlen": "char", "wcslen": "int"}
_PASSED_THROUGH = {"__builtin_expect", "__builtin_constant_p", "__builtin_choose_expr"}
_DEREFERENCE, _COMPLEMENT, _ADDRESS = 6, 9, 5  # enum CXUnaryOperatorKind
_LENGTH_BY_FLOW = "flow of strlen"  # in here only: a length is a count when it is multiplied
_MAX_DEPTH = 40
# Expressions read for one size; one that needs more is not of a person's making.
_MAX_STEPS = 5000
# Values of one variable; more of them hardly agree.
_MAX_VALUES = 100


class SizeReader:
    """Reads size expressions inside one function; knows the definitions of its local variables."""

    def __init__(self, parsed: Parsed, function: Cursor) -> None:
        self._parsed = parsed
        self._flow = Flow(parsed, function)
        self._variables: dict[tuple[int, ...], Sized | None] = {}
        self._steps = 0

    def read(self, expression: Cursor) -> Sized | None:
        """What the expression says of a type, or None."""
        self._steps = 0
        found = self._read(expression, 0)
        return replace(found, evidence="flow") if found and found.evidence == _LENGTH_BY_FLOW else found

    def _read(self, expression: Cursor, depth: int) -> Sized | None:
        self._steps += 1
        if depth > _MAX_DEPTH or self._steps > _MAX_STEPS:
            return None
        kind = expression.kind
        if kind == CursorKind.CXX_UNARY_EXPR:
            return self._sizeof(expression)
        if kind.value in TRANSPARENT or kind == CursorKind.INIT_LIST_EXPR:
            return self._transparent(expression, depth)
        if kind == CursorKind.DECL_REF_EXPR:
            return self._named(expression, depth)
        below = children(expression)
        if kind == CursorKind.BINARY_OPERATOR and len(below) == 2:
            operator = operator_of(expression)
            if operator in (ASSIGN, COMMA):
                return self._read(below[1], depth + 1)
            return combine(operator, *(self._read(child, depth + 1) for child in below))
        if kind == CursorKind.CONDITIONAL_OPERATOR and len(below) == 3:
            values = [value for value in below[1:] if not is_constant(value)]
            return agreed([self._read(value, depth + 1) for value in values])
        if kind == CursorKind.UNARY_OPERATOR and len(below) == 1:
            return self._unary(expression, below[0], depth)
        if kind == CursorKind.CALL_EXPR:
            return self._call(expression, depth)
        if kind == CursorKind.StmtExpr and below:  # ({ …; value; })
            last = children(below[-1])[-1:]
            return self._read(last[0], depth + 1) if last else None
        return None

    def _transparent(self, expression: Cursor, depth: int) -> Sized | None:
        below = children(expression)
        if expression.kind == CursorKind.UNEXPOSED_EXPR and (
            not below or below[0].kind in (CursorKind.TYPE_REF, CursorKind.MEMBER_REF)
        ):
            return self._offsetof(expression)
        values = [child for child in below if child.kind.is_expression()]
        if len(values) > 1 and expression.kind == CursorKind.UNEXPOSED_EXPR:  # GNU's `a ?: b`, __builtin_choose_expr
            return agreed([self._read(value, depth + 1) for value in values if not is_constant(value)])
        return self._read(values[-1], depth + 1) if values else None

    def _unary(self, expression: Cursor, operand: Cursor, depth: int) -> Sized | None:
        operator = conf.lib.clang_getCursorUnaryOperatorKind(expression)
        if operator == _ADDRESS:
            return _hand_made_offsetof(operand)
        return None if operator == _DEREFERENCE else self._read(operand, depth + 1)

    def _call(self, call: Cursor, depth: int) -> Sized | None:
        name = call.spelling
        if name.removeprefix("__builtin_") in _LENGTHS:
            return Sized(_LENGTHS[name.removeprefix("__builtin_")], "strlen", True)
        if name in _PASSED_THROUGH:
            arguments = list(call.get_arguments())
            return self._read(arguments[0], depth + 1) if arguments else None
        return None

    def _named(self, reference: Cursor, depth: int) -> Sized | None:
        """What a variable or a named constant holds; each set of values is read once: they may be circular."""
        named = reference.referenced
        if named is None:
            return None
        if named.kind == CursorKind.ENUM_CONSTANT_DECL or _is_global_constant(named):
            values = [child for child in children(named) if child.kind.is_expression()]
            found = self._read(values[-1], depth + 8) if values else None
            return _by_flow(found)
        values = self._flow.reaching(reference)
        if len(values) > _MAX_VALUES:
            return None
        key = (named.hash, *(value.node.start for value in values))
        if key not in self._variables:
            self._variables[key] = None  # a value in terms of the variable itself adds nothing
            self._variables[key] = self._agreed(values, depth)
        return self._variables[key]

    def _agreed(self, values: list[Value], depth: int) -> Sized | None:
        """The type that all values agree on; constants say nothing either way, `*=` and its like come on top."""
        plain = [value for value in values if value.operator == ASSIGN and not _is_constant(value)]
        own = [value for value in plain if not self._is_own(value)]
        held = [self._value(value, depth) for value in own]
        found = agreed(held)
        if found is None and any(held):
            return None
        for value in values:
            if value.operator != ASSIGN:
                found = combine(value.operator, found, self._value(value, depth))
            elif value in plain and value not in own:
                on_top = self._value(value, depth)
                if on_top is not None and found is not None and on_top.type != found.type:
                    return None
                found = on_top or found
        return _by_flow(found)

    def _is_own(self, value: Value) -> bool:
        """Whether a value is in terms of the variable that it is given to, as in `n = n * sizeof(int)`."""
        target = children(value.node.cursor)[:1] if value.node.kind == CursorKind.BINARY_OPERATOR.value else []
        name = target[0].spelling if target else ""
        text = b" ".join(self._parsed.source(operand) for operand in value.operands)
        return bool(name) and name.encode() in [word.text.encode() for word in tokens(text)]

    def _value(self, value: Value, depth: int) -> Sized | None:
        found = [self._read(operand, depth + 8) for operand in value.operands]
        return combine(value.inner, *found) if len(found) == 2 else found[0]

    def _sizeof(self, expression: Cursor) -> Sized | None:
        start, end = self._parsed.span(expression)
        words = tokens(self._parsed.text[start:end], start)
        if len(words) < 2 or words[0].text != "sizeof":
            return None
        references = [Reference(child, self._parsed.span(child)[0]) for child in children(expression)]
        for reference in references:
            # An expression inside a type (an array's length) is not what sizeof is applied to.
            if reference.at == words[1].at and reference.cursor.kind.is_expression():
                return _of(_operand_type(reference.cursor), "sizeof")
        return _of(written_type(words[2 : closing(words, 1)], references), "sizeof")

    def _offsetof(self, expression: Cursor) -> Sized | None:
        start, end = self._parsed.span(expression)
        words = tokens(self._parsed.text[start:end], start)
        if len(words) < 4 or words[0].text != "__builtin_offsetof":
            return None
        comma = next((at for at, word in enumerate(words) if word.text == ","), len(words))
        references = [Reference(child, self._parsed.span(child)[0]) for child in children(expression)]
        return _of(written_type(words[2:comma], references), "offsetof")


def combine(operator: int, left: Sized | None, right: Sized | None) -> Sized | None:
    """What an arithmetic expression says, from what its operands say.

    Product: the first operand with a type wins. Sum: equal types merge, an unknown operand is padding, and of two
    differing types the one that there is one of is the header, else the first. A size divided by a size is a count.
    """
    found = left or right
    if found is None:
        return None
    if operator in (MUL, SHL):
        if left and right and left.evidence in ("strlen", _LENGTH_BY_FLOW):
            found = right  # a length is a count here
        return replace(left if operator == SHL and left else found, array=True)
    if operator == ADD:
        if left and right:
            if left.type == right.type:
                return replace(left, array=left.array or right.array, members=left.members or right.members)
            first, second = (right, left) if left.array and not right.array else (left, right)
            return replace(first, array=False, members=_joined(first, second))
        return found
    if operator == SUB:
        return replace(left, members=left.members or left.type) if left and right else left
    if operator in (DIV, SHR):
        return None if right else left  # a size by a size is a count
    if operator == AND:  # rounding; where the mask is made of a size, to a multiple of that
        return None if left and right and left.type == right.type else left
    return None


def _joined(first: Sized, second: Sized) -> str:
    """The members of a structure that no source declares: one type and any number of another behind it."""
    members = first.members.removesuffix("[]") or first.type
    if second.members:
        return f"{members};{second.members}"
    return f"{members};{second.type}[]"


def agreed(results: list[Sized | None]) -> Sized | None:
    """What all results say, if they name one type."""
    known = [result for result in results if result is not None]
    if not known or len(known) < len(results) or any(result.type != known[0].type for result in known):
        return None
    return replace(known[0], array=any(result.array for result in known))


def is_constant(expression: Cursor) -> bool:
    """Whether an expression is an integer literal, whatever it is converted to."""
    while expression.kind.value in TRANSPARENT:
        child = next((c for c in children(expression) if c.kind.is_expression()), None)
        if child is None:
            return False
        expression = child
    return bool(expression.kind == CursorKind.INTEGER_LITERAL)


def type_size(kind: Type) -> int:
    """What `sizeof` gives for a type; 0 where that is not known, as in a template.

    Of a type with a member that libclang does not know (`_Decimal64`), it says that it is one byte.
    """
    element = kind.get_canonical()
    while element.kind == TypeKind.CONSTANTARRAY:
        element = element.element_type
    if conf.lib.clang_isInvalidDeclaration(element.get_declaration()):
        return 0
    return max(int(kind.get_size()), 0)


def _is_constant(value: Value) -> bool:
    return len(value.operands) == 1 and is_constant(value.operands[0])


def _by_flow(found: Sized | None) -> Sized | None:
    if found is None:
        return None
    return replace(found, evidence=_LENGTH_BY_FLOW if found.evidence in ("strlen", _LENGTH_BY_FLOW) else "flow")


def _of(name: str, evidence: str) -> Sized | None:
    return Sized(name, evidence, members=name if evidence == "offsetof" else "") if name else None


def _operand_type(operand: Cursor) -> str:
    """The type of `sizeof`'s operand; in a template, what a pointer points to may be all that is known."""
    name = type_name(operand.type)
    while "<dependent type>" in name and operand.kind == CursorKind.PAREN_EXPR:
        operand = (children(operand) or [operand])[0]
    if "<dependent type>" in name and conf.lib.clang_getCursorUnaryOperatorKind(operand) == _DEREFERENCE:
        pointee = (children(operand) or [operand])[0].type.get_canonical().get_pointee()
        name = type_name(pointee) or name
    return name


def _is_global_constant(named: Cursor) -> bool:
    if named.kind != CursorKind.VAR_DECL or not named.type.is_const_qualified():
        return False
    scope = named.semantic_parent
    return scope is not None and not (scope.kind.is_declaration() and scope.kind.value in _FUNCTIONS)


def _hand_made_offsetof(operand: Cursor) -> Sized | None:
    """`((struct s *)0)->member` behind an `&`."""
    while operand.kind in _MEMBERS:
        below = children(operand)
        if not below:
            return None
        if operand.kind == CursorKind.MEMBER_REF_EXPR and is_constant(below[0]):
            return _of(type_name(below[0].type.get_canonical().get_pointee()), "offsetof")
        operand = below[0]
    return None


_MEMBERS = {
    CursorKind.MEMBER_REF_EXPR,
    CursorKind.ARRAY_SUBSCRIPT_EXPR,
    CursorKind.PAREN_EXPR,
    CursorKind.UNEXPOSED_EXPR,
}
_FUNCTIONS = frozenset(
    kind.value
    for kind in (
        CursorKind.FUNCTION_DECL,
        CursorKind.CXX_METHOD,
        CursorKind.CONSTRUCTOR,
        CursorKind.DESTRUCTOR,
        CursorKind.FUNCTION_TEMPLATE,
    )
)
