"""Whether a changed copy of an input differs from it only as a decision wants: names and who refers to them (R15)."""

import struct
from collections.abc import Iterable

from allocscc.elf import archive
from allocscc.elf.edit import IDENTITY_PREFIX, OWN_PREFIX
from allocscc.elf.object import SHT_RELA, SHT_SYMTAB, ElfObject, Section, cstring
from allocscc.errors import FormatError

_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")
_STUB_MEMBER = "allocs-"


def copy_problems(original: bytes, copy: bytes, symbols: set[str], where: str, parts: Iterable[str] = ()) -> list[str]:
    """What differs between an input and its changed copy, other than what the decisions on `symbols` are about.

    Args:
        original: an object or an archive.
        copy: what our link had in its place.
        symbols: functions that were renamed or marked, or whose references were sent to a stub.
        where: the original's path, for messages.
        parts: functions that were marked along with them.
    """
    made = {name for s in symbols for name in (s, f"__real_{s}", f"__wrap_{s}", OWN_PREFIX + s, IDENTITY_PREFIX + s)}
    made.update(OWN_PREFIX + part for part in parts)
    if not original.startswith((archive.MAGIC, archive.THIN_MAGIC)):
        return _object_problems(original, copy, symbols, made, where)
    folder = where.rpartition("/")[0] or "."
    old = [(member.name, member.data) for member in archive.members(original, where, folder)]
    new = [
        (member.name, member.data)
        for member in archive.members(copy, where, folder)
        if not member.name.startswith(_STUB_MEMBER) or any(member.name == name for name, _ in old)
    ]
    if [name for name, _ in old] != [name for name, _ in new]:
        return [f"{where}: the copy has not the same members in the same order"]
    found = []
    for (name, before), (_, after) in zip(old, new, strict=True):
        if before != after:
            found += _object_problems(before, after, symbols, made, f"{where}({name})")
    return found


def _object_problems(original: bytes, copy: bytes, symbols: set[str], made: set[str], where: str) -> list[str]:
    try:
        old, new = ElfObject(original, where), ElfObject(copy, where)
        if [_head(section) for section in old.sections] != [_head(section) for section in new.sections]:
            return [f"{where}: the copy has not the same sections"]
        table = old.table(SHT_SYMTAB)
        if table is None:
            return [] if original == copy else [f"{where}: the copy of an object without symbols differs"]
        return [f"{where}: {problem}" for problem in _differences(old, new, table, symbols, made)]
    except FormatError as error:
        return [str(error)]


def _head(section: Section) -> tuple[object, ...]:
    return section.name, section.type, section.flags, section.link, section.info, section.entry_size


def _differences(old: ElfObject, new: ElfObject, table: Section, symbols: set[str], made: set[str]) -> Iterable[str]:
    before, after = _entries(old, table), _entries(new, new.sections[table.index])
    for (name, fields), (new_name, new_fields) in zip(before, after, strict=False):
        renamed = name in symbols and new_name == f"__real_{name}"
        # A renamed definition becomes hidden: its st_other may differ.
        if not renamed and (name, fields) != (new_name, new_fields):
            yield f"symbol {name} is {new_name} with other properties in the copy"
        elif renamed and (fields[0], fields[2:]) != (new_fields[0], new_fields[2:]):
            yield f"symbol {name} was not only renamed in the copy"
    places = {(name, *fields[2:]) for name, fields in before}
    for name, fields in after[len(before) :]:
        if name not in made:
            yield f"the copy has a further symbol {name}"
        elif fields[2] and (name.removeprefix(OWN_PREFIX), *fields[2:]) not in places:
            yield f"the further symbol {name} of the copy is not what it is another name of"
    for section in old.sections:
        other = new.sections[section.index]
        if section.index in (table.index, table.link):
            continue
        if section.type == SHT_RELA and section.link == table.index:
            yield from _relocations(old.contents(section), new.contents(other), before, after, symbols)
        elif old.contents(section) != new.contents(other):
            yield f"section {section.name.decode(errors='replace')} has other contents in the copy"


def _entries(elf: ElfObject, table: Section) -> list[tuple[str, tuple[int, ...]]]:
    """Each symbol's name and its further fields: st_info, st_other, st_shndx, st_value, st_size."""
    strings, data = elf.strings(table), elf.contents(table)
    entries = _SYMBOL.iter_unpack(data[: len(data) // _SYMBOL.size * _SYMBOL.size])
    return [(cstring(strings, fields[0]).decode("utf-8", "surrogateescape"), tuple(fields[1:])) for fields in entries]


def _relocations(
    old: bytes,
    new: bytes,
    before: list[tuple[str, tuple[int, ...]]],
    after: list[tuple[str, tuple[int, ...]]],
    symbols: set[str],
) -> Iterable[str]:
    if len(old) != len(new):
        yield "the copy has not as many relocations"
        return
    for (at, info, addend), (new_at, new_info, new_addend) in zip(
        _RELA.iter_unpack(old), _RELA.iter_unpack(new), strict=True
    ):
        same = (at, info & 0xFFFFFFFF, addend) == (new_at, new_info & 0xFFFFFFFF, new_addend)
        name, new_name = (entries[i >> 32][0] for entries, i in ((before, info), (after, new_info)))
        sent = name in symbols and new_name in (name, f"__wrap_{name}")
        if not same or (info != new_info and not sent):
            yield f"a relocation at {at:#x} for {name} is one at {new_at:#x} for {new_name} in the copy"
