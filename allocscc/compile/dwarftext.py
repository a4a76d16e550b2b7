"""Reads the data directives of debug sections in a unit's assembly text, before there is an object.

What is not as a compiler writes it raises LookupError or ValueError, or is not found.
"""

import re

from allocscc.compile.asm import unescape

# By a line's first four characters: how many bytes an operand makes; 0: that depends on the operand.
SIZES = {
    "\t.by": 1, "\t.va": 2, "\t.sh": 2, "\t.hw": 2, "\t.2b": 2, "\t.lo": 4, "\t.wo": 4, "\t.4b": 4, "\t.qu": 8,
    "\t.xw": 8, "\t.8b": 8, "\t.ul": 0, "\t.sl": 0, "\t.st": 0, "\t.as": 0,
}  # fmt: skip
# A directive and what is none behind it: comments, labels. gcc cuts long strings into pieces; the last is `.string`.
DIRECTIVE = r"\t\.[^\n]*+\n(?:(?!\t\.)[^\n]*+\n)*+"
CUT_STRING = re.compile(rf'(?:\t\.ascii\t"[^\n]*(?<!\\0)"\n)*{DIRECTIVE}')
_QUOTED = re.compile(r'\t\.\w+[ \t]+"((?:[^"\\]|\\.)*)"')
_LABEL = re.compile(r"\n([\w.$]+):[^\n]*\n")
_SECTION = "\t.section\t"
# Bytes of a LEB128 of 64 bits.
_LONGEST_LEB = 10

# Where a section's parts begin and end in the text.
Spans = list[tuple[int, int]]


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
        match = CUT_STRING.match(self._text, self._labels[label]) if label in self._labels else None
        return string(match[0]) if match else None


def sections(text: str) -> dict[str, Spans]:
    """Where the parts of every debug section begin and end, by the section's name."""
    found: dict[str, Spans] = {}
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


def leb_size(value: int) -> int:
    """How many bytes an unsigned LEB128 has (DWARF 5, 7.6)."""
    return max(1, -(-value.bit_length() // 7))


def size(field: str) -> int:
    """How many bytes directives make."""
    total = 0
    for line in field.split("\n"):
        if line[:4] in SIZES:
            operands = line.partition("#")[0].partition("//")[0]  # without a comment, x86's or aarch64's
            total += SIZES[line[:4]] * (operands.count(",") + 1) or variable_size(line)
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
