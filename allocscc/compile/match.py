"""Brings machine sites and source sites together: by file, line, column and callee (DESIGN §2.4)."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from allocscc.compile.asm import MachineSite
from allocscc.compile.instances import function_name, instance, without_arguments
from allocscc.compile.source import NEW, Sized, SourceSite
from allocscc.sidecar import Site
from allocscc.values import replace

# Itanium ABI: a global operator new or new[]
_NEW = re.compile(r"_Zn[wa][a-z]")
_ARRAY_NEW = re.compile(r"_Z(?:na|N.*na)")

# What clang says of itself. It gives a call that it made of two the line 0.
_CLANG = "clang version"
_ALIAS = re.compile(r"\n\t\.set[ \t]+([\w.$]+),[ \t]*([\w.$]+)(?=\n)")

# File without its folder, line, column
_Place = tuple[str, int, int]


def match_sites(
    machine: list[MachineSite], source: list[SourceSite], functions: Sequence[str] = (), text: str = ""
) -> tuple[Site, ...]:
    """What is known of each machine site; never a guess: where two source sites fit and differ, neither is taken.

    Args:
        machine: call instructions, in text order.
        source: calls in the source, in any order.
        functions: for each of `machine`, the symbol of the function whose source has the call, where it was inlined
            and that is known; else "".
        text: the assembly, where it is to be searched for functions that the compiler found to be the same.
    """
    index = _Index(machine, source)
    # A generated line may hold thousands of calls, all at one place.
    places = [(one.file, one.line, one.column, one.callee, "" if one.line else one.function) for one in machine]
    candidates = {key: index.candidates(one) for key, one in dict(zip(places, machine, strict=True)).items()}
    only = {key: _unanimous(found) for key, found in candidates.items()}
    chosen = [only[key] for key in places]
    seen = {site for found in candidates.values() for site in found}
    merged = set() if _CLANG in text else _merged(machine, chosen, [site for site in source if site not in seen])
    aliases = _aliases(text)
    files = {os.path.basename(place.file): place.file for place in machine if place.file}
    inlined = list(functions) or [""] * len(machine)
    sites = []
    for place, found, symbol in zip(machine, chosen, inlined, strict=True):
        if found is not None and (found in merged or _is_shared(place, found, aliases, index.functions)):
            found = replace(found, sized=None)
        where = place if place.line or found is None else _placed(place, found, files)
        sites.append(_site(where, found, symbol or place.function))
    return tuple(sites)


class _Index:
    """Source sites by the places where compilers may say that they are."""

    def __init__(self, machine: list[MachineSite], source: list[SourceSite]) -> None:
        self._own: dict[_Place, list[SourceSite]] = defaultdict(list)
        self._outer: dict[_Place, list[SourceSite]] = defaultdict(list)
        self._lines: dict[tuple[str, int], list[SourceSite]] = defaultdict(list)
        for site in source:
            file = os.path.basename(site.file)
            self._lines[file, site.line].append(site)
            for place in _own_places(site):
                self._own[place].append(site)
            for place in _places(file, site.outer):
                self._outer[place].append(site)
        self.functions: dict[str, list[SourceSite]] = defaultdict(list)
        for site in source:
            self.functions[site.function].append(site)
        self._called: dict[_Place, set[str]] = defaultdict(set)
        self._columns: dict[tuple[str, int, str], set[int]] = defaultdict(set)
        for one in machine:
            where = os.path.basename(one.file), one.line, one.column
            self._called[where].add(one.callee)
            if not self._own.get(where):
                self._columns[one.file, one.line, one.callee].add(one.column)

    def candidates(self, place: MachineSite) -> list[SourceSite]:
        """The source sites that a machine site may be."""
        if not place.line:  # gcc's thunks have no lines: all that is known is the function
            sites = self.functions.get(without_arguments(function_name(place.function)), ())
            return [site for site in sites if _same_callee(place.callee, site.callee)]
        where = os.path.basename(place.file), place.line, place.column
        own = [site for site in self._own.get(where, ()) if _same_file(place.file, site.file)]
        outer = [site for site in self._outer.get(where, ()) if _same_file(place.file, site.file)]
        found = [site for site in own if _same_callee(place.callee, site.callee)]
        found += [
            site
            for site in outer
            if _same_callee(place.callee, site.callee) and site not in found and not self._is_called(site)
        ]
        if found:
            return found
        line = [site for site in self._lines.get(where[:2], ()) if _same_file(place.file, site.file)]
        vague = [site for site in line if not (site.exact and place.column)]
        found = self._by_order(place, [site for site in vague if _same_callee(place.callee, site.callee)])
        # The optimiser may call another function than the source: malloc and memset become calloc.
        return found or own or [site for site in [*outer, *vague] if not self._is_called(site)]

    def _by_order(self, place: MachineSite, same: list[SourceSite]) -> list[SourceSite]:
        """Behind a macro the columns differ, but their order is the same in the source and the machine code."""
        ordinals = sorted(self._columns[place.file, place.line, place.callee])
        ordered = sorted({site.column for site in same})
        if len(ordered) == len(ordinals) and place.column in ordinals:
            wanted = ordered[ordinals.index(place.column)]
            return [site for site in same if site.column == wanted]
        return same

    def _is_called(self, site: SourceSite) -> bool:
        """Whether there is a machine site at the place of a source site itself."""
        places = _own_places(site)
        return any(_same_callee(callee, site.callee) for one in places for callee in self._called.get(one, ()))


def _own_places(site: SourceSite) -> list[_Place]:
    file = os.path.basename(site.file)
    if not site.places:
        return [(file, site.line, site.column)] if site.exact else []
    return _places(file, site.places)


def _places(file: str, text: str) -> list[_Place]:
    """`LINE:COLUMN …`; what has no column is left out."""
    pairs = (word.partition(":") for word in text.split())
    return [(file, int(line), int(column)) for line, _, column in pairs if column != "0"]


@cache
def _same_file(machine: str, source: str) -> bool:
    """Whether two names may be of one file: the last two parts agree, or the one of a name that has one only.

    The compiler's name may have been changed by a prefix map, the source's may be relative.
    """
    ours, theirs = (
        [part for part in os.path.normpath(p).split("/") if part not in ("", "..")] for p in (machine, source)
    )
    common = min(len(ours), len(theirs), 2)
    return ours[-common:] == theirs[-common:]


def _unanimous(sites: list[SourceSite]) -> SourceSite | None:
    """The site that all are alike, with the size that those say who know one."""
    if not sites or any(site.sized != sites[0].sized for site in sites):
        return None
    sized = sites[0].sized
    sizes = {site.sized.size for site in sites if site.sized is not None and site.sized.size}
    if sized is None or sizes <= {sized.size}:
        return sites[0]
    return replace(sites[0], sized=replace(sized, size=sizes.pop() if len(sizes) == 1 else 0))


def _differ(one: Sized | None, other: Sized | None) -> bool:
    """Whether two sites allocate different types; these may have one name, if they are local to functions."""
    if one is None or other is None or one != other:
        return one != other
    return bool(one.size and other.size) and one.size != other.size


def _same_callee(machine: str, source: str) -> bool:
    return machine == source or (source == NEW and _NEW.match(machine) is not None)


def _merged(machine: list[MachineSite], chosen: list[SourceSite | None], missing: list[SourceSite]) -> set[SourceSite]:
    """Source sites whose machine code may be that of others, too: the compiler makes one of calls that end alike.

    gcc -O2 (-fcrossjumping, -ftree-tail-merge) gives the one that remains the place of any of them. The others are
    missing then; they may also have been removed, so this says too little rather than too much.

    Args:
        machine: call instructions.
        chosen: the source site of each.
        missing: source sites that are those of none.
    """
    taken = {site for site in chosen if site is not None}
    callees: dict[SourceSite, set[str]] = defaultdict(set)
    for place, site in zip(machine, chosen, strict=True):
        if site is not None:
            callees[site].add(place.callee)
    alike: dict[tuple[str, str, str], list[SourceSite]] = defaultdict(list)
    for site in missing:
        if not site.scopes:  # a template may have no instance
            alike[_definition(site)].append(site)
    return {
        site
        for site in taken
        for other in alike.get(_definition(site), ())
        if _differ(other.sized, site.sized) and any(_same_callee(callee, other.callee) for callee in callees[site])
    }


def _definition(site: SourceSite) -> tuple[str, str, str]:
    """The function that a site is in; functions of one name have different places."""
    return site.file, site.function, site.outer.rpartition(" ")[2]


def _aliases(text: str) -> dict[str, set[str]]:
    """Functions that have other names, too, and which: gcc's -fipa-icf makes one of functions with the same code."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, target in _ALIAS.findall(text):
        found[target].add(name)
    return found


