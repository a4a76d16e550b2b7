"""What the exports of a profile share: the frames of a row, and what its words mean to other tools."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from allocscc.report.profile import Counts, Place, Profile, Row

ALLOCATOR, WRAPPER, SITE, TYPE = "allocator", "wrapper", "site", "type"
UNKNOWN_TYPE = "?"
_REASONS = {
    "exit": "at exit", "signal": "on a signal", "interval": "at an interval", "every": "after so many bytes",
    "api": "at the program's request",
}  # fmt: skip


class Frame(NamedTuple):
    """One step from an allocator to what it was asked for.

    Attributes:
        kind: `allocator`, `wrapper`, `site` or `type`.
        name: of a site: the function that the site is in.
        file: of a site that has a record, or "".
        line: of the site; 0 where it is not known.
        object: of a site without a record: the program or library that it is in, or "".
    """

    kind: str
    name: str
    file: str = ""
    line: int = 0
    object: str = ""

    def label(self) -> str:
        """The frame as a person reads it; a site is `function (file:line)`."""
        if self.file:
            return f"{self.name} ({self.file}:{self.line})"
        return f"{self.name} ({self.object})" if self.object else self.name


def frames(row: Row) -> tuple[Frame, ...]:
    """Allocator, wrappers from the innermost to the outermost, site, type."""
    wrappers = (Frame(WRAPPER, printable(name)) for name in reversed(row.wrappers))
    kind = Frame(TYPE, printable(row.type or UNKNOWN_TYPE))
    return (Frame(ALLOCATOR, printable(row.allocator)), *wrappers, _site(row.place), kind)


def printable(text: str) -> str:
    """A name from a program as text that every tool takes: one line, valid Unicode.

    Bytes that are no UTF-8 (they were read as surrogates) and control characters are written as escapes of Python's.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def outermost(rows: Iterable[Row]) -> list[Row]:
    """The rows whose bytes lie in no other row's: their sum is the heap."""
    return [row for row in rows if row.parent is None]


def suballocated(rows: Iterable[Row]) -> list[Row]:
    """The rows whose bytes lie inside those of their parents: they must not be added to the heap."""
    return [row for row in rows if row.parent is not None]


def total(rows: Iterable[Row]) -> Counts:
    """The sum of the counts."""
    return sum((row.counts for row in rows), Counts())


def suballocators(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Each suballocator with its parent, in order of name."""
    return sorted({(printable(row.allocator), printable(row.parent)) for row in rows if row.parent})


def left_out(rows: Sequence[Row]) -> str:
    """A sentence on the rows that a tool which only adds up cannot show; "" where there are none."""
    inner = [f"{name} in those of {parent}" for name, parent in suballocators(rows)]
    return f"suballocated chunks lie in their parents' and are left out: {', '.join(inner)}" if inner else ""


def written(profile: Profile) -> str:
    """When and why the profile was written: `at exit, after 1.234 s`."""
    reason = _REASONS.get(profile.reason, printable(profile.reason))
    return f"{reason}, after {profile.ms / 1000:.3f} s" if profile.ms else reason


def _site(place: Place) -> Frame:
    name = printable(place.function or place.symbol or "")
    if place.file:
        return Frame(SITE, name or "?", printable(place.file), place.line)
    return Frame(SITE, name or "unknown code", "", 0, printable(place.object or ""))


def _escape(char: str) -> str:
    byte = ord(char) - 0xDC00  # the surrogate of a byte
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else char.encode("unicode_escape").decode()
