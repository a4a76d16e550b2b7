"""A first look through a link's inputs: which of them there is reason to look into in earnest.

A large link has thousands of objects and members of archives of which few are of interest, so this is what it pays.
Many objects are shared among as many processes as there are processors.
"""

from __future__ import annotations

import os

from allocscc.elf import archive
from allocscc.errors import FormatError
from allocscc.link.findings import Wanted
from allocscc.link.glance import names
from allocscc.link.job import ARCHIVE, OBJECT, Input, read_file
from allocscc.sidecar_names import SIDECAR_SECTION, SITES_SECTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

SITES_MARK = SITES_SECTION.encode() + b"\0"
IR_SYMBOLS = b".gnu.lto_.symtab."
_SIDECAR = SIDECAR_SECTION.encode() + b"\0"
# Members of archives that a link looks at, so that its cost does not grow with what it does not use.
MEMBERS = 2000
_BATCH = 100  # objects that are asked at a time
_MANY = 500  # objects; below, another process costs more than it saves
_PROCESSES = 4


class Glances:
    """Which objects and members to look into: those whose names say that there is something to find.

    Many are asked at a time: to look for each name once in much text is faster than to look for it in many small texts.

    Attributes:
        suspects: (place of the input in the link's list, member's number or -1, offsets of its first byte and behind
            its last one); a thin archive's member has offset -1.
        unreadable: (place, message).
        unscanned: places of archives that have too many members: only what their index leads to was looked at.
        has_sites: whether any of those looked at brings site records.
    """

    __slots__ = ("_waiting", "_wanted", "has_sites", "suspects", "unreadable", "unscanned")

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._waiting: list[tuple[int, int, int, int, bytes | None]] = []
        self.suspects: list[tuple[int, int, int, int]] = []
        self.unreadable: list[tuple[int, str]] = []
        self.unscanned: list[int] = []
        self.has_sites = False

    def look_at_object(self, place: int, path: str) -> None:
        """Look at a file that is an object by its name."""
        try:
            data = read_file(path)
        except OSError as error:
            self.unreadable.append((place, str(error)))
            return
        self._add(data, 0, len(data), place, -1)

    def look_at_archive(self, place: int, path: str, budget: int) -> int:
        """Look at the members of an archive; of one that has more than `budget`, at those its index leads to.

        Returns:
            How many members were looked at.
        """
        try:
            return self._archive(place, path, budget)
        except (OSError, FormatError) as error:
            self.unreadable.append((place, str(error)))
            return 0

    def finish(self) -> None:
        """Ask those that wait."""
        waiting, self._waiting = self._waiting, []
        together = b"\0".join([entry[4] for entry in waiting if entry[4] is not None])
        some = self._wanted.may_be_in(together)
        for place, member, start, end, strings in waiting:
            if strings is None or (some and self._wanted.may_be_in(strings)):
                self.suspects.append((place, member, start, end))

    def _archive(self, place: int, path: str, budget: int) -> int:
        from mmap import ACCESS_READ, mmap

        with open(path, "rb") as file:
            if file.read(len(archive.THIN_MAGIC)) == archive.THIN_MAGIC:
                file.seek(0)
                for number, member in enumerate(archive.members(file.read(), path, folder_of(path))):
                    self._add(member.data, 0, len(member.data), place, number, thin=True)
                return 0
            data = mmap(file.fileno(), 0, access=ACCESS_READ)
        places = archive.places(data, path, budget)
        if places is None:
            self.unscanned.append(place)
            self.has_sites = True  # of what is not looked at anything may be true
            hits = archive.defining(data, path, self._wanted.names)
            places = [one for one in archive.places(data, path) or [] if one[1] in hits] if hits else []
        for number, _, start, end in places:
            self._add(data, start, end, place, number)
        return len(places)

    def _add(self, data: bytes | mmap, start: int, end: int, place: int, member: int, *, thin: bool = False) -> None:
        tables = names(data, start, end)
        strings: bytes | None = None  # None: to be looked into
        if tables is not None:
            symbols, sections = tables
            if SITES_MARK in sections:
                self.has_sites = True
            strings = None if _SIDECAR in sections or IR_SYMBOLS in sections else symbols
        elif member >= 0:  # what is in an archive may be anything
            text = data[start:end]
            if not text.startswith(b"\x7fELF"):
                return
            strings = None if SITES_MARK in text or _SIDECAR in text else text
        # Files are read again if need be: waiting ones must not fill the memory.
        self._waiting.append((place, member, -1 if thin else start, end, strings))
        if len(self._waiting) >= _BATCH:
            self.finish()


