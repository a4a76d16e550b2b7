"""An archive whose members got stubs: its index leads to everything just as it did before (DESIGN §4).

The index is the archive's own, changed where a definition moved. `ranlib` would mend a damaged one and make one where
there was none: what the plain link fails on would then pass.
"""

from __future__ import annotations

import os

from allocscc.elf import archive
from allocscc.elf.object import ElfObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[int, archive.Member], tuple[bytes, bytes] | None]


def add_stubs(source: str, target: str, change: Change) -> None:
    """Write a copy of an archive with changed members, and behind each of them its stub as a member of its own.

    Args:
        source: path of the archive.
        target: path of the copy; a regular archive also where `source` is a thin one.
        change: given a member's number and the member, its new bytes and the stub's, or None to leave it.

    Raises:
        FormatError: the archive or a member is damaged.
    """
    with open(source, "rb") as file:
        data = file.read()
    contents: list[tuple[str, bytes]] = []
    places: dict[int, int] = {}
    moved: dict[int, frozenset[bytes]] = {}
    added: list[tuple[bytes, int]] = []
    for number, member in enumerate(archive.members(data, source, os.path.dirname(source) or ".")):
        places[member.offset] = place = len(contents)
        changed = change(number, member)
        contents.append((member.name, changed[0] if changed else member.data))
        if changed:
            contents.append((f"allocs-{number}.o", changed[1]))
            where = f"{source}({member.name})"
            before, after = (frozenset(ElfObject(text, where).definitions()) for text in (member.data, changed[0]))
            moved[member.offset] = before - after
            added += [(name, place) for name in sorted(after - before)]
            added += [(name, place + 1) for name in sorted({*ElfObject(changed[1], where).definitions()} - before)]
    symbols = archive.index(data, source)
    if symbols is not None:
        kept = [(name, places[offset] + (name in moved.get(offset, ()))) for name, offset in symbols]
        archive.write(target, contents, [*kept, *added])
    else:
        archive.write(target, contents)
