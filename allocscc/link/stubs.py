"""Writes the C of stubs from decisions: text only (macros in stubgen/stubgen.h)."""

from collections.abc import Iterable

from allocscc.config.model import Allocator, Config
from allocscc.config.signature import C_TYPES, Signature
from allocscc.link.plan import ENTRY, WRAP, Decision

_VISIBILITY = {0: "default", 1: "internal", 2: "hidden", 3: "protected"}
# Granule of a generated instance's index: 8 bytes, the finest alignment that allocators hand out.
_SHIFT = 3


def stub_source(decisions: Iterable[Decision], config: Config) -> str:
    """One C file: the project's headers, the stubs of `decisions`, identities of their wrappers, allocator instances.

    A family's `struct allocator` stands in the file of its key symbol (R10); other files refer to it.
    """
    decisions = list(decisions)
    pieces = [f"#include {_quoted(header.name)}\n" for header in config.includes]
    pieces.append('#include "stubgen.h"\n')
    families = dict.fromkeys(d.entry for d in decisions if d.stub == ENTRY)
    for name in families:
        pieces.append(_instance(config.allocators[name], decisions))
    for number, decision in enumerate(decisions):
        assert decision.signature is not None
        if decision.stub == ENTRY:
            pieces.append(_entry_stub(decision, decision.signature, config.allocators[decision.entry], number))
        else:
            wrapper = config.wrappers.get(decision.entry)  # an ALLOCSZ function has no free function
            pieces.append(_caller_stub(decision, decision.signature, wrapper.free if wrapper else (), number))
    return "".join(pieces)


def instance_symbol(family: str) -> str:
    """The readable symbol under which a debugger finds a family's instance."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in family)
    # "g-slice" and "g_slice" are two families: a name that had to be changed gets its bytes behind it
    suffix = "" if plain == family else "_" + family.encode("utf-8", "surrogateescape").hex()
    return f"{'_' if plain[:1].isdigit() else ''}{plain}{suffix}_allocator"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(signature: Signature) -> str:
    """The name under which people know the function: of a static one its own, not the symbol that it got from us."""
    scope, colons, name = signature.written.partition("::")
    return name if colons and ("." in scope or "/" in scope) else signature.name


def _c_type(letter: str) -> str:
    return "void **" if letter == "P*" else C_TYPES[letter.lower()]


def _parameters(signature: Signature) -> tuple[str, str]:
    """Parameter and argument lists with their parentheses."""
    typed = ", ".join(f"{_c_type(letter)} a{i}" for i, letter in enumerate(signature.args)) or "void"
    return f"({typed})", "(" + ", ".join(f"a{i}" for i in range(len(signature.args))) + ")"


def _free_function(name: str, frees: tuple[Signature, ...], symbol_prefix: str = "") -> tuple[str, str]:
    """C of a function that frees one chunk with the arguments that the family's own free needs, and its name (R14)."""
    for free in frees:
        if free.chunk_arg is None or not all(a in ("P", "z", "Z") for a in free.args):
            continue
        types = ", ".join(_c_type(a) for a in free.args)
        values = ", ".join("p" if a == "P" else "size" for a in free.args)
        return (
            f"extern void {name}_real({types}) __asm__({_quoted(symbol_prefix + free.name)}) __attribute__((weak));\n"
            f"static int {name}(void *p, size_t size)\n{{\n\t(void)size;\n\tif (!{name}_real) return ENOTSUP;\n"
            f"\t{name}_real({values});\n\treturn 0;\n}}\n"
        ), name
    return "", "0"


def _instance(family: Allocator, decisions: list[Decision]) -> str:
    symbol = instance_symbol(family.name)
    if family.key_symbol not in {d.symbol for d in decisions}:
        return f'extern struct allocator {symbol} __attribute__((visibility("hidden")));\n'
    code, free = _free_function(f"{symbol}_free", family.free)
    return (
        f"{code}static struct alloc_index {symbol}_index = {{.shift = {_SHIFT}}};\n"
        f'struct allocator {symbol} __attribute__((visibility("hidden"))) = {{.name = {_quoted(family.name)}, '
        f".index = &{symbol}_index, .suballocates = {int(bool(family.suballocates))}, .free_chunk = {free}}};\n"
    )