def glances_at(inputs: list[Input], wanted: Wanted) -> Glances:
    """Look at all objects and archives of a link.

    Args:
        inputs: of the link.
        wanted: the functions to look for.
    """
    glances = Glances(wanted)
    objects = [place for place, source in enumerate(inputs) if source.kind == OBJECT]
    helpers = min(len(os.sched_getaffinity(0)), _PROCESSES) - 1 if len(objects) >= _MANY else 0
    shared = _Shared(objects, inputs, wanted, helpers) if helpers else None
    budget = MEMBERS
    for place, source in enumerate(inputs):
        if source.kind == ARCHIVE:
            budget -= glances.look_at_archive(place, source.path, budget)
    if shared is None or not shared.finish(glances):
        for place in objects:
            glances.look_at_object(place, inputs[place].path)
    glances.finish()
    return glances


class _Shared:
    """Objects that several processes look at: each takes the next portion from a pipe until none is left."""

    _PORTIONS = 200  # their numbers are bytes

    def __init__(self, objects: list[int], inputs: list[Input], wanted: Wanted, helpers: int) -> None:
        from allocscc.toolchain import MemoryFile

        self._objects, self._inputs, self._wanted = objects, inputs, wanted
        self._size = -(-len(objects) // self._PORTIONS)
        self._portions, writer = os.pipe()
        os.write(writer, bytes(range(-(-len(objects) // self._size))))
        os.close(writer)
        self._helpers: list[tuple[int, MemoryFile]] = []
        for _ in range(helpers):
            channel = MemoryFile()
            process = os.fork()
            if process == 0:
                self._help(channel.descriptor)
            self._helpers.append((process, channel))

    def finish(self, glances: Glances) -> bool:
        """Take part, then take over what the others found; whether all of them were well."""
        from marshal import load

        from allocscc.toolchain import wait_for

        mine = Glances(self._wanted)
        self._work(mine)
        os.close(self._portions)
        statuses = [wait_for(process) for process, _ in self._helpers]
        well = not any(statuses)
        results = [(mine.suspects, mine.unreadable, mine.has_sites)]
        for _, channel in self._helpers if well else ():
            with open(channel.descriptor, "rb") as file:
                file.seek(0)
                results.append(load(file))
        if well:
            for suspects, unreadable, has_sites in results:
                glances.suspects += suspects
                glances.unreadable += unreadable
                glances.has_sites = glances.has_sites or has_sites
        return well

    def _work(self, glances: Glances) -> None:
        while portion := os.read(self._portions, 1):
            first = portion[0] * self._size
            for place in self._objects[first : first + self._size]:
                glances.look_at_object(place, self._inputs[place].path)
        glances.finish()

    def _help(self, channel: int) -> None:
        """What a helper does: it never returns."""
        from marshal import dump

        status = 1
        try:
            glances = Glances(self._wanted)
            self._work(glances)
            with open(channel, "wb") as file:
                dump((glances.suspects, glances.unreadable, glances.has_sites), file)
            status = 0
        finally:
            os._exit(status)


def folder_of(path: str) -> str:
    """What a thin archive's names are relative to."""
    return path.rpartition("/")[0] or "."
