"""The units of section .debug_info in assembly text: which calls were inlined where."""

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from allocscc.compile import dwarfentries, dwarftext
from allocscc.compile.dwarfentries import Abbreviation
from allocscc.compile.dwarftext import DIRECTIVE, Section, Strings, number, operand, symbol
from allocscc.values import dataclass

# Tags (DWARF 5, table 7.3), attributes (table 7.5), forms (table 7.6).
_CLASSES = (0x02, 0x13, 0x17)
_SUBPROGRAM, _INLINED = 0x2E, 0x1D
_NAME, _LOW_PC, _HIGH_PC, _ORIGIN, _SPECIFICATION, _RANGES = 0x03, 0x11, 0x12, 0x31, 0x47, 0x55
_CALL_COLUMN, _CALL_FILE, _CALL_LINE, _LINKAGE_NAME, _MIPS_LINKAGE_NAME = 0x57, 0x58, 0x59, 0x6E, 0x2007
_STRINGS_BASE, _ADDRESSES_BASE, _RANGES_BASE = 0x72, 0x73, 0x74
_ADDRESS, _INLINE_STRING, _RANGE_INDEX = 0x01, 0x08, 0x23
_STRING_INDEXES = (0x1A, 0x25, 0x26, 0x27, 0x28)
_UNIT_REFERENCES = (0x11, 0x12, 0x13, 0x14, 0x15)
# Types of units that may hold code here (DWARF 5, table 7.2); those of split units have it elsewhere.
_UNITS_WITH_CODE = (1, 3)
# Length (in DWARF64 behind an escape), version, in version 5 the kind and the size of an address, and the abbreviations
# (otherwise these and the size): DWARF 5, 7.5.1.1.
_HEADER = re.compile(rf"(?:\t\.\w+[ \t]+0xffffffff\b[^\n]*\n)?{DIRECTIVE}" + f"({DIRECTIVE})" * 4)
# How much of an entry's first line is enough to know its code by, and is in front of any comment of clang's.
_CODE = 22
# The end of a list of children (DWARF 5, 7.5.3) is an entry with code 0 and nothing else; a tag that none has.
_END = -1
_LAST = Abbreviation(_END, False, [])
# How many entries may have to be asked for a function's name: the inlined one, the out-of-line one, its declaration.
_HOPS = 6

Labels = dict[str, int]
_Pairs = list[tuple[str, str]]
# Kind (a tag, or 0 for what is of no interest), whether it has children, what matches it, bytes (-1: they vary).
_Step = tuple[int, bool, Callable[[str, int], re.Match[str] | None], int, Abbreviation]


@dataclass(frozen=True)
class Function:
    """An inlined function.

    Attributes:
        name: as the compiler writes it for people, with template arguments if it does that; without its scope.
        symbol: its mangled name, or "".
        scope: the name of the class that declares it, where the debug info has that.
    """

    name: str
    symbol: str
    scope: str


@dataclass(frozen=True)
class Call:
    """A call that was inlined.

    Attributes:
        function: which was called.
        file: the number of the caller's file.
        line: 1-based, 0 if unknown.
        column: 1-based, 0 if unknown.
    """

    function: Function
    file: int
    line: int
    column: int


class DebugInfo:
    """What all units of an assembly text share.

    Attributes:
        text: the assembly.
        units: where section .debug_info is in it.
        abbreviations: by code.
    """

    def __init__(self, text: str) -> None:
        self.text, self._parts = text, dwarftext.sections(text)
        self._read: dict[str, Section] = {}
        self.units = self._parts.get(".debug_info", [])
        self.abbreviations = dwarfentries.read_abbreviations(self.section(".debug_abbrev"))

    @property
    def has_inlined_calls(self) -> bool:
        """Whether a unit may have any."""
        return any(layout.tag == _INLINED for layout in self.abbreviations.values())

    @cached_property
    def _strings(self) -> list[Strings]:
        return [Strings(self._texts(name)) for name in (".debug_str", ".debug_line_str")]

    def _texts(self, name: str) -> list[str]:
        return [self.text[start:end] for start, end in self._parts.get(name, [])]

    def has_attribute(self, attribute: int) -> bool:
        """Whether a unit may have entries with it."""
        return any(attribute in layout.places for layout in self.abbreviations.values())

    def section(self, name: str) -> Section:
        """A section by its name."""
        if name not in self._read:
            self._read[name] = Section(self._texts(name))
        return self._read[name]

    def string(self, label: str) -> str:
        """The string behind a label, or ""."""
        return next((found for section in self._strings if (found := section.find(label)) is not None), "")