def _names(decision: Decision, signature: Signature, number: int) -> tuple[str, str]:
    """Declarations of the stub and of the real function, which the macros define and call under C names."""
    stub, real = f"stub{number}", f"real{number}"
    parameters, _ = _parameters(signature)
    attributes = []
    if decision.visibility in _VISIBILITY:
        attributes.append(f'visibility("{_VISIBILITY[decision.visibility]}")')
    if decision.weak:
        attributes.append("weak")
    suffix = f" __attribute__(({', '.join(attributes)}))" if attributes else ""
    linked = f"__wrap_{decision.symbol}" if decision.action == WRAP else decision.symbol
    if decision.action == WRAP:
        suffix = ' __attribute__((visibility("hidden")))'
    ret = C_TYPES[signature.ret]
    return (
        f"{ret} {stub}{parameters} __asm__({_quoted(linked)}){suffix};\n"
        f"{ret} {real}{parameters} __asm__({_quoted('__real_' + decision.symbol)});\n"
    ), f"{_quoted(_label(signature))}, {ret}, {stub}, {real}"


def _caller_stub(decision: Decision, signature: Signature, frees: tuple[Signature, ...], number: int) -> str:
    names, common = _names(decision, signature, number)
    parameters, arguments = _parameters(signature)
    code, free = _free_function(f"free{number}", frees)
    identity = f"wrapper{number}"
    label = f" __asm__({_quoted('__allocs_wrapper_' + decision.symbol)})"
    sharing = 'weak, visibility("default")' if decision.action == WRAP else 'visibility("hidden")'
    # Several objects may wrap the same imported function: one identity in the process.
    label += f" __attribute__(({sharing}))"
    macro = "CALLER_VOID_STUB" if signature.ret == "v" else "CALLER_STUB"
    return (
        f"{names}{code}extern struct alloc_wrapper {identity}{label};\n"
        f"struct alloc_wrapper {identity} = {{.name = {_quoted(_label(signature))}, .free_chunk = {free}}};\n"
        f"{macro}({common}, {identity}, {parameters}, {arguments})\n"
    )


def _size(signature: Signature) -> str:
    """C of the size in bytes that a call asks for; 1 where the signature does not tell."""
    string = signature.string_arg
    if signature.size_args or string is None:
        return " * ".join(f"(size_t)a{i}" for i in signature.size_args) or "1"
    limited = signature.args[string + 1 : string + 2] == ("z",)
    length = f"__builtin_strnlen(a{string}, a{string + 1})" if limited else f"__builtin_strlen(a{string})"
    return f"(a{string} ? {length} + 1 : 1)"


def _entry_stub(decision: Decision, signature: Signature, family: Allocator, number: int) -> str:
    names, common = _names(decision, signature, number)
    parameters, arguments = _parameters(signature)
    size = _size(signature)
    head = f"{common}, {instance_symbol(decision.entry)}, {parameters}, {arguments}"
    allocates = signature in family.alloc or signature in family.resize
    chunk = family.chunk_of(signature) if allocates else signature.first_pointer
    if allocates and signature.ret == "p" and chunk is not None:
        return f"{names}ENTRY_RESIZE_STUB({head}, {size}, a{chunk})\n"
    if not allocates and chunk is not None:
        macro = "ENTRY_FREE_VOID_STUB" if signature.ret == "v" else "ENTRY_FREE_STUB"
        return f"{names}{macro}({head}, a{chunk})\n"
    if signature.out_arg is not None:
        return f"{names}ENTRY_OUT_STUB({head}, {size}, a{signature.out_arg})\n"
    return f"{names}ENTRY_ALLOC_STUB({head}, {size})\n"
