"""The rows of a profile as columns of numbers over a table of strings: small, and fast to read in a browser."""

from allocscc.report.frames import Frame, frames, printable, suballocators, written
from allocscc.report.profile import Profile, Row

_COUNTS = ("live_bytes", "live_chunks", "peak_bytes", "peak_chunks", "total_bytes", "total_chunks")
_NONE = -1


def columns(profile: Profile) -> dict[str, object]:
    """What page.html embeds.

    The rows are in such an order that all below a node of the tree (parent, allocator, wrappers, site, type) stand
    together: the page finds the sum of a node by its first and last row. Rows of the heap come before those of
    suballocators.
    """
    table = _Table()
    paths = sorted(((frames(row), row) for row in profile.rows), key=_order)
    rows = [row for _, row in paths]
    found = [steps for steps, _ in paths]
    return {
        "program": printable(profile.program) or "unknown program",
        "written": written(profile),
        "atExit": profile.reason == "exit",
        "pid": profile.pid,
        "counted": profile.counted,
        "timeline": [[sample.ms, sample.live_bytes, sample.live_chunks] for sample in profile.timeline],
        "suballocators": suballocators(profile.rows),
        "parent": [table.string(printable(row.parent)) if row.parent is not None else _NONE for row in rows],
        "allocator": [table.string(steps[0].name) for steps in found],
        "chain": [table.chain(steps[1:-2]) for steps in found],
        "site": [table.site(steps[-2]) for steps in found],
        "type": [table.string(steps[-1].name) if row.type else _NONE for row, steps in zip(rows, found, strict=True)],
        "counts": {name: [getattr(row.counts, name) for row in rows] for name in _COUNTS},
        "strings": list(table.strings),
        "chains": list(table.chains),
        "sites": list(table.sites),
    }


def _order(item: tuple[tuple[Frame, ...], Row]) -> tuple[object, ...]:
    steps, row = item
    return (row.parent is not None, row.parent or "", steps, row.type is None)


class _Table:
    """Strings, chains and sites, each once, by number."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {}
        self.chains: dict[tuple[int, ...], int] = {}
        self.sites: dict[tuple[int, int, int, int], int] = {}

    def string(self, text: str) -> int:
        """The number of a string."""
        return self.strings.setdefault(text, len(self.strings))

    def chain(self, steps: tuple[Frame, ...]) -> int:
        """The number of a chain of wrappers, the innermost first."""
        return self.chains.setdefault(tuple(self.string(step.name) for step in steps), len(self.chains))

    def site(self, step: Frame) -> int:
        """The number of a site: function, file, line, object; -1 for what is not known."""
        file = self.string(step.file) if step.file else _NONE
        place = self.string(step.object) if step.object else _NONE
        return self.sites.setdefault((self.string(step.name), file, step.line, place), len(self.sites))
