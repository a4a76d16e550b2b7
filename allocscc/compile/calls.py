"""What a call or a `new` allocates, and where compilers may say that it is."""

from __future__ import annotations

import re

from allocscc.compile import tree
from allocscc.compile.flow import ASSIGN, COMMA, operator_of
from allocscc.compile.nested import innermost
from allocscc.compile.sizes import SizeReader, is_constant, type_size
from allocscc.compile.source import INDIRECT, NEW, Sized
from allocscc.compile.spelling import pointee_name, type_name
from allocscc.compile.tree import CALL, CASTS, PAREN, TRANSPARENT, UNEXPOSED, Node, Parsed, children, same_expression
from allocscc.compile.written import tokens
from allocscc.config.signature import Signature
from allocscc.libclang import Cursor, CursorKind, Type, TypeKind

_FUNCTIONS = {CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD}
_CONDITIONAL, _BINARY = CursorKind.CONDITIONAL_OPERATOR.value, CursorKind.BINARY_OPERATOR.value
_MEMBER, _VARIABLE = CursorKind.MEMBER_REF_EXPR.value, CursorKind.VAR_DECL.value
_RETURN = CursorKind.RETURN_STMT.value
_WORD = re.compile(rb"[\w$\x80-\xff]+$")
_OPENING = re.compile(rb"\s*\(")
_BUILTIN = "__builtin_"
# Itanium ABI: an operator new that takes a pointer to something
_GIVES_BACK = re.compile(r"(?:__builtin_)?_*(?:mem|str|wmem|wcs|stp)[a-z]|fgets$|bsearch$")
_WITH_POINTER = re.compile(r"_Zn[wa]mP[^v]")


def callee_symbol(call: Cursor, signatures: dict[str, Signature]) -> str:
    """The symbol of the function called, also through parentheses, if it is one of interest; else ""."""
    name = str(call.spelling)
    if not name:
        callee = next(iter(children(call)), None)
        while callee is not None and callee.kind.value in (PAREN, UNEXPOSED):
            callee = next(iter(children(callee)), None)
        name = str(callee.spelling) if callee is not None else ""
    if name in signatures:
        return name
    if name.startswith(_BUILTIN):
        plain = name.removeprefix(_BUILTIN)
        return NEW if plain == "operator_new" else plain if plain in signatures else ""
    if not any(symbol.startswith("_Z") for symbol in signatures):
        return ""
    referenced = call.referenced
    symbol = str(referenced.mangled_name) if referenced is not None and referenced.kind in _FUNCTIONS else ""
    return symbol if symbol in signatures else ""


def candidate_symbol(call: Cursor) -> str:
    """What a call that gives a pointer calls: a symbol, or `INDIRECT`; "" if it cannot allocate.

    The functions of ISO C 7.26 (`mem…`, `str…`, `wcs…`) give a pointer that they were given.
    """
    if call.type.get_canonical().kind != TypeKind.POINTER:
        return ""
    function = call.referenced
    if function is None or function.kind not in _FUNCTIONS or _is_call(next(iter(children(call)), None)):
        return INDIRECT
    name = str(function.spelling)
    return "" if _GIVES_BACK.match(name) else str(function.mangled_name or name)


def _is_call(callee: Cursor | None) -> bool:
    """Whether what is called is another call's result: libclang says of `f()(n)` that it refers to `f`."""
    while callee is not None and callee.kind.value in (PAREN, UNEXPOSED):
        callee = next(iter(children(callee)), None)
    return callee is not None and callee.kind.value == CALL


def call_type(node: Node, signature: Signature, reader: SizeReader, parsed: Parsed) -> Sized | None:
    """What a call of a function of a role allocates, or None."""
    call = node.cursor
    arguments = list(call.get_arguments())
    hidden = 1 if _is_method(call) else 0  # `this` is the first argument of the signature, and none of the call's
    sizes = [index - hidden for index in signature.size_args if hidden <= index < len(arguments) + hidden]
    if not sizes and (signature.typed or signature.string_arg is not None):
        cast = node.parent is not None and node.parent.kind in CASTS and _pointed(node.parent.cursor.type, "cast")
        return cast or _pointed(call.type, "return-type")
    sized = _by_size([arguments[index] for index in sizes], reader)
    if sized is not None:
        return sized
    found = _pointed(converted_type(node, parsed), "cast", array=True)
    if not found and signature.out_arg is not None and hidden <= signature.out_arg < len(arguments) + hidden:
        found = _pointed(_stored_type(arguments[signature.out_arg - hidden]), "cast", array=True)
    return found or (_pointed(call.type, "return-type", array=True) if _has_prototype(call) else None)


