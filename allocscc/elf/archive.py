"""System V archives (`ar(5)`, GNU and thin): the symbol index, the members, and writing one with changed members."""

from __future__ import annotations

import os
from struct import calcsize, unpack_from

from allocscc.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

MAGIC, THIN_MAGIC = b"!<arch>\n", b"!<thin>\n"
_HEADER = 60
_LONGEST_NAME = 4096  # PATH_MAX


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


def index(data: bytes | mmap, where: str) -> list[tuple[bytes, int]] | None:
    """The symbol index: symbol → offset of a member's header, in the archive's order; None without an index.

    Raises:
        FormatError: the first header or the index is damaged.
    """
    found = _raw_index(data, where)
    return None if found is None else list(zip(found[1].split(b"\0"), found[0], strict=False))


def _raw_index(data: bytes | mmap, where: str) -> tuple[tuple[int, ...], bytes] | None:
    """The index's offsets, and as many names, NUL-terminated each."""
    for name, _, _, body in _entries(data, where, with_bodies=False):
        letter = {b"/": "I", b"/SYM64/": "Q"}.get(name)
        if letter is None:
            break
        width = calcsize(f">{letter}")
        count = int.from_bytes(body[:width], "big")
        names = body[width + width * count :]
        if count > len(body) // width or names.count(b"\0") < count:
            raise FormatError(f"{where}: the symbol index is cut short")
        return unpack_from(f">{count}{letter}", body, width) if count else (), names
    return None


def places(data: bytes | mmap, where: str, most: int | None = None) -> list[tuple[int, int, int, int]] | None:
    """Where the members of a regular archive are, without reading them.

    Args:
        data: the archive.
        where: its path, for messages.
        most: how many there may be at most.

    Returns:
        Of each its number as in `members`, and the offsets of its header, of its first byte and behind its last one;
        None if there are more than `most`.

    Raises:
        FormatError: a header is damaged, the index leads to where no member begins, or it is BSD's.
    """
    found: list[tuple[int, int, int, int]] = []
    at, end, long_names = len(MAGIC), len(data), 0
    while at + _HEADER <= end:
        header = data[at : at + _HEADER]
        digits = header[48:58].strip()
        if header[58:60] != b"`\n" or not digits.isdigit():
            raise FormatError(f"{where}: no archive member header at byte {at}")
        start, size = at + _HEADER, int(digits)
        if start + size > end:
            raise FormatError(f"{where}: the member at byte {at} is cut short")
        if header.startswith((b"__.SYMDEF", b"#1/")):
            raise FormatError(f"{where}: the member at byte {at} is BSD's, which is not read")
        name = header[:16].rstrip(b" ")
        if name == b"//":
            long_names = size
        elif name not in (b"/", b"/SYM64/"):
            if _long_name(name) >= long_names:
                raise FormatError(f"{where}: the member at byte {at} has no name")
            found.append((len(found), at, start, start + size))
            if most is not None and len(found) > most:
                return None
        at = start + size + size % 2
    if at < end:
        raise FormatError(f"{where}: no archive member header at byte {at}")
    offsets, _ = _raw_index(data, where) or ((), b"")
    lost = set(offsets) - {place[1] for place in found}
    if lost:
        raise FormatError(f"{where}: the symbol index names byte {min(lost)}, where no member begins")
    return found


def defining(data: bytes | mmap, where: str, wanted: set[bytes]) -> set[int]:
    """Offsets of the headers of members that the index says define one of `wanted`.

    Raises:
        FormatError: the first header or the index is damaged.
    """
    offsets, text = _raw_index(data, where) or ((), b"")
    names = text.split(b"\0")
    if wanted.isdisjoint(names):  # the usual case
        return set()
    return {offset for name, offset in zip(names, offsets, strict=False) if name in wanted}


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
    found: list[Member] = []
    files: dict[str, bytes] = {}
    listed = {offset for _, offset in index(data, where) or ()}
    for name, offset, header, body in _entries(data, where, with_bodies=not thin):
        if name in (b"/", b"/SYM64/"):
            continue
        if name == b"//":
            long_names = body
            continue
        if name.startswith((b"__.SYMDEF", b"#1/")):
            raise FormatError(f"{where}: the member at byte {offset} is BSD's, which is not read")
        if _long_name(name) >= len(long_names):
            raise FormatError(f"{where}: the member at byte {offset} has no name")
        readable = _name(name, long_names)
        if thin:
            if readable not in files:
                files[readable] = _thin_member(folder, readable, where)
            body = _nested(files[readable], name, where) if name[:1] == b"/" and b":" in name else files[readable]
        found.append(Member(readable, offset, header, body))
    lost = listed - {member.offset for member in found}
    if lost:
        raise FormatError(f"{where}: the symbol index names byte {min(lost)}, where no member begins")
    return found


