"""The signature mini-language: `name(args)ret`, e.g. `xcalloc(zZ)p` (shared/docs/SIGNATURES.md, R17).

Letters give C types; a capital marks the argument with a role. Old liballocs strings parse unchanged; `l`, `u`, `v`,
`d`, `a`, `s`, `.`, `P*`, globs, `file.c::name` and C++ names as people write them are additions.
"""

from allocscc.errors import SignatureError
from allocscc.values import dataclass, field

C_TYPES = {
    "z": "size_t",
    "p": "void *",
    "s": "const char *",
    "i": "int",
    "l": "long",
    "u": "unsigned",
    "d": "double",
    "a": "size_t",
    "v": "void",
}
_ARGUMENTS = "zpsiluda"
_RESULTS = "zpiludv"
_SIZES = ("Z", "I", "U", "L")


@dataclass(frozen=True)
class Signature:
    """One function of a role.

    Attributes:
        name: the link-time symbol; a glob (`*_new`) stands for all symbols that it matches.
        args: one entry per parameter: a letter of the mini-language, capital where it has a role, or `P*`.
        ret: the letter of the result.
        undoes: for a free function, the allocation function it undoes (`->name`), or "".
        scope: for a static function, the name of its source file, with as many folders as are needed; else "".
        written: the C++ name that `name` was made from, as it was written; not part of the signature's value.
    """

    name: str
    args: tuple[str, ...]
    ret: str
    undoes: str = ""
    scope: str = ""
    written: str = field(default="", compare=False)

    @property
    def variadic(self) -> bool:
        """Whether the function takes a variable argument list (a C stub cannot forward one)."""
        return "." in self.args

    @property
    def size_args(self) -> tuple[int, ...]:
        """Indexes of the arguments whose product is the size in bytes; the element size last.

        `xcalloc(zZ)p`: the capital decides the type, the other `z` is the count and multiplies. A single `z` beside a
        `Z` counts only when it stands directly before it (the traditional shape).
        """
        capitals = [i for i, a in enumerate(self.args) if a in _SIZES]
        if len(capitals) == 1 and capitals[0] > 0 and self.args[capitals[0] - 1] == "z":
            return (capitals[0] - 1, capitals[0])
        return tuple(capitals)

    @property
    def string_arg(self) -> int | None:
        """Index of the string whose length and one more is the size (`S`), or None."""
        return self.args.index("S") if "S" in self.args else None

    @property
    def chunk_arg(self) -> int | None:
        """Index of the chunk that is freed or resized (`P`), or None."""
        return self.args.index("P") if "P" in self.args else None

    @property
    def first_pointer(self) -> int | None:
        """Index of the chunk where the function's role says that there is one: `P`, else the first `p`."""
        if self.chunk_arg is not None:
            return self.chunk_arg
        return self.args.index("p") if "p" in self.args else None

    @property
    def out_arg(self) -> int | None:
        """Index of the pointer through which the chunk is returned (`P*`), or None."""
        return self.args.index("P*") if "P*" in self.args else None

    @property
    def typed(self) -> bool:
        """Whether an allocation function is a typed primitive: it always allocates what its result points to."""
        return not any(letter.isupper() for letter in self.args)

    @property
    def pattern(self) -> bool:
        """Whether the name is a glob."""
        return "(" not in self.name and ("*" in self.name or "?" in self.name)

    @property
    def readable(self) -> bool:
        """Whether the name is a C++ name as people write it, not yet a symbol."""
        return is_readable(self.name)

    @property
    def full_name(self) -> str:
        """The name as a person finds it in the config."""
        name = self.written or self.name
        return f"{self.scope}::{name}" if self.scope else name

    @property
    def letters(self) -> str:
        """The signature without the name: `(zZ)p`; a result of `void` is left out, as people do."""
        return f"({''.join(self.args)}){self.ret if self.ret != 'v' else ''}"

    def __str__(self) -> str:
        arrow = f"->{self.undoes}" if self.undoes else ""
        return f"{self.full_name}{self.letters}{arrow}"


