"""What a link made, as facts that can be compared: symbols, what is exported and imported, sections, inputs (R15).

Reading is here, comparing is in `verify`. Not on the hot path: only `allocs explain --verify` looks at outputs.
"""

import struct
from collections.abc import Iterable, Iterator

from allocscc.elf.object import (
    SHF_ALLOC,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHT_DYNSYM,
    SHT_RELA,
    SHT_SYMTAB,
    STB_LOCAL,
    ElfObject,
    Section,
    cstring,
)
from allocscc.errors import FormatError
from allocscc.values import dataclass, replace

_SYMBOL = struct.Struct("<IBBHQQ")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_BINDINGS = {0: "local", 1: "global", 2: "weak", 10: "unique"}
_KINDS = {0: "notype", 1: "object", 2: "function", 3: "section", 4: "file", 5: "common", 6: "tls", 10: "ifunc"}
_VISIBILITIES = ("default", "internal", "hidden", "protected")
_RESERVED = {0xFFF1: "ABS", 0xFFF2: "COMMON"}
_SHT_DYNAMIC, _SHT_RELR, _SHT_VERDEF, _SHT_VERNEED, _SHT_VERSYM = 6, 19, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_PT_INTERP, _PT_GNU_STACK = 3, 0x6474E551
# ELF gABI "Dynamic Section", and Sun's: those that say how the output behaves, not where something lies.
_STRING_TAGS = {14: "SONAME", 15: "RPATH", 29: "RUNPATH"}
_VALUE_TAGS = {16: "SYMBOLIC", 22: "TEXTREL", 24: "BIND_NOW", 30: "FLAGS", 0x6FFFFFFB: "FLAGS_1"}
_NEEDED = 1
# The linker's own marks: where they lie and how large they are said to be follows from the sections.
_MARKS = frozenset((
    "_DYNAMIC", "_GLOBAL_OFFSET_TABLE_", "_PROCEDURE_LINKAGE_TABLE_", "_TLS_MODULE_BASE_", "__GNU_EH_FRAME_HDR",
    "__bss_start", "_edata", "_end", "_etext", "edata", "end", "etext", "__executable_start", "__ehdr_start",
    "__preinit_array_start", "__preinit_array_end", "__init_array_start", "__init_array_end", "__fini_array_start",
    "__fini_array_end", "__rela_iplt_start", "__rela_iplt_end", "__TMC_END__", "__TMC_LIST__",
))  # fmt: skip


@dataclass(frozen=True)
class SymbolFact:
    """One symbol of a linked output, or of an object.

    Attributes:
        name: without its version.
        section: name of the section that it lies in; "UND", "ABS" or "COMMON" where there is none.
        binding: `local`, `global`, `weak` or `unique`.
        kind: `function`, `object`, `tls`, `notype`, `file` …
        visibility: `default`, `internal`, `hidden` or `protected`.
        size: bytes.
        version: its symbol version, or "".
    """

    name: str
    section: str
    binding: str = "global"
    kind: str = "function"
    visibility: str = "default"
    size: int = 0
    version: str = ""

    @property
    def defined(self) -> bool:
        """Whether this file holds its definition."""
        return self.section != "UND"

    def __str__(self) -> str:
        """In words, for a report."""
        name = f"{self.name}@{self.version}" if self.version else self.name
        if not self.defined:
            return f"{name}: undefined{' weak' if self.binding == 'weak' else ''}"
        visibility = "" if self.visibility == "default" else f"{self.visibility} "
        return f"{name}: {self.binding} {visibility}{self.kind} in {self.section}, {self.size} bytes"