def _pointed(pointer: Type | None, evidence: str, *, array: bool = False) -> Sized | None:
    """What a pointer says of the chunk that it points to; None for a pointer to void, and for none."""
    name = pointee_name(pointer) if pointer is not None else ""
    return Sized(name, evidence, array, type_size(pointer.get_canonical().get_pointee())) if pointer and name else None


def _has_prototype(call: Cursor) -> bool:
    """Whether the function called is declared with its parameters: K&R's `char *` means what `void *` came to mean."""
    function = call.referenced
    return function is not None and function.type.kind == TypeKind.FUNCTIONPROTO


def new_type(node: Node, parsed: Parsed) -> Sized | None:
    """What a `new` expression allocates."""
    pointer = node.cursor.type
    name = pointee_name(pointer) or type_name(pointer.get_pointee())
    size = type_size(pointer.get_canonical().get_pointee())
    return Sized(name, "new", is_array_new(node, parsed), size) if name else None


def new_symbol(node: Node, parsed: Parsed, signatures: dict[str, Signature]) -> str:
    """`NEW` if a `new` expression calls a global operator that allocates; a class's own operator; "" if of no interest.

    `new (p) T` puts its object at a given address and allocates nothing, unless the operator is one of interest.
    """
    words = tokens(parsed.text[node.start : min(node.end, node.start + 40)])
    is_global = bool(words) and words[0].text == "::"
    operator = "operator new[]" if is_array_new(node, parsed) else NEW
    own = () if is_global else _own_operators(node.cursor.type.get_canonical().get_pointee(), operator)
    if own:
        return next((symbol for symbol in own if symbol in signatures), "")
    placed = _placement(node, parsed)
    if placed and not any(_WITH_POINTER.match(symbol) for symbol in signatures):
        return ""
    return NEW


def _placement(node: Node, parsed: Parsed) -> bool:
    """Whether a `new` expression has a pointer as its first placement argument."""
    opening = parsed.text.find(b"(", node.start, node.end)
    word = parsed.text[node.start : opening].strip() if opening >= 0 else b""
    if word not in (b"new", b"::new", b":: new"):
        return False
    closing = node.start
    for child in children(node.cursor):
        begin, end = parsed.span(child)
        if child.kind.is_expression() and parsed.text[opening + 1 : begin].strip() == b"":
            closing = end
            kind = child.type.get_canonical().kind
            return kind in (TypeKind.POINTER, TypeKind.CONSTANTARRAY) and closing < node.end - 1
    return False


def _own_operators(kind: Type, operator: str) -> tuple[str, ...]:
    """The symbols of a class's own `operator new` or `operator new[]`, or of its bases'."""
    declaration = kind.get_declaration()
    found = []
    for child in children(declaration) if not declaration.kind.is_invalid() else ():
        if child.kind == CursorKind.CXX_METHOD and child.spelling == operator:
            found.append(str(child.mangled_name))
        elif child.kind == CursorKind.CXX_BASE_SPECIFIER:
            found += _own_operators(child.type.get_canonical(), operator)
    return tuple(found)


def _by_size(arguments: list[Cursor], reader: SizeReader) -> Sized | None:
    found = [reader.read(argument) for argument in arguments]
    if not found:
        return None
    last, others = found[-1], [one for one in found[:-1] if one is not None]
    if last is None and others and (others[0].evidence != "strlen" or is_constant(arguments[-1])):
        last = others[0]  # calloc(sizeof(T), n); but a length counts characters only where their size is 1
    if last is None:
        return None
    several = len(arguments) > 1 and not is_constant(arguments[0])
    return Sized(last.type, last.evidence, last.array or several, members=last.members)


def _is_method(call: Cursor) -> bool:
    function = call.referenced
    return function is not None and function.kind == CursorKind.CXX_METHOD and not function.is_static_method()


