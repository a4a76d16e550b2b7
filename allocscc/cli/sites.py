"""`allocs sites X`: the allocation sites that an object, archive, shared object or program records."""

import json
import os
import re
import struct
import sys
from typing import Any

from plumbum import cli

from allocscc.backends.srcallocs import srcallocs_line
from allocscc.elf import archive
from allocscc.elf.object import ET_REL, ElfObject, cstring
from allocscc.errors import printable
from allocscc.sidecar import EVIDENCE, FLAG_NAMES, SIZE_SHIFT, Declaration, Site, decode, decode_declarations
from allocscc.sidecar_names import SIDECAR_SECTION, SITES_SECTION
from allocscc.values import asdict, dataclass

_SIZED = re.compile(r"\bsizeof\b|\bnew\b")
# struct site_record of stubgen/runtime/rt.h
_RECORD = struct.Struct("<5i3I")


class Sites(cli.Application):
    """List the allocation sites recorded in an object, archive, shared object, program or sidecar file.

    Example: allocs sites main.o
    """

    json = cli.Flag("--json", help="print a JSON array (with --coverage: an object) instead of lines")
    candidates = cli.Flag("--candidates", help="list calls, too, that are none as the config stands (always in JSON)")
    srcallocs = cli.Flag("--srcallocs", help="print liballocs' lines (.i.allocs)")
    coverage = cli.Flag("--coverage", help="print how many sites have a line, a call in the source, and a type")

    def main(self, path: str) -> int:
        """Read the records and print them."""
        sites = read_sites(path)
        if self.coverage:
            return _print_coverage(coverage_of(sites), as_json=bool(self.json))
        if self.srcallocs:
            for site in sites:
                print(srcallocs_line(site))
            return 0
        if self.json:
            json.dump([_as_json(site) for site in sites], sys.stdout, indent=1)
            print()
            return 0
        for site in sites:
            if site.candidate and not self.candidates:
                continue
            line = f"{site.file}:{site.line}:{site.column}: {site.function}: {site.callee} -> {_type(site)}"
            print(printable(line))
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
        known: dict[str, Any] = {name: bool(flags & bit) for bit, name in FLAG_NAMES.items()}
        size = flags >> SIZE_SHIFT
        sites.append(Site(strings[0], line, column, strings[1], strings[2], strings[3], evidence, **known, size=size))
    return sites


@dataclass(frozen=True)
class Coverage:
    """How much is known of the sites of a file; candidates do not count.

    Attributes:
        sites: all.
        placed: those with file and line.
        matched: those that were found in the source.
        typed: those with a type.
        sized: those whose line has a `sizeof` or `new`, where the source can be read.
        sized_typed: those of them that have a type.
        candidates: calls that are none as the config stands.
    """

    sites: int
    placed: int
    matched: int
    typed: int
    sized: int
    sized_typed: int
    candidates: int


def coverage_of(sites: list[Site]) -> Coverage:
    """Count; sources are read where they are."""
    own = [site for site in sites if not site.candidate]
    lines: dict[str, list[str]] = {}
    sized = [site for site in own if _SIZED.search(_line_of(site, lines))]
    return Coverage(
        sites=len(own),
        placed=sum(bool(site.file and site.line) for site in own),
        matched=sum(site.matched for site in own),
        typed=sum(bool(site.type) for site in own),
        sized=len(sized),
        sized_typed=sum(bool(site.type) for site in sized),
        candidates=len(sites) - len(own),
    )


def _line_of(site: Site, lines: dict[str, list[str]]) -> str:
    if site.file not in lines:
        try:
            lines[site.file] = []
            if os.path.isfile(site.file):  # what is recorded may be anything, also a pipe that never ends
                with open(site.file, encoding="utf-8", errors="replace") as file:
                    lines[site.file] = file.read().split("\n")
        except (OSError, ValueError):  # ValueError: a name with NUL
            pass
    known = lines[site.file]
    return known[site.line - 1] if 0 < site.line <= len(known) else ""


def _print_coverage(found: Coverage, *, as_json: bool) -> int:
    if as_json:
        json.dump(asdict(found), sys.stdout, indent=1)
        print()
        return 0

    def row(what: str, count: int, of: int) -> None:
        print(f"{what:<32} {count:>7}" + (f" {100 * count / of:7.2f} %" if of else ""))

    row("sites", found.sites, 0)
    row("  with file and line", found.placed, found.sites)
    row("  found in the source", found.matched, found.sites)
    row("  with a type", found.typed, found.sites)
    row("lines with sizeof or new", found.sized, 0)
    row("  with a type", found.sized_typed, found.sized)
    row("candidates", found.candidates, 0)
    return 0


def _as_json(site: Site) -> dict[str, object]:
    table = {key: value for key, value in asdict(site).items() if key not in FLAG_NAMES.values()}
    return table | {"type": site.type or None, "flags": [n for bit, n in FLAG_NAMES.items() if site.flags & bit]}


def _type(site: Site) -> str:
    if not site.type:
        return "?"
    return f"{site.type}{' …' if site.array else ''} ({site.evidence})"
