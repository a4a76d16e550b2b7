"""Looks through a link's inputs for functions of a role, cheaply: what a link without any pays is this module.

Plain slotted classes: `dataclasses` costs 30 ms of import, more than a small link. `allocscc.link.plan` turns the
findings into decisions.
"""

from __future__ import annotations

from allocscc.elf import archive
from allocscc.elf.object import SHT_SYMTAB, STB_LOCAL, STB_WEAK, ElfObject, Section, Symbol
from allocscc.errors import FormatError
from allocscc.link.findings import Definition, Survey, Wanted
from allocscc.link.glances import IR_SYMBOLS, MEMBERS, SITES_MARK, Glances, folder_of, glances_at
from allocscc.link.job import ARCHIVE, DSO, OBJECT, Input, LinkJob, kind_of, read_file
from allocscc.sidecar_names import DECLARATIONS_MARK, LTO_MARK, SIDECAR_SECTION, SOURCES_MARK, STATICS_MARK

# ELF gABI st_info: STT_NOTYPE (hand-written assembly), STT_FUNC, STT_GNU_IFUNC
_FUNCTION_TYPES = (0, 2, 10)
_SPLIT_OFF = (b"cold", b"part", b"isra", b"constprop")  # gcc's and clang's suffixes
_MOST_PARTS = 64  # a damaged file may have any number
_SHN_LORESERVE = 0xFF00
_SIDECAR_MARKS = (DECLARATIONS_MARK, STATICS_MARK, LTO_MARK)


def survey(job: LinkJob, wanted: Wanted) -> Survey:
    """Look through all inputs of a link.

    Args:
        job: the link.
        wanted: the functions to look for; names that globs match are added to it.
    """
    found = Survey()
    glances = glances_at(job.inputs, wanted)
    _look_into_all(glances, job.inputs, wanted, found)
    found.has_sites = found.has_sites or bool(found.sources)
    defined = {definition.name for definition in found.definitions}
    open_names = {name for name in found.references if name not in defined}
    if open_names:
        for source in job.inputs:
            if source.kind == DSO:
                from allocscc.link.library import identified_by

                found.identified |= identified_by(source.path, open_names)
    return found


def _look_into_all(glances: Glances, inputs: list[Input], wanted: Wanted, found: Survey) -> None:
    """Look into those that there is reason to, in the link's order."""
    found.has_sites = found.has_sites or glances.has_sites
    found.unscanned += [inputs[place] for place in glances.unscanned]
    unreadable = [(place, -1, 0, 0, message) for place, message in glances.unreadable]
    for place, member, start, end, message in sorted([*((*one, "") for one in glances.suspects), *unreadable]):
        source = inputs[place]
        try:
            if message:
                raise FormatError(message)
            data = _contents(source, member, start, end)
            if member < 0:  # its name said that it is an object
                source.kind = kind_of(data)
            if source.kind == ARCHIVE and member < 0:
                inside = Glances(wanted)
                inside.look_at_archive(place, source.path, MEMBERS)
                inside.finish()
                _look_into_all(inside, inputs, wanted, found)
            elif source.kind in (OBJECT, ARCHIVE):
                _look_into(data, source, member, wanted, found)
        except (OSError, FormatError) as error:
            found.unreadable.append(str(error))


def _contents(source: Input, member: int, start: int, end: int) -> bytes:
    if member < 0:
        return read_file(source.path)
    with open(source.path, "rb") as file:
        if start < 0:
            return archive.members(file.read(), source.path, folder_of(source.path))[member].data
        file.seek(start)
        return file.read(end - start)


def _look_into(data: bytes, source: Input, member: int, wanted: Wanted, found: Survey) -> None:
    elf = ElfObject(data, source.path)
    found.has_sites = found.has_sites or SITES_MARK in data
    if any(mark in data for mark in _SIDECAR_MARKS):
        _look_into_sidecars(elf, found)
    for section in elf.sections:
        if section.name.startswith(IR_SYMBOLS):
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
            parts = _parts(elf, table, symbol.name)
            unwindable = _is_code(symbol) and any(section.name == b".eh_frame" for section in elf.sections)
            found.definitions.append(
                Definition(name, source, member, weak, symbol.visibility, parts, unwindable=unwindable)
            )
            if any(section.name.startswith(LTO_MARK) for section in elf.sections):
                found.intermediate.add(name)
        elif not symbol.defined and symbol.name in wanted.wrapping and symbol.binding != STB_WEAK:
            inputs = found.references.setdefault(name, [])
            if source not in inputs:
                inputs.append(source)


def _parts(elf: ElfObject, table: Section, name: bytes) -> tuple[str, ...]:
    """Functions of an object that the compiler split off one of this name (`xmalloc.cold`, `xmalloc.part.0`)."""
    strings = elf.strings(table)
    texts: set[bytes] = set()
    at = strings.find(name + b".")
    while at >= 0 and len(texts) < _MOST_PARTS:
        text = strings[at : strings.find(b"\0", at)]
        first, *others = text[len(name) + 1 :].split(b".")
        if first in _SPLIT_OFF and all(other.isdigit() or other in _SPLIT_OFF for other in others):
            texts.add(text)
        at = strings.find(name + b".", at + 1)
    found = [s.name.decode() for s in elf.symbols(table, texts) if s.binding == STB_LOCAL and _is_code(s)]
    return tuple(one for one in found if found.count(one) == 1)


def _is_code(symbol: Symbol) -> bool:
    """Whether a symbol is a place in a section that its entry names."""
    return symbol.type in _FUNCTION_TYPES and 0 < symbol.section < _SHN_LORESERVE


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