class Entry:
    """One entry of a unit."""

    def __init__(self, layout: Abbreviation, fields: list[str]) -> None:
        self._layout, self._fields = layout, fields

    def field(self, attribute: int) -> tuple[str, int]:
        """The directive and the form of an attribute; ("", 0) if the entry has none."""
        place, form, _ = self._layout.places.get(attribute, (0, 0, 0))
        return (self._fields[place], form) if place else ("", 0)

    def number(self, attribute: int) -> int:
        """The value of an attribute; 0 if the entry has none."""
        place, _, implicit = self._layout.places.get(attribute, (0, 0, 0))
        return number(self._fields[place]) if place else implicit

    def index(self, attribute: int) -> int:
        """The value of an attribute that is an index of a table."""
        place, form, _ = self._layout.places[attribute]
        return dwarfentries.index(self._fields, place, form)

    def reference(self, attribute: int) -> int:
        """The offset of an entry of this unit; -1 if there is no such reference."""
        field, form = self.field(attribute)
        return number(field) if form in _UNIT_REFERENCES else -1


class Unit:
    """One unit of section .debug_info (DWARF 5, 7.5.1).

    Attributes:
        end: the offset in the text behind it, once `inlined` has read it.
    """

    def __init__(self, info: DebugInfo, start: int, end: int) -> None:
        self._info, self._text, self.end = info, info.text, end
        self._by_code: dict[str, _Step] = {}
        self._subprograms: dict[int, tuple[int, int]] = {}  # by offset in bytes: in the text, and of the entry around
        self._functions: dict[int, Function] = {}  # by offset in bytes
        header = _HEADER.match(self._text, start)
        if header is None:
            raise ValueError
        self._version = number(header[1])
        behind = header.end() if self._version >= 5 else header.start(4)
        self._first, self._offset = behind, dwarftext.size(self._text[start:behind])
        if self._version >= 5 and number(header[2]) not in _UNITS_WITH_CODE:
            self._first = end
        else:
            self._root = self.entry(behind)

    def inlined(self, labels: Labels) -> list[tuple[_Pairs, int]]:
        """The inlined calls whose code has a label in `labels`, outer ones first: ranges, and the entry's place."""
        text, by_code, at, offset = self._text, self._by_code, self._first, self._offset
        depth, wanted, parents = 0, False, {-1: -1}
        found = []
        while at < self.end:
            kind, children, run, fixed, layout = by_code.get(text[at : at + _CODE]) or self._step(at)
            if kind == _SUBPROGRAM:
                self._subprograms[offset] = (at, parents[depth - 1])
                if _LOW_PC in layout.places or _RANGES in layout.places:
                    wanted = any(low in labels or high in labels for low, high in self._ranges(at, layout))
            elif kind == _INLINED and wanted:
                pairs = [pair for pair in self._ranges(at, layout) if pair[0] in labels and pair[1] in labels]
                if pairs:
                    found.append((pairs, at))
            elif kind == _END:
                depth -= 1
            if children:
                parents[depth] = at
                depth += 1
            match = run(text, at)
            if match is not None and fixed >= 0:
                at, offset = match.end(), offset + fixed
            else:
                at, size = layout.follow(text, at, []) if match is None else layout.vary(text, match)
                offset += size
            if depth <= 0:
                break
        self.end = at
        return found

    def entries(self) -> Iterator[tuple[int, int, int, int]]:
        """All entries in text order: offset in bytes, place in the text, tag, and the offset of the one around (-1).

        Raises:
            LookupError, ValueError, OverflowError: the text is not as a compiler writes it.
        """
        at, offset, around = self._first, self._offset, [-1]
        while at < self.end:
            layout = self._layout(at)
            if layout.tag == _END:
                around.pop()
            else:
                yield offset, at, layout.tag, around[-1]
            if layout.children:
                around.append(offset)
            at, size = layout.follow(self._text, at, [])
            offset += size
            if len(around) < 2:
                break
        self.end = at

    def call(self, at: int) -> Call:
        """What an entry of `inlined` tells."""
        entry = self.entry(at)
        place = (entry.number(attribute) for attribute in (_CALL_FILE, _CALL_LINE, _CALL_COLUMN))
        return Call(self._function(entry.reference(_ORIGIN)), *place)

    def _step(self, at: int) -> _Step:
        """What the walk has to know of entries like this one."""
        layout = self._layout(at)
        kind = layout.tag if layout.tag in (_SUBPROGRAM, _INLINED, _END) else 0
        step = (kind, layout.children, layout.run, -1 if layout.varying else layout.fixed, layout)
        start = self._text[at : at + _CODE]
        if start[-1].isspace() or "\n" in start:
            self._by_code[start] = step
        return step

    def _layout(self, at: int) -> Abbreviation:
        value = number(self._text[at : at + _CODE])
        layout = self._info.abbreviations[value] if value else _LAST
        if layout.fixed < 0:
            layout.measure(self._text, at)
        return layout

    def entry(self, at: int) -> Entry:
        """The entry at an offset of the text."""
        layout = self._layout(at)
        return Entry(layout, layout.read(self._text, at))

    def _ranges(self, at: int, layout: Abbreviation) -> _Pairs:
        """The labels around an entry's code."""
        entry = Entry(layout, layout.read(self._text, at))
        field, form = entry.field(_RANGES)
        if field and self._version < 5:
            label, _, offset = operand(field).partition("+")
            section = self._info.section(".debug_ranges")
            return list(dwarfentries.old_range_list(section, section.labels[label] + int(offset or "0", 0) // 8))
        if field:
            section = self._info.section(".debug_rnglists")
            label = symbol(operand(field))
            if form == _RANGE_INDEX:
                label = section.symbol(self._base(_RANGES_BASE), entry.index(_RANGES))
            return list(dwarfentries.range_list(section, section.labels[label], self.address))
        (low, form), (high, _) = entry.field(_LOW_PC), entry.field(_HIGH_PC)
        if not low or not high:
            return []
        first = symbol(operand(low)) if form == _ADDRESS else self.address(entry.index(_LOW_PC))
        return [(first, symbol(operand(high)))]

    def _base(self, attribute: int) -> str:
        return symbol(operand(self._root.field(attribute)[0]))

    def address(self, index: int) -> str:
        """The symbol at an index of the unit's addresses."""
        return self._info.section(".debug_addr").symbol(self._base(_ADDRESSES_BASE), index)

    def string(self, entry: Entry, attribute: int) -> str:
        """The value of an attribute that is a string; "" if the entry has none."""
        field, form = entry.field(attribute)
        if not field:
            return ""
        if form == _INLINE_STRING:
            return dwarftext.string(field)
        if form not in _STRING_INDEXES:
            return self._info.string(symbol(operand(field)))
        offsets = self._info.section(".debug_str_offsets")
        return self._info.string(offsets.symbol(self._base(_STRINGS_BASE), entry.index(attribute)))

    def _function(self, offset: int) -> Function:
        """What the entry at an offset, and those that it refers to, say of a function."""
        if offset in self._functions:
            return self._functions[offset]
        name = linkage = scope = ""
        following = offset
        for _ in range(_HOPS):
            if following not in self._subprograms:
                break
            at, parent = self._subprograms[following]
            entry = self.entry(at)
            name = name or self.string(entry, _NAME)
            linkage = linkage or self.string(entry, _LINKAGE_NAME) or self.string(entry, _MIPS_LINKAGE_NAME)
            if parent >= 0 and self._layout(parent).tag in _CLASSES:
                scope = scope or self.string(self.entry(parent), _NAME)
            following = max(entry.reference(_ORIGIN), entry.reference(_SPECIFICATION))
        return self._functions.setdefault(offset, Function(name, linkage, scope))
