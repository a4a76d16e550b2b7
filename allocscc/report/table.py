"""The report as text for a terminal: two lines a row, readable at 80 columns."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from allocscc.report.profile import Counts, Place, Profile, Row, Sample

SORT_KEYS = ("peak", "live", "total")
_MIN_WIDTH = 60
_BARS = "▁▂▃▄▅▆▇█"
_BARS_ACROSS = 60
_REASONS = {
    "signal": "a signal came", "interval": "an interval had passed", "every": "so much had been allocated",
    "api": "the program asked",
}  # fmt: skip


@dataclass(frozen=True)
class TableOptions:
    """How to show a profile: the column to sort by, how many rows (0: all), how wide (columns)."""

    sort: str = "peak"
    top: int = 25
    width: int = 80


def render(profile: Profile, options: TableOptions) -> str:
    """The whole report, with a final newline."""
    rows = sorted(profile.rows, key=lambda row: _sort_key(row, options.sort))
    shown = rows[: options.top] if options.top else rows
    folder = common_folder(profile.rows)
    width = max(options.width, _MIN_WIDTH)
    lines = _heading(profile, folder, width)
    lines += ["", _numbers_line(("peak", _live_words(profile), "total"), "type"), "-" * min(width, 80)]
    for row in shown:
        lines += _row_lines(row, folder, width)
    if len(shown) < len(rows):
        rest = sum((row.counts for row in rows[len(shown) :]), Counts())
        lines.append(_numbers_line(_cells(rest), f"({len(rows) - len(shown)} more: --top 0 shows all)"))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def human_bytes(count: int) -> str:
    """A number of bytes with at most four digits and a decimal unit: 999 B, 1.02 kB, 65.0 MB."""
    return _scaled(count, ("B", "kB", "MB", "GB", "TB", "PB", "EB"))


def human_count(count: int) -> str:
    """A number with at most four digits: 999, 1.02k, 1.04M."""
    return _scaled(count, ("", "k", "M", "G", "T", "P", "E")).replace(" ", "")


def common_folder(rows: Sequence[Row]) -> str:
    """The folder that all sources are in, or ""."""
    files = [row.place.file for row in rows if row.place.file]
    folder = os.path.commonpath([os.path.dirname(file) for file in files]) if files else ""
    return "" if folder == "/" else folder


def _scaled(count: int, units: Sequence[str]) -> str:
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit + 1 < len(units):
        value /= 1000
        unit += 1
    digits = 0 if unit == 0 or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f} {units[unit]}"


def _sort_key(row: Row, sort: str) -> tuple[object, ...]:
    value = getattr(row.counts, f"{sort}_bytes")
    return (-value, -row.counts.total_bytes, row.place.file or "~", row.place.line, row.wrappers)


def _heading(profile: Profile, folder: str, width: int) -> list[str]:
    top_level = [row for row in profile.rows if row.parent is None]  # the others lie inside these
    total = sum((row.counts for row in top_level), Counts())
    attributed = sum(row.counts.peak_bytes for row in top_level if row.place.file)
    lines = [_clip(f"heap of {profile.program or 'unknown program'}", width)]
    for name in SORT_KEYS:
        size, chunks = getattr(total, f"{name}_bytes"), getattr(total, f"{name}_chunks")
        words = {"peak": "at the peak", "live": _live_words(profile), "total": "allocated in total"}[name]
        lines.append(f"  {human_bytes(size):>9} in {human_count(chunks):>5} chunks {words}")
    if profile.reason != "exit":
        reason = _REASONS.get(profile.reason, profile.reason)
        lines.append(f"  written while it ran, after {profile.ms / 1000:.3f} s ({reason})")
    if profile.timeline:
        lines += _timeline(profile.timeline)
    if not profile.counted:
        lines.append("  peak and total were not counted: the program ran without profile=FILE")
    if total.peak_bytes:
        lines.append(f"  {attributed / total.peak_bytes:9.1%} of the peak comes from sites with source lines")
    inner = {row.allocator: row.parent for row in profile.rows if row.parent}
    lines += [f"  {name} hands out pieces of {parent}'s chunks" for name, parent in sorted(inner.items())]
    if folder:
        lines.append(_clip(f"  sources under {folder}/", width))
    return lines


def _live_words(profile: Profile) -> str:
    return "live at exit" if profile.reason == "exit" else "live then"


def _timeline(samples: Sequence[Sample]) -> list[str]:
    """What was live over time: a line of bars, each as high as the largest point in its share of the time."""
    first, last = samples[0].ms, samples[-1].ms
    most = max(sample.live_bytes for sample in samples)
    highest = [-1] * _BARS_ACROSS
    for sample in samples:
        at = (sample.ms - first) * _BARS_ACROSS // (last - first + 1)
        highest[at] = max(highest[at], sample.live_bytes)
    for at in range(1, _BARS_ACROSS):
        highest[at] = highest[at] if highest[at] >= 0 else highest[at - 1]  # nobody looked then
    bars = "".join(_BARS[size * (len(_BARS) - 1) // most if most else 0] for size in highest)
    span = f"from {first / 1000:.3f} to {last / 1000:.3f} s"
    return [f"  {bars}", f"  live {span}, at most {human_bytes(most)} when looked at"]


def _cells(counts: Counts) -> tuple[str, str, str]:
    pairs = [(getattr(counts, f"{name}_bytes"), getattr(counts, f"{name}_chunks")) for name in SORT_KEYS]
    peak, live, total = (f"{human_bytes(size):>8}{human_count(chunks):>7}" for size, chunks in pairs)
    return peak, live, total


def _numbers_line(cells: tuple[str, str, str], last: str) -> str:
    return f"{cells[0]:>15} {cells[1]:>15} {cells[2]:>15}  {last}"


def _row_lines(row: Row, folder: str, width: int) -> list[str]:
    owner = " < ".join([row.allocator, *reversed(row.wrappers)])
    first = _clip(_numbers_line(_cells(row.counts), row.type or "?"), width)
    return [first, _clip(f"    {owner} < {_where(row.place, folder)}", width)]


def _where(place: Place, folder: str) -> str:
    if place.file:
        file = place.file.removeprefix(folder + "/") if folder else place.file
        return f"{place.function or '?'} {file}:{place.line}"
    inside = f"{place.symbol} in " if place.symbol else ""
    return f"{inside}{place.object or 'unknown code'} (not built by allocscc)"


def _clip(line: str, width: int) -> str:
    """At most `width` columns; what is cut is cut in the middle, since both ends tell more."""
    if len(line) <= width:
        return line
    head = (width - 1) * 3 // 5
    return line[:head] + "…" + line[len(line) - (width - 1 - head) :]