def is_readable(name: str) -> bool:
    """Whether a name without a scope is a C++ name as people write it, not yet a symbol."""
    # A parameter list, a qualifier, template arguments, an operator.
    if "(" in name or "::" in name or "<" in name:
        return True
    behind = name[8:9]
    return name.startswith("operator") and not (behind.isalnum() or behind == "_")


def split_scope(name: str) -> tuple[str, str]:
    """The source file in front of a static function's name, or "", and the name."""
    scope, colons, inner = name.partition("::")
    return (scope, inner) if colons and ("." in scope or "/" in scope) else ("", name)


def parse_signature(text: str, where: str = "") -> Signature:
    """Parse one signature.

    Args:
        text: e.g. `xrealloc(pZ)p`, `g_slice_free1(zP)->g_slice_alloc`, `pool::get(unsigned long)(Z)p`.
        where: origin for error messages (file:line or variable).

    Raises:
        SignatureError: shows the string, the column and what was expected.
    """
    first = text.find("(")
    if first <= 0:
        raise _fail(text, len(text) if first < 0 else 0, "'name(args)ret'", where)
    arrow = _arrow(text, first)
    end = arrow if arrow >= 0 else len(text)
    closing = text.rfind(")", 0, end)
    opening = text.rfind("(", 0, max(closing, 0))
    if closing < first or opening < first:
        raise _fail(text, len(text), "')'", where)
    rest = text[closing + 1 : end]
    if len(rest) > 1 or (rest and rest not in _RESULTS):
        raise _fail(text, closing + 1, f"one result letter of {' '.join(_RESULTS)}", where)
    scope, name = _name(text, opening, where)
    undoes = text[arrow + 2 :] if arrow >= 0 else ""
    if arrow >= 0:
        bad = _bad_column(undoes)
        if not undoes or bad is not None:
            raise _fail(text, arrow + 2 + (bad or 0), "the name of a function after '->'", where)
    return Signature(name, _arguments(text, opening, closing, where), rest or "v", undoes, scope)


def _arrow(text: str, first: int) -> int:
    """Where the `->` behind the arguments and the result is, or -1; without `re`, whose import a link would pay."""
    at = text.find("->", first)
    while at >= 0:
        letter = text[at - 1]
        if letter == ")" or (letter.isascii() and letter.isalpha() and text[at - 2] == ")" and at - 2 >= first):
            return at
        at = text.find("->", at + 2)
    return -1


def _fail(text: str, column: int, expected: str, where: str) -> SignatureError:
    prefix = f"{where}: " if where else ""
    shown = "".join(char if char.isprintable() else "?" for char in text)  # control characters would break the line
    return SignatureError(
        f"{prefix}bad signature, expected {expected} at column {column + 1}:\n  {shown}\n  {' ' * column}^"
    )


def _arguments(text: str, opening: int, closing: int, where: str) -> tuple[str, ...]:
    args: list[str] = []
    for column in range(opening + 1, closing):
        char = text[column]
        if char == "*" and args and args[-1] == "P":
            args[-1] = "P*"
        elif char == ".":
            if column != closing - 1:
                raise _fail(text, column + 1, "')' after the variadic '.'", where)
            args.append(char)
        elif char and char.lower() in _ARGUMENTS:
            args.append(char)
        else:
            expected = f"one of {' '.join(_ARGUMENTS)}, a capital of these, P* or ."
            raise _fail(text, column, expected, where)
    return tuple(args)


def _name(text: str, end: int, where: str) -> tuple[str, str]:
    """Scope and name in front of the argument letters."""
    scope, inner = split_scope(text[:end])
    bad = _bad_column(scope)
    if bad is None:
        bad = _bad_column(inner)
        bad = bad if bad is None else bad + end - len(inner)
    if bad is None and not inner:
        bad = end
    if bad is not None:
        raise _fail(text, bad, "a symbol name without blanks", where)
    return scope, inner


def _bad_column(name: str) -> int | None:
    """Where a name stops being one: only C++ names as people write them hold blanks and (balanced) parentheses."""
    readable, depth = is_readable(name), 0
    for column, char in enumerate(name):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0 or not char.isprintable() or (char.isspace() and not (readable and 0 < column < len(name) - 1)):
            return column
    if depth:
        return name.rindex("(")
    return None
