"""Names of functions as people write them, and the symbols that they are (R1).

C++ names become symbols when a layer is read, so that nothing later has to demangle: libclang knows the Itanium ABI's
mangling (https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling), and a function's mangled name depends on its
name and the spelling of its parameters only. A name without a parameter list stands for all overloads, as a glob.
"""

import re

from allocscc.config.signature import Signature
from allocscc.errors import ConfigError
from allocscc.values import replace

_IDENTIFIER = re.compile(r"(?:::)?[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*")
_BUILTIN = set(
    re.findall(
        r"\w+",
        "void bool char short int long signed unsigned float double wchar_t char8_t char16_t char32_t const volatile"
        " struct class union enum __int128 auto",
    )
)
# What people write where the mangled name has the type underneath (LP64, glibc, libstdc++).
_C_TYPEDEFS = {
    "size_t": "unsigned long", "ssize_t": "long", "ptrdiff_t": "long", "uintptr_t": "unsigned long",
    "intptr_t": "long", "uint8_t": "unsigned char", "uint16_t": "unsigned short", "uint32_t": "unsigned",
    "uint64_t": "unsigned long", "int8_t": "signed char", "int16_t": "short", "int32_t": "int", "int64_t": "long",
    "FILE": "struct _IO_FILE",
}  # fmt: skip
_STD_TYPEDEFS = {
    "string": "__cxx11::basic_string<char, char_traits<char>, allocator<char>>",
    "wstring": "__cxx11::basic_string<wchar_t, char_traits<wchar_t>, allocator<wchar_t>>",
    "string_view": "basic_string_view<char, char_traits<char>>",
}
_TYPEDEFS = "".join(f"typedef {kind} {name};" for name, kind in _C_TYPEDEFS.items()) + (
    "namespace std { template <class> struct char_traits; template <class> class allocator;"
    "inline namespace __cxx11 { template <class, class, class> class basic_string; }"
    "template <class, class> class basic_string_view;"
    + "".join(f"using ::{name};" for name in _C_TYPEDEFS)
    + "".join(f"typedef {kind} {name};" for name, kind in _STD_TYPEDEFS.items())
    + "}"
)
_TYPEDEF_NAMES = {*_C_TYPEDEFS, *(f"std::{name}" for name in (*_C_TYPEDEFS, *_STD_TYPEDEFS))}
# Mangling recurses; longer names (characters) are no names.
_LONGEST = 2000


def as_symbols(signature: Signature, where: str) -> list[Signature]:
    """The signature under its link-time symbol; several where a C++ name stands for several.

    Raises:
        ConfigError: the name is C++ that cannot be made a symbol.
    """
    if not signature.readable:
        return [signature]
    written = signature.name
    return [replace(signature, name=symbol, written=written) for symbol in cxx_symbols(written, where)]


def cxx_symbols(name: str, where: str = "") -> list[str]:
    """The mangled symbols of a C++ function, or globs for them.

    Args:
        name: e.g. `pool::get(unsigned long)`, `operator new[]`, `ns::f` (all overloads).
        where: origin for error messages.

    Raises:
        ConfigError: the name is not C++ of that kind, or libclang is not installed.
    """
    if len(name) > _LONGEST:
        raise ConfigError(f"{where}: {name[:40]}…: a name of {len(name)} characters is no name; write the symbol")
    plain, parameters, constant = _split(name)
    if "<" in plain:
        raise ConfigError(f"{where}: {name}: templates have no name to mangle; write the symbol, or a glob for it")
    if parameters is not None:
        return [_mangled(name, plain, parameters, constant, where)]
    new_or_delete = {"operator new": "unsigned long", "operator delete": "void*"}
    for operator, parameter in new_or_delete.items():
        if re.fullmatch(rf"(?:.*::)?{operator}(?:\[\])?", plain):
            symbol = _mangled(name, plain, parameter, False, where)
            return [symbol.removesuffix("Pv").removesuffix("m") + "*"]
    member = not re.fullmatch(r"std::[^:]*", plain)  # no const function stands in a namespace
    kinds = (False, True) if member else (False,)
    return [_mangled(name, plain, "", const, where).removesuffix("v") + "*" for const in kinds]


def _split(name: str) -> tuple[str, str | None, bool]:
    """Name, parameter list (None if it has none), and whether it is a const member."""
    match = re.fullmatch(r"(.*?operator\s*\(\)|[^(]*)(?:\((.*)\)\s*(const)?)?", name)
    if match is None:
        return name, None, False
    return match[1].strip(), match[2], bool(match[3])


def _mangled(written: str, name: str, parameters: str, constant: bool, where: str) -> str:
    try:
        from allocscc.libclang import CursorKind, Index, TranslationUnitLoadError
    except ImportError as error:
        raise ConfigError(
            f"{where}: {written}: a C++ name needs libclang to become a symbol; install it or write the symbol"
        ) from error
    source = _declaration(name, parameters, constant)
    try:
        unit = Index.create().parse(
            "name.cc", args=["-std=c++17", "-w"], unsaved_files=[("name.cc", source)]
        )  # fmt: skip
    except TranslationUnitLoadError as error:
        raise ConfigError(f"{where}: {written}: libclang cannot read this name; write the symbol") from error
    problems = [d.spelling for d in unit.diagnostics if d.severity >= d.Error]
    kinds = (CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD)
    found = [str(c.mangled_name) for c in unit.cursor.walk_preorder() if c.kind in kinds]
    if problems or len(found) != 1:
        why = problems[0] if problems else "it declares no function"
        raise ConfigError(f"{where}: {written}: no C++ function: {why}; write it as c++filt does, or write the symbol")
    return found[0]


def _declaration(name: str, parameters: str, constant: bool) -> str:
    """C++ that declares the function and, as far as its mangling depends on them, the types around it.

    Scopes are declared as classes: namespaces mangle the same, and a class may also be a parameter's type.
    """
    *scopes, function = re.split(r"::(?!\s*\()", name)
    types: dict[str, dict] = {}  # type: ignore[type-arg]
    for match in _IDENTIFIER.finditer(parameters):
        word = match[0].removeprefix("::")
        if word in _TYPEDEF_NAMES or all(part in _BUILTIN for part in word.split("::")):
            continue
        node = types
        for part in word.split("::"):
            node = node.setdefault(part, {})
    result = "void" if re.search(r"\boperator delete", function) else "void *"
    code = f"{result} {function}({parameters}){' const' if constant else ''};"
    if not scopes:
        return _TYPEDEFS + _types(types) + code
    root = types.pop(scopes[0], {})
    return _TYPEDEFS + _types(types) + _scoped(scopes, root, code)


def _types(tree: dict[str, dict]) -> str:  # type: ignore[type-arg]
    return "".join(_open(name, f"{_types(below)}") for name, below in tree.items())


def _scoped(scopes: list[str], tree: dict[str, dict], code: str) -> str:  # type: ignore[type-arg]
    """The function inside its scopes, beside the types that the parameters name in them."""
    if len(scopes) == 1:
        return _open(scopes[0], _types(tree) + code)
    below = dict(tree)
    inner = below.pop(scopes[1], {})
    return _open(scopes[0], _types(below) + _scoped(scopes[1:], inner, code))


def _open(name: str, body: str) -> str:
    # Only the namespace std has an abbreviation of its own (`St`).
    return f"namespace std {{ {body} }}\n" if name == "std" else f"struct {name} {{ {body} }};\n"
