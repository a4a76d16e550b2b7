"""The signature mini-language: `name(args)ret`, e.g. `xcalloc(zZ)p` (shared/docs/SIGNATURES.md, R17).

Letters give C types; a capital marks the argument with a role. Old liballocs strings parse unchanged; `l`, `u`, `v`,
`d`, `a`, `.` and `P*` are additions.
"""

from dataclasses import dataclass

from allocscc.errors import SignatureError

C_TYPES = {
    "z": "size_t",
    "p": "void *",
    "i": "int",
    "l": "long",
    "u": "unsigned",
    "d": "double",
    "a": "size_t",
    "v": "void",
}
_NAME_ENDS = "( \t\n"


@dataclass(frozen=True)
class Signature:
    """One function of a role.

    Attributes:
        name: the link-time symbol.
        args: one entry per parameter: a letter of the mini-language, capital where it has a role, or `P*`.
        ret: the letter of the result.
        undoes: for a free function, the allocation function it undoes (`->name`), or "".
    """

    name: str
    args: tuple[str, ...]
    ret: str
    undoes: str = ""

    @property
    def variadic(self) -> bool:
        """Whether the function takes a variable argument list (a C stub cannot forward one)."""
        return "." in self.args

    @property
    def size_args(self) -> tuple[int, ...]:
        """Indexes of the arguments whose product is the size in bytes; the element size last.

        `calloc(zZ)p`: the capital decides the type, the other `z` is the count and multiplies. A single `z` beside a
        `Z` counts only when it stands directly before it (the traditional calloc shape).
        """
        capitals = [i for i, a in enumerate(self.args) if a in ("Z", "I", "U", "L")]
        if len(capitals) == 1 and capitals[0] > 0 and self.args[capitals[0] - 1] == "z":
            return (capitals[0] - 1, capitals[0])
        return tuple(capitals)

    @property
    def chunk_arg(self) -> int | None:
        """Index of the chunk that is freed or resized (`P`), or None."""
        return self.args.index("P") if "P" in self.args else None

    @property
    def out_arg(self) -> int | None:
        """Index of the pointer through which the chunk is returned (`P*`, as posix_memalign), or None."""
        return self.args.index("P*") if "P*" in self.args else None

    def __str__(self) -> str:
        arrow = f"->{self.undoes}" if self.undoes else ""
        return f"{self.name}({''.join(self.args)}){self.ret}{arrow}"


def _fail(text: str, column: int, expected: str, where: str) -> SignatureError:
    prefix = f"{where}: " if where else ""
    return SignatureError(
        f"{prefix}bad signature, expected {expected} at column {column + 1}:\n  {text}\n  {' ' * column}^"
    )


def parse_signature(text: str, where: str = "") -> Signature:
    """Parse one signature.

    Args:
        text: e.g. `xrealloc(pZ)p`, `g_slice_free1(zP)->g_slice_alloc`.
        where: origin for error messages (file:key or variable).

    Raises:
        SignatureError: shows the string, the column and what was expected.
    """
    opening = text.find("(")
    if opening <= 0:
        raise _fail(text, len(text) if opening < 0 else 0, "'name(args)ret'", where)
    name = text[:opening]
    for column, char in enumerate(name):
        if char in _NAME_ENDS or not char.isprintable():
            raise _fail(text, column, "a symbol name without blanks", where)
    closing = text.find(")", opening)
    if closing < 0:
        raise _fail(text, len(text), "')'", where)
    args: list[str] = []
    for column in range(opening + 1, closing):
        char = text[column]
        if char == "*" and args and args[-1] == "P":
            args[-1] = "P*"
        elif char == ".":
            if column != closing - 1:
                raise _fail(text, column + 1, "')' after the variadic '.'", where)
            args.append(char)
        elif char.lower() in "zpiluda":
            args.append(char)
        else:
            raise _fail(text, column, "one of z p i l u d a, a capital of these, P* or .", where)
    rest, arrow, undoes = text[closing + 1 :].partition("->")
    if arrow and (not undoes or any(char in _NAME_ENDS or not char.isprintable() for char in undoes)):
        raise _fail(text, len(text) - len(undoes), "the name of a function after '->'", where)
    if len(rest) > 1 or (rest and rest not in C_TYPES):
        raise _fail(text, closing + 1, "one result letter of z p i l u d v", where)
    return Signature(name, tuple(args), rest or "v", undoes)
