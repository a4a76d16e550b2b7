"""Tiny ELF files and archives, made by hand; and how to read them back with other people's code."""

import io
import struct
from dataclasses import dataclass, field

from elftools.elf.elffile import ELFFile

REL, EXEC, DYN = 1, 2, 3
LOCAL, GLOBAL, WEAK = 0, 1, 2
NOTYPE, OBJECT, FUNC = 0, 1, 2
DEFAULT, INTERNAL, HIDDEN, PROTECTED = 0, 1, 2, 3
ALLOC = 2
PLT32, PC32, ABS64 = 4, 2, 1
_SECTION = struct.Struct("<IIQQQQIIQQ")


@dataclass
class Sym:
    """A symbol; `section` is the name of a section, or "" for an undefined one."""

    name: str
    section: str = ".text"
    binding: int = GLOBAL
    type: int = FUNC
    visibility: int = DEFAULT
    value: int = 0
    size: int = 4


@dataclass
class Sec:
    """A section with contents; `relocations` are (offset, symbol's name, type, addend)."""

    name: str
    data: bytes = b"\x90" * 16
    flags: int = ALLOC
    type: int = 1
    relocations: list = field(default_factory=list)


def elf(symbols=(), sections=None, kind=REL):
    """An x86-64 ELF file; a shared object has a dynamic symbol table, others an ordinary one."""
    sections = sections or [Sec(".text")]
    symbols = sorted(symbols, key=lambda s: s.binding != LOCAL)
    table_name, table_type = (".dynsym", 11) if kind == DYN else (".symtab", 2)
    relocated = [s for s in sections if s.relocations]
    names = [
        "",
        *(s.name for s in sections),
        *(f".rela{s.name}" for s in relocated),
        table_name,
        ".strtab",
        ".shstrtab",
    ]
    index = {name: number for number, name in enumerate(names)}
    strings, offsets = _string_table([s.name for s in symbols])
    section_names, name_offsets = _string_table(names)
    entries = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", offsets[s.name], s.binding << 4 | s.type, s.visibility,
                    index[s.section] if s.section else 0, s.value, s.size)
        for s in symbols
    )  # fmt: skip
    numbers = {s.name: number for number, s in enumerate(symbols, 1)}
    table = index[table_name]
    bodies = [(s.type, s.flags, s.data, 0, 0, 0) for s in sections]
    for section in relocated:
        rows = b"".join(struct.pack("<QQq", o, numbers[n] << 32 | t, a) for o, n, t, a in section.relocations)
        bodies.append((4, 0x40, rows, table, index[section.name], 24))
    locals_ = 1 + sum(s.binding == LOCAL for s in symbols)
    bodies.append((table_type, 0, entries, index[".strtab"], locals_, 24))
    bodies += [(3, 0, strings, 0, 0, 0), (3, 0, section_names, 0, 0, 0)]
    out = bytearray(64)
    headers = [bytes(64)]
    for name, (type_, flags, data, link, info, entry) in zip(names[1:], bodies, strict=True):
        out += bytes(-len(out) % 8)
        headers.append(_SECTION.pack(name_offsets[name], type_, flags, 0, len(out), len(data), link, info, 8, entry))
        out += data if type_ != 8 else b""
    out += bytes(-len(out) % 8)
    out[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1",
        kind,
        62,
        1,
        0,
        0,
        len(out),
        0,
        64,
        0,
        0,
        64,
        len(headers),
        len(names) - 1,
    )
    return bytes(out) + b"".join(headers)


def _string_table(names):
    data, offsets = b"\0", {"": 0}
    for name in names:
        if name not in offsets:
            offsets[name] = len(data)
            data += name.encode() + b"\0"
    return data, offsets


def member(name, data):
    """One archive member with its header and padding."""
    return b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"644", len(data)) + data + b"\n" * (len(data) % 2)


def index_member(names, between=0):
    """The symbol index of a GNU archive; all names lead to the first member, with `between` bytes before it."""
    names = [name.encode() + b"\0" for name in names]
    size = 4 + 4 * len(names) + len(b"".join(names))
    first = struct.pack(">I", 8 + 60 + size + size % 2 + between)
    return member(b"/", struct.pack(">I", len(names)) + first * len(names) + b"".join(names))


def archive(contents, index=()):
    """A GNU archive of (name, data) with short names, and an index of symbol names."""
    return b"!<arch>\n" + index_member(index) + b"".join(member(name.encode() + b"/", data) for name, data in contents)


def thin_archive(paths, sizes, index=()):
    """A thin archive: names in the long name table, no bodies."""
    table, fields = b"", []
    for path in paths:
        fields.append(b"/%d" % len(table))
        table += path.encode() + b"/\n"
    heads = [member(f, b"x" * size)[:60] for f, size in zip(fields, sizes, strict=True)]
    long_names = member(b"//", table)
    return b"!<thin>\n" + index_member(index, len(long_names)) + long_names + b"".join(heads)


def read_symbols(data):
    """Read a symbol table with pyelftools: name → (binding, type, visibility, section name or "", value)."""
    file = ELFFile(io.BytesIO(data))
    table = file.get_section_by_name(".symtab")
    found = {}
    for symbol in table.iter_symbols():
        at = symbol["st_shndx"]
        section = file.get_section(at).name if isinstance(at, int) else ""
        info, other = symbol["st_info"], symbol["st_other"]
        found[symbol.name] = (info["bind"], info["type"], other["visibility"], section, symbol["st_value"])
    return found


def read_relocations(data, section):
    """Read a section's relocations with pyelftools: [(offset, symbol's name, type, addend)]."""
    file = ELFFile(io.BytesIO(data))
    table = file.get_section_by_name(".symtab")
    rows = file.get_section_by_name(f".rela{section}").iter_relocations()
    return [(r["r_offset"], table.get_symbol(r["r_info_sym"]).name, r["r_info_type"], r["r_addend"]) for r in rows]
