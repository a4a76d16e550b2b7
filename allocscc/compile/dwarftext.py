"""Reads DWARF out of a unit's assembly text, before there is an object: sections, entries' layout, ranges.

The compilers write an attribute as one data directive, blocks and expressions excepted; where code lies is named by
labels that stand in the text. So an entry is a run of directives whose number its abbreviation tells (DWARF 5, 7.5.3).
References between entries count bytes: the size of a directive is known, and that of a LEB128 follows from its value.
DWARF 2 to 5, as gcc and clang write them. What is not so raises LookupError or ValueError, or is not found.
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from allocscc.compile.asm import unescape

# By a line's first four characters: how many bytes an operand makes; 0: that depends on the operand.
SIZES = {
    "\t.by": 1, "\t.va": 2, "\t.sh": 2, "\t.hw": 2, "\t.2b": 2, "\t.lo": 4, "\t.wo": 4, "\t.4b": 4, "\t.qu": 8,
    "\t.xw": 8, "\t.8b": 8, "\t.ul": 0, "\t.sl": 0, "\t.st": 0, "\t.as": 0,
}  # fmt: skip
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

# A directive and what is none behind it: comments, labels. gcc cuts long strings into pieces; the last is `.string`.
DIRECTIVE = r"\t\.[^\n]*+\n(?:(?!\t\.)[^\n]*+\n)*+"
_ONE = re.compile(DIRECTIVE)
_NOTHING = re.compile("(?!)")
_CUT_STRING = re.compile(rf'(?:\t\.ascii\t"[^\n]*(?<!\\0)"\n)*{DIRECTIVE}')
_QUOTED = re.compile(r'\t\.\w+[ \t]+"((?:[^"\\]|\\.)*)"')
_LABEL = re.compile(r"\n([\w.$]+):[^\n]*\n")
_SECTION = "\t.section\t"
# Bytes of a LEB128 of 64 bits.
_LONGEST_LEB = 10


class Abbreviation:
    """How entries with one code are laid out.

    Attributes:
        tag: of the entry.
        children: whether entries that belong to it follow.
        fields: by attribute its place among the entry's fields (-1 if it has no directive), form and implicit value.
        skip: matches a whole entry at an offset of the text; not those with blocks.
        varies: whether there are fields of no fixed size; they are the groups of what `skip` matches.
        fixed: bytes of the code and all other fields; -1 until `measure` has seen an entry.
    """

    def __init__(self, tag: int, children: bool, forms: list[tuple[int, int, int]]) -> None:
        self.tag, self.children, self.fixed = tag, children, -1
        self.fields: dict[int, tuple[int, int, int]] = {}
        self._forms: list[int] = []
        for attribute, form, implicit in forms:
            self.fields[attribute] = (-1 if form in _ABSENT else len(self._forms), form, implicit)
            if form not in _ABSENT:
                self._forms.append(form)
        self._has_blocks = any(form in _BLOCKS or form in _PIECES for form in self._forms)
        self.varies = any(form in _VARIABLE for form in self._forms)

    @cached_property
    def skip(self) -> Callable[[str, int], re.Match[str] | None]:
        """See the class."""
        if self._has_blocks:
            return _NOTHING.match
        fields = (f"({pattern})" if form in _VARIABLE else pattern for form, pattern in self._patterns())
        return re.compile(DIRECTIVE + "".join(fields)).match

    @cached_property
    def _all(self) -> re.Pattern[str]:
        return re.compile(f"({DIRECTIVE})" + "".join(f"({pattern})" for _, pattern in self._patterns()))

    def _patterns(self) -> Iterator[tuple[int, str]]:
        for form in self._forms:
            yield form, _CUT_STRING.pattern if form == _STRING_FORM else DIRECTIVE * (2 if form in _TRIPLES else 1)

    def measure(self, text: str, at: int) -> None:
        """Set `fixed` from an entry; with blocks it is that of the code alone, and `read` gives the rest."""
        code, _ = _take(_ONE, text, at)
        self.fixed = leb_size(number(code))
        if self._has_blocks:
            return
        fields, _, _ = self.read(text, at)
        self.fixed += sum(size(f) for f, form in zip(fields, self._forms, strict=True) if form not in _VARIABLE)

    def read(self, text: str, at: int) -> tuple[list[str], int, int]:
        """An entry's fields (of blocks their length alone), the offset behind it, and its bytes."""
        if not self._has_blocks:
            match = self._all.match(text, at)
            if match is None:
                raise ValueError
            return list(match.groups()[1:]), match.end(), 0
        _, at = _take(_ONE, text, at)
        fields, total = [], self.fixed
        for form in self._forms:
            length = _PIECES.get(form, 0)
            if not length:
                field, at = _take(_CUT_STRING if form == _STRING_FORM else _ONE, text, at)
                fields.append(field)
                total += variable_size(field) if form in _VARIABLE else size(field)
                length = number(field) if form in _BLOCKS else int(form in _TRIPLES)
            else:
                fields.append("")
            total += length
            while length > 0:
                piece, at = _take(_ONE, text, at)
                fields[-1] += piece
                length -= size(piece)
        return fields, at, total


