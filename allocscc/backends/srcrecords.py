"""Source-site lines in a unit's assembly, and line numbers by which liballocs' tools find each of them.

Its tools know a call by the file and line that `objdump -l` prints, and compare both as text. So each call gets a
`.loc` of its own: with the very name that its line has, and where several calls of one line allocate different types,
with names that differ (`/src/./x.c`) and are the same file to everybody else. objdump prints a place again only when
the line or the discriminator changes, therefore a discriminator.
"""

from __future__ import annotations

import os
import re

from allocscc.backends.interface import Records
from allocscc.backends.srcallocs import INDIRECT, srcallocs_line, type_string
from allocscc.gastext import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocscc.sidecar import Site

_SECTION = ".allocs_srcallocs"
_LABEL = ".Lallocs_source_sites"
_FILE = re.compile(r"^\t\.file[ \t]+(\d+)[ \t]", re.M)


def source_records(text: str, sites: Sequence[Site]) -> Records | None:
    """What the assembly gets for its sites; None if it has none.

    Args:
        text: the assembly.
        sites: its allocation sites, in text order.
    """
    names = _names([site for site in sites if _counts(site)])
    if not names:
        return None
    has_lines = ".debug_info" in text
    number = max((int(found) for found in _FILE.findall(text)), default=0)
    files: dict[str, int] = {}
    before: dict[int, str] = {}
    for place, site in enumerate(sites):
        if not _counts(site):
            continue
        name, variant = names[site.file, site.line, type_string(site)]
        words = ""
        if has_lines:
            if name not in files:
                files[name] = number = number + 1
                words += f"\t.file {number} {quote(name)}\n"
            words += f"\t.loc {files[name]} {site.line} {site.column} discriminator {variant + 1}\n"
        # With --gc-sections the lines stay as long as any code stays that they are about.
        before[place] = f"{words}\t.reloc ., BFD_RELOC_NONE, {_LABEL}\n"
    lines = dict.fromkeys(
        srcallocs_line(site, names[site.file, site.line, type_string(site)][0]) for site in sites if _counts(site)
    )
    contents = "".join(f"\t.ascii\t{quote(line + chr(10))}\n" for line in lines)
    return Records(before, f'\t.pushsection {_SECTION},"a",@progbits\n{_LABEL}:\n{contents}\t.popsection\n')


def _counts(site: Site) -> bool:
    """Whether a site has a line: also a call through a pointer with a `sizeof`, as its own tools have them."""
    return bool(site.line) and (not site.candidate or site.callee == INDIRECT)


def _names(sites: list[Site]) -> dict[tuple[str, int, str], tuple[str, int]]:
    """(file, line, type) → the file as it is named for sites of that type in that line, and which of the names that is.

    The first type of a line, by columns, has the file's own name.
    """
    found: dict[tuple[str, int], list[str]] = {}
    for site in sorted(sites, key=lambda site: (site.file, site.line, site.column)):
        types = found.setdefault((site.file, site.line), [])
        if type_string(site) not in types:
            types.append(type_string(site))
    return {
        (file, line, kind): (_variant(file, number), number)
        for (file, line), types in found.items()
        for number, kind in enumerate(types)
    }


def _variant(file: str, number: int) -> str:
    folder, base = os.path.split(file)
    return os.path.join(folder, *["."] * number, base)
