"""Stub objects that differ in nothing but names: one is compiled, the names are put into copies of it.

Two hundred wrappers have a dozen shapes. A template's C has placeholders for symbols, texts and instances; in its
object the symbols' placeholders stand in string tables, which get new contents behind the file, and those of texts, all
of one length, in the data.
"""

import struct

from allocscc.elf.object import SHT_SYMTAB, ElfObject, cstring
from allocscc.link.stubs import Names, instance_symbol

_MARK = b"aLLoCs_"
_SYMBOL_SIZE = 24
# Texts are as long as the longest of a file, in steps of this: shapes of many lengths would be many templates.
_STEP = 64
_SUFFIX = "_allocator"


class Placeholders(Names):
    """Numbered placeholders, in the order in which they are asked for, and what they stand for."""

    def __init__(self, longest: int) -> None:
        self._length = (longest // _STEP + 1) * _STEP
        self._symbols: dict[str, int] = {}
        self._families: dict[str, int] = {}
        self._texts: dict[str, int] = {}

    def symbol(self, name: str, prefix: str = "") -> str:
        """See `Names`."""
        return f'"{prefix}aLLoCs_s{_number(self._symbols, name)}_"'

    def text(self, text: str) -> str:
        """See `Names`."""
        return f'"{self._text(_number(self._texts, text))}"'

    def instance(self, family: str) -> str:
        """See `Names`."""
        return f"aLLoCs_f{_number(self._families, family)}_{_SUFFIX}"

    def comment(self, text: str) -> str:  # noqa: ARG002
        """Comments make no object."""
        return ""

    def _text(self, number: int) -> str:
        return f"aLLoCs_t{number}_".ljust(self._length, "@")

    def fill(self, data: bytes, where: str) -> bytes:
        """The object with the names in it.

        Args:
            data: the object that the template's C was compiled to.
            where: its path, for messages.

        Raises:
            FormatError: it is damaged.
        """
        elf, result = ElfObject(data, where), bytearray(data)
        for text, number in self._texts.items():
            encoded = text.encode("utf-8", "surrogateescape").ljust(self._length, b"\0")
            _replace(result, self._text(number).encode(), encoded)
        tables: dict[int, _Strings] = {}
        symbols = elf.table(SHT_SYMTAB)
        names = struct.unpack_from("<H", data, 62)[0]  # e_shstrndx
        own = self._symbol_names()
        if symbols is not None:
            strings = tables.setdefault(symbols.link, _Strings(elf.strings(symbols), own))
            for at in range(symbols.offset, symbols.offset + symbols.size, _SYMBOL_SIZE):
                strings.move(result, at)
        strings = tables.setdefault(names, _Strings(elf.contents(elf.sections[names]), own))
        for section in elf.sections:
            strings.move(result, elf.section_offset + section.index * 64)
        for index, table in tables.items():
            header = elf.section_offset + index * 64
            struct.pack_into("<QQ", result, header + 24, len(result), len(table.contents))
            result += table.contents
        return bytes(result)

    def _symbol_names(self) -> dict[bytes, bytes]:
        """What stands for each placeholder in a symbol."""
        found = {f"s{number}": name for name, number in self._symbols.items()}
        found |= {
            f"f{number}": instance_symbol(family).removesuffix(_SUFFIX) for family, number in self._families.items()
        }
        return {key.encode(): name.encode("utf-8", "surrogateescape") for key, name in found.items()}


class _Strings:
    """A string table's new contents."""

    def __init__(self, old: bytes, names: dict[bytes, bytes]) -> None:
        self._old, self._names = old, names
        self._at: dict[int, int] = {}
        self.contents = bytearray(b"\0")

    def move(self, data: bytearray, at: int) -> None:
        """Send the offset of a string, which stands at a place of the file, to the new table."""
        (offset,) = struct.unpack_from("<I", data, at)
        if offset not in self._at:
            self._at[offset] = len(self.contents) if offset else 0
            if offset:
                text = cstring(self._old, offset)
                self.contents += _named(text, self._names) + b"\0"
        struct.pack_into("<I", data, at, self._at[offset])


def _named(text: bytes, names: dict[bytes, bytes]) -> bytes:
    """A symbol with names for its placeholders."""
    first, *parts = text.split(_MARK)
    for part in parts:
        key, end, rest = part.partition(b"_")
        first += names[key] + rest if end and key in names else _MARK + part
    return first


def _number(numbers: dict[str, int], name: str) -> int:
    return numbers.setdefault(name, len(numbers))


def _replace(data: bytearray, old: bytes, new: bytes) -> None:
    at = data.find(old)
    while at >= 0:
        data[at : at + len(old)] = new
        at = data.find(old, at + len(old))
