"""From a size expression to a type: what does `n * sizeof *p` allocate (R4, DESIGN §2).

Works on libclang cursors of preprocessed text, where every token stands as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from clang.cindex import Cursor, CursorKind, Type, TypeKind, conf

from allocscc.compile.source import Sized

# enum CXBinaryOperatorKind of clang-c/Index.h (libclang >= 17); the Python class came later.
_MUL, _DIV, _ADD, _SUB, _SHL, _ASSIGN = 3, 4, 6, 7, 8, 22
_TRANSPARENT = {
    CursorKind.UNEXPOSED_EXPR,
    CursorKind.PAREN_EXPR,
    CursorKind.CSTYLE_CAST_EXPR,
    CursorKind.CXX_STATIC_CAST_EXPR,
    CursorKind.CXX_FUNCTIONAL_CAST_EXPR,
}
# ISO C 7.26.6.3 and friends: sizes that count characters, so the chunk holds characters.
_LENGTHS = {"strlen": "char", "strnlen": "char", "wcslen": "int", "__builtin_strlen": "char"}
_QUALIFIERS = re.compile(r"\b(?:const|volatile|restrict|_Atomic|struct|union|enum|class|typename)\b")
_BUILTIN = re.compile(r"\b(?:unsigned|signed|char|short|int|long|float|double|void|_Bool|bool)\b")
_MAX_DEPTH = 40


def operator_of(cursor: Cursor) -> int:
    """`enum CXBinaryOperatorKind` of a binary operator's cursor."""
    return int(conf.lib.clang_getCursorBinaryOperatorKind(cursor))


def type_name(kind: Type) -> str:
    """Canonical C spelling without top-level qualifiers; stable for structs without a name."""
    canonical = kind.get_canonical()
    name: str = canonical.spelling
    if "(unnamed" in name or "(anonymous" in name:
        declaration = canonical.get_declaration()
        line = declaration.location.line
        presumed = presumed_location(declaration)
        word = name.split(" ", 1)[0]
        name = f"{word} <anonymous at {presumed[0].rsplit('/', 1)[-1]}:{presumed[1] or line}>"
    if canonical.kind != TypeKind.POINTER:
        name = re.sub(r"^(?:(?:const|volatile) )+", "", name)
    return re.sub(r"\*(?:const|volatile|restrict)+$", "*", name)


def presumed_location(cursor: Cursor) -> tuple[str, int, int]:
    """File, line and column of a cursor's first token as line markers give them (`clang_getPresumedLocation`)."""
    from ctypes import byref, c_uint

    from clang.cindex import _CXString

    name, line, column = _CXString(), c_uint(), c_uint()
    conf.lib.clang_getPresumedLocation(cursor.extent.start, byref(name), byref(line), byref(column))
    text = conf.lib.clang_getCString(name)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return str(text or ""), line.value, column.value


class SizeReader:
    """Reads size expressions inside one function; knows the definitions of its local variables."""

    def __init__(self, function: Cursor) -> None:
        self._function = function
        self._definitions: dict[int, list[Cursor | None]] | None = None

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
        """The type that all definitions of a local variable agree on; constants say nothing either way."""
        variable = reference.referenced
        if variable is None or variable.kind != CursorKind.VAR_DECL:
            return None
        if self._definitions is None:
            self._definitions = _definitions(self._function)
        found: Sized | None = None
        for value in self._definitions.get(variable.hash, []):
            if value is None:
                return None
            if is_constant(value):
                continue
            sized = self.read(value, depth + 8)
            if sized is None or (found is not None and found.type != sized.type):
                return None
            found = sized
        return replace(found, evidence="flow") if found else None


def _definitions(function: Cursor) -> dict[int, list[Cursor | None]]:
    """Every value that each local variable is given; None where its address escapes."""
    table: dict[int, list[Cursor | None]] = {}
    for cursor in function.walk_preorder():
        children = list(cursor.get_children())
        if cursor.kind == CursorKind.VAR_DECL:
            values = [child for child in children if child.kind.is_expression()]
            if values:
                table.setdefault(cursor.hash, []).append(values[-1])
        elif len(children) == 2 and cursor.kind == CursorKind.BINARY_OPERATOR and operator_of(cursor) == _ASSIGN:
            target = _reference(children[0])
            if target is not None:
                table.setdefault(target.hash, []).append(children[1])
        elif cursor.kind == CursorKind.UNARY_OPERATOR and len(children) == 1:
            target = _reference(children[0])
            if target is not None and next((t.spelling for t in cursor.get_tokens()), "") == "&":
                table.setdefault(target.hash, []).append(None)
    return table


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
    if operator == _MUL:
        found = left or right
        return replace(found, array=True) if found else None
    if operator == _ADD:
        found = left or right
        return replace(found, array=bool(found.array and (not left or not right or left == right))) if found else None
    if operator == _SUB:
        return left
    if operator == _DIV:
        return None if left and right and left.type == right.type else left
    return left if operator == _SHL else None


