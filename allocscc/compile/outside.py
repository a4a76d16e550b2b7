"""Attributes allocations inside the library's headers to the line outside that called into the library (R4).

Walking outwards from the allocation through the calls that were inlined, that is the first call that stands in a file
of the user's: the line that asked for memory. Where that line's function was itself inlined into another one of the
user's, it is still that line: the outer one asked for something else. A function of the library's that was not inlined
into the user's code has the place of its own call, as far out as the unit tells.
"""

from __future__ import annotations

import os

from allocscc.compile.asm import MachineSite
from allocscc.compile.containers import allocated_type, tidy
from allocscc.compile.interest import is_system_header
from allocscc.compile.mangled import readable_name
from allocscc.compile.source import SourceSite
from allocscc.sidecar import Site
from allocscc.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.compile.dwarfunit import Function
    from allocscc.compile.inlined import Frame

# In a symbol clang numbers what has no name; in names for people it says where that is.
_CLANG_UNNAMED = "$_"


def needed_frames(text: str, machine: list[MachineSite], source: list[SourceSite], cwd: str) -> list[tuple[Frame, ...]]:
    """The calls that were inlined around each machine site, innermost first; none where nobody needs them.

    They tell where a site in a system header belongs, and which instance of a template a site is in.

    Args:
        text: assembly.
        machine: its sites, in text order.
        source: calls in the source.
        cwd: the compiler's working folder.
    """
    templates = {(os.path.basename(site.file), site.line) for site in source if site.scopes}
    wanted = [
        number
        for number, place in enumerate(machine)
        if is_system_header(place.file) or (os.path.basename(place.file), place.line) in templates
    ]
    found: list[tuple[Frame, ...]] = [()] * len(machine)
    if wanted:
        from allocscc.compile.inlined import inlined_frames  # most units in C need none

        frames = inlined_frames(text, [machine[number].start for number in wanted], cwd)
        for number, chain in zip(wanted, frames, strict=True):
            found[number] = chain
    return found


def attribute_outside(
    machine: list[MachineSite], sites: tuple[Site, ...], frames: list[tuple[Frame, ...]]
) -> tuple[Site, ...]:
    """The sites, those in system headers at the user's line, with the type that the library's functions tell.

    Args:
        machine: call instructions.
        sites: what is known of each.
        frames: what `needed_frames` gives for each.
    """
    return tuple(
        _attributed(site, place.function, chain) if chain and is_system_header(place.file) else site
        for place, site, chain in zip(machine, sites, frames, strict=True)
    )


def _attributed(site: Site, function: str, frames: tuple[Frame, ...]) -> Site:
    """The site of an allocation inside the library.

    Args:
        site: as it was found.
        function: the symbol of the function that has the code.
        frames: the calls that were inlined into it, innermost first; at least one.
    """

    def name(number: int) -> str:
        return _name(frames[number].function) if number < len(frames) else readable_name(function) or function

    outside = next((n for n, frame in enumerate(frames) if not is_system_header(frame.file)), len(frames))
    sized = allocated_type(name(number) for number in range(outside + 1))
    if sized is not None:
        site = replace(site, type=sized.type, evidence=sized.evidence, array=sized.array, size=sized.size)
    at = min(outside, len(frames) - 1)  # the function may be the library's own
    place = frames[at]
    if not place.file:
        return site
    return replace(site, file=place.file, line=place.line, column=place.column, function=name(at + 1))


def _name(function: Function) -> str:
    if function.symbol and _CLANG_UNNAMED not in function.symbol:
        name = readable_name(function.symbol)
        if name:
            return name
    return tidy("::".join(filter(None, (function.scope, function.name))))