def write(path: str, contents: list[tuple[str, bytes]], symbols: list[tuple[bytes, int]] | None = None) -> None:
    """A new regular archive.

    Args:
        path: where to.
        contents: its members, name and bytes.
        symbols: its index, symbol → place in `contents`; None: it gets no index.
    """
    names = b""
    bodies = []
    for name, data in contents:
        encoded = name.encode("utf-8", "surrogateescape")
        if len(encoded) > 15 or b"/" in encoded:
            field = b"/%d" % len(names)
            names += encoded + b"/\n"
        else:
            field = encoded + b"/"
        bodies.append((field, data))
    table = [_entry(b"//", names)] if names else []
    rest = [_entry(field, data) for field, data in bodies]
    head = [] if symbols is None else [_index(symbols, sum(map(len, table)), [len(piece) for piece in rest])]
    with open(path, "wb") as file:
        file.write(b"".join([MAGIC, *head, *table, *rest]))


def _index(symbols: list[tuple[bytes, int]], table: int, sizes: list[int]) -> bytes:
    """The index member; its own size moves what it points to.

    Args:
        symbols: symbol → place of the member.
        table: size of what stands between the index and the members.
        sizes: of the members with their headers and padding.
    """
    names = b"".join(name + b"\0" for name, _ in symbols)
    for width in (4, 8):
        size = width * (len(symbols) + 1) + len(names)
        start = len(MAGIC) + _HEADER + size + size % 2 + table
        if start + sum(sizes) < 1 << 8 * width:
            break
    starts = [start]
    for length in sizes:
        starts.append(starts[-1] + length)
    words = [len(symbols), *(starts[place] for _, place in symbols)]
    return _entry(b"/" if width == 4 else b"/SYM64/", b"".join(word.to_bytes(width, "big") for word in words) + names)


def _entry(name: bytes, data: bytes) -> bytes:
    header = b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"644", len(data))
    return header + data + (b"\n" if len(data) % 2 else b"")


def _entries(
    data: bytes | mmap, where: str, *, with_bodies: bool, at: int = len(MAGIC)
) -> Iterator[tuple[bytes, int, bytes, bytes]]:
    """Name, offset, header and body of each entry; a regular archive read without bodies is read up to its index."""
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
    if at < len(data):
        raise FormatError(f"{where}: no archive member header at byte {at}")


def _long_name(field: bytes) -> int:
    """The offset of a member's name in the table of long ones; -1 if it stands in the header."""
    digits = field[1:].partition(b":")[0]
    return int(digits) if field[:1] == b"/" and digits.isdigit() else -1


def _name(field: bytes, long_names: bytes) -> str:
    start = _long_name(field)
    if start >= 0:
        end = long_names.find(b"\n", start, start + _LONGEST_NAME)
        field = long_names[start : end if end >= 0 else start + _LONGEST_NAME]
    return field.removesuffix(b"/").decode("utf-8", "surrogateescape")


def _nested(data: bytes, field: bytes, where: str) -> bytes:
    """A member of an archive that a thin one names: `/NAME:OFFSET`, of its header."""
    digits = field.partition(b":")[2]
    at = int(digits) if digits.isdigit() else len(data)
    for _, _, _, body in _entries(data, where, with_bodies=True, at=at):
        return body
    raise FormatError(f"{where}: a thin archive member stands in another archive, at byte {at}, which has none there")


def _thin_member(folder: str, name: str, where: str) -> bytes:
    path = name if name.startswith("/") else f"{folder}/{name}"
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe might never end
            raise ValueError("not a regular file")
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise FormatError(f"{where}: thin archive member {name:.200}: {what}") from error
