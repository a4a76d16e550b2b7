"""Entries as lines of a table: one by one, or as a tree of groups."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from allocscc.report.amounts import Amount, Threshold, human_bytes, human_count
from allocscc.report.entries import Entry, Group, added, common_folder, grouped, label, ordered, total_of, where
from allocscc.report.lines import Line, plain, styled
from allocscc.report.profile import Place

_T = TypeVar("_T")
SHARE = "share"
_CELL = 15
_SHARE_CELL = 6
_INDENT = 2
# How many rows a table, or a level of a tree, has unless asked otherwise.
_TOP = 25
_TOP_IN_TREES = (12, 6)


@dataclass(frozen=True)
class View:
    """How to show a table.

    Attributes:
        sort: the index of the measure to sort by.
        by: keys to group by, outermost first; empty: every row.
        top: how many rows (of each level of a tree); 0: all; None: a few.
        least: rows and groups with less are not shown one by one.
        columns: names of measures, or `share`; empty: a choice that fits.
        source: whether to quote the line of each site.
        width: columns of the terminal; None: not for a terminal, lines are as long as they have to be.
        color: whether the terminal shows colours.
        signed: whether amounts are differences.
    """

    sort: int = 0
    by: tuple[str, ...] = ()
    top: int | None = None
    least: Threshold = field(default_factory=Threshold)
    columns: tuple[str, ...] = ()
    source: bool = False
    width: int | None = None
    color: bool = False
    signed: bool = False


def show(lines: Iterable[Line], view: View) -> str:
    """Lines as the text for where the view is shown."""
    return plain(lines) if view.width is None else styled(lines, view.width, color=view.color)


def kept(entries: Iterable[Entry], view: View, measures: int) -> list[Entry]:
    """The entries that are large enough for the view, the largest first."""
    known = list(entries)
    least = view.least.of(total_of(known, measures)[view.sort].bytes)
    return [entry for entry in ordered(known, view.sort) if abs(entry.amounts[view.sort].bytes) >= least]


def kept_groups(entries: Iterable[Entry], view: View, measures: int) -> tuple[Group, ...]:
    """The groups that are large enough for the view, on all levels."""
    known = list(entries)
    least = view.least.of(total_of(known, measures)[view.sort].bytes)

    def pruned(groups: Iterable[Group]) -> tuple[Group, ...]:
        large = (group for group in groups if abs(group.amounts[view.sort].bytes) >= least)
        return tuple(Group(one.key, one.entry, one.amounts, pruned(one.groups)) for one in large)

    return pruned(grouped(known, view.by, view.sort))


def body(entries: Sequence[Entry], measures: Sequence[tuple[str, str]], view: View) -> list[Line]:
    """The table.

    Args:
        entries: what is shown.
        measures: name and heading of each amount, in their order.
        view: how.
    """
    table = _Table(entries, measures, view)
    return table.tree() if view.by else table.rows()


class _Table:
    def __init__(self, entries: Sequence[Entry], measures: Sequence[tuple[str, str]], view: View) -> None:
        self._entries, self._view = entries, view
        self._folder = common_folder(entry.row for entry in entries)
        self._total = total_of(entries, len(measures))
        names = [name for name, _ in measures]
        self._heads = dict(measures)
        self._at = {name: at for at, name in enumerate(names)}
        other = next(name for name in ("live", "total", "after", *names) if name in names and name != names[view.sort])
        tree = (names[view.sort], SHARE, other) if len(names) > 1 else (names[0], SHARE)
        self._columns = view.columns or (tree if view.by and not view.signed else tuple(names))
        self._quotes = Quotes() if view.source else None

    def rows(self) -> list[Line]:
        """Two lines for each entry."""
        large = kept(self._entries, self._view, len(self._total))
        shown = self._first(large, _TOP)
        lines = self._heading("type")
        for entry in shown:
            row = entry.row
            kind = ((row.type or "?", "bold"),)
            if self._view.width and len(kind[0][0]) > self._view.width - self._fixed_width():
                lines += [self._line(entry.amounts, ()), Line("    ", kind, 8)]
            else:
                lines.append(self._line(entry.amounts, kind))
            owner = " < ".join([row.allocator, *reversed(row.wrappers)])
            spans = ((owner, "cyan"), (" < ", "dim"), (where(row.place, self._folder), ""))
            lines += [Line("    ", spans, 8), *self._quoted(row.place, 8)]
        known = {id(entry) for entry in shown}
        rest = [entry for entry in self._entries if id(entry) not in known]
        return lines + self._rest([entry.amounts for entry in rest], len(large) - len(shown), 0)

    def tree(self) -> list[Line]:
        """A line for each group, indented by its level."""
        lines = self._heading(" > ".join(self._view.by))
        everything = grouped(self._entries, self._view.by, self._view.sort)
        return lines + self._level(everything, kept_groups(self._entries, self._view, len(self._total)), 0)

    def _level(self, everything: Sequence[Group], groups: Sequence[Group], depth: int) -> list[Line]:
        shown = self._first(groups, _TOP if len(self._view.by) == 1 else _TOP_IN_TREES[min(depth, 1)])
        lines: list[Line] = []
        for group in shown:
            style = "bold" if depth == 0 and len(self._view.by) > 1 else ""
            lines.append(self._line(group.amounts, ((label(group, self._folder), style),), depth))
            if group.key == "site":
                lines += self._quoted(group.entry.row.place, self._fixed_width() + _INDENT * (depth + 1))
            if group.groups:
                inner = next(one for one in everything if one.entry is group.entry)
                lines += self._level(inner.groups, group.groups, depth + 1)
        names = {id(group.entry) for group in shown}
        rest = [group.amounts for group in everything if id(group.entry) not in names]
        return lines + self._rest(rest, len(groups) - len(shown), depth)

    def _first(self, found: Sequence[_T], usual: int) -> Sequence[_T]:
        """As many as were asked for; else the usual number, or one more where that is all."""
        top = self._view.top
        if top is None:
            top = 0 if len(found) <= usual + 1 else usual
        return found[:top] if top else found

    def _rest(self, amounts: Sequence[tuple[Amount, ...]], cut: int, depth: int) -> list[Line]:
        if not amounts:
            return []
        small = len(amounts) - cut
        why = "--top 0 shows all" if cut and not small else "less than --min"
        if cut and small:
            why = f"{small} of them less than --min"
        text = f"({len(amounts)} more: {why})"
        return [self._line(added(amounts, len(self._total)), ((text, "dim"),), depth)]

    def _heading(self, last: str) -> list[Line]:
        cells = [f"{'share':>{_SHARE_CELL}}" if c == SHARE else f"{self._heads[c]:>{_CELL}}" for c in self._columns]
        line = Line(f"{' '.join(cells)}  {last}", style="bold")
        return [line, Line("-" * min(self._view.width or 80, 80), style="dim")]

    def _fixed_width(self) -> int:
        return sum((_SHARE_CELL if name == SHARE else _CELL) + 1 for name in self._columns) + 1

    def _line(self, amounts: Sequence[Amount], spans: tuple[tuple[str, str], ...], depth: int = 0) -> Line:
        fixed = " ".join(self._cell(amounts, name) for name in self._columns) + "  " + " " * _INDENT * depth
        return Line(fixed, spans, len(fixed) + _INDENT)

    def _cell(self, amounts: Sequence[Amount], name: str) -> str:
        if name == SHARE:
            total = self._total[self._view.sort].bytes
            return f"{amounts[self._view.sort].bytes / total:>{_SHARE_CELL}.1%}" if total else " " * _SHARE_CELL
        amount = amounts[self._at[name]]
        size, chunks = human_bytes(amount.bytes), human_count(amount.chunks)
        if self._view.signed and self._at[name] == 0:
            size = f"+{size}" if amount.bytes > 0 else size
            chunks = f"+{chunks}" if amount.chunks > 0 else chunks
        return f"{size:>8}{chunks:>7}"

    def _quoted(self, place: Place, column: int) -> list[Line]:
        text = self._quotes.line(place) if self._quotes else ""
        return [Line(" " * column, ((f"{place.line}: {text}", "italic green"),), column, short=True)] if text else []


class Quotes:
    """Lines of sources, each file read once."""

    def __init__(self, read: Callable[[str], str] | None = None) -> None:
        self._read = read or _text
        self._files: dict[str, list[str]] = {}

    def line(self, place: Place) -> str:
        """The line of a place without its indentation; "" if it cannot be read."""
        if not place.file:
            return ""
        if place.file not in self._files:
            self._files[place.file] = self._read(place.file).split("\n")
        known = self._files[place.file]
        return known[place.line - 1].strip().expandtabs() if 0 < place.line <= len(known) else ""


def _text(path: str) -> str:
    """A source's text; what is recorded may be anything, also a pipe that never ends."""
    try:
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
    except (OSError, ValueError):  # ValueError: a name with NUL
        pass
    return ""
