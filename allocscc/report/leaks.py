"""What leaked, as the runtime wrote it (`ALLOCS_OPTIONS=leaks=FILE`, stubgen/runtime/leakreport.c), and its report."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from allocscc.errors import FormatError
from allocscc.report.amounts import Amount, human_bytes, human_count
from allocscc.report.entries import Entry, Filters, added, common_folder
from allocscc.report.lines import Line
from allocscc.report.profile import Counts, Row, read_row
from allocscc.report.table import counts_object, group_objects
from allocscc.report.view import View, body, kept, show

MEASURES = ("lost", "direct", "indirect")
_HEADS = (("lost", "lost"), ("direct", "directly"), ("indirect", "indirectly"))
_VERSION = 1


@dataclass(frozen=True)
class Leaks:
    """What a program lost; the amounts of an entry are all, those that nothing points to, those that lost ones do."""

    program: str
    entries: tuple[Entry, ...]


def leaks_of(body: dict[str, Any], path: str) -> Leaks:
    """Leaks from the JSON of a file.

    Raises:
        FormatError: it is of another version, or damaged.
    """
    if body["allocscc_leaks"] != _VERSION:
        version = body["allocscc_leaks"]
        raise FormatError(f"{path}: leaks of version {version!r}; this tool reads version {_VERSION}")
    try:
        entries = [_entry(raw) for raw in body["rows"]]
        return Leaks(str(body.get("program", "")), _together(entries))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        how = "write them with ALLOCS_OPTIONS=leaks=FILE"
        raise FormatError(f"{path}: a damaged file of leaks ({error!r}); {how}") from error


def merged_leaks(several: Sequence[Leaks]) -> Leaks:
    """The leaks of several processes together."""
    return Leaks(several[0].program, _together(entry for one in several for entry in one.entries))


def renamed(leaks: Leaks, names: "Sequence[Row]") -> Leaks:
    """The same leaks with other rows, in the same order (`demangle.readable_rows`)."""
    pairs = zip(leaks.entries, names, strict=True)
    return replace(leaks, entries=tuple(replace(entry, row=row) for entry, row in pairs))


def render(leaks: Leaks, view: View, filters: Filters) -> str:
    """The report, with a final newline; the view's measures are `MEASURES`."""
    shown = [entry for entry in leaks.entries if filters.match(entry.row)]
    total = added([entry.amounts for entry in leaks.entries], len(MEASURES))
    lines = [Line("", ((f"leaks of {leaks.program or 'unknown program'}", "bold"),), 4)]
    if not leaks.entries:
        return show([*lines, Line("  nothing was lost")], view)
    words = ("lost", "that nothing points to", "that only lost chunks point to")
    for amount, text in zip(total, words, strict=True):
        lines.append(Line(f"  {human_bytes(amount.bytes):>9} in {human_count(amount.chunks):>5} chunks {text}"))
    folder = common_folder(entry.row for entry in shown)
    if folder:
        lines.append(Line("  ", ((f"sources under {folder}/", ""),), 4))
    return show([*lines, Line(""), *body(shown, _HEADS, view)], view)


def as_json(leaks: Leaks, view: View, filters: Filters) -> list[dict[str, object]]:
    """The objects of `allocs report --json` for leaks (docs/reference.md)."""
    entries = [entry for entry in leaks.entries if filters.match(entry.row)]
    if view.by:
        return group_objects(entries, view, MEASURES)
    rows = kept(entries, view, len(MEASURES))
    return [_object(entry) for entry in (rows[: view.top] if view.top else rows)]


def _object(entry: Entry) -> dict[str, object]:
    counts = asdict(Counts())
    names = {key: value for key, value in entry.row.as_json().items() if key not in counts}
    return names | counts_object(entry.amounts, MEASURES)


def _entry(raw: dict[str, Any]) -> Entry:
    direct = Amount(int(raw["direct_bytes"]), int(raw["direct_chunks"]))
    indirect = Amount(int(raw["indirect_bytes"]), int(raw["indirect_chunks"]))
    return Entry(read_row(raw, Counts()), (direct + indirect, direct, indirect))


def _together(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Those that differ only in sites inside wrappers become one."""
    sums: dict[Row, Entry] = {}
    for entry in entries:
        known = sums.get(entry.row)
        amounts = added([known.amounts, entry.amounts], len(MEASURES)) if known else entry.amounts
        sums[entry.row] = Entry(entry.row, amounts)
    return tuple(sums.values())
