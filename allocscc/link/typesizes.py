"""The sizes of the types that typed primitives allocate, from the sites of their calls in the link's inputs.

`newT(i)p` allocates what its result points to; how large that is stands in the sidecars of the objects that call it.
Only backends whose stubs have to know it pay (`Backend.type_sizes`).
"""

import os

from allocscc.elf import archive
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from allocscc.link.job import ARCHIVE, OBJECT, LinkJob, read_file
from allocscc.sidecar import decode
from allocscc.sidecar_names import SIDECAR_SECTION


def type_sizes(job: LinkJob, typed: set[str]) -> dict[str, int]:
    """Function → size in bytes, for those of `typed` whose calls agree on one.

    Args:
        job: the link.
        typed: symbols of typed primitives.
    """
    found: dict[str, set[int]] = {}
    for data in _objects(job):
        if not any(name.encode() in data for name in typed):
            continue
        try:
            elf = ElfObject(data, "an input")
            sections = [elf.contents(s) for s in elf.sections if s.name == SIDECAR_SECTION.encode()]
            for site in (site for section in sections for site in decode(section)):
                if site.callee in typed and site.size:
                    found.setdefault(site.callee, set()).add(site.size)
        except FormatError:
            continue  # whoever looked through the inputs has said so
    return {name: sizes.pop() for name, sizes in found.items() if len(sizes) == 1}


def _objects(job: LinkJob) -> list[bytes]:
    """The contents of the link's objects and archive members."""
    found = []
    for source in job.inputs:
        if source.kind in (OBJECT, ARCHIVE) and not source.word.startswith("-lc"):
            try:
                data = read_file(source.path)
                if source.kind == ARCHIVE:
                    found += [
                        member.data for member in archive.members(data, source.path, os.path.dirname(source.path))
                    ]
                else:
                    found.append(data)
            except (OSError, FormatError):
                continue
    return found
