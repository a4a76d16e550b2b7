"""Reads a profile that the runtime wrote (stubgen/runtime/profile.c) into rows."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from allocscc.errors import FormatError

_VERSION = 1


@dataclass(frozen=True)
class Place:
    """The outermost site of an allocation.

    A site in code that allocscc did not compile has no record: then `file` is None and object and symbol say where.
    So it is with calls that the compiler did not see as such, through a pointer for example; there `built` is true.
    """

    file: str | None
    line: int
    column: int
    function: str | None
    callee: str | None
    evidence: str
    object: str | None = None
    symbol: str | None = None
    built: bool = False


@dataclass(frozen=True)
class Counts:
    """Bytes and chunks: live when the profile was written, at the peak of the whole heap, and ever allocated."""

    live_bytes: int = 0
    live_chunks: int = 0
    peak_bytes: int = 0
    peak_chunks: int = 0
    total_bytes: int = 0
    total_chunks: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        # Written out: reports add up hundreds of thousands, and getattr by name takes ten times as long.
        return Counts(
            self.live_bytes + other.live_bytes,
            self.live_chunks + other.live_chunks,
            self.peak_bytes + other.peak_bytes,
            self.peak_chunks + other.peak_chunks,
            self.total_bytes + other.total_bytes,
            self.total_chunks + other.total_chunks,
        )


@dataclass(frozen=True)
class Row:
    """Allocations of one allocator through one chain of wrappers, from one outermost site, of one type.

    `parent` is the allocator whose chunks a suballocator carves up: its bytes lie inside the parent's.
    """

    allocator: str
    wrappers: tuple[str, ...]
    place: Place
    type: str | None
    counts: Counts
    parent: str | None = None

    def as_json(self) -> dict[str, object]:
        """The object of `allocs report --json` (a contract: docs/reference.md)."""
        place = asdict(self.place)
        return {
            "allocator": self.allocator,
            "wrappers": list(self.wrappers),
            **{key: place[key] for key in ("file", "line", "column", "function", "callee")},
            "type": self.type,
            **{key: place[key] for key in ("evidence", "object", "symbol", "built")},
            "parent": self.parent,
            **asdict(self.counts),
        }


@dataclass(frozen=True)
class Sample:
    """A point of a time line: milliseconds since the start, and what was live then outside of other chunks."""

    ms: int
    live_bytes: int
    live_chunks: int


@dataclass(frozen=True)
class Profile:
    """A profile: the program it is of, whether peak and total were counted, and its rows.

    Attributes:
        pid: the process; 0 where the profile does not say.
        reason: why it was written: `exit`, `signal`, `interval`, `every` or `api`.
        number: which one of its process it is, from 1; 0 for those of the API.
        ms: when it was written, in milliseconds since the start.
        timeline: in order of time; empty where none was asked for.
    """

    program: str
    counted: bool
    rows: tuple[Row, ...]
    pid: int = 0
    reason: str = "exit"
    number: int = 0
    ms: int = 0
    timeline: tuple[Sample, ...] = ()


def read_profile(path: str) -> Profile:
    """Read a profile and merge the rows that differ only in sites inside wrappers.

    Raises:
        FormatError: the file is not a profile; the message says what to do.
        OSError: it cannot be read.
    """
    body = read_body(path)
    if "allocscc_leaks" in body:
        raise FormatError(f"{path}: leaks, not a profile; their rows are described in docs/profiles.md")
    return profile_of(body, path)


def read_body(path: str) -> dict[str, Any]:
    """The JSON of a profile or of leaks, told apart by its keys.

    Raises:
        FormatError: the file is neither; the message says what to do.
        OSError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            body = json.load(file)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: not a profile ({error}); {_HOW}") from error
    if not isinstance(body, dict) or not {"allocscc_profile", "allocscc_leaks"} & body.keys():
        raise FormatError(f"{path}: not a profile; {_HOW}")
    return body


def profile_of(body: dict[str, Any], path: str) -> Profile:
    """A profile from the JSON of a file.

    Raises:
        FormatError: it is of another version, or damaged.
    """
    if body["allocscc_profile"] != _VERSION:
        version = body["allocscc_profile"]
        raise FormatError(f"{path}: a profile of version {version!r}; this tool reads version {_VERSION}")
    try:
        rows = merge_rows(read_row(raw, _counts(raw)) for raw in body["rows"])
        return Profile(
            program=str(body.get("program", "")),
            counted=bool(body.get("counted", True)),
            rows=rows,
            pid=int(body.get("pid", 0)),
            reason=str(body.get("reason", "exit")),
            number=int(body.get("number", 0)),
            ms=int(body.get("ms", 0)),
            timeline=tuple(Sample(*map(int, point)) for point in body.get("timeline", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path}: a damaged profile ({error!r}); {_HOW}") from error


_HOW = "write one with ALLOCS_OPTIONS=profile=FILE and a program built by allocscc"


def merge_rows(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows with the same allocator, wrappers, place and type become one."""
    sums: dict[tuple[object, ...], Row] = {}
    for row in rows:
        key = (row.allocator, row.wrappers, row.place, row.type)
        known = sums.get(key)
        counts = known.counts + row.counts if known else row.counts
        sums[key] = replace(row, counts=counts)
    return tuple(sums.values())


def read_row(raw: dict[str, Any], counts: Counts) -> Row:
    """A row as the runtime writes it, of a profile or of leaks, with these counts."""
    chain = raw["chain"]
    site = chain[0]["site"] if chain else raw["site"]
    wrappers = tuple(str(frame["wrapper"]) for frame in chain)
    return Row(str(raw["allocator"]), wrappers, _place(site), _text(raw, "type"), counts, _text(raw, "parent"))


def _counts(raw: dict[str, Any]) -> Counts:
    return Counts(*(int(raw[f.name]) for f in fields(Counts)))


def _place(site: dict[str, Any]) -> Place:
    return Place(
        _text(site, "file"),
        int(site.get("line", 0)),
        int(site.get("column", 0)),
        _text(site, "function"),
        _text(site, "callee"),
        str(site.get("evidence", "none")),
        os.path.basename(_text(site, "object") or "") or None,
        _text(site, "symbol"),
        bool(site.get("built", 0)),
    )


def _text(raw: dict[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}")
    return value
