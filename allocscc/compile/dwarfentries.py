"""The layout of DWARF's entries and range lists in assembly text.

The compilers write an attribute as one data directive, blocks and expressions excepted; where code lies is named by
labels that stand in the text. So an entry is a run of directives whose number its abbreviation tells (DWARF 5, 7.5.3).
References between entries count bytes: the size of a directive is known, and that of a LEB128 follows from its value.
DWARF 2 to 5, as gcc and clang write them.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from allocscc.compile.dwarftext import (
    CUT_STRING,
    DIRECTIVE,
    SIZES,
    Section,
    leb_size,
    number,
    operand,
    size,
    symbol,
    variable_size,
)

# Forms (DWARF 5, table 7.6; 0x1f01 and 0x1f02 are GNU's): without a directive; whose first directive is a length; in
# one directive of no fixed size; of three bytes, which are two directives; of so many bytes in any number of them.
_ABSENT = (0x19, 0x21)
_BLOCKS = (0x03, 0x04, 0x09, 0x0A, 0x18)
_VARIABLE = (0x08, 0x0D, 0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02)
_TRIPLES = (0x27, 0x2B)
_PIECES = {0x1E: 16, 0x20: 8}
_STRING_FORM, _IMPLICIT_CONST = 0x08, 0x21
# Entries of range lists (DWARF 5, 7.25): whose one operand is a base, which the symbols below do not need; whose first
# operand is an index of .debug_addr; whose second is one, too.
_BASES, _FIRST_INDEXED, _SECOND_INDEXED, _LAST_KIND = (1, 5), (2, 3), (2,), 7

_ONE = re.compile(DIRECTIVE)
_NOTHING = re.compile("(?!)")
_CUT = "\t.ascii\t"


class Abbreviation:
    """How entries with one code are laid out.

    Attributes:
        tag: of the entry.
        children: whether entries that belong to it follow.
        places: by attribute its directive (0, the code's own, if it has none), form and implicit value.
        run: matches a whole entry at an offset of the text; none with blocks.
        fixed: bytes of the code and all fields that always have the same size; -1 until `measure` has seen an entry.
        varying: directives of fields of no fixed size.
    """

    __slots__ = ("_cuttable", "_forms", "children", "fixed", "places", "run", "tag", "varying")

    def __init__(self, tag: int, children: bool, forms: list[tuple[int, int, int]]) -> None:
        self.tag, self.children, self.fixed = tag, children, -1
        self.places: dict[int, tuple[int, int, int]] = {}
        self.varying: list[int] = []
        self._forms = [form for _, form, _ in forms if form not in _ABSENT]
        count = 1
        for attribute, form, implicit in forms:
            self.places[attribute] = (0 if form in _ABSENT else count, form, implicit)
            self.varying += [count] if form in _VARIABLE else []
            count += _directives(form)
        has_blocks = any(form in _BLOCKS or form in _PIECES for form in self._forms)
        self.run = _NOTHING.match if has_blocks else _run(count).match
        self._cuttable = _STRING_FORM in self._forms

    def measure(self, text: str, at: int) -> None:
        """Set `fixed` from an entry."""
        code, *fields = self.read(text, at)
        self.fixed = leb_size(number(code))
        for place, form in self._fields():
            if form not in _VARIABLE and form not in _BLOCKS and form not in _PIECES:
                self.fixed += sum(map(size, fields[place - 1 : place - 1 + _directives(form)]))

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Place and form of every field that has a directive."""
        place = 1
        for form in self._forms:
            yield place, form
            place += _directives(form)

    def vary(self, text: str, match: re.Match[str]) -> tuple[int, int]:
        """The offset behind an entry that `run` matched, and its bytes, where these vary."""
        if self._cuttable and _CUT in match[0]:
            return self.follow(text, match.start(), [])
        lines = match[0].split("\n\t.")
        return match.end(), self.fixed + sum(variable_size(f"\t.{lines[place]}") for place in self.varying)

    def read(self, text: str, at: int) -> list[str]:
        """An entry's directives: of a block the first one, of a cut string all in one."""
        match = self.run(text, at)
        if match is not None and not (self._cuttable and _CUT in match[0]):
            return _ONE.findall(match[0])
        fields: list[str] = []
        self.follow(text, at, fields)
        return fields

    def follow(self, text: str, at: int, fields: list[str]) -> tuple[int, int]:
        """Read an entry field by field.

        Args:
            text: assembly.
            at: the entry's offset.
            fields: gets what `read` gives.

        Returns:
            The offset behind the entry, and its bytes, if `measure` has seen one of its kind.
        """
        total = self.fixed
        field, at = _take(_ONE, text, at)
        fields.append(field)
        for form in self._forms:
            length = _PIECES.get(form, 0)
            total += length
            for _ in range(0 if length else _directives(form)):
                field, at = _take(CUT_STRING if form == _STRING_FORM else _ONE, text, at)
                fields.append(field)
            if length:
                fields.append("")
            elif form in _VARIABLE:
                total += variable_size(field)
            elif form in _BLOCKS:
                length = number(field)
                total += variable_size(field) + length
            while length > 0:
                piece, at = _take(_ONE, text, at)
                length -= SIZES[piece[:4]] if "," not in piece and SIZES[piece[:4]] else size(piece)
        return at, total


@cache
def _run(count: int) -> re.Pattern[str]:
    return re.compile(rf"(?:{DIRECTIVE}){{{count}}}")


def _take(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    match = pattern.match(text, at)
    if match is None:
        raise ValueError
    return match[0], match.end()


def _directives(form: int) -> int:
    return 0 if form in _ABSENT else 2 if form in _TRIPLES else 1


def read_abbreviations(section: Section) -> dict[int, Abbreviation]:
    """The first table of section .debug_abbrev (DWARF 5, 7.5.3), by code; as far as it goes."""
    numbers = (number(line) for line in section.lines)
    table = {}
    try:
        while (code := next(numbers)) != 0:
            tag, children, forms = next(numbers), next(numbers) != 0, []
            while (pair := (next(numbers), next(numbers))) != (0, 0):
                forms.append((*pair, next(numbers) if pair[1] == _IMPLICIT_CONST else 0))
            table[code] = Abbreviation(tag, children, forms)
    except StopIteration:
        pass
    return table


def range_list(section: Section, at: int, address: Callable[[int], str]) -> Iterator[tuple[str, str]]:
    """The ranges of a list in .debug_rnglists (DWARF 5, 7.25), as pairs of labels.

    Args:
        section: the section.
        at: the list's first directive.
        address: gives the symbol at an index of .debug_addr.
    """
    while kind := number(section.lines[at]):
        if kind > _LAST_KIND:
            return
        if kind in _BASES:
            at += 2
            continue
        first, second = section.lines[at + 1], section.lines[at + 2]
        yield (
            address(number(first)) if kind in _FIRST_INDEXED else symbol(operand(first)),
            address(number(second)) if kind in _SECOND_INDEXED else symbol(operand(second)),
        )
        at += 3


def old_range_list(section: Section, at: int) -> Iterator[tuple[str, str]]:
    """The ranges of a list in .debug_ranges (DWARF 4, 2.17.3), as pairs of labels; arguments as for `range_list`."""
    while True:
        first, second = symbol(operand(section.lines[at])), symbol(operand(section.lines[at + 1]))
        if not second:
            return
        if first:  # else it is another base, which the symbols do not need
            yield first, second
        at += 2


def index(fields: list[str], place: int, form: int) -> int:
    """The value of an index of some form; clang writes one of three bytes as its lower two and its upper one."""
    return number(fields[place]) | (number(fields[place + 1]) << 16 if form in _TRIPLES else 0)
