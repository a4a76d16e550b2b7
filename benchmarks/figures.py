"""The figures of benchmarks/runtime.py: ratios, their means, the goals, the table as text. Nothing here measures."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

PLAIN, AGAIN, STUB, UNWIND, PROFILE = "plain", "again", "stub", "unwind", "profile"
HEAPTRACK, DHAT, LSAN = "heaptrack", "dhat", "lsan"


class Sample(NamedTuple):
    """One run: its wall time and the largest resident set of its processes."""

    seconds: float
    kib: int


Samples = dict[str, list[Sample]]


@dataclass
class Row:
    """All that was measured of one program with one number of threads.

    Attributes:
        program: its name.
        threads: how many threads it ran.
        heavy: whether it is one of the allocation-heavy programs, whose mean counts.
        full: the runs of full length, by variant.
        short: the shorter runs beside the peers, by variant.
        failed: what went wrong, by variant.
    """

    program: str
    threads: int
    heavy: bool
    full: Samples = field(default_factory=dict)
    short: Samples = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the table calls it."""
        return f"{self.program} {self.threads}"

    def ratio(self, variant: str, what: str = "seconds") -> float | None:
        """The median ratio of a variant to plain: of full runs where there are such, else of the short ones."""
        for samples in (self.full, self.short):
            if samples.get(variant) and samples.get(PLAIN):
                return median_ratio(samples[variant], samples[PLAIN], what)
        return None


def median_ratio(ours: Sequence[Sample], plain: Sequence[Sample], what: str) -> float:
    """The median of the ratios within rounds, or the ratio of the medians where one of them ran in fewer rounds."""
    mine, other = ([float(getattr(sample, what)) for sample in samples] for samples in (ours, plain))
    if len(mine) != len(other):
        return statistics.median(mine) / statistics.median(other)
    return statistics.median(a / b for a, b in zip(mine, other, strict=True))


def geomean(values: Iterable[float]) -> float | None:
    """The geometric mean; None of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else None


class Goal(NamedTuple):
    """A figure and what is aimed at: it is to be at most `limit`, or at least if `least` is set."""

    name: str
    value: float | None
    limit: float
    unit: str = ""
    least: bool = False
    about: str = ""

    def line(self) -> str:
        """One line of text."""
        sign = ">=" if self.least else "<="
        goal = f"{sign} {self.limit:g}{self.unit}"
        about = f" ({self.about})" if self.about else ""
        if self.value is None:
            return f"{self.name:<58} {'-':>9}  {goal:<10} not measured{about}"
        met = self.value >= self.limit if self.least else self.value <= self.limit
        shown = f"{self.value:.{1 if self.least else 2 if self.unit else 3}f}{self.unit}"
        return f"{self.name:<58} {shown:>9}  {goal:<10} {'met' if met else 'missed'}{about}"


def worst(rows: Iterable[Row], variant: str, what: str) -> tuple[float | None, str]:
    """The largest ratio, and whose it is."""
    found = [(ratio, row.title) for row in rows if (ratio := row.ratio(variant, what)) is not None]
    return max(found, default=(None, ""))


def mean(rows: Iterable[Row], variant: str, what: str = "seconds") -> float | None:
    """The geometric mean of the rows' ratios."""
    return geomean(ratio for row in rows if (ratio := row.ratio(variant, what)) is not None)


def scaling(rows: Sequence[Row], variant: str) -> list[tuple[float, str]]:
    """For each program that ran with both: the ratio with two threads to the ratio with one."""
    one = {row.program: row.ratio(variant) for row in rows if row.threads == 1}
    pairs = [(row.ratio(variant), one.get(row.program), row.program) for row in rows if row.threads == 2]
    return [(two / single, program) for two, single, program in pairs if two and single]


def total_factor(rows: Iterable[Row], peer: str, ours: str) -> float | None:
    """How many times the total wall time of ours the peer takes, over the programs that both ran."""
    peers = mine = 0.0
    for row in rows:
        if row.short.get(peer) and row.short.get(ours):
            peers += statistics.median(sample.seconds for sample in row.short[peer])
            mine += statistics.median(sample.seconds for sample in row.short[ours])
    return peers / mine if mine else None


def goals(rows: Sequence[Row], variant: str) -> list[Goal]:
    """The figures of one variant of ours that have a goal."""
    heavy = [row for row in rows if row.heavy]
    slowest, slowest_name = worst(heavy, variant, "seconds")
    largest, largest_name = worst(heavy, variant, "kib")
    both = scaling(heavy, variant)
    most = max(both, default=(None, ""))
    found = [
        Goal("wall time, geometric mean of the allocation-heavy", mean(heavy, variant), 1.06),
        Goal("wall time, worst of them", slowest, 1.15, about=slowest_name),
    ]
    for row in rows:
        if not row.heavy:
            found.append(Goal(f"wall time, {row.title}", row.ratio(variant), 1.02))
    found += [
        Goal("peak memory, geometric mean of the allocation-heavy", mean(heavy, variant, "kib"), 1.08),
        Goal("peak memory, worst of them", largest, 1.3, about=largest_name),
        Goal("2 threads' ratio to 1 thread's, geometric mean", geomean(ratio for ratio, _ in both), 1.0),
        Goal("2 threads' ratio to 1 thread's, worst", most[0], 1.0, about=most[1]),
    ]
    for peer, limit in ((HEAPTRACK, 7), (DHAT, 30)):
        for name, some in (("the allocation-heavy", heavy), ("all", rows)):
            title = f"{peer}'s total wall time in ours, {name}"
            found.append(Goal(title, total_factor(some, peer, variant), limit, unit="x", least=True))
    return found


def shown(ratio: float | None) -> str:
    """A ratio as the table has it."""
    if ratio is None:
        return "-"
    return f"{ratio:.3f}" if ratio < 1.9995 else f"{ratio:.1f}"


def table(rows: Sequence[Row], variants: Sequence[str], what: str) -> list[str]:
    """A line for each row, then the means: plain in its unit, every other variant as a ratio to it."""
    heavy = [row for row in rows if row.heavy]
    unit, divisor, digits = ("plain s", 1, 2) if what == "seconds" else ("plain MiB", 1024, 1)
    lines = [("program", unit, *variants)]
    for row in rows:
        plain = [getattr(sample, what) / divisor for sample in row.full.get(PLAIN) or row.short.get(PLAIN) or []]
        own = f"{statistics.median(plain):.{digits}f}" if plain else "-"
        cells = ("failed" if name in row.failed else shown(row.ratio(name, what)) for name in variants)
        lines.append((row.title, own, *cells))
    lines.append(("heavy, mean", "", *(shown(mean(heavy, name, what)) for name in variants)))
    lines.append(("heavy, worst", "", *(shown(worst(heavy, name, what)[0]) for name in variants)))
    widths = [12, 10, *(max(len(name), 7) + 1 for name in variants)]
    return [
        f"{first:<{widths[0]}}" + "".join(f"{text:>{width}}" for text, width in zip(rest, widths[1:], strict=True))
        for first, *rest in lines
    ]


def failures(rows: Iterable[Row]) -> list[str]:
    """What went wrong, a line each."""
    return [f"{row.title}, {variant}: {reason}" for row in rows for variant, reason in row.failed.items()]
