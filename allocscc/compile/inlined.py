"""Which calls were inlined around a place in the machine code, from the debug info in the assembly text.

An inlined call is an entry DW_TAG_inlined_subroutine with the code's ranges and the place of the call (DWARF 5,
3.3.8.2); gcc and clang write them at their lowest level of debug info, too. A place is inside a range if it stands
between the range's two labels: both are in one run of instructions.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass

from allocscc.compile import dwarftext
from allocscc.compile.asm import file_table
from allocscc.compile.dwarftext import DIRECTIVE, Abbreviation, Section, number, operand, symbol

# Tags (DWARF 5, table 7.3), attributes (table 7.5), forms (table 7.6).
_CLASSES = (0x02, 0x13, 0x17)
_SUBPROGRAM, _INLINED = 0x2E, 0x1D
_FUNCTIONS = (_SUBPROGRAM, _INLINED)
_NAME, _LOW_PC, _HIGH_PC, _ORIGIN, _SPECIFICATION, _RANGES = 0x03, 0x11, 0x12, 0x31, 0x47, 0x55
_CALL_COLUMN, _CALL_FILE, _CALL_LINE, _LINKAGE_NAME, _MIPS_LINKAGE_NAME = 0x57, 0x58, 0x59, 0x6E, 0x2007
_STRINGS_BASE, _ADDRESSES_BASE, _RANGES_BASE = 0x72, 0x73, 0x74
_ADDRESS, _INLINE_STRING, _RANGE_INDEX = 0x01, 0x08, 0x23
_STRING_INDEXES = (0x1A, 0x25, 0x26, 0x27, 0x28)
_UNIT_REFERENCES = (0x11, 0x12, 0x13, 0x14, 0x15)
# Types of units that may hold code here (DWARF 5, table 7.2); those of split units have it elsewhere.
_UNITS_WITH_CODE = (1, 3)
_LABEL = re.compile(r"\n([\w.$]+):")
_FUNCTION = "function\n"
# Length (in DWARF64 behind an escape), version, in version 5 the kind and the size of an address, and the abbreviations
# (otherwise these and the size): DWARF 5, 7.5.1.1.
_HEADER = re.compile(rf"(?:\t\.\w+[ \t]+0xffffffff\b[^\n]*\n)?{DIRECTIVE}" + f"({DIRECTIVE})" * 4)
# How much of an entry's first line is enough to know its code by, and is in front of any comment of clang's.
_CODE = 22
# The end of a list of children (DWARF 5, 7.5.3) is an entry with code 0 and nothing else.
_END = Abbreviation(0, False, [])
_END.fixed = 1
# How many entries may have to be asked for a function's name: the inlined one, the out-of-line one, its declaration.
_HOPS = 6

_Labels = dict[str, int]
_Pairs = list[tuple[str, str]]


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
class Frame:
    """A call that was inlined.

    Attributes:
        function: which was called.
        file: the caller's, as in `.file`, with its folder; "" if unknown.
        line: 1-based, 0 if unknown.
        column: 1-based, 0 if unknown.
    """

    function: Function
    file: str
    line: int
    column: int


def inlined_frames(text: str, positions: list[int], cwd: str) -> list[tuple[Frame, ...]]:
    """The calls that were inlined around each position, innermost first; nothing where the text does not tell.

    Args:
        text: assembly.
        positions: offsets of instructions, in ascending order.
        cwd: folder that relative names are relative to where the text does not say.
    """
    found: list[list[Frame | None]] = [[] for _ in positions]
    parts = dwarftext.sections(text)
    try:
        info = _Info(text, parts, file_table(text, cwd))
        labels = _labels_around(text, positions)
        for start, end in parts.get(".debug_info", []):
            at = dwarftext.first_directive(text, start, end)
            while at < end:
                unit = _Unit(info, at, end)
                for pairs, entry in unit.inlined(labels):
                    hits = [hit for low, high in pairs for hit in range(
                        bisect_left(positions, labels[low]), bisect_left(positions, labels[high]))]  # fmt: skip
                    frame = unit.frame(entry) if hits else None
                    for hit in hits:
                        found[hit].append(frame)
                at = unit.end
    except (LookupError, ValueError, OverflowError):
        pass  # not as a compiler writes it: what was read up to here is right, of the rest nothing is known
    return [tuple(frame for frame in reversed(frames) if frame is not None) for frames in found]


def _labels_around(text: str, positions: list[int]) -> _Labels:
    """Offsets of all labels in the functions that hold the positions; a `.cold` part is a function of its own."""
    labels: _Labels = {}
    end = 0
    for position in positions:
        if position < end:
            continue
        start = max(text.rfind(_FUNCTION, 0, position), end)
        end = text.find(_FUNCTION, position)
        end = end if end >= 0 else len(text)
        labels.update([(match[1], match.start()) for match in _LABEL.finditer(text, start, end)])
    return labels


class _Info:
    """What all units of a text share."""

    def __init__(self, text: str, parts: dict[str, list[tuple[int, int]]], files: dict[int, str]) -> None:
        self.text, self._parts, self.files = text, parts, files
        self._read: dict[str, Section] = {}
        self._strings = [dwarftext.Strings(self._texts(name)) for name in (".debug_str", ".debug_line_str")]
        self.abbreviations = dwarftext.read_abbreviations(self.section(".debug_abbrev"))

    def _texts(self, name: str) -> list[str]:
        return [self.text[start:end] for start, end in self._parts.get(name, [])]

    def section(self, name: str) -> Section:
        if name not in self._read:
            self._read[name] = Section(self._texts(name))
        return self._read[name]

    def string(self, label: str) -> str:
        return next((found for section in self._strings if (found := section.find(label)) is not None), "")


class _Entry:
    """One entry of a unit."""

    def __init__(self, layout: Abbreviation, fields: list[str]) -> None:
        self._layout, self._fields = layout, fields

    def field(self, attribute: int) -> tuple[str, int]:
        """The directive and the form of an attribute; ("", 0) if the entry has none."""
        place, form, _ = self._layout.fields.get(attribute, (-1, 0, 0))
        return (self._fields[place], form) if place >= 0 else ("", 0)

    def number(self, attribute: int) -> int:
        """The value of an attribute; 0 if the entry has none."""
        field, _ = self.field(attribute)
        return number(field) if field else self._layout.fields.get(attribute, (0, 0, 0))[2]

    def reference(self, attribute: int) -> int:
        """The offset of an entry of this unit; -1 if there is no such reference."""
        field, form = self.field(attribute)
        return number(field) if form in _UNIT_REFERENCES else -1


class _Unit:
    """One unit of section .debug_info (DWARF 5, 7.5.1).

    Attributes:
        end: the offset in the text behind it, once `inlined` has read it.
    """

    def __init__(self, info: _Info, start: int, end: int) -> None:
        self._info, self._text, self.end = info, info.text, end
        self._by_code: dict[str, Abbreviation] = {}
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
            self._root = self._entry(behind)

    def inlined(self, labels: _Labels) -> list[tuple[_Pairs, int]]:
        """The inlined calls whose code has a label in `labels`, outer ones first: ranges, and the entry's place."""
        text, by_code, at, offset = self._text, self._by_code, self._first, self._offset
        depth, wanted, parents = 0, False, {-1: -1}
        found = []
        while at < self.end:
            layout = by_code.get(text[at : at + _CODE]) or self._layout(at)
            if layout.tag not in _FUNCTIONS:
                pass
            elif layout.tag == _SUBPROGRAM:
                self._subprograms[offset] = (at, parents[depth - 1])
                if _LOW_PC in layout.fields or _RANGES in layout.fields:
                    wanted = any(low in labels or high in labels for low, high in self._ranges(at))
            elif wanted:
                pairs = [pair for pair in self._ranges(at) if pair[0] in labels and pair[1] in labels]
                if pairs:
                    found.append((pairs, at))
            if layout.children:
                parents[depth] = at
                depth += 1
            match = layout.skip(text, at)
            if match is None:
                _, at, size = layout.read(text, at)
                offset += size
            else:
                at = match.end()
                offset += layout.fixed
                if layout.varies:
                    offset += sum(map(dwarftext.variable_size, match.groups()))
            if layout is _END:
                depth -= 1
                if depth <= 0:
                    break
            elif depth == 0:
                break
        self.end = at
        return found

    def frame(self, at: int) -> Frame:
        """The call that an entry of `inlined` tells of."""
        entry = self._entry(at)
        line = entry.number(_CALL_LINE)
        file = self._info.files.get(entry.number(_CALL_FILE), "") if line > 0 else ""
        return Frame(self._function(entry.reference(_ORIGIN)), file, line, entry.number(_CALL_COLUMN))

    def _layout(self, at: int) -> Abbreviation:
        start = self._text[at : at + _CODE]
        value = number(start)
        layout = self._info.abbreviations[value] if value else _END
        if layout.fixed < 0:
            layout.measure(self._text, at)
        if start[-1].isspace() or "\n" in start:
            self._by_code[start] = layout
        return layout

    def _entry(self, at: int) -> _Entry:
        layout = self._layout(at)
        return _Entry(layout, layout.read(self._text, at)[0])

    def _ranges(self, at: int) -> _Pairs:
        """The labels around an entry's code."""
        entry = self._entry(at)
        field, form = entry.field(_RANGES)
        if field and self._version < 5:
            label, _, offset = operand(field).partition("+")
            section = self._info.section(".debug_ranges")
            return list(dwarftext.old_range_list(section, section.labels[label] + int(offset or "0", 0) // 8))
        if field:
            section = self._info.section(".debug_rnglists")
            label = symbol(operand(field))
            if form == _RANGE_INDEX:
                label = section.symbol(self._base(_RANGES_BASE), dwarftext.index(field, form))
            return list(dwarftext.range_list(section, section.labels[label], self._address))
        (low, form), (high, _) = entry.field(_LOW_PC), entry.field(_HIGH_PC)
        if not low or not high:
            return []
        first = symbol(operand(low)) if form == _ADDRESS else self._address(dwarftext.index(low, form))
        return [(first, symbol(operand(high)))]

    def _base(self, attribute: int) -> str:
        return symbol(operand(self._root.field(attribute)[0]))

    def _address(self, index: int) -> str:
        return self._info.section(".debug_addr").symbol(self._base(_ADDRESSES_BASE), index)

    def _string(self, entry: _Entry, attribute: int) -> str:
        field, form = entry.field(attribute)
        if not field:
            return ""
        if form == _INLINE_STRING:
            return dwarftext.string(field)
        if form not in _STRING_INDEXES:
            return self._info.string(symbol(operand(field)))
        index = dwarftext.index(field, form)
        return self._info.string(self._info.section(".debug_str_offsets").symbol(self._base(_STRINGS_BASE), index))

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
            entry = self._entry(at)
            name = name or self._string(entry, _NAME)
            linkage = linkage or self._string(entry, _LINKAGE_NAME) or self._string(entry, _MIPS_LINKAGE_NAME)
            if parent >= 0 and self._layout(parent).tag in _CLASSES:
                scope = scope or self._string(self._entry(parent), _NAME)
            following = max(entry.reference(_ORIGIN), entry.reference(_SPECIFICATION))
        return self._functions.setdefault(offset, Function(name, linkage, scope))