def _is_shared(
    place: MachineSite, chosen: SourceSite, aliases: dict[str, set[str]], functions: dict[str, list[SourceSite]]
) -> bool:
    """Whether the code of a site is that of another function's site, too, which allocates something else."""
    own = function_name(place.function)
    for alias in aliases.get(place.function, ()):
        if function_name(alias) == own:  # a constructor has a name for complete objects and one for bases
            continue
        sites = functions.get(without_arguments(function_name(alias)), ())
        others = [site for site in sites if _same_callee(place.callee, site.callee)]
        if any(_differ(instance(site, alias)[0], instance(chosen, place.function)[0]) for site in others):
            return True
    return False


def _placed(place: MachineSite, source: SourceSite, files: dict[str, str]) -> MachineSite:
    """A machine site without a place at that of its source site, in the file as the compiler names it."""
    file = files.get(os.path.basename(source.file), source.file)
    return replace(place, file=file, line=source.line, column=source.column if source.exact else 0)


def _site(place: MachineSite, source: SourceSite | None, symbol: str) -> Site:
    """The site's record: the place is the source's where that is known, since a compiler's may be its argument's."""
    sized: Sized | None = None
    function = function_name(symbol)
    line, column = place.line, place.column
    if source is not None:
        sized, function = instance(source, symbol)
        if source.exact and column:
            line, column = source.line, source.column
        elif line != source.line:
            line, column = source.line, 0
    array = bool(sized and (sized.array or _ARRAY_NEW.match(place.callee)))
    return Site(
        file=place.file,
        line=line,
        column=column,
        function=function,
        callee=place.callee,
        type=sized.type if sized else "",
        evidence=sized.evidence if sized else "none",
        array=array,
        tail=place.tail,
        candidate=bool(source and source.candidate),
        matched=source is not None,
        size=sized.size if sized else 0,
        members=sized.members if sized else "",
    )
