"""`allocs sites X`: the allocation sites that an object, archive, shared object or program records."""

import json
import os
import struct
import sys
from dataclasses import asdict

from plumbum import cli

from allocscc.elf import archive
from allocscc.elf.object import ET_REL, ElfObject, cstring
from allocscc.sidecar import EVIDENCE, FLAG_ARRAY, FLAG_NAMES, FLAG_TAIL, Declaration, Site, decode, decode_declarations
from allocscc.sidecar_names import SIDECAR_SECTION, SITES_SECTION

# struct site_record of stubgen/runtime/rt.h
_RECORD = struct.Struct("<5i3I")


class Sites(cli.Application):
    """List the allocation sites recorded in an object, archive, shared object, program or sidecar file.

    Example: allocs sites main.o
    """

    json = cli.Flag("--json", help="print a JSON array instead of lines")

    def main(self, path: str) -> int:
        """Read the records and print them."""
        sites = read_sites(path)
        if self.json:
            json.dump([_as_json(site) for site in sites], sys.stdout, indent=1)
            print()
            return 0
        for site in sites:
            print(f"{site.file}:{site.line}:{site.column}: {site.function}: {site.callee} -> {_type(site)}")
        return 0


def read_sites(path: str) -> list[Site]:
    """All sites of a file, by what kind of file it is.

    Raises:
        FormatError: the file is none of the kinds, or damaged.
    """
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith((archive.MAGIC, archive.THIN_MAGIC)):
        members = archive.members(data, path, os.path.dirname(path) or ".")
        return [site for member in members if member.data[:4] == b"\x7fELF" for site in _elf_sites(member.data, path)]
    if data.startswith(b"\x7fELF"):
        return _elf_sites(data, path)
    return decode(data, path)


def read_declarations(path: str) -> list[Declaration]:
    """What the sources of an object, of an archive's members, or of a sidecar file declare by attributes.

    Raises:
        FormatError: the file is none of these, or damaged.
    """
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith((archive.MAGIC, archive.THIN_MAGIC)):
        found = archive.members(data, path, os.path.dirname(path) or ".")
        objects = [member.data for member in found if member.data[:4] == b"\x7fELF"]
    elif data.startswith(b"\x7fELF"):
        objects = [data]
    else:
        return decode_declarations(data, path)
    declarations = []
    for elf in (ElfObject(contents, path) for contents in objects):
        for section in elf.sections:
            if section.name == SIDECAR_SECTION.encode():
                declarations += decode_declarations(elf.contents(section), path)
    return declarations


def _elf_sites(data: bytes, path: str) -> list[Site]:
    elf = ElfObject(data, path)
    if elf.type == ET_REL:
        sections = [s for s in elf.sections if s.name == SIDECAR_SECTION.encode()]
        return [site for section in sections for site in decode(elf.contents(section), path)]
    section = elf.section(SITES_SECTION.encode())
    return _linked_sites(elf, elf.contents(section), section.address) if section else []


def _linked_sites(elf: ElfObject, records: bytes, address: int) -> list[Site]:
    """Records of a linked file; their offsets lead to strings in other loaded sections."""

    def text(field: int, offset: int) -> str:
        target = field + offset
        for section in elf.sections:
            if offset and section.address <= target < section.address + section.size:
                at = target - section.address
                return cstring(elf.contents(section), at).decode("utf-8", "surrogateescape")
        return ""

    sites = []
    for at in range(0, len(records) - len(records) % _RECORD.size, _RECORD.size):
        _, file, function, callee, kind, line, column, flags = _RECORD.unpack_from(records, at)
        here = address + at
        evidence = EVIDENCE[flags & 0xFF] if flags & 0xFF < len(EVIDENCE) else "none"
        strings = [text(here + 4 + 4 * i, offset) for i, offset in enumerate((file, function, callee, kind))]
        array, tail = bool(flags & FLAG_ARRAY), bool(flags & FLAG_TAIL)
        sites.append(Site(strings[0], line, column, strings[1], strings[2], strings[3], evidence, array, tail))
    return sites


def _as_json(site: Site) -> dict[str, object]:
    table = {key: value for key, value in asdict(site).items() if key not in ("array", "tail")}
    return table | {"type": site.type or None, "flags": [n for bit, n in FLAG_NAMES.items() if site.flags & bit]}


def _type(site: Site) -> str:
    if not site.type:
        return "?"
    return f"{site.type}{' …' if site.array else ''} ({site.evidence})"
