"""What a table is made of: rows, each with as many amounts as the table has measures; filtered, sorted, grouped."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from allocscc.report.amounts import Amount
from allocscc.report.profile import Place, Profile, Row

MEASURES = ("peak", "live", "total")
_NO_WRAPPER = "(no wrapper)"
_OURS = "(code built by allocscc)"


@dataclass(frozen=True)
class Entry:
    """One row of a profile, of leaks or of a difference, and its amounts in the order of the table's measures."""

    row: Row
    amounts: tuple[Amount, ...]


@dataclass(frozen=True)
class Group:
    """Entries that have one value for a key.

    Attributes:
        key: its name, one of `KEYS`.
        entry: the one with the largest amount, to name the group.
        amounts: the sums.
        groups: the same entries by the next key; empty for the last.
    """

    key: str
    entry: Entry
    amounts: tuple[Amount, ...]
    groups: "tuple[Group, ...]" = ()


@dataclass(frozen=True)
class Filters:
    """Which rows to show: globs, of which one of each kind that was given has to match; "" stands for nothing known."""

    allocator: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    function: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    object: tuple[str, ...] = ()

    def match(self, row: Row) -> bool:
        """Whether a row is to be shown."""
        for field in fields(self):
            globs: tuple[str, ...] = getattr(self, field.name)
            if globs and not _any_matches(globs, _NAMES[field.name](row)):
                return False
        return True

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return any(getattr(self, field.name) for field in fields(self))


def entries_of(profile: Profile) -> list[Entry]:
    """The rows of a profile with what was live at the peak, is live now, and was allocated in total."""
    return [Entry(row, amounts_of(row)) for row in profile.rows]


def amounts_of(row: Row) -> tuple[Amount, ...]:
    """A profile's amounts in the order of `MEASURES`."""
    counts = row.counts
    return tuple(Amount(getattr(counts, f"{name}_bytes"), getattr(counts, f"{name}_chunks")) for name in MEASURES)


def total_of(entries: Iterable[Entry], measures: int) -> tuple[Amount, ...]:
    """The sums; pieces of another allocator's chunks lie inside these and do not count."""
    return added([entry.amounts for entry in entries if entry.row.parent is None], measures)


def added(amounts: Sequence[tuple[Amount, ...]], measures: int) -> tuple[Amount, ...]:
    """Sums, measure by measure."""
    return tuple(
        Amount(sum(one[at].bytes for one in amounts), sum(one[at].chunks for one in amounts)) for at in range(measures)
    )


def ordered(entries: Iterable[Entry], at: int) -> list[Entry]:
    """The largest first, by the measure at this index; a fixed order where they are the same."""

    def rank(entry: Entry) -> tuple[object, ...]:
        row, last = entry.row, entry.amounts[-1].bytes
        return (-entry.amounts[at].bytes, -last, row.place.file or "~", row.place.line, row.wrappers, row.type or "")

    return sorted(entries, key=rank)


def grouped(entries: Iterable[Entry], keys: Sequence[str], at: int) -> tuple[Group, ...]:
    """Entries by the value of the first key, each group by that of the next; the largest first at each level."""
    if not keys:
        return ()
    key, value = keys[0], _VALUES[keys[0]]
    found: dict[object, list[Entry]] = {}
    for entry in ordered(entries, at):
        found.setdefault(value(entry.row), []).append(entry)
    groups = [
        Group(key, own[0], added([entry.amounts for entry in own], len(own[0].amounts)), grouped(own, keys[1:], at))
        for own in found.values()
    ]
    return tuple(sorted(groups, key=lambda group: -group.amounts[at].bytes))


def common_folder(rows: Iterable[Row]) -> str:
    """The folder that all sources are in, or ""."""
    folders = {os.path.dirname(row.place.file) for row in rows if row.place.file}
    try:
        folder = os.path.commonpath(folders) if folders else ""
    except ValueError:  # absolute and relative ones
        return ""
    return "" if folder == "/" else folder


def where(place: Place, folder: str = "") -> str:
    """A site as a person reads it, its file relative to a folder."""
    if place.file:
        return f"{place.function or '?'} {relative(place.file, folder)}:{place.line}"
    inside = f"{place.symbol} in " if place.symbol else ""
    why = "no record of this call" if place.built else "not built by allocscc"
    return f"{inside}{place.object or 'unknown code'} ({why})"


def relative(file: str, folder: str) -> str:
    """A file's name below a folder, or as it is."""
    return file.removeprefix(folder + "/") if folder else file


def label(group: Group, folder: str) -> str:
    """What stands for a group in a table."""
    row = group.entry.row
    place = row.place
    if group.key == "allocator":
        return row.allocator
    if group.key == "wrapper":
        return " < ".join(reversed(row.wrappers)) or _NO_WRAPPER
    if group.key == "type":
        return row.type or "?"
    if group.key == "function":
        return place.function or place.symbol or place.object or "?"
    if group.key == "file":
        return relative(place.file, folder) if place.file else place.object or "?"
    if group.key == "object":
        return place.object or _OURS
    return where(place, folder)


def key_fields(key: str, row: Row) -> dict[str, object]:
    """The fields of JSON that tell a group of this key from others; names are those of the rows."""
    place = row.place
    if key == "allocator":
        return {"allocator": row.allocator}
    if key == "wrapper":
        return {"wrappers": list(row.wrappers)}
    if key == "type":
        return {"type": row.type}
    if key == "function":
        return {"function": place.function, "symbol": place.symbol}
    if key == "file":
        return {"file": place.file, "object": place.object}
    if key == "object":
        return {"object": place.object}
    names = ("file", "line", "function", "object", "symbol")
    return {name: getattr(place, name) for name in names}


def _site(row: Row) -> object:
    place = row.place
    return (place.file, place.line, place.function, place.object, place.symbol)


_VALUES: dict[str, Callable[[Row], object]] = {
    "allocator": lambda row: row.allocator,
    "wrapper": lambda row: row.wrappers,
    "site": _site,
    "type": lambda row: row.type,
    "function": lambda row: (row.place.function or row.place.symbol, row.place.object),
    "file": lambda row: row.place.file or row.place.object,
    "object": lambda row: row.place.object,
}
KEYS = tuple(_VALUES)


def _sites(row: Row) -> tuple[str | None, ...]:
    place = row.place
    lines = [f"{name}:{place.line}" for name in _tails(place.file)]
    return (place.function, place.symbol, *lines)


def _tails(file: str | None) -> list[str]:
    """A file's whole name, and what is left of it behind each slash: a relative name matches, too."""
    if not file:
        return []
    parts = file.split("/")
    return [file, *("/".join(parts[at:]) for at in range(1, len(parts)))]


_NAMES: dict[str, Callable[[Row], Sequence[str | None]]] = {
    "allocator": lambda row: (row.allocator,),
    "wrapper": lambda row: row.wrappers,
    "site": _sites,
    "type": lambda row: (row.type,),
    "function": lambda row: (row.place.function, row.place.symbol),
    "file": lambda row: _tails(row.place.file),
    "object": lambda row: (row.place.object,),
}


def _any_matches(globs: Sequence[str], names: Sequence[str | None]) -> bool:
    known = [name for name in names if name]
    if not known:
        return "" in globs
    return any(name == glob or fnmatchcase(name, glob) for glob in globs for name in known)
