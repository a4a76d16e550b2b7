"""The spelling of types: canonical, stable for types without a name, the same however the source writes it."""

import re

from allocscc.libclang import Cursor, CursorKind, Type, TypeKind, conf

# clang's words for a type without a name: C's `struct (unnamed at f.c:1:2)`, C++'s `(unnamed struct at f.cc:1:2)`.
_UNNAMED = re.compile(
    r"(?:\b(struct|union|enum|class) )?(?:\w+::)*\((?:unnamed|anonymous)(?: (struct|union|enum|class))?"
    r" at ((?:[^:()]|:(?!\d))*):(\d+):\d+\)"
)
_LAMBDA = re.compile(r"\(lambda at ((?:[^:()]|:(?!\d))*):(\d+):\d+\)")
_SCOPES = {
    CursorKind.NAMESPACE,
    CursorKind.CLASS_DECL,
    CursorKind.STRUCT_DECL,
    CursorKind.UNION_DECL,
    CursorKind.CLASS_TEMPLATE,
    CursorKind.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION,
}


def type_name(kind: Type) -> str:
    """Canonical C spelling without top-level qualifiers; stable for structs without a name."""
    canonical = kind.get_canonical()
    name: str = canonical.spelling
    if " at " in name:
        name = _LAMBDA.sub(lambda m: f"<lambda at {_base(m[1])}:{m[2]}>", name)
        name = _UNNAMED.sub(lambda m: f"{m[1] or m[2] or 'struct'} <anonymous at {_base(m[3])}:{m[4]}>", name)
    if canonical.kind != TypeKind.POINTER:
        name = re.sub(r"^(?:(?:const|volatile) )+", "", name)
    return re.sub(r"\*(?: ?(?:const|volatile|restrict|__restrict|_Atomic))+$", "*", name)


def pointee_name(kind: Type) -> str:
    """The spelling of what a pointer type points to; "" for void and for no pointer."""
    canonical = kind.get_canonical()
    if canonical.kind != TypeKind.POINTER:
        return ""
    name = type_name(canonical.get_pointee())
    return "" if name == "void" else name


def qualified_name(declaration: Cursor) -> str:
    """A declaration's name with the namespaces and classes around it; template arguments are left out."""
    names = [plain_name(declaration.spelling)]
    scope = declaration.semantic_parent
    while scope is not None and scope.kind in _SCOPES:
        name = plain_name(scope.spelling)
        if scope.kind != CursorKind.NAMESPACE or (name and not conf.lib.clang_Cursor_isInlineNamespace(scope)):
            names.append(name)
        elif not name:
            names.append("(anonymous namespace)")
        scope = scope.semantic_parent
    return "::".join(reversed(names))


def plain_name(name: str) -> str:
    """A function's or class's name without the template parameters that libclang gives with a constructor's."""
    return name if name.startswith("operator") else name.partition("<")[0]


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]