def _take(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    match = pattern.match(text, at)
    if match is None:
        raise ValueError
    return match[0], match.end()


class Section:
    """All parts of a section: its data directives, and where among them its labels stand."""

    def __init__(self, parts: list[str]) -> None:
        self.lines: list[str] = []
        self.labels: dict[str, int] = {}
        for part in parts:
            for line in part.split("\n"):
                if line[:4] in SIZES:
                    self.lines.append(line)
                elif line[:1] not in ("\t", " ", "#", ""):
                    self.labels.setdefault(line.partition(":")[0], len(self.lines))

    def symbol(self, base: str, index: int) -> str:
        """The symbol at an index of a table of symbols that begins at a label."""
        at = self.labels[base] + index
        return symbol(operand(self.lines[at])) if at >= 0 else ""


class Strings:
    """A section of strings, each behind a label."""

    def __init__(self, parts: list[str]) -> None:
        self._text = "".join(parts)
        self._labels = {match[1]: match.end() for match in _LABEL.finditer(self._text)}

    def find(self, label: str) -> str | None:
        """The string behind a label, if there is one."""
        match = _CUT_STRING.match(self._text, self._labels[label]) if label in self._labels else None
        return string(match[0]) if match else None


def sections(text: str) -> dict[str, list[tuple[int, int]]]:
    """Where the parts of every debug section begin and end, by the section's name."""
    found: dict[str, list[tuple[int, int]]] = {}
    at = text.find(f"{_SECTION}.debug_")
    while at >= 0:
        start = text.find("\n", at)
        end = text.find(_SECTION, at + 1)
        if start >= 0:
            name = re.split(r"[,\s]", text[at + len(_SECTION) : start], maxsplit=1)[0]
            found.setdefault(name, []).append((start, end if end >= 0 else len(text)))
        at = text.find(f"{_SECTION}.debug_", end) if end >= 0 else -1
    return found


def first_directive(text: str, at: int, end: int) -> int:
    """The offset of the first directive from an offset on."""
    found = text.find("\n\t.", at, end)
    return found + 1 if found >= 0 else end


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


def operand(directive: str) -> str:
    """A directive's operand: a number, a label, or a difference of labels, but no text with blanks in it."""
    return directive.split(None, 2)[1]


def symbol(word: str) -> str:
    """The label that an address, a length, an offset from a base or an end is written by, or ""."""
    return word.partition("-")[0].partition("+")[0] if word[:1] not in "0123456789-" else ""


def number(directive: str) -> int:
    """The value that a directive writes out; clang writes a LEB128 of several bytes as a string of them."""
    if not directive.startswith("\t.ascii"):
        return int(operand(directive), 0)
    value = 0
    for place, byte in enumerate(b"".join(_raw(directive))[:_LONGEST_LEB]):
        value |= (byte & 0x7F) << 7 * place
    return value


def index(field: str, form: int) -> int:
    """The value of an index of some form; clang writes one of three bytes as its lower two and its upper one."""
    lower, _, upper = field.partition("\n")
    return number(lower) | (number(upper) << 16 if form in _TRIPLES else 0)


def leb_size(value: int) -> int:
    """How many bytes an unsigned LEB128 has (DWARF 5, 7.6)."""
    return max(1, -(-value.bit_length() // 7))


def size(field: str) -> int:
    """How many bytes directives make."""
    total = 0
    for line in field.split("\n"):
        if line[:4] in SIZES:
            total += SIZES[line[:4]] * (re.split("#|//", line, maxsplit=1)[0].count(",") + 1) or variable_size(line)
    return total


def variable_size(field: str) -> int:
    """How many bytes a directive makes, or the pieces of a string, whose size depends on the operand."""
    kind = field[:4]
    if kind in ("\t.st", "\t.as"):
        return sum(map(len, _raw(field))) + (not field.startswith("\t.ascii") or "\n\t.string" in field)
    if SIZES[kind]:
        return SIZES[kind]  # clang writes a LEB128 of one byte as a byte
    value = number(field)
    return leb_size(value) if kind == "\t.ul" else (value if value >= 0 else ~value).bit_length() // 7 + 1


def string(field: str) -> str:
    """What string directives write out."""
    return b"".join(_raw(field)).rstrip(b"\0").decode("utf-8", "surrogateescape")


def _raw(field: str) -> list[bytes]:
    return [unescape(text) for text in _QUOTED.findall(field)]
