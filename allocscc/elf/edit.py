"""Gives a relocatable object's function another name, so that a stub can take the first one (DESIGN §4).

The defining symbol becomes `__real_s`; a new undefined symbol `s` is appended, and every relocation of an allocated
section that referred to the definition refers to it: `s` now means the stub for everyone, in every linker. Unwind
tables and debug info still describe the real function.
"""

import struct

from allocscc.elf.object import SHF_ALLOC, SHT_RELA, SHT_SYMTAB, STB_GLOBAL, STB_LOCAL, ElfObject, Section
from allocscc.errors import FormatError
from allocscc.sidecar_names import SITES_SECTION

_STV_HIDDEN = 2
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")
_NOT_REDIRECTED = (b".eh_frame", SITES_SECTION.encode())


def replace_definitions(data: bytes, names: list[str], where: str) -> bytes:
    """The object with each global function of `names` renamed to `__real_NAME` and every reference sent to `NAME`.

    Args:
        data: a relocatable object (ET_REL).
        names: symbols that it defines, binding global or weak.
        where: its path, for messages.

    Raises:
        FormatError: the object defines a name not, or only locally, or is damaged.
    """
    elf = ElfObject(data, where)
    table = elf.table(SHT_SYMTAB)
    if table is None:
        raise FormatError(f"{where}: no symbol table")
    wanted = {name.encode() for name in names}
    found = {s.name: s for s in elf.symbols(table, wanted) if s.defined and s.binding != STB_LOCAL}
    if found.keys() != wanted:
        missing = b", ".join(sorted(wanted - found.keys())).decode()
        raise FormatError(f"{where}: does not define {missing} as a global symbol")
    symbols, strings = bytearray(elf.contents(table)), bytearray(elf.strings(table))
    moved: dict[int, int] = {}
    for name, symbol in found.items():
        fields = list(_SYMBOL.unpack_from(symbols, symbol.index * _SYMBOL.size))
        visibility = fields[2]
        old_name, fields[0] = fields[0], len(strings)
        fields[2] = visibility & ~3 | _STV_HIDDEN  # the real function is no business of other objects
        strings += b"__real_" + name + b"\0"
        _SYMBOL.pack_into(symbols, symbol.index * _SYMBOL.size, *fields)
        moved[symbol.index] = len(symbols) // _SYMBOL.size
        # the stub has the definition's visibility; a reference must not have a stricter one than it
        symbols += _SYMBOL.pack(old_name, STB_GLOBAL << 4, visibility, 0, 0, 0)
    result = bytearray(data)
    for section in elf.sections:
        if section.type == SHT_RELA and section.link == table.index and _is_redirected(elf, section):
            elf.contents(section)  # raises if it reaches behind the file
            _redirect(result, section, moved)
    _append(result, elf, table, bytes(symbols))
    _append(result, elf, elf.sections[table.link], bytes(strings))
    return bytes(result)


def _is_redirected(elf: ElfObject, relocations: Section) -> bool:
    target = elf.sections[relocations.info] if relocations.info < len(elf.sections) else None
    return target is not None and bool(target.flags & SHF_ALLOC) and target.name not in _NOT_REDIRECTED


def _redirect(data: bytearray, relocations: Section, moved: dict[int, int]) -> None:
    end = relocations.offset + relocations.size - relocations.size % _RELA.size
    for at in range(relocations.offset, end, _RELA.size):
        offset, info, addend = _RELA.unpack_from(data, at)
        target = moved.get(info >> 32)
        if target is not None:
            _RELA.pack_into(data, at, offset, target << 32 | info & 0xFFFFFFFF, addend)


def _append(data: bytearray, elf: ElfObject, section: Section, contents: bytes) -> None:
    """Give a section new contents at the end of the file; its old ones stay behind unused."""
    data += b"\0" * (-len(data) % 8)
    header = elf.section_offset + section.index * 64
    struct.pack_into("<QQ", data, header + 24, len(data), len(contents))
    data += contents
