"""The types that clang's debug info gives to calls that allocate (R4).

Since version 21 clang writes, with `-g`, at the entry of a call that a `new` made what it allocates: attribute
DW_AT_LLVM_alloc_type of DW_TAG_call_site (llvm.org/docs, "HeapAllocSite"; llvm/BinaryFormat/Dwarf.def). The entry tells
the call by the label behind it, that of a tail call by the label in front of it (DWARF 5, 3.4.1).
"""

import re

from allocscc.compile.asm import MachineSite
from allocscc.compile.dwarftext import first_directive, operand, symbol
from allocscc.compile.dwarfunit import DebugInfo, Entry, Unit
from allocscc.sidecar import Site
from allocscc.values import replace

_ALLOC_TYPE = 0x3E0E
_NAME, _TYPE, _CALL_RETURN_PC, _CALL_PC, _LOW_PC = 0x03, 0x49, 0x7D, 0x81, 0x11
_ADDRESS = 0x01
_NAMESPACE, _BASE, _ENUM, _TYPEDEF, _SCOPES = 0x39, 0x24, 0x04, 0x16, (0x39, 0x02, 0x13, 0x17)
_NAMED = (_BASE, _ENUM, _TYPEDEF, 0x02, 0x13, 0x17)
_AROUND = {0x0F: "{} *", 0x26: "const {}", 0x35: "volatile {}"}
_LABEL_BEHIND = re.compile(r"[^\n]*\n(\.\w+):\n")
_LABEL_BEFORE = re.compile(r"\n(\.\w+):\n$")
_DEPTH = 8


def add_dwarf_types(text: str, machine: list[MachineSite], sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """The sites; those without a type with that which the debug info gives to their call.

    Args:
        text: assembly.
        machine: its calls, in text order.
        sites: what is known of each.
    """
    types = allocated_types(text)
    return tuple(
        replace(site, type=found, evidence="dwarf")
        if not site.type and (found := types.get(_label(text, place), "")) else site
        for place, site in zip(machine, sites, strict=True)
    )  # fmt: skip


def allocated_types(text: str) -> dict[str, str]:
    """Label of a call in the assembly → the C++ spelling of the type that it allocates; as far as the text tells."""
    found: dict[str, str] = {}
    try:
        info = DebugInfo(text)
        for start, end in info.units if info.has_attribute(_ALLOC_TYPE) else []:
            at = first_directive(text, start, end)
            while at < end:
                unit = Unit(info, at, end)
                found.update(_of_unit(unit))
                at = unit.end
    except (LookupError, ValueError, OverflowError):
        pass  # not as a compiler writes it
    return found


def _label(text: str, place: MachineSite) -> str:
    if place.tail:
        match = _LABEL_BEFORE.search(text, max(place.start - 200, 0), place.start)
    else:
        match = _LABEL_BEHIND.match(text, place.end)
    return match[1] if match else ""


def _of_unit(unit: Unit) -> dict[str, str]:
    entries = {offset: (at, tag, around) for offset, at, tag, around in unit.entries()}
    found = {}
    for at, _, _ in entries.values():
        entry = unit.entry(at)
        kind = entry.reference(_ALLOC_TYPE)
        label = _code_label(unit, entry) if kind >= 0 else ""
        if label:
            found[label] = _spelling(unit, entries, kind, _DEPTH)
    return found


def _code_label(unit: Unit, entry: Entry) -> str:
    for attribute in (_CALL_RETURN_PC, _CALL_PC, _LOW_PC):
        field, form = entry.field(attribute)
        if field:
            return symbol(operand(field)) if form == _ADDRESS else unit.address(entry.index(attribute))
    return ""


def _spelling(unit: Unit, entries: dict[int, tuple[int, int, int]], offset: int, depth: int) -> str:
    """The type at an offset as the source spells it; "" where that can't be told."""
    if offset not in entries or depth == 0:
        return ""
    at, tag, around = entries[offset]
    entry = unit.entry(at)
    if tag in _AROUND:
        inner = _spelling(unit, entries, entry.reference(_TYPE), depth - 1)
        return _AROUND[tag].format(inner).replace("* *", "**") if inner else ""
    name = unit.string(entry, _NAME) if tag in _NAMED else ""
    while name and around in entries and entries[around][1] in _SCOPES:
        at, tag, around = entries[around]
        scope = unit.string(unit.entry(at), _NAME)
        if not scope and tag != _NAMESPACE:
            return ""
        name = f"{scope or '(anonymous namespace)'}::{name}"
    return name
