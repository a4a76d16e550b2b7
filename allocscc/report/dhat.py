"""A profile as DHAT writes it (file version 2), for its viewer dh_view.html.

Source of the format: `valgrind/dhat/docs/dh-manual.html` and what `dh_view.js` checks for.
"""

import json

from allocscc.report.frames import frames, left_out, outermost, printable, written
from allocscc.report.profile import Counts, Profile

_FILE_VERSION = 2
_US_PER_MS = 1000


def render(profile: Profile) -> str:
    """The profile as JSON: allocator first, as DHAT does, and the type as the last frame.

    Lifetimes were not measured: the viewer shows them as NaN. The largest size of a single row is only known to be at
    least that at the peak and at the end.
    """
    table: dict[str, int] = {"[root]": 0}
    sums: dict[tuple[int, ...], Counts] = {}
    for row in outermost(profile.rows):
        labels = [frame.label() for frame in frames(row)]
        labels[-1] = f"type {labels[-1]}"
        # The viewer refuses two rows with the same frames (two columns of one line): they are added up.
        key = tuple(table.setdefault(label, len(table)) for label in labels)
        sums[key] = sums.get(key, Counts()) + row.counts
    body = {
        "dhatFileVersion": _FILE_VERSION,
        "mode": "allocscc",
        "verb": "Allocated",
        "bklt": profile.counted,
        "bkacc": False,
        "tu": "µs",
        "Mtu": "s",
        "tuth": 500,
        "cmd": _command(profile),
        "pid": profile.pid,
        "tg": _peak_time(profile),
        "te": profile.ms * _US_PER_MS,
        "pps": [_point(counts, key, profile.counted) for key, counts in sums.items()],
        "ftbl": list(table),
    }
    return json.dumps(body, separators=(",", ":")) + "\n"


def _command(profile: Profile) -> str:
    notes = [f"written {written(profile)}", left_out(profile.rows)]
    if not profile.counted:
        notes.append("totals were not counted: what is live instead")
    return f"{printable(profile.program) or 'unknown program'} ({'; '.join(note for note in notes if note)})"


def _peak_time(profile: Profile) -> int | str:
    """When the time line was highest. Without one nobody knows: the viewer shows NaN for what is no number."""
    if not profile.timeline:
        return "unknown"
    return max(profile.timeline, key=lambda sample: sample.live_bytes).ms * _US_PER_MS


def _point(counts: Counts, key: tuple[int, ...], counted: bool) -> dict[str, object]:
    if not counted:
        return {"tb": counts.live_bytes, "tbk": counts.live_chunks, "fs": key}
    return {
        "tb": counts.total_bytes,
        "tbk": counts.total_chunks,
        "mb": max(counts.peak_bytes, counts.live_bytes),
        "mbk": max(counts.peak_chunks, counts.live_chunks),
        "gb": counts.peak_bytes,
        "gbk": counts.peak_chunks,
        "eb": counts.live_bytes,
        "ebk": counts.live_chunks,
        "fs": key,
    }
