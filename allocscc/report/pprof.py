"""A profile as pprof reads it: profile.proto, gzipped.

Source of the format: `proto/profile.proto` of github.com/google/pprof; its wire format is that of protocol buffers: a
field is a varint of number and kind, then a varint (kind 0) or a length and as many bytes (kind 2).
"""

import gzip
from collections.abc import Iterable

from allocscc.report.frames import SITE, WRAPPER, Frame, frames, left_out, printable, suballocators, written
from allocscc.report.profile import Profile, Row

_NS_PER_MS = 1_000_000
_UNITS = (("objects", "chunks", "count"), ("space", "bytes", "bytes"))


def render(profile: Profile, *, hide_wrappers: bool = False) -> bytes:
    """The profile with allocators as leaves, wrappers as their callers, and sites as roots; types are labels.

    Sample types are `total_`, `peak_` and `live_` with `objects` and `space`; peak_space is the default. A profile that
    did not count peak and total has only `live_`. Chunks of suballocators lie in those of their parents: they have
    sample types of their own, `suballocated_...`, so that the heap's sums count no byte twice.

    Args:
        profile: the profile.
        hide_wrappers: leave out the wrappers' frames: sites call allocators.
    """
    writer = _Writer()
    counts = _counts(profile)
    groups = ("", "suballocated_") if suballocators(profile.rows) else ("",)
    for group in groups:
        for name, _, unit in counts:
            writer.value_type(1, group + name, unit)
    writer.mapping(printable(profile.program))
    for row in profile.rows:
        values = [getattr(row.counts, field) for _, field, _ in counts]
        zeros = [0] * len(values)
        if len(groups) > 1:
            values = zeros + values if row.parent else values + zeros
        if any(values):
            shown = [frame for frame in frames(row)[:-1] if not (hide_wrappers and frame.kind == WRAPPER)]
            writer.sample(shown, values, _labels(row))
    writer.number(10, profile.ms * _NS_PER_MS)
    writer.value_type(11, "space", "bytes")
    writer.number(12, 1)
    for note in (f"allocscc: written {written(profile)}", left_out(profile.rows)):
        if note:
            writer.number(13, writer.text(note.replace("are left out", "have sample types of their own")))
    writer.number(14, writer.text("peak_space" if profile.counted else "live_space"))
    return gzip.compress(writer.finish(), mtime=0)


def _counts(profile: Profile) -> list[tuple[str, str, str]]:
    """Name, field of Counts and unit of each sample type."""
    moments = ("total", "peak", "live") if profile.counted else ("live",)
    return [(f"{at}_{name}", f"{at}_{field}", unit) for at in moments for name, field, unit in _UNITS]


def _labels(row: Row) -> dict[str, str]:
    labels = {"type": printable(row.type or ""), "allocator": printable(row.allocator)}
    if row.parent:
        labels["parent"] = printable(row.parent)
    return {key: value for key, value in labels.items() if value}


class _Writer:
    """Writes the message Profile; strings, mappings, functions and locations are interned."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._strings: dict[str, int] = {"": 0}
        self._mappings: dict[str, int] = {}
        self._functions: dict[tuple[str, str], int] = {}
        self._locations: dict[Frame, int] = {}

    def finish(self) -> bytes:
        """The whole message; the strings last, when all are known."""
        table = bytearray()
        for text in self._strings:
            table += _bytes(6, text.encode("utf-8"), always=True)
        return bytes(self._body + table)

    def text(self, text: str) -> int:
        """The index of a string."""
        return self._strings.setdefault(text, len(self._strings))

    def number(self, field: int, value: int) -> None:
        """A number of Profile."""
        self._body += _number(field, value)

    def value_type(self, field: int, kind: str, unit: str) -> None:
        """A ValueType."""
        self._body += _bytes(field, _number(1, self.text(kind)) + _number(2, self.text(unit)))

    def sample(self, stack: Iterable[Frame], values: Iterable[int], labels: dict[str, str]) -> None:
        """A Sample, with locations, the leaf first."""
        message = _packed(1, [self._location(frame) for frame in stack]) + _packed(2, values)
        for key, value in labels.items():
            message += _bytes(3, _number(1, self.text(key)) + _number(2, self.text(value)))
        self._body += _bytes(2, message)

    def mapping(self, file: str) -> int:
        """The number of a mapping: of the program, or of a library. No address is known: symbols are complete."""
        if file not in self._mappings:
            self._mappings[file] = number = len(self._mappings) + 1
            flags = b"".join(_number(field, 1) for field in (7, 8, 9))
            self._body += _bytes(3, _number(1, number) + _number(5, self.text(file)) + flags)
        return self._mappings[file]

    def _location(self, frame: Frame) -> int:
        if frame not in self._locations:
            main = next(iter(self._mappings))
            apart = frame.kind == SITE and frame.object and frame.object != main.rpartition("/")[2]
            mapping = self.mapping(frame.object if apart else main)
            line = _number(1, self._function(frame)) + _number(2, frame.line)
            self._locations[frame] = number = len(self._locations) + 1
            self._body += _bytes(4, _number(1, number) + _number(2, mapping) + _bytes(4, line))
        return self._locations[frame]

    def _function(self, frame: Frame) -> int:
        key = (frame.name, frame.file)
        if key not in self._functions:
            self._functions[key] = number = len(self._functions) + 1
            name = self.text(frame.name)
            message = _number(1, number) + _number(2, name) + _number(3, name) + _number(4, self.text(key[1]))
            self._body += _bytes(5, message)
        return self._functions[key]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    """A field with a number that is not negative; zero is what an absent field means."""
    return _varint(field << 3) + _varint(value) if value else b""


def _bytes(field: int, value: bytes, *, always: bool = False) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value if value or always else b""


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values)))
