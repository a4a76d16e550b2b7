"""Reads one function body, without regard to the order of its statements, into values of `allocscc.suggest.facts`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

from allocscc.compile.tree import Parsed, children
from allocscc.libclang import Cursor, CursorKind, Type, TypeKind
from allocscc.suggest.facts import CONSTANT, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.suggest.facts import Value

K = CursorKind
_TYPE_REF = K.TYPE_REF.value
_LOOPS = frozenset(kind.value for kind in (K.FOR_STMT, K.WHILE_STMT, K.DO_STMT))
_LITERALS = frozenset(
    kind.value for kind in (K.INTEGER_LITERAL, K.CHARACTER_LITERAL, K.FLOATING_LITERAL, K.GNU_NULL_EXPR)
)
_PASSED = frozenset(
    kind.value
    for kind in (
        K.UNEXPOSED_EXPR, K.PAREN_EXPR, K.CSTYLE_CAST_EXPR, K.CXX_STATIC_CAST_EXPR, K.CXX_REINTERPRET_CAST_EXPR,
        K.CXX_CONST_CAST_EXPR, K.CXX_FUNCTIONAL_CAST_EXPR,
    )
)  # fmt: skip
_ADDITIVE = ("+", "-")
# Functions that give their first argument; by gcc's builtin names, too.
_GIVES_FIRST = frozenset(("memcpy", "memmove", "memset", "strcpy", "strncpy", "strcat", "strncat"))
_BUILTIN = re.compile(r"^__builtin_(?:___)?(\w+?)(?:_chk)?$")
_EXPECT = frozenset(("__builtin_expect", "__builtin_assume_aligned", "__builtin_expect_with_probability"))
_OFFSET = re.compile(rb"__builtin_offsetof\s*\(\s*([^,]+?)\s*,")
_SIZEOF = re.compile(rb"(?:sizeof|__alignof__|_Alignof|__alignof)\s*\(\s*(.*?)\s*\)\s*$", re.S)
_POINTERS = frozenset((TypeKind.POINTER, TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY, TypeKind.VARIABLEARRAY))


class Body:
    """Collects what one function does.

    Attributes:
        returns, locals, stores, calls, loops, reads: as in `Function`.
        bindings: fields and variables, and the functions that initializers put there.
    """

    def __init__(self, parsed: Parsed, parameters: list[Cursor], key: Callable[[Cursor], str]) -> None:
        self._parsed, self._key = parsed, key
        self._parameters = {p.location.offset: number for number, p in enumerate(parameters)}
        self._fields: dict[int, str] = {}
        self.returns: list[Value] = []
        self.locals: dict[str, list[Value]] = defaultdict(list)
        self.stores: list[tuple[Value, Value]] = []
        self.calls: list[Value] = []
        self.bindings: list[tuple[str, str]] = []
        self.loops = 0
        self.reads: list[Value] = []

    def read(self, function: Cursor) -> None:
        """Read the body of a function."""
        for child in children(function):
            if child._kind_id == K.COMPOUND_STMT.value:
                self._statement(child)

    def variable(self, cursor: Cursor) -> None:
        """The initializer of a variable."""
        found = [child for child in children(cursor) if 100 <= child._kind_id < 200]
        if not found or b"=" not in self._parsed.source(cursor):
            return
        init = found[-1]
        place = self._place_of_variable(cursor)
        if init._kind_id == K.INIT_LIST_EXPR.value:
            self._initialize(cursor.type, init)
        else:
            self._assign(place, self._value(init))

    def _initialize(self, kind: Type, init: Cursor) -> None:
        """Functions, and what else an initializer list puts into the fields of a structure."""
        kind = kind.get_canonical()
        if kind.kind in _POINTERS:  # an array of structures
            element = kind.element_type
            for child in children(init):
                if child._kind_id == K.INIT_LIST_EXPR.value:
                    self._initialize(element, child)
                else:
                    self._value(child)
            return
        names = [f.spelling for f in kind.get_fields()] if kind.kind == TypeKind.RECORD else []
        types = [f.type for f in kind.get_fields()] if names else []
        owner = self._owner(kind.get_declaration()) if names else ""
        at = 0
        for child in children(init):
            if child._kind_id == K.INIT_LIST_EXPR.value and at < len(types):
                self._initialize(types[at], child)
                at += 1
                continue
            parts = children(child) if child._kind_id == K.UNEXPOSED_EXPR.value else []
            if parts and parts[0]._kind_id == K.MEMBER_REF.value:  # a designated initializer
                name = parts[0].spelling
                at = names.index(name) if name in names else at
                child = parts[-1]
                if child._kind_id == K.INIT_LIST_EXPR.value and at < len(types):
                    self._initialize(types[at], child)
                    at += 1
                    continue
            value = self._value(child)
            if at < len(names):
                self._bind(f"{owner}.{names[at]}", value)
            at += 1

    def _bind(self, place: str, value: Value) -> None:
        if value[0] == "fn":
            self.bindings.append((place, value[1]))
        elif value[0] == "?":
            for one in value[1]:
                self._bind(place, one)

    def _statement(self, cursor: Cursor) -> None:
        kind = cursor._kind_id
        if 100 <= kind < 200:
            self._value(cursor)
        elif kind == K.RETURN_STMT.value:
            found = children(cursor)
            if found:
                self.returns.append(self._value(found[-1]))
        elif kind == K.DECL_STMT.value:
            for child in children(cursor):
                if child._kind_id == K.VAR_DECL.value:
                    self.variable(child)
        else:
            self.loops += kind in _LOOPS
            for child in children(cursor):
                self._statement(child)

    def _value(self, cursor: Cursor) -> Value:
        """The value of an expression; what it calls and assigns is collected."""
        kind = cursor._kind_id
        if kind in _PASSED:
            return self._passed(cursor)
        if kind == K.DECL_REF_EXPR.value:
            return self._name(cursor)
        if kind == K.MEMBER_REF_EXPR.value:
            return self._member(cursor)
        if kind == K.CALL_EXPR.value:
            return self._call(cursor)
        if kind in _LITERALS:
            return CONSTANT
        if kind == K.STRING_LITERAL.value:
            return ("s",)
        if kind == K.BINARY_OPERATOR.value:
            return self._binary(cursor)
        if kind == K.COMPOUND_ASSIGNMENT_OPERATOR.value:
            left, right = children(cursor)[:2]
            place, value = self._value(left), self._value(right)
            operator = self._between(left, right).rstrip("=") or "+"
            self._assign(place, self._arithmetic(operator, left, place, value))
            return place
        if kind == K.UNARY_OPERATOR.value:
            return self._unary(cursor)
        if kind == K.ARRAY_SUBSCRIPT_EXPR.value:
            parts = children(cursor)
            base = self._value(parts[0])
            index = self._value(parts[1]) if len(parts) > 1 else CONSTANT
            return ("d", base if index == CONSTANT else ("+", base, index))
        if kind == K.CONDITIONAL_OPERATOR.value:
            parts = [self._value(part) for part in children(cursor)]
            return _choice(parts[1:] if len(parts) == 3 else parts)
        if kind == K.CXX_UNARY_EXPR.value:
            return ("z", self._measured(cursor))
        if kind == K.StmtExpr.value:
            return self._statements(cursor)
        if kind == K.COMPOUND_LITERAL_EXPR.value:
            for child in children(cursor):
                if child._kind_id == K.INIT_LIST_EXPR.value:
                    self._initialize(cursor.type, child)
            return UNKNOWN
        for child in children(cursor):
            if 100 <= child._kind_id < 200:
                self._value(child)
        return UNKNOWN

    def _passed(self, cursor: Cursor) -> Value:
        found = [child for child in children(cursor) if child._kind_id != _TYPE_REF]
        if not found:
            offset = _OFFSET.match(self._parsed.source(cursor))
            return ("z", offset[1].decode("utf-8", "replace")) if offset else UNKNOWN
        if len(found) > 1:  # ?: of GNU C, generic selections, calls of builtins
            offset = _OFFSET.match(self._parsed.source(cursor))
            if offset:
                return ("z", offset[1].decode("utf-8", "replace"))
            return _choice([self._value(child) for child in found if 100 <= child._kind_id < 200])
        return self._value(found[0])

    def _statements(self, cursor: Cursor) -> Value:
        """GNU C's `({ … })`: its last expression's value."""
        value: Value = UNKNOWN
        for compound in children(cursor):
            for child in children(compound):
                value = UNKNOWN
                if 100 <= child._kind_id < 200:
                    value = self._value(child)
                else:
                    self._statement(child)
        return value

    def _name(self, cursor: Cursor) -> Value:
        found = cursor.referenced
        if found is None:
            return UNKNOWN
        kind = found._kind_id
        if kind == K.FUNCTION_DECL.value:
            return ("fn", self._key(found))
        if kind in (K.VAR_DECL.value, K.PARM_DECL.value):
            return self._place_of_variable(found)
        return CONSTANT  # an enumerator

    def _place_of_variable(self, cursor: Cursor) -> Value:
        offset = cursor.location.offset
        number = self._parameters.get(offset)
        if number is not None:
            return ("p", number)
        above = cursor.semantic_parent
        if above is not None and above._kind_id == K.FUNCTION_DECL.value:
            return ("v", f"{cursor.spelling}@{offset}")
        return ("g", str(cursor.spelling))

    def _member(self, cursor: Cursor) -> Value:
        parts = [child for child in children(cursor) if 100 <= child._kind_id < 200]
        base = self._value(parts[0]) if parts else UNKNOWN
        field = cursor.referenced
        if field is None:
            return UNKNOWN
        value = ("f", self._field(field), base)
        self.reads.append(value)
        return value

    def _field(self, field: Cursor) -> str:
        offset = field.location.offset
        if offset not in self._fields:
            self._fields[offset] = f"{self._owner(field.semantic_parent)}.{field.spelling}"
        return self._fields[offset]

    def _owner(self, record: Cursor) -> str:
        name = str(record.spelling)
        if not name or "(" in name:
            file, line, _ = self._parsed.place(record.location.offset)
            return f"{file}:{line}"
        return name

    def _call(self, cursor: Cursor) -> Value:
        parts = [child for child in children(cursor) if child._kind_id != _TYPE_REF]
        if not parts:
            return UNKNOWN
        callee = self._value(parts[0])
        args = tuple(self._value(part) for part in parts[1:])
        if callee[0] == "fn":
            name = str(callee[1])
            builtin = _BUILTIN.match(name)
            plain = builtin[1] if builtin else name
            if plain in _GIVES_FIRST and args:
                self.calls.append((plain, args))
                return args[0]
            if name in _EXPECT and args:
                return args[0]
            callee_key = plain
        else:
            while callee[0] == "d":
                callee = callee[1]
            callee_key = "&" + _pointer_place(callee)
        self.calls.append((callee_key, args))
        return ("c", callee_key, args, self._parsed.place(cursor.location.offset)[1])

    def _binary(self, cursor: Cursor) -> Value:
        parts = children(cursor)
        if len(parts) != 2:
            return UNKNOWN
        left, right = parts
        operator = self._between(left, right)
        a = self._value(left)
        if operator == "=" and self.reads[-1:] == [a]:
            self.reads.pop()
        b = self._value(right)
        if operator == "=":
            self._assign(a, b)
            return b if a[0] not in ("v", "p") else a
        if operator == ",":
            return b
        if operator in ("==", "!=", "<", ">", "<=", ">=", "&&", "||"):
            return CONSTANT
        return self._arithmetic(operator, left, a, b, right)

    def _arithmetic(self, operator: str, left: Cursor, a: Value, b: Value, right: Cursor | None = None) -> Value:
        if operator in _ADDITIVE:
            if left.type.get_canonical().kind in _POINTERS:
                if right is not None and right.type.get_canonical().kind in _POINTERS:
                    return ("o", "-", a, b)
                return ("+", a, b)
            if right is not None and right.type.get_canonical().kind in _POINTERS:
                return ("+", b, a)
        return ("o", operator, a, b)

    def _unary(self, cursor: Cursor) -> Value:
        parts = children(cursor)
        if not parts:
            return UNKNOWN
        value = self._value(parts[0])
        start, end = self._parsed.span(cursor)
        inner, behind = self._parsed.span(parts[0])
        operator = self._parsed.text[start:inner].strip() or self._parsed.text[behind:end].strip()
        if operator == b"*":
            return value if value[0] == "fn" else ("d", value)
        if operator == b"&":
            return value if value[0] in ("fn", "d") and value[0] == "fn" else ("a", value)
        if operator in (b"++", b"--"):
            self._assign(value, ("+", value, CONSTANT))
            return value
        if operator == b"!":
            return CONSTANT
        return value if value == CONSTANT else ("o", operator.decode("ascii", "replace"), value, CONSTANT)

    def _assign(self, place: Value, value: Value) -> None:
        if place[0] == "v":
            self.locals[place[1]].append(value)
        elif place[0] == "p":
            self.locals[f"p{place[1]}"].append(value)
        elif place[0] in ("f", "g", "d"):
            self.stores.append((place, value))
            if place[0] != "d":
                self._bind(place[1], value)

    def _between(self, left: Cursor, right: Cursor) -> str:
        """The operator between two expressions."""
        end, start = self._parsed.span(left)[1], self._parsed.span(right)[0]
        text = self._parsed.text[end:start]
        if b"#" in text:
            text = b" ".join(line for line in text.split(b"\n") if not line.startswith(b"#"))
        return text.decode("ascii", "replace").strip().strip("()").strip()

    def _measured(self, cursor: Cursor) -> str:
        """The type that a `sizeof` measures."""
        found = children(cursor)
        if found and found[-1]._kind_id != _TYPE_REF:
            return str(found[-1].type.get_canonical().spelling)
        text = _SIZEOF.search(self._parsed.source(cursor))
        written = text[1].decode("utf-8", "replace") if text else ""
        if found and found[-1]._kind_id == _TYPE_REF and not written.endswith(("*", "]")):
            return str(found[-1].type.get_canonical().spelling)
        return " ".join(written.split())


def _pointer_place(value: Value) -> str:
    """Where a pointer to a function is read from, as a key; "" if nothing is known."""
    if value[0] == "f":
        return str(value[1])
    if value[0] == "g":
        return str(value[1])
    if value[0] == "p":
        return f"#{value[1]}"
    if value[0] == "v":
        return f"@{value[1]}"
    return ""


def _choice(values: list[Value]) -> Value:
    unique = tuple(dict.fromkeys(values))
    return unique[0] if len(unique) == 1 else ("?", unique) if unique else UNKNOWN
