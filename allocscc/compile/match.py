"""Brings machine sites and source sites together: by file, line, column and callee (DESIGN §2.4)."""

import os
from collections import defaultdict

from allocscc.compile.asm import MachineSite
from allocscc.compile.source import NEW, SourceSite
from allocscc.sidecar import Site


def match_sites(machine: list[MachineSite], source: list[SourceSite]) -> tuple[Site, ...]:
    """What is known of each machine site; never a guess: where two source sites fit and differ, neither is taken.

    Args:
        machine: call instructions, in text order.
        source: calls in the source, in any order.
    """
    by_line: dict[tuple[str, int], list[SourceSite]] = defaultdict(list)
    for site in source:
        by_line[os.path.basename(site.file), site.line].append(site)
    columns: dict[tuple[str, int, str], set[int]] = defaultdict(set)
    for place in machine:
        columns[place.file, place.line, place.callee].add(place.column)
    sites = []
    for place in machine:
        candidates = by_line.get((os.path.basename(place.file), place.line), [])
        candidates = [site for site in candidates if _same_file(place.file, site.file)]
        ordinals = sorted(columns[place.file, place.line, place.callee])
        sites.append(_site(place, _choose(place, candidates, ordinals)))
    return tuple(sites)


def _same_file(machine: str, source: str) -> bool:
    """Whether two names may be of one file: the last two parts agree, or the one of a name that has one only.

    The compiler's name may have been changed by a prefix map, the source's may be relative.
    """
    ours, theirs = (
        [part for part in os.path.normpath(p).split("/") if part not in ("", "..")] for p in (machine, source)
    )
    common = min(len(ours), len(theirs), 2)
    return ours[-common:] == theirs[-common:]


def _choose(place: MachineSite, candidates: list[SourceSite], columns: list[int]) -> SourceSite | None:
    same = [site for site in candidates if _same_callee(place.callee, site.callee)]
    if not same:  # the optimiser calls another function than the source (malloc and memset became calloc)
        same = candidates
    exact = [site for site in same if site.exact and site.column == place.column]
    if exact:
        return _unanimous(exact)
    if not all(site.exact for site in same):
        # A macro on the line: the columns differ, but their order is the same in the source and the machine code.
        ordered = sorted({site.column for site in same})
        if len(ordered) == len(columns):
            wanted = ordered[columns.index(place.column)]
            return _unanimous([site for site in same if site.column == wanted])
    return _unanimous(same)


def _unanimous(sites: list[SourceSite]) -> SourceSite | None:
    return sites[0] if sites and all(site.sized == sites[0].sized for site in sites) else None


def _same_callee(machine: str, source: str) -> bool:
    return machine == source or (source == NEW and machine.startswith(("_Znw", "_Zna")))


def _site(place: MachineSite, source: SourceSite | None) -> Site:
    sized = source.sized if source else None
    return Site(
        file=place.file,
        line=place.line,
        column=place.column,
        function=source.function if source else place.function,
        callee=place.callee,
        type=sized.type if sized else "",
        evidence=sized.evidence if sized else "none",
        array=bool(sized and sized.array),
        tail=place.tail,
    )