def converted_type(node: Node, parsed: Parsed) -> Type | None:
    """The `T *` that a call's result is converted to by what stands around it, or None."""
    below = node
    for parent in node.ancestors():
        kind = parent.kind
        if kind in TRANSPARENT:
            returned = parent.parent is not None and parent.parent.kind == _RETURN and kind == UNEXPOSED
            if returned and innermost(parsed.nested, parent.start):
                continue
            pointer = parent.cursor.type
            if pointee_name(pointer) or pointer.get_canonical().kind != TypeKind.POINTER:
                return pointer
        elif kind == _BINARY:
            operator = operator_of(parent.cursor)
            if operator == ASSIGN or operator != COMMA or same_expression(children(parent.cursor)[0], below.cursor):
                return None
        elif kind == _RETURN:
            function = innermost(parsed.nested, parent.start)
            return parsed.cursor(function.start).result_type if function else None
        elif kind != _CONDITIONAL:
            return None
        below = parent
    return None


def _stored_type(argument: Cursor) -> Type | None:
    """The `T *` that is filled in through an argument: `(void **)&pointer`."""
    while argument.kind.value in TRANSPARENT:
        name = pointee_name(argument.type)
        inner = [child for child in children(argument) if child.kind.is_expression()]
        if name.endswith("*") and name != "void *":
            break
        if not inner:
            return None
        argument = inner[-1]
    return argument.type.get_canonical().get_pointee()


# places


def own_places(node: Node, parsed: Parsed) -> list[int]:
    """Offsets of the tokens that a call may be placed at.

    gcc and clang take a C call's first token, gcc that of a cast around it; g++ (measured: 11, 12) takes the `(`, and
    for `new` the last token of the expression; clang++ takes the first one, or the member's name.
    """
    places = [node.start]
    for parent in node.ancestors():
        if parent.kind not in TRANSPARENT:
            break
        places += [parent.start] if parent.kind in CASTS else []
    if parsed.language == "c":
        return places
    below = children(node.cursor) if node.kind == CALL else []
    if below:
        opening = _OPENING.match(parsed.text, parsed.span(below[0])[1], node.end)
        places += [below[0].location.offset] if below[0].kind == CursorKind.MEMBER_REF_EXPR else []
        places += [opening.end() - 1] if opening else []
    word = _WORD.search(parsed.text, max(node.start, node.end - 200), node.end)
    places.append(word.start() if word else max(node.end - 1, node.start))
    return list(dict.fromkeys(places))


def outer_places(node: Node, parsed: Parsed) -> list[int]:
    """Offsets of calls that have this one as an argument: gcc gives the outermost one's place to all of them."""
    found: list[int] = []
    for parent in node.ancestors():
        if parent.kind in (CALL, tree.NEW):
            if parent.end > parent.start:
                found += own_places(parent, parsed)
        elif parent.kind == _VARIABLE and parsed.language == "c++":  # a constructor's arguments
            found.append(parent.cursor.location.offset)
            break
        elif parent.kind not in TRANSPARENT and parent.kind != _MEMBER:
            break
    return found


def constructor_places(field: Node, parsed: Parsed) -> list[int]:
    """Where g++ places what initialises a member: at the last token in front of each constructor's body."""
    found = []
    for one in children(field.cursor.semantic_parent):
        definition = one.get_definition() if one.kind == CursorKind.CONSTRUCTOR else None
        for part in children(definition) if definition is not None else ():
            if part.kind == CursorKind.COMPOUND_STMT:
                found.append(len(parsed.text[: parsed.span(part)[0]].rstrip()) - 1)
    return found


def callee_of(node: Node, parsed: Parsed, signatures: dict[str, Signature]) -> str:
    """`NEW`, or the symbol of the function of interest that a node calls; else ""."""
    if node.kind == tree.NEW:
        return new_symbol(node, parsed, signatures)
    return callee_symbol(node.cursor, signatures) if node.kind == CALL else ""


def is_array_new(node: Node, parsed: Parsed) -> bool:
    """Whether a `new` has a bound of an array, which is not an index in an argument."""
    depth = 0
    for token in tokens(parsed.text[node.start : node.end], node.start):
        depth += {"(": 1, "{": 1, "<": 1, ")": -1, "}": -1, ">": -1}.get(token.text, 0)
        if token.text == "[" and depth == 0:
            return True
    return False
