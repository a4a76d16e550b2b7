"""What grew from one profile to another."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from allocscc.report.amounts import Amount, human_bytes, human_count
from allocscc.report.entries import MEASURES as PROFILE_MEASURES
from allocscc.report.entries import Entry, Filters, amounts_of, total_of
from allocscc.report.lines import Line
from allocscc.report.profile import Counts, Profile, Row
from allocscc.report.table import counts_object, group_objects
from allocscc.report.view import View, body, kept, show

MEASURES = ("growth", "before", "after")


@dataclass(frozen=True)
class Difference:
    """Two profiles by one measure of theirs.

    Attributes:
        measure: `peak`, `live` or `total`.
        before, after: their programs.
        entries: for each row of either, what it grew by, was, and is.
        by_line: whether rows are told apart by their line; otherwise by file and function only.
    """

    measure: str
    before: str
    after: str
    entries: tuple[Entry, ...]
    by_line: bool = False

    @property
    def total(self) -> tuple[Amount, ...]:
        """The sums of all rows: growth, before, after."""
        return total_of(self.entries, len(MEASURES))


def difference(before: Profile, after: Profile, measure: str, filters: Filters, *, by_line: bool = False) -> Difference:
    """Compare two profiles.

    Args:
        before: the older one.
        after: the newer one.
        measure: what is compared: `peak`, `live` or `total`.
        filters: which rows.
        by_line: whether lines tell sites apart. If not, what a function allocates by one call of one type stays one
            row when lines move between two builds.
    """
    at = PROFILE_MEASURES.index(measure)
    known: dict[object, tuple[Row, Amount, Amount]] = {}
    for newer, profile in ((False, before), (True, after)):
        for row in filter(filters.match, profile.rows):
            key, amount = _key(row, by_line=by_line), amounts_of(row)[at]
            _, old, new = known.get(key, (row, Amount(), Amount()))
            known[key] = (row, old, new + amount) if newer else (row, old + amount, new)  # the newer one's line
    entries = (Entry(row, (new - old, old, new)) for row, old, new in known.values())
    return Difference(measure, before.program, after.program, tuple(entries), by_line)


def render(found: Difference, view: View) -> str:
    """The report, with a final newline; the view's measures are `MEASURES`."""
    growth, old, new = found.total
    names = found.before if found.before == found.after else f"{found.before}, then {found.after}"
    what = {"peak": "at the peak", "live": "live when written", "total": "allocated in total"}[found.measure]
    percent = f" ({growth.bytes / old.bytes:+.1%})" if old.bytes else ""
    lines = [
        Line("", ((f"growth of the heap of {names}", "bold"),), 4),
        Line(f"  {human_bytes(old.bytes):>9} in {human_count(old.chunks):>5} chunks before, {what}"),
        Line(f"  {human_bytes(new.bytes):>9} in {human_count(new.chunks):>5} chunks after"),
        Line(f"  {_signed(growth.bytes):>9}{percent}"),
    ]
    changed = [entry for entry in found.entries if entry.amounts[0] != Amount()]
    if not changed:
        return show([*lines, Line("  no row changed")], view)
    heads = (("growth", "growth"), ("before", "before"), ("after", "after"))
    return show([*lines, Line(""), *body(changed, heads, view)], view)


def as_json(found: Difference, view: View) -> dict[str, object]:
    """The object of `allocs diff --json` (docs/reference.md)."""
    changed = [entry for entry in found.entries if entry.amounts[0] != Amount()]
    if view.by:
        rows = group_objects(changed, view, MEASURES)
    else:
        entries = kept(changed, view, len(MEASURES))
        rows = [_object(entry) for entry in (entries[: view.top] if view.top else entries)]
    return {"measure": found.measure, **counts_object(found.total, MEASURES), "rows": rows}


def _object(entry: Entry) -> dict[str, object]:
    counts = asdict(Counts())
    names = {key: value for key, value in entry.row.as_json().items() if key not in counts}
    return names | counts_object(entry.amounts, MEASURES)


def _signed(size: int) -> str:
    return f"+{human_bytes(size)}" if size > 0 else human_bytes(size)


def _key(row: Row, *, by_line: bool) -> object:
    place = row.place
    site: Sequence[object] = (place.file, place.function, place.callee, place.object, place.symbol)
    return (row.allocator, row.wrappers, row.type, *site, (place.line, place.column) if by_line else None)
