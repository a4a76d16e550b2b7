"""Looks through a link's inputs for functions of a role, cheaply: what a link without any pays is this module.

Plain slotted classes: `dataclasses` costs 30 ms of import, more than a small link. `allocscc.link.plan` turns the
findings into decisions.
"""

from __future__ import annotations

from allocscc.elf import archive
from allocscc.elf.object import SHT_DYNSYM, SHT_SYMTAB, STB_LOCAL, STB_WEAK, ElfObject
from allocscc.errors import FormatError
from allocscc.link.job import ARCHIVE, DSO, OBJECT, Input, LinkJob
from allocscc.sidecar_names import (
    DECLARATIONS_MARK,
    LTO_MARK,
    PLAN_SECTION,
    SIDECAR_SECTION,
    SITES_SECTION,
    SOURCES_MARK,
    STATICS_MARK,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

# ELF gABI st_info: STT_NOTYPE (hand-written assembly), STT_FUNC
_FUNCTION_TYPES = (0, 2)
_SIDECAR_MARKS = (DECLARATIONS_MARK, STATICS_MARK, LTO_MARK)
_SITES_MARK = SITES_SECTION.encode() + b"\0"


class Definition:
    """One function of a role, defined in an input.

    Attributes:
        name: symbol.
        input: the input that holds it.
        member: archive member's place in the archive, or -1 for an object.
        weak: whether the binding is weak.
        visibility: st_other visibility (ELF gABI: 0 default, 1 internal, 2 hidden, 3 protected).
    """

    __slots__ = ("input", "member", "name", "visibility", "weak")

    def __init__(self, name: str, source: Input, member: int, weak: bool, visibility: int) -> None:
        self.name, self.input, self.member, self.weak, self.visibility = name, source, member, weak, visibility


class Survey:
    """What the inputs hold.

    Attributes:
        definitions: functions of a role that objects or archive members define.
        references: wrapper → inputs that refer to it strongly without defining it.
        identified: wrappers that a shared library built by us defines and identifies.
        has_sites: whether any input brings site records.
        sidecars: contents of the sidecar sections that tell of functions of a role: declarations of their sources, and
            static functions.
        sources: contents of the sidecar sections of objects whose machine code is made in this link (LTO).
        intermediate: functions of a role that an object defines both as machine code and as LTO's intermediate code.
        unreadable: messages about inputs that could not be looked into.
    """

    __slots__ = (
        "definitions",
        "has_sites",
        "identified",
        "intermediate",
        "references",
        "sidecars",
        "sources",
        "unreadable",
    )

    def __init__(self) -> None:
        self.definitions: list[Definition] = []
        self.references: dict[str, list[Input]] = {}
        self.identified: set[str] = set()
        self.has_sites = False
        self.intermediate: set[str] = set()
        self.unreadable: list[str] = []
        self.sidecars: list[bytes] = []
        self.sources: list[bytes] = []


class Wanted:
    """The functions that a survey looks for.

    Attributes:
        names: all of them.
        wrapping: those that get a caller stub, so that references count.
        globs: regular expressions over symbols, each with whether its matches get a caller stub; of names that are not
            written out, the first one that fits counts.
    """

    __slots__ = ("globs", "names", "wrapping")

    def __init__(self, wrappers: list[str], entries: list[str], globs: list[tuple[str, bool]] | None = None) -> None:
        self.names = {name.encode() for name in (*wrappers, *entries)}
        self.wrapping = {name.encode() for name in wrappers}
        self.globs: list[tuple[re.Pattern[bytes], bool]] = []
        if globs:
            self.globs = _compiled(globs)

    def add_matches(self, strings: bytes) -> None:
        """Add the names in a string table that the globs match."""
        for name in strings.split(b"\0"):
            if name and name not in self.names:
                wraps = next((wraps for regex, wraps in self.globs if regex.fullmatch(name)), None)
                if wraps is not None:
                    self.names.add(name)
                    self.wrapping |= {name} if wraps else set()


def _compiled(globs: list[tuple[str, bool]]) -> list[tuple[re.Pattern[bytes], bool]]:
    import re  # only projects with globs pay for it

    return [(re.compile(pattern.encode()), wraps) for pattern, wraps in globs]


def survey(job: LinkJob, wanted: Wanted) -> Survey:
    """Look through all inputs of a link.

    Args:
        job: the link.
        wanted: the functions to look for; names that globs match are added to it.
    """
    found = Survey()
    for source in job.inputs:
        if source.kind not in (OBJECT, ARCHIVE):
            continue
        try:
            with open(source.path, "rb") as file:
                data = file.read()
            found.has_sites = found.has_sites or _SITES_MARK in data
            if source.kind == OBJECT:
                _look_into(data, source, -1, wanted, found)
            else:
                _look_into_archive(data, source, wanted, found)
        except (OSError, FormatError) as error:
            found.unreadable.append(str(error))
    found.has_sites = found.has_sites or bool(found.sources)
    defined = {definition.name for definition in found.definitions}
    open_names = {name for name in found.references if name not in defined}
    if open_names:
        for source in job.inputs:
            if source.kind == DSO:
                found.identified |= _identified(source.path, open_names)
    return found


def _look_into(data: bytes, source: Input, member: int, wanted: Wanted, found: Survey) -> None:
    elf = ElfObject(data, source.path)
    if any(mark in data for mark in _SIDECAR_MARKS):
        sidecar = SIDECAR_SECTION.encode()
        contents = [elf.contents(section) for section in elf.sections if section.name == sidecar]
        found.sidecars += [text for text in contents if DECLARATIONS_MARK in text or STATICS_MARK in text]
        found.sources += [text for text in contents if SOURCES_MARK in text]
    table = elf.table(SHT_SYMTAB)
    if table is None:
        return
    if wanted.globs:
        wanted.add_matches(elf.strings(table))
    for symbol in elf.symbols(table, wanted.names):
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


def _look_into_archive(data: bytes, source: Input, wanted: Wanted, found: Survey) -> None:
    """Members are parsed only if the index defines a name of a role, or the bytes name a wrapper."""
    thin = data.startswith(archive.THIN_MAGIC)
    index = b"\0" + archive.index_names(data, source.path)
    hit = bool(wanted.globs) or any(mark in data for mark in _SIDECAR_MARKS)
    hit = hit or any(b"\0" + n + b"\0" in index for n in wanted.names)
    if not hit and not thin:
        hit = any(name + b"\0" in data for name in wanted.wrapping)
    if not hit:
        return
    for number, member in enumerate(archive.members(data, source.path, source.path.rpartition("/")[0] or ".")):
        if member.data[:4] == b"\x7fELF":
            found.has_sites = found.has_sites or _SITES_MARK in member.data
            _look_into(member.data, source, number, wanted, found)


def _identified(path: str, names: set[str]) -> set[str]:
    """Of `names`, those that a shared library's own plan says it identifies and that it defines."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if PLAN_SECTION.encode() + b"\0" not in data:
            return set()
        elf = ElfObject(data, path)
        plan, table = elf.section(PLAN_SECTION.encode()), elf.table(SHT_DYNSYM)
        if plan is None or table is None:
            return set()
        defined = {s.name.decode() for s in elf.symbols(table, {name.encode() for name in names}) if s.defined}
        text = elf.contents(plan)
        from allocscc.link.record import identified_wrappers

        return defined & identified_wrappers(text, path)
    except (OSError, FormatError):
        return set()  # a section of that name that is none of ours
