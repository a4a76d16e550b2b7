"""Gives a relocatable object's function another name, so that a stub can take the first one (DESIGN §4).

The defining symbol becomes `__real_s`; a new undefined symbol `s` is appended, and every relocation of an allocated
section that referred to the definition refers to it: `s` now means the stub for everyone, in every linker. Unwind
tables and debug info still describe the real function.
"""

from __future__ import annotations

import struct

from allocscc.elf.object import (
    SHF_ALLOC,
    SHT_NOBITS,
    SHT_NULL,
    SHT_RELA,
    SHT_SYMTAB,
    STB_GLOBAL,
    STB_LOCAL,
    ElfObject,
    Section,
    Symbol,
)
from allocscc.errors import FormatError
from allocscc.sidecar_names import SITES_SECTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Of a definition that stays exported under its name, the name for those of the same output.
OWN_PREFIX = "__allocs_own_"
# Of a wrapper's structure.
IDENTITY_PREFIX = "__allocs_wrapper_"
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
    return _edited(data, names, where, _renamed)


def redirect_references(data: bytes, names: list[str], where: str) -> bytes:
    """The object with its own references to each function of `names` sent to `__wrap_NAME`; the definition stays.

    It gets a second name, hidden, that a stub can call whoever wins the first one: `OWN_PREFIX` and the name (R9).
    Arguments and errors are those of `replace_definitions`.
    """
    return _edited(data, names, where, _kept)


def mark_definitions(data: bytes, marks: dict[str, tuple[str, ...]], where: str) -> bytes:
    """The object with a second, hidden name for each function: `OWN_PREFIX` and its name; nothing else changes.

    Args:
        data: a relocatable object (ET_REL).
        marks: of each global function, the local ones that were split off it; they get a second name, too.
        where: its path, for messages.

    Raises:
        FormatError: the object does not define one, or is damaged.
    """
    elf, table = _table_of(data, where)
    parts = {part.encode() for group in marks.values() for part in group}
    wanted = {name.encode() for name in marks} | parts
    found = {
        s.name: s for s in elf.symbols(table, wanted) if s.defined and (s.binding == STB_LOCAL) == (s.name in parts)
    }
    if found.keys() != wanted:
        missing = b", ".join(sorted(wanted - found.keys())).decode()
        raise FormatError(f"{where}: does not define {missing}")
    grown = _Table(elf.contents(table), elf.strings(table))
    for symbol in found.values():
        _add_own(grown, symbol)
    for name in marks:  # who links the object gets what knows of the mark, also out of an archive
        grown.add(grown.name(IDENTITY_PREFIX.encode() + name.encode()), STB_GLOBAL << 4, _STV_HIDDEN, 0, 0, 0)
    result = bytearray(data)
    _append(result, elf, table, bytes(grown.symbols))
    _append(result, elf, elf.sections[table.link], bytes(grown.strings))
    return bytes(result)


class _Table:
    """A symbol table and its strings, growing."""

    def __init__(self, symbols: bytes, strings: bytes) -> None:
        self.symbols, self.strings = bytearray(symbols), bytearray(strings)

    def name(self, text: bytes) -> int:
        """The offset of a new string."""
        at = len(self.strings)
        self.strings += text + b"\0"
        return at

    def add(self, *fields: int) -> int:
        """The index of a new symbol: st_name, st_info, st_other, st_shndx, st_value, st_size."""
        self.symbols += _SYMBOL.pack(*fields)
        return len(self.symbols) // _SYMBOL.size - 1


def _renamed(table: _Table, symbol: Symbol) -> int:
    """Rename a definition, and give the index of a reference to what will have its name."""
    at = symbol.index * _SYMBOL.size
    old_name, info, visibility, *place = _SYMBOL.unpack_from(table.symbols, at)
    new_name = table.name(b"__real_" + symbol.name)
    # The real function is no business of other objects.
    _SYMBOL.pack_into(table.symbols, at, new_name, info, visibility & ~3 | _STV_HIDDEN, *place)
    # The stub has the definition's visibility; a reference must not have a stricter one than it.
    return table.add(old_name, STB_GLOBAL << 4, visibility, 0, 0, 0)


def _add_own(table: _Table, symbol: Symbol) -> None:
    """Give a definition a second name, hidden."""
    _, info, visibility, *place = _SYMBOL.unpack_from(table.symbols, symbol.index * _SYMBOL.size)
    own = table.name(OWN_PREFIX.encode() + symbol.name)
    table.add(own, STB_GLOBAL << 4 | info & 15, visibility & ~3 | _STV_HIDDEN, *place)


def _kept(table: _Table, symbol: Symbol) -> int:
    """Give a definition a second name, and give the index of a reference to the stub."""
    _add_own(table, symbol)
    return table.add(table.name(b"__wrap_" + symbol.name), STB_GLOBAL << 4, _STV_HIDDEN, 0, 0, 0)


def check_editable(elf: ElfObject) -> None:
    """Raise `FormatError` if an object is too damaged to be edited: cheaper than to find out when it is too late."""
    table = elf.table(SHT_SYMTAB)
    if table is None:
        return
    symbols, strings = elf.contents(table), elf.strings(table)
    whole = len(symbols) % _SYMBOL.size == 0 and table.entry_size == _SYMBOL.size and strings.endswith(b"\0")
    if not whole or any(fields[0] >= len(strings) for fields in _SYMBOL.iter_unpack(symbols)):
        raise FormatError(f"{elf.where}: the symbol table is damaged")  # an edit would mend it
    _relocations(elf, table)
    if any(s.offset + s.size > len(elf.data) for s in elf.sections if s.type not in (SHT_NULL, SHT_NOBITS)):
        raise FormatError(f"{elf.where}: a section reaches behind the end of the file")


def _relocations(elf: ElfObject, table: Section) -> list[Section]:
    """The relocation sections in which references change."""
    found = [s for s in elf.sections if s.type == SHT_RELA and s.link == table.index and _is_redirected(elf, s)]
    if sum(len(elf.contents(section)) for section in found) > len(elf.data):
        raise FormatError(f"{elf.where}: the relocation sections overlap")
    return found


def _edited(data: bytes, names: list[str], where: str, change: Callable[[_Table, Symbol], int]) -> bytes:
    elf, table = _table_of(data, where)
    wanted = {name.encode() for name in names}
    found = {s.name: s for s in elf.symbols(table, wanted) if s.defined and s.binding != STB_LOCAL}
    if found.keys() != wanted:
        missing = b", ".join(sorted(wanted - found.keys())).decode()
        raise FormatError(f"{where}: does not define {missing} as a global symbol")
    grown = _Table(elf.contents(table), elf.strings(table))
    moved = {symbol.index: change(grown, symbol) for symbol in found.values()}
    result = bytearray(data)
    for section in _relocations(elf, table):
        _redirect(result, section, moved)
    _append(result, elf, table, bytes(grown.symbols))
    _append(result, elf, elf.sections[table.link], bytes(grown.strings))
    return bytes(result)


def _table_of(data: bytes, where: str) -> tuple[ElfObject, Section]:
    elf = ElfObject(data, where)
    table = elf.table(SHT_SYMTAB)
    if table is None:
        raise FormatError(f"{where}: no symbol table")
    return elf, table


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