def _agree(results: list[Sized | None], expressions: list[Cursor]) -> Sized | None:
    known = [r for r, e in zip(results, expressions, strict=True) if not is_constant(e)]
    if not known or any(r is None or known[0] is None or r.type != known[0].type for r in known):
        return None
    return known[0]


def _sizeof(expression: Cursor) -> Sized | None:
    tokens = [token.spelling for token in expression.get_tokens()]
    if not tokens or tokens[0] != "sizeof":
        return None
    children = list(expression.get_children())
    operand = next((child for child in children if child.kind.is_expression()), None)
    if operand is not None and not (tokens[1:2] == ["("] and children[0].kind == CursorKind.TYPE_REF):
        return Sized(type_name(operand.type), "sizeof")
    end = len(tokens) - tokens[::-1].index(")") - 1 if ")" in tokens else len(tokens)
    name = _written_type(tokens[2:end], children)
    return Sized(name, "sizeof") if name else None


def _offsetof(expression: Cursor, children: list[Cursor]) -> Sized | None:
    tokens = (token.spelling for token in expression.get_tokens())
    if next(tokens, "") != "__builtin_offsetof" or not children or children[0].kind != CursorKind.TYPE_REF:
        return None
    return Sized(type_name(children[0].referenced.type), "offsetof")


def _written_type(tokens: list[str], children: list[Cursor]) -> str:
    """The canonical spelling of a type that is written in tokens, with the cursor of the name in it, if any."""
    text = " ".join(tokens)
    reference = next((child for child in children if child.kind == CursorKind.TYPE_REF), None)
    core = _QUALIFIERS.sub(" ", text)
    if reference is not None:
        base = type_name(reference.referenced.type)
        name = reference.referenced.spelling.split("::")[-1]
        core = re.sub(rf"(?:\w+ :: )*\b{re.escape(name)}\b", " ", core, count=1) if name else core
    else:
        words = _BUILTIN.findall(core)
        base = _builtin_name(words)
        core = _BUILTIN.sub(" ", core)
    suffix = "".join(core.split())
    if not base or not re.fullmatch(r"\**(?:\(\**\)(?:\([^()]*\)|\[\w*\])*)?(?:\[\w*\])*", suffix):
        return base if reference is not None and not suffix.startswith("*") else ""
    joint = "" if not suffix or base.endswith("*") else " "
    return f"{base}{joint}{suffix}" if not suffix.startswith("[") else f"{base}{suffix}"


def _builtin_name(words: list[str]) -> str:
    """C 6.7.2: specifiers come in any order and number; clang's spelling of the same type."""
    if not words:
        return ""
    unsigned = "unsigned " if "unsigned" in words else ""
    for name in ("void", "float", "_Bool", "bool"):
        if name in words:
            return name
    if "double" in words:
        return "long double" if "long" in words else "double"
    if "char" in words:
        return f"{unsigned}char" if unsigned or "signed" not in words else "signed char"
    if "short" in words:
        return f"{unsigned}short"
    return f"{unsigned}{['int', 'long', 'long long'][min(words.count('long'), 2)]}"


def walk_with_parents(root: Cursor) -> Iterator[tuple[Cursor, tuple[Cursor, ...]]]:
    """Every cursor below `root` with its ancestors, nearest last."""
    stack: list[tuple[Cursor, tuple[Cursor, ...]]] = [(root, ())]
    while stack:
        cursor, parents = stack.pop()
        yield cursor, parents
        below = (*parents, cursor)
        stack.extend((child, below) for child in reversed(list(cursor.get_children())))


def converted_type(parents: tuple[Cursor, ...]) -> str:
    """The `T` of the `T *` that a call's result is converted to by what stands around it, or ""."""
    for parent in reversed(parents):
        kind = parent.kind
        if kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR, CursorKind.CONDITIONAL_OPERATOR):
            continue
        if kind in (CursorKind.CSTYLE_CAST_EXPR, CursorKind.CXX_STATIC_CAST_EXPR, CursorKind.VAR_DECL):
            return pointee_name(parent.type)
        if kind == CursorKind.BINARY_OPERATOR and operator_of(parent) == _ASSIGN:
            return pointee_name(parent.type)
        if kind == CursorKind.RETURN_STMT:
            function = next((p for p in parents if p.kind in (CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD)), None)
            return pointee_name(function.result_type) if function is not None else ""
        return ""
    return ""


def pointee_name(kind: Type) -> str:
    """The spelling of what a pointer type points to; "" for void and for no pointer."""
    canonical = kind.get_canonical()
    if canonical.kind != TypeKind.POINTER:
        return ""
    name = type_name(canonical.get_pointee())
    return "" if name == "void" else name
