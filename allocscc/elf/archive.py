"""System V archives (`ar(5)`, GNU and thin): the symbol index, the members, and writing one with changed members."""

from __future__ import annotations

from allocscc.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC, THIN_MAGIC = b"!<arch>\n", b"!<thin>\n"
_HEADER = 60


class Member:
    """One member: `name` as a person would write it, `offset` of its header, `data` its bytes."""

    __slots__ = ("data", "header", "name", "offset")

    def __init__(self, name: str, offset: int, header: bytes, data: bytes) -> None:
        self.name, self.offset, self.header, self.data = name, offset, header, data


def index_names(data: bytes, where: str = "archive") -> bytes:
    """The symbol index's names, NUL-terminated each; b"" if the archive has no index.

    Raises:
        FormatError: the first header is damaged.
    """
    for name, _, _, body in _entries(data, where, with_bodies=False):
        width = {b"/": 4, b"/SYM64/": 8}.get(name)
        if width is None:
            break
        count = int.from_bytes(body[:width], "big")
        return body[width + width * count :]
    return b""


def members(data: bytes, where: str, folder: str) -> list[Member]:
    """All members that are files; a thin archive's are read from beside it.

    Args:
        data: the archive.
        where: its path, for messages.
        folder: what a thin archive's names are relative to.

    Raises:
        FormatError: a header is damaged, or a thin archive's file is missing.
    """
    thin = data.startswith(THIN_MAGIC)
    long_names = b""
    found = []
    for name, offset, header, body in _entries(data, where, with_bodies=not thin):
        if name in (b"/", b"/SYM64/"):
            continue
        if name == b"//":
            long_names = body
            continue
        readable = _name(name, long_names)
        if thin:
            body = _thin_member(folder, readable, where)
        found.append(Member(readable, offset, header, body))
    return found


def write(path: str, contents: list[tuple[str, bytes]]) -> None:
    """A new regular archive, without an index: `ranlib` makes one."""
    names = b""
    pieces = [MAGIC]
    bodies = []
    for name, data in contents:
        encoded = name.encode("utf-8", "surrogateescape")
        if len(encoded) > 15 or b"/" in encoded:
            field = b"/%d" % len(names)
            names += encoded + b"/\n"
        else:
            field = encoded + b"/"
        bodies.append((field, data))
    if names:
        pieces.append(_entry(b"//", names))
    pieces += [_entry(field, data) for field, data in bodies]
    with open(path, "wb") as file:
        file.write(b"".join(pieces))


def _entry(name: bytes, data: bytes) -> bytes:
    header = b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"644", len(data))
    return header + data + (b"\n" if len(data) % 2 else b"")


def _entries(data: bytes, where: str, *, with_bodies: bool) -> Iterator[tuple[bytes, int, bytes, bytes]]:
    """Name, offset, header and body of each entry; a regular archive read without bodies is read up to its index."""
    at = len(MAGIC)
    while at + _HEADER <= len(data):
        header = data[at : at + _HEADER]
        digits = header[48:58].strip()
        if header[58:60] != b"`\n" or not digits.isdigit():
            raise FormatError(f"{where}: no archive member header at byte {at}")
        name, size = header[:16].rstrip(b" "), int(digits)
        start = at + _HEADER
        special = name in (b"/", b"//", b"/SYM64/")
        stored = with_bodies or special
        if stored and start + size > len(data):
            raise FormatError(f"{where}: the member at byte {at} is cut short")
        yield name, at, header, data[start : start + size] if stored else b""
        at = start + (size + size % 2 if stored else 0)


def _name(field: bytes, long_names: bytes) -> str:
    if field[:1] == b"/" and field[1:].split(b":")[0].isdigit():
        start = int(field[1:].split(b":")[0])
        end = long_names.find(b"\n", start)
        field = long_names[start : end if end >= 0 else len(long_names)]
    return field.removesuffix(b"/").decode("utf-8", "surrogateescape")


def _thin_member(folder: str, name: str, where: str) -> bytes:
    try:
        with open(name if name.startswith("/") else f"{folder}/{name}", "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise FormatError(f"{where}: thin archive member {name}: {what}") from error
