"""GNU C's nested functions, in a shape that libclang reads.

libclang leaves a nested function out, body and all. A prototype and a block in its place say the same about types:
`int *f(int n) { … }` becomes `int *f(int n); { int n; … }`. Nothing moves to another line.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from allocscc.values import dataclass, replace

_BRACKET = re.compile(rb"[(){}]|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_LAST_WORD = re.compile(rb"(\w+)\s*$")


@dataclass(frozen=True)
class Nested:
    """A nested function.

    Attributes:
        name: as the source has it.
        start: offset of its name in the prototype.
        body: offset of the block's `{`.
        end: offset behind the block.
        moved: how many bytes were put into the text up to the body.
    """

    name: str
    start: int
    body: int
    end: int
    moved: int


def flatten(text: bytes, bodies: list[int]) -> tuple[bytes, tuple[Nested, ...]]:
    """The text with prototypes and blocks in the place of nested functions, and where these are then.

    Args:
        text: preprocessed text.
        bodies: offsets of the `{` of nested functions, in ascending order.
    """
    pieces: list[bytes] = []
    found: list[Nested] = []
    at = moved = 0
    for body in bodies:
        header = _header(text, body)
        if header is None:
            continue
        name, start, opening, closing = header
        declared = b"; {" + _declarations(text[opening + 1 : closing]) + b" "
        pieces += [text[at:body], declared]
        at = body + 1
        found.append(Nested(name, start + moved, body + moved + 2, 0, moved + len(declared) - 1))
        moved = found[-1].moved
    flat = b"".join([*pieces, text[at:]])
    return flat, tuple(replace(one, end=_closing(flat, one.body)) for one in found)


def original(nested: tuple[Nested, ...], offset: int) -> int:
    """Where a byte of a flattened text is in the text that it was made from."""
    at = bisect_right([function.body for function in nested], offset) - 1
    return offset - nested[at].moved if at >= 0 else offset


def innermost(nested: tuple[Nested, ...], offset: int) -> Nested | None:
    """The innermost nested function whose body holds a byte; they ascend by their bodies."""
    at = bisect_right([function.body for function in nested], offset) - 1
    while at >= 0:
        if offset < nested[at].end:
            return nested[at]
        at -= 1
    return None


def _header(text: bytes, body: int) -> tuple[str, int, int, int] | None:
    """Of the function whose body begins at an offset: its name, and where that, `(` and `)` are."""
    closing = len(text[max(body - 200, 0) : body].rstrip()) + max(body - 200, 0) - 1
    depth = 0
    for at in range(closing, max(closing - 4000, -1), -1):
        depth += {ord(")"): 1, ord("("): -1}.get(text[at], 0)
        if depth == 0:
            first = max(at - 200, 0)
            name = _LAST_WORD.search(text, first, at)
            return (name[1].decode("latin-1"), name.start(), at, closing) if name and at < closing else None
    return None


def _declarations(parameters: bytes) -> bytes:
    """`int n, char *s` as `int n; char *s;`, on one line."""
    depth, start, found = 0, 0, []
    for match in re.finditer(rb"[(\[,)\]]|$", parameters):
        if match[0] in (b"(", b"["):
            depth += 1
        elif match[0] in (b")", b"]"):
            depth -= 1
        elif depth == 0:
            found.append(b" ".join(parameters[start : match.start()].split()))
            start = match.end()
    return b"".join(b" %s;" % one for one in found if one not in (b"", b"void", b"..."))


def _closing(text: bytes, opening: int) -> int:
    """The offset behind the bracket that closes the one at an offset; quoted text does not count."""
    pair = (b"(", b")") if text[opening : opening + 1] == b"(" else (b"{", b"}")
    depth = 0
    for match in _BRACKET.finditer(text, opening):
        if match[0] in pair:
            depth += 1 if match[0] == pair[0] else -1
            if depth == 0:
                return match.end()
    return len(text)