@dataclass(frozen=True)
class Outcome:
    """The facts of one link.

    Attributes:
        symbols: the static symbol table, without section symbols.
        dynamic: the dynamic symbol table: what is exported and imported.
        needed: shared objects that the loader has to find, in order.
        sections: loaded sections with their sizes.
        properties: what else says how the output behaves: flags, search paths, interpreter, executable stack.
        inputs: files and archive members (`lib.a(member.o)`) that took part, paths made absolute.
        options: the linker's options.
    """

    symbols: tuple[SymbolFact, ...] = ()
    dynamic: tuple[SymbolFact, ...] = ()
    needed: tuple[str, ...] = ()
    sections: tuple[tuple[str, int], ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObjectFacts:
    """One object as the linker sees it.

    Attributes:
        symbols: all named symbols.
        sections: loaded sections: name, size, alignment.
        relocations: number of relocations of loaded sections.
    """

    symbols: tuple[SymbolFact, ...] = ()
    sections: tuple[tuple[str, int, int], ...] = ()
    relocations: int = 0


def read_outcome(path: str, inputs: Iterable[str], options: Iterable[str]) -> Outcome:
    """The facts of a linked output.

    Args:
        path: the output.
        inputs: files and members that took part, see `allocscc.link.trace`.
        options: the linker's options.

    Raises:
        FormatError, OSError: the output cannot be read.
    """
    with open(path, "rb") as file:
        elf = ElfObject(file.read(), path)
    try:
        return _outcome(elf, tuple(inputs), tuple(options))
    except struct.error as error:
        raise FormatError(f"{path}: a table is cut short") from error


def _outcome(elf: ElfObject, inputs: tuple[str, ...], options: tuple[str, ...]) -> Outcome:
    needed, properties = _dynamic_section(elf)
    return Outcome(
        symbols=tuple(_localised(fact) for fact in _symbols(elf, SHT_SYMTAB)),
        dynamic=tuple(_symbols(elf, SHT_DYNSYM)),
        needed=tuple(needed),
        sections=tuple((_text(s.name), s.size) for s in elf.sections if s.flags & SHF_ALLOC),
        properties=(*properties, *_segments(elf)),
        inputs=inputs,
        options=options,
    )


def read_object(data: bytes, where: str) -> ObjectFacts:
    """The facts of an object.

    Raises:
        FormatError: it is damaged.
    """
    elf = ElfObject(data, where)
    loaded = [section for section in elf.sections if section.flags & SHF_ALLOC]
    indexes = {section.index for section in loaded}
    relocations = sum(s.size // 24 for s in elf.sections if s.type == SHT_RELA and s.info in indexes)
    return ObjectFacts(
        tuple(_symbols(elf, SHT_SYMTAB)),
        tuple((_text(s.name), s.size, _alignment(elf, s)) for s in loaded if s.size),
        relocations,
    )


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _alignment(elf: ElfObject, section: Section) -> int:
    return int(struct.unpack_from("<Q", elf.data, elf.section_offset + section.index * 64 + 48)[0])


def _localised(fact: SymbolFact) -> SymbolFact:
    """A hidden symbol of a linked output is a local one; bfd says either, as the moment takes it."""
    if not fact.defined or fact.visibility not in ("internal", "hidden"):
        return fact
    return replace(fact, binding="local", visibility="default")


def _symbols(elf: ElfObject, which: int) -> Iterator[SymbolFact]:
    table = elf.table(which)
    if table is None:
        return
    strings, data = elf.strings(table), elf.contents(table)
    versions = _versions(elf) if which == SHT_DYNSYM else {}
    for index, (at, info, other, place, _, length) in enumerate(_SYMBOL.iter_unpack(data[: len(data) // 24 * 24])):
        name, _, suffix = _text(cstring(strings, at)).partition("@")
        if not name or info & 15 == 3:
            continue
        if place == SHN_UNDEF:
            section = "UND"
        elif place >= SHN_LORESERVE:
            section = _RESERVED.get(place, "ABS")
        else:
            section = _text(elf.sections[place].name) if place < len(elf.sections) else "ABS"
        kind = _KINDS.get(info & 15, str(info & 15))
        if name in _MARKS and (section != "UND" or info >> 4 == STB_LOCAL):
            section = "ABS"
        if name in _MARKS or section == "UND":  # what an undefined one is, only the definition says
            kind, length = "notype", 0
        binding, visibility = _BINDINGS.get(info >> 4, str(info >> 4)), _VISIBILITIES[other & 3]
        version = versions.get(index) or suffix.lstrip("@")
        yield SymbolFact(name, section, binding, kind, visibility, length, version)


def _versions(elf: ElfObject) -> dict[int, str]:
    """Symbol number → version, as the dynamic symbol table has them (LSB, "Symbol Versioning")."""
    table = next((section for section in elf.sections if section.type == _SHT_VERSYM), None)
    if table is None:
        return {}
    names: dict[int, str] = {}
    for section in elf.sections:
        if section.type not in (_SHT_VERDEF, _SHT_VERNEED):
            continue
        data, strings, at = elf.contents(section), elf.strings(section), 0
        # The file may be damaged: no more entries than there is room for.
        for _ in range(min(section.info, len(data))):
            if section.type == _SHT_VERDEF:
                _, _, number, _, _, aux, following = struct.unpack_from("<HHHHIII", data, at)
                names[number] = _text(cstring(strings, struct.unpack_from("<I", data, at + aux)[0]))
            else:
                _, count, _, aux, following = struct.unpack_from("<HHIII", data, at)
                for _ in range(min(count, len(data))):
                    _, _, number, name, step = struct.unpack_from("<IHHII", data, at + aux)
                    names[number & 0x7FFF] = _text(cstring(strings, name))
                    aux += step
            at += following
    numbers = struct.iter_unpack("<H", elf.contents(table)[: table.size // 2 * 2])
    # 0 and 1 say local and global; lld calls 1 by the path of its output
    known = ((index, number & 0x7FFF) for index, (number,) in enumerate(numbers))
    return {index: names[number] for index, number in known if number > 1 and number in names}


def _dynamic_section(elf: ElfObject) -> tuple[list[str], list[tuple[str, str]]]:
    section = elf.table(_SHT_DYNAMIC)
    needed: list[str] = []
    properties: list[tuple[str, str]] = []
    if section is None:
        return needed, properties
    strings, data = elf.strings(section), elf.contents(section)
    for tag, value in struct.iter_unpack("<QQ", data[: len(data) // 16 * 16]):
        if tag == _NEEDED:
            needed.append(_text(cstring(strings, value)))
        elif tag in _STRING_TAGS:
            properties.append((_STRING_TAGS[tag], _text(cstring(strings, value))))
        elif tag in _VALUE_TAGS:
            properties.append((_VALUE_TAGS[tag], f"{value:#x}"))
    return needed, properties


def _segments(elf: ElfObject) -> Iterator[tuple[str, str]]:
    yield "type", str(elf.type)
    offset = struct.unpack_from("<Q", elf.data, 32)[0]
    size, count = struct.unpack_from("<HH", elf.data, 54)
    for number in range(count if size == _PROGRAM_HEADER.size else 0):
        kind, flags, at, _, _, length, _, _ = _PROGRAM_HEADER.unpack_from(elf.data, offset + number * size)
        if kind == _PT_INTERP:
            yield "interpreter", _text(cstring(elf.data[at : at + length], 0))
        elif kind == _PT_GNU_STACK:
            yield "stack", "executable" if flags & 1 else "not executable"
