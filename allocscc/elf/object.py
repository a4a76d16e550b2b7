"""A 64-bit little-endian ELF file's sections and symbols, read with `struct` alone.

pyelftools reads the same, but its import takes longer than a small link (docs/performance.md), and a linker hook looks
at every input of every link. The tests use it as an independent reader.
"""

import struct

from allocscc.errors import FormatError

ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
SHT_NULL, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS, SHT_DYNSYM, SHT_SYMTAB_SHNDX = 0, 2, 3, 4, 8, 11, 18
SHF_ALLOC = 2
SHN_UNDEF, SHN_LORESERVE = 0, 0xFF00
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STV_DEFAULT, STV_HIDDEN = 0, 2
STT_FILE = 4
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


_LONGEST_NAME = 65536  # of a section; nothing that is looked for has a longer one


class Section:
    """One section header; `index` is its place in the table. Offsets and sizes are bytes."""

    __slots__ = (
        "_names",
        "address",
        "entry_size",
        "flags",
        "index",
        "info",
        "link",
        "name_offset",
        "offset",
        "size",
        "type",
    )

    def __init__(self, index: int, fields: tuple[int, ...], names: bytes = b"") -> None:
        self.index, self._names = index, names
        (
            self.name_offset,
            self.type,
            self.flags,
            self.address,
            self.offset,
            self.size,
            self.link,
            self.info,
            _,
            self.entry_size,
        ) = fields

    @property
    def name(self) -> bytes:
        """Its name; b"" if it has none. Read when asked for: few sections are, and damaged ones may share a string."""
        end = self._names.find(b"\0", self.name_offset, self.name_offset + _LONGEST_NAME)
        return self._names[self.name_offset : end] if end >= 0 else b""


class Symbol:
    """One symbol table entry; `index` is its place in the table, `section` its st_shndx."""

    __slots__ = ("binding", "index", "name", "section", "size", "type", "value", "visibility")

    def __init__(self, index: int, name: bytes, fields: tuple[int, ...]) -> None:
        self.index, self.name = index, name
        _, info, other, self.section, self.value, self.size = fields
        self.binding, self.type, self.visibility = info >> 4, info & 15, other & 3

    @property
    def defined(self) -> bool:
        """Whether this file holds the symbol's definition."""
        return self.section != SHN_UNDEF


class ElfObject:
    """An ELF file in memory.

    Raises:
        FormatError: the data is not a 64-bit little-endian ELF file, or is cut short.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where = data, where
        if data[:4] != b"\x7fELF":
            raise FormatError(f"{where}: not an ELF file")
        if data[4:6] != b"\x02\x01" or len(data) < 64:
            raise FormatError(f"{where}: not 64-bit little-endian ELF")
        self.type, self.machine = struct.unpack_from("<HH", data, 16)
        self.section_offset = struct.unpack_from("<Q", data, 40)[0]
        entry_size, count, names = struct.unpack_from("<HHH", data, 58)
        self.sections: list[Section] = []
        if not self.section_offset:
            return
        try:
            if entry_size != _SECTION.size:
                raise FormatError(f"{where}: section headers of {entry_size} bytes, expected {_SECTION.size}")
            first = Section(0, _SECTION.unpack_from(data, self.section_offset))
            count, names = count or first.size, first.link if names == 0xFFFF else names
            if self.section_offset + count * entry_size > len(data):
                raise FormatError(f"{where}: the section headers are cut short")
            at = self.section_offset + names * entry_size
            table = self.contents(Section(names, _SECTION.unpack_from(data, at))) if names < count else b""
            for index in range(count):
                fields = _SECTION.unpack_from(data, self.section_offset + index * entry_size)
                self.sections.append(Section(index, fields, table))
        except (struct.error, OverflowError) as error:
            raise FormatError(f"{where}: the section headers are cut short") from error

    def contents(self, section: Section) -> bytes:
        """A section's bytes."""
        if section.type == SHT_NOBITS:
            return b""
        if section.offset + section.size > len(self.data):
            raise FormatError(f"{self.where}: section {section.index} reaches behind the end of the file")
        return self.data[section.offset : section.offset + section.size]

    def section(self, name: bytes) -> Section | None:
        """The first section of a name."""
        return next((section for section in self.sections if section.name == name), None)

    def table(self, kind: int) -> Section | None:
        """The symbol table of a kind (`SHT_SYMTAB` or `SHT_DYNSYM`)."""
        return next((section for section in self.sections if section.type == kind), None)

    def strings(self, table: Section) -> bytes:
        """The string table that a symbol table uses."""
        if table.link >= len(self.sections):
            raise FormatError(f"{self.where}: the symbol table names string table {table.link}, which does not exist")
        return self.contents(self.sections[table.link])

    def definitions(self) -> list[bytes]:
        """The symbols, but local ones, that a relocatable object defines: what an archive's index lists."""
        table = self.table(SHT_SYMTAB)
        if table is None:
            return []
        strings, data = self.strings(table), self.contents(table)
        entries = _SYMBOL.iter_unpack(data[: len(data) - len(data) % _SYMBOL.size])
        # By offset: a name may be the tail of a longer one that is stored once.
        names = [cstring(strings, name) for name, info, _, section, *_ in entries if section and info >> 4 != STB_LOCAL]
        return [name for name in names if name]

    def named_symbols(self, table: Section) -> list[tuple[bytes, int]]:
        """The name and type (`STT_…`) of every entry of a symbol table that has a name."""
        strings, data = self.strings(table), self.contents(table)
        entries = _SYMBOL.iter_unpack(data[: len(data) - len(data) % _SYMBOL.size])
        found = [(cstring(strings, name), info & 15) for name, info, *_ in entries]
        return [entry for entry in found if entry[0]]

    def symbols(self, table: Section, wanted: set[bytes]) -> list[Symbol]:
        """The entries of a symbol table whose name is in `wanted`."""
        strings = self.strings(table)
        offsets: dict[int, bytes] = {}
        for name in wanted:
            at = strings.find(name + b"\0")
            while at >= 0:  # a name may also be the tail of a longer one that is stored once
                offsets[at] = name
                at = strings.find(name + b"\0", at + 1)
        if not offsets:
            return []
        data = self.contents(table)
        usable = len(data) - len(data) % _SYMBOL.size
        return [
            Symbol(index, offsets[fields[0]], fields)
            for index, fields in enumerate(_SYMBOL.iter_unpack(data[:usable]))
            if fields[0] in offsets and fields[0]
        ]


def cstring(table: bytes, offset: int) -> bytes:
    """The NUL-terminated string at an offset of a string table; b"" outside of it."""
    end = table.find(b"\0", offset)
    return table[offset:end] if offset >= 0 and end >= 0 else b""
