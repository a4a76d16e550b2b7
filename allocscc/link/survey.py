"""Looks through a link's inputs for functions of a role, cheaply: what a link without any pays is this module.

Plain slotted classes: `dataclasses` costs 30 ms of import, more than a small link. `allocscc.link.plan` turns the
findings into decisions.
"""

from __future__ import annotations

from allocscc.elf import archive
from allocscc.elf.object import SHT_SYMTAB, STB_LOCAL, STB_WEAK, ElfObject
from allocscc.errors import FormatError
from allocscc.link.findings import Definition, Survey, Wanted
from allocscc.link.glance import names
from allocscc.link.job import ARCHIVE, DSO, OBJECT, Input, LinkJob, read_file
from allocscc.sidecar_names import (
    DECLARATIONS_MARK,
    LTO_MARK,
    SIDECAR_SECTION,
    SITES_SECTION,
    SOURCES_MARK,
    STATICS_MARK,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

# ELF gABI st_info: STT_NOTYPE (hand-written assembly), STT_FUNC, STT_GNU_IFUNC
_FUNCTION_TYPES = (0, 2, 10)
_SIDECAR_MARKS = (DECLARATIONS_MARK, STATICS_MARK, LTO_MARK)
_SITES_MARK = SITES_SECTION.encode() + b"\0"
_IR_SYMBOLS = b".gnu.lto_.symtab."
_SIDECAR = SIDECAR_SECTION.encode() + b"\0"
# Members of archives that a link looks at, so that its cost does not grow with what it does not use.
_MEMBERS = 2000
_BATCH = 100  # objects that are asked at a time


def survey(job: LinkJob, wanted: Wanted) -> Survey:
    """Look through all inputs of a link.

    Args:
        job: the link.
        wanted: the functions to look for; names that globs match are added to it.
    """
    found = Survey()
    glances = _Glances(wanted, found)
    budget = _MEMBERS
    for source in job.inputs:
        if source.kind not in (OBJECT, ARCHIVE):
            continue
        try:
            if source.kind == OBJECT:
                data = read_file(source.path)
                glances.add(data, 0, len(data), source, -1)
            else:
                budget -= _look_into_archive(source, glances, budget)
        except (OSError, FormatError) as error:
            glances.finish()
            found.unreadable.append(str(error))
    glances.finish()
    found.has_sites = found.has_sites or bool(found.sources)
    defined = {definition.name for definition in found.definitions}
    open_names = {name for name in found.references if name not in defined}
    if open_names:
        for source in job.inputs:
            if source.kind == DSO:
                from allocscc.link.library import identified_by

                found.identified |= identified_by(source.path, open_names)
    return found


class _Glances:
    """Looks into objects in earnest only if the names in them say that there is something to find.

    Many are asked at a time: to look for each name once in much text is faster than to look for it in many small texts.
    """

    def __init__(self, wanted: Wanted, found: Survey) -> None:
        self._wanted, self._found = wanted, found
        self._waiting: list[tuple[bytes | mmap | None, int, int, Input, int, bytes | None]] = []

    def add(self, data: bytes | mmap, start: int, end: int, source: Input, member: int) -> None:
        """Look at an object, now or later; arguments as for `glance.names`, and its place as in `Definition`."""
        tables = names(data, start, end)
        strings: bytes | None = None  # None: to be looked into
        if tables is not None:
            symbols, sections = tables
            if _SITES_MARK in sections:
                self._found.has_sites = True
            strings = None if _SIDECAR in sections or _IR_SYMBOLS in sections else symbols
        elif member >= 0:  # what is in an archive may be anything
            text = data[start:end]
            if not text.startswith(b"\x7fELF"):
                return
            strings = None if _SITES_MARK in text or _SIDECAR in text else text
        # Files are read again if need be: waiting ones must not fill the memory.
        self._waiting.append((data if member >= 0 else None, start, end, source, member, strings))
        if len(self._waiting) >= _BATCH:
            self.finish()

    def unscanned(self, source: Input, data: mmap) -> set[int]:
        """Leave an archive to its index: the offsets of the members that define one of the names."""
        self._found.unscanned.append(source)
        self._found.has_sites = True  # of what is not looked at anything may be true
        return archive.defining(data, source.path, self._wanted.names)

    def finish(self) -> None:
        """Look into those that wait, in order."""
        waiting, self._waiting = self._waiting, []
        together = b"\0".join(entry[5] for entry in waiting if entry[5] is not None)
        some = self._wanted.may_be_in(together)
        for data, start, end, source, member, strings in waiting:
            if strings is not None and not (some and self._wanted.may_be_in(strings)):
                continue
            try:
                text = read_file(source.path) if data is None else data[start:end]
                _look_into(text, source, member, self._wanted, self._found)
            except (OSError, FormatError) as error:
                self._found.unreadable.append(str(error))


def _look_into(data: bytes, source: Input, member: int, wanted: Wanted, found: Survey) -> None:
    elf = ElfObject(data, source.path)
    found.has_sites = found.has_sites or _SITES_MARK in data
    if any(mark in data for mark in _SIDECAR_MARKS):
        _look_into_sidecars(elf, found)
    for section in elf.sections:
        if section.name.startswith(_IR_SYMBOLS):
            _look_into_intermediate(elf.contents(section), source, member, wanted, found)
    table = elf.table(SHT_SYMTAB)
    if table is None:
        return
    if wanted.globs:
        wanted.add_matches(elf.strings(table))
    for versioned in wanted.versioned(elf.strings(table)):
        found.versioned.setdefault(versioned.decode(), source)
    symbols = elf.symbols(table, wanted.names)
    if any(symbol.defined for symbol in symbols):
        from allocscc.elf.edit import check_editable

        check_editable(elf)
    for symbol in symbols:
        name = symbol.name.decode()
        if symbol.defined and symbol.binding != STB_LOCAL and symbol.type in _FUNCTION_TYPES:
            weak = symbol.binding == STB_WEAK
            found.definitions.append(Definition(name, source, member, weak, symbol.visibility))
            if any(section.name.startswith(LTO_MARK) for section in elf.sections):
                found.intermediate.add(name)
        elif not symbol.defined and symbol.name in wanted.wrapping and symbol.binding != STB_WEAK:
            inputs = found.references.setdefault(name, [])
            if source not in inputs:
                inputs.append(source)


def _look_into_intermediate(data: bytes, source: Input, member: int, wanted: Wanted, found: Survey) -> None:
    """Look into the symbol table of LTO's intermediate code: where it is all that there is, nothing else tells."""
    from allocscc.elf.intermediate import ir_symbols

    for name, is_defined, weak, visibility in ir_symbols(data):
        if name not in wanted.names:
            continue
        text = name.decode()
        if is_defined:
            found.intermediate.add(text)
            found.definitions.append(Definition(text, source, member, weak, visibility))
        elif name in wanted.wrapping and not weak and source not in found.references.setdefault(text, []):
            found.references[text].append(source)


def _look_into_sidecars(elf: ElfObject, found: Survey) -> None:
    """Keep what the link needs of an object's sidecars; one that cannot be read is left out, by itself."""
    from allocscc.sidecar import decode_declarations, decode_sources, decode_statics

    sections = [section for section in elf.sections if section.name == SIDECAR_SECTION.encode()]
    try:
        if sum(section.size for section in sections) > len(elf.data):
            raise FormatError(f"{elf.where}: its sidecar sections overlap, or reach behind the end of the file")
        for text in map(elf.contents, sections):
            if DECLARATIONS_MARK in text or STATICS_MARK in text:
                decode_declarations(text, elf.where), decode_statics(text, elf.where)
                found.sidecars.append(text)
            if SOURCES_MARK in text:
                decode_sources(text, elf.where)
                found.sources.append(text)
    except FormatError as error:
        found.unreadable.append(str(error))


def _look_into_archive(source: Input, glances: _Glances, budget: int) -> int:
    """Look at the members of an archive; of one that has more than the link may look at, at those its index leads to.

    Returns:
        How many members were looked at.
    """
    from mmap import ACCESS_READ, mmap

    with open(source.path, "rb") as file:
        if file.read(len(archive.THIN_MAGIC)) == archive.THIN_MAGIC:
            file.seek(0)
            for number, member in enumerate(archive.members(file.read(), source.path, _folder(source.path))):
                glances.add(member.data, 0, len(member.data), source, number)
            return 0
        data = mmap(file.fileno(), 0, access=ACCESS_READ)
    places = archive.places(data, source.path, budget)
    if places is None:
        hits = glances.unscanned(source, data)
        places = [place for place in archive.places(data, source.path) or [] if place[1] in hits] if hits else []
    for number, _, start, end in places:
        glances.add(data, start, end, source, number)
    return len(places)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."
