"""The report of a profile as text: what it is of, its sums, and its rows or groups of rows."""

from collections.abc import Sequence

from allocscc.report.amounts import Amount, human_bytes, human_count
from allocscc.report.entries import (
    MEASURES,
    Entry,
    Filters,
    Group,
    common_folder,
    entries_of,
    grouped,
    key_fields,
    total_of,
)
from allocscc.report.lines import Line
from allocscc.report.profile import Profile, Sample
from allocscc.report.view import View, body, kept, show

_BARS = "▁▂▃▄▅▆▇█"
_BARS_ACROSS = 60
_REASONS = {
    "signal": "a signal came", "interval": "an interval had passed", "every": "so much had been allocated",
    "api": "the program asked",
}  # fmt: skip


def render(profile: Profile, view: View, filters: Filters | None = None, processes: int = 1) -> str:
    """The whole report, with a final newline.

    Args:
        profile: what it is of.
        view: how to show it; its measures are `MEASURES`.
        filters: which rows.
        processes: how many profiles were merged into this one.
    """
    entries = entries_of(profile)
    shown = [entry for entry in entries if filters is None or filters.match(entry.row)]
    lines = _heading(profile, entries, processes)
    if len(shown) < len(entries):
        lines += _selected(shown)
    heads = (("peak", "peak"), ("live", _live_words(profile)), ("total", "total"))
    lines += [Line(""), *body(shown, heads, view)]
    return show(lines, view)


def as_json(profile: Profile, view: View, filters: Filters) -> list[dict[str, object]]:
    """The objects of `allocs report --json` (a contract: docs/reference.md): rows, or with `by` one for each group."""
    entries = [entry for entry in entries_of(profile) if filters.match(entry.row)]
    if view.by:
        return group_objects(entries, view, MEASURES)
    rows = kept(entries, view, len(MEASURES))
    return [entry.row.as_json() for entry in (rows[: view.top] if view.top else rows)]


def group_objects(entries: Sequence[Entry], view: View, measures: Sequence[str]) -> list[dict[str, object]]:
    """An object for each combination of the values of the view's keys, the largest first; `top` counts these."""
    least = view.least.of(total_of(entries, len(measures))[view.sort].bytes)
    found: list[tuple[int, dict[str, object]]] = []

    def walk(groups: Sequence[Group], names: dict[str, object]) -> None:
        for group in groups:
            known = names | key_fields(group.key, group.entry.row)
            size = group.amounts[view.sort].bytes
            if group.groups:
                walk(group.groups, known)
            elif abs(size) >= least:
                found.append((-size, known | counts_object(group.amounts, measures)))

    walk(grouped(entries, view.by, view.sort), {})
    found.sort(key=lambda pair: pair[0])
    return [made for _, made in (found[: view.top] if view.top else found)]


def counts_object(amounts: Sequence[Amount], measures: Sequence[str]) -> dict[str, object]:
    """Bytes and chunks of each measure, as JSON names them."""
    made: dict[str, object] = {}
    for name, amount in zip(measures, amounts, strict=True):
        made |= {f"{name}_bytes": amount.bytes, f"{name}_chunks": amount.chunks}
    return made


def _heading(profile: Profile, entries: Sequence[Entry], processes: int) -> list[Line]:
    total = total_of(entries, len(MEASURES))
    top_level = [entry for entry in entries if entry.row.parent is None]  # the others lie inside these
    attributed = sum(entry.amounts[0].bytes for entry in top_level if entry.row.place.file)
    more = f" and {processes - 1} more profile{'s' if processes > 2 else ''}" if processes > 1 else ""
    lines = [Line("", ((f"heap of {profile.program or 'unknown program'}{more}", "bold"),), 4)]
    words = ("at the peak", _live_words(profile), "allocated in total")
    if processes > 1:
        words = ("at the peaks of all, which may have been at different times", *words[1:])
    for amount, text in zip(total, words, strict=True):
        lines.append(Line(f"  {human_bytes(amount.bytes):>9} in {human_count(amount.chunks):>5} chunks {text}"))
    if profile.reason != "exit":
        reason = _REASONS.get(profile.reason, profile.reason)
        lines.append(Line(f"  written while it ran, after {profile.ms / 1000:.3f} s ({reason})"))
    if profile.timeline:
        lines += _timeline(profile.timeline)
    if not profile.counted:
        lines.append(Line("  peak and total were not counted: the program ran without profile=FILE"))
    if total[0].bytes:
        lines.append(Line(f"  {attributed / total[0].bytes:9.1%} of the peak comes from sites with source lines"))
    inner = {entry.row.allocator: entry.row.parent for entry in entries if entry.row.parent}
    lines += [Line(f"  {name} hands out pieces of {parent}'s chunks") for name, parent in sorted(inner.items())]
    folder = common_folder(entry.row for entry in entries)
    if folder:
        lines.append(Line("  ", ((f"sources under {folder}/", ""),), 4))
    return lines


def _selected(shown: Sequence[Entry]) -> list[Line]:
    """A line for what the filters left; pieces in other chunks count where these are not shown."""
    whole = shown if all(entry.row.parent for entry in shown) else [one for one in shown if one.row.parent is None]
    amounts = [sum(entry.amounts[at].bytes for entry in whole) for at in range(len(MEASURES))]
    sums = ", ".join(f"{name} {human_bytes(size)}" for name, size in zip(MEASURES, amounts, strict=True))
    return [Line(f"  selected: {len(shown)} row{'' if len(shown) == 1 else 's'}, {sums}")]


def _live_words(profile: Profile) -> str:
    return "live at exit" if profile.reason == "exit" else "live then"


def _timeline(samples: Sequence[Sample]) -> list[Line]:
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
    return [Line(f"  {bars}", style="cyan"), Line(f"  live {span}, at most {human_bytes(most)} when looked at")]
