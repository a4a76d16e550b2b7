"""Pieces of the C of stubs: names, types, lists and sizes, each from one signature or family."""

from allocscc.config.model import Allocator, functions_of
from allocscc.config.signature import C_TYPES, Signature


class Names:
    """How names stand in the C; `allocscc.link.template` puts others there."""

    def symbol(self, name: str, prefix: str = "") -> str:
        """A symbol with something in front of it, as a string literal."""
        return quoted(prefix + name)

    def text(self, text: str) -> str:
        """What people read, as a string literal."""
        return quoted(text)

    def instance(self, family: str) -> str:
        """The C name of a family's instance."""
        return instance_symbol(family)

    def comment(self, text: str) -> str:
        """A comment in a line of its own."""
        shown = "".join(char if char.isprintable() else "?" for char in text).replace("*/", "* /").replace("/*", "/ *")
        return f"\n/* {shown} */\n"


def instance_symbol(family: str) -> str:
    """The readable symbol under which a debugger finds a family's instance."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in family)
    # "g-slice" and "g_slice" are two families: a name that had to be changed gets its bytes behind it
    suffix = "" if plain == family else "_" + family.encode("utf-8", "surrogateescape").hex()
    return f"{'_' if plain[:1].isdigit() else ''}{plain}{suffix}_allocator"


def quoted(text: str) -> str:
    """A string literal."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else _octal(char) for char in plain) + '"'


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))


def label_of(signature: Signature) -> str:
    """The name under which people know the function: of a static one its own, not the symbol that it got from us."""
    scope, colons, name = signature.written.partition("::")
    return name if colons and ("." in scope or "/" in scope) else signature.name


def c_type(letter: str) -> str:
    """The C type of an argument."""
    return "void **" if letter == "P*" else C_TYPES[letter.lower()]


def parameters_of(signature: Signature) -> tuple[str, str]:
    """Parameter and argument lists with their parentheses."""
    typed = ", ".join(f"{c_type(letter)} a{i}" for i, letter in enumerate(signature.args)) or "void"
    return f"({typed})", "(" + ", ".join(f"a{i}" for i in range(len(signature.args))) + ")"


def lists_of(family: Allocator, name: str) -> set[str]:
    """The lists of a family that name a function."""
    return {key for key, signature in functions_of(family) if signature.name == name}


def region_arg(signature: Signature) -> int | None:
    """Index of the pointer that is no chunk, or None."""
    return signature.args.index("p") if "p" in signature.args else None


def product(factors: list[str]) -> str:
    """C of the product of sizes."""
    text = factors[0]
    for factor in factors[1:]:
        text = f"STUB_PRODUCT({text}, {factor})"
    return text


def alignment(signature: Signature) -> str:
    """C of the alignment that a call asks for."""
    return f"a{signature.args.index('a')}" if "a" in signature.args else "sizeof(void *)"


def grown_arguments(signature: Signature) -> str:
    """The arguments that ask for a chunk of `stub_size` bytes instead."""
    sizes = signature.size_args
    named = {i: "stub_size" if i == sizes[-1] else "1" for i in sizes}
    return "(" + ", ".join(named.get(i, f"a{i}") for i in range(len(signature.args))) + ")"


def frees_whole(family: Allocator) -> bool:
    """Whether chunks that belong to no region must be known together."""
    return bool(family.free_since) or any(s.first_pointer is None for s in family.free_all)


def has_regions(family: Allocator) -> bool:
    """Whether something asks which region a chunk belongs to: what frees regions, or a free that must be told."""
    return bool(family.free_all or family.free_since) or any("P" in s.args and "p" in s.args for s in family.free)
