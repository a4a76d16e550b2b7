"""A first look at a relocatable object: the names in it, and nothing else.

A large link has thousands of objects and members of archives of which few are of interest. Reading one whole, or making
Python objects of its sections, costs more than the linker itself spends on it.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

_ET_REL, _SHT_SYMTAB = 1, 2
_HEADER = struct.Struct("<6s10xH22xQ10xHHH")  # e_ident, e_type, e_shoff, e_shentsize, e_shnum, e_shstrndx
_SECTION = struct.Struct("<4xI16xQQI")  # sh_type, sh_offset, sh_size, sh_link
_SIZE = 64  # of a section header, and of the ELF header


def names(data: bytes | mmap, start: int, end: int) -> tuple[bytes, bytes] | None:
    """The symbols' names and the sections' names of an object, as its string tables have them.

    Args:
        data: what holds it.
        start: where it begins.
        end: where it ends.

    Returns:
        Both string tables; None where this is not a 64-bit little-endian object in the simple form that compilers
        write: then it has to be looked at in earnest.
    """
    if end - start < _SIZE:
        return None
    ident, kind, offset, size, count, table = _HEADER.unpack_from(data, start)
    if ident != b"\x7fELF\x02\x01" or kind != _ET_REL or size != _SIZE:
        return None
    if not 0 < table < count or start + offset + count * _SIZE > end:
        return None
    first = start + offset

    def contents(index: int) -> bytes | None:
        _, at, length, _ = _SECTION.unpack_from(data, first + index * _SIZE)
        return data[start + at : start + at + length] if start + at + length <= end else None

    sections = contents(table)
    for index in range(count - 1, 0, -1):  # assemblers put it near the end
        kind, _, _, link = _SECTION.unpack_from(data, first + index * _SIZE)
        if kind == _SHT_SYMTAB:
            symbols = contents(link) if link < count else None
            return None if symbols is None or sections is None else (symbols, sections)
    return None if sections is None else (b"", sections)
