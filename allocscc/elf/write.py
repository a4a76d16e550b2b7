"""Writes a relocatable object that holds one section of bytes, faster than any assembler starts (ELF gABI)."""

import struct

from allocscc.elf.object import ET_REL, SHT_STRTAB

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SHT_PROGBITS = 1
# GNU ld manual: an object without this section asks for an executable stack.
_NO_EXECUTABLE_STACK = b".note.GNU-stack"


def data_object(name: bytes, contents: bytes, machine: int) -> bytes:
    """An object file (ET_REL, 64-bit little-endian) with a section that is not loaded.

    Args:
        name: the section's name.
        contents: its bytes.
        machine: e_machine of the objects that it will be linked with.
    """
    names = b"\0" + b"\0".join((name, _NO_EXECUTABLE_STACK, b".shstrtab")) + b"\0"
    start = _HEADER.size
    strings = start + len(contents)
    table = strings + len(names)
    table += -table % 8
    sections = [
        (0, 0, 0, 0),
        (names.index(name + b"\0"), _SHT_PROGBITS, start, len(contents)),
        (names.index(_NO_EXECUTABLE_STACK), _SHT_PROGBITS, strings, 0),
        (names.index(b".shstrtab"), SHT_STRTAB, strings, len(names)),
    ]
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = _HEADER.pack(
        ident, ET_REL, machine, 1, 0, 0, table, 0, _HEADER.size, 0, 0, _SECTION.size, len(sections), len(sections) - 1
    )
    body = header + contents + names
    headers = (_SECTION.pack(name_at, kind, 0, 0, offset, size, 0, 0, 1 if kind else 0, 0)
               for name_at, kind, offset, size in sections)  # fmt: skip
    return body.ljust(table, b"\0") + b"".join(headers)
