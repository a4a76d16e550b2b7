"""The report for a terminal."""

import pytest

from allocscc.report.profile import Counts, Place, Profile, Row, Sample
from allocscc.report.table import TableOptions, human_bytes, human_count, render

PLACE = Place("/src/a.c", 3, 1, "main", "malloc", "sizeof")
ROWS = (Row("malloc", ("xmalloc",), PLACE, "struct node", Counts(100, 1, 300, 3, 500, 5)),)


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (1023, "1.02 kB"), (65_000_000, "65.0 MB")])
def test_bytes(count: int, text: str) -> None:
    assert human_bytes(count) == text


def test_counts() -> None:
    assert [human_count(n) for n in (999, 1040, 1_040_000)] == ["999", "1.04k", "1.04M"]


def test_at_exit() -> None:
    text = render(Profile("/bin/x", True, ROWS), TableOptions())
    assert "live at exit" in text
    assert "written while" not in text
    assert "malloc < xmalloc < main a.c:3" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_while_it_ran() -> None:
    text = render(Profile("/bin/x", True, ROWS, reason="signal", number=2, ms=1234), TableOptions())
    assert "live at exit" not in text
    assert "written while it ran, after 1.234 s (a signal came)" in text


def test_time_line() -> None:
    samples = (*(Sample(n * 10, n * 1000, n) for n in range(100)), Sample(1000, 0, 0))
    lines = render(Profile("/bin/x", True, ROWS, timeline=samples), TableOptions()).splitlines()
    (at,) = (n for n, line in enumerate(lines) if "▁" in line)
    bars = lines[at].strip()
    assert len(bars) == 60
    assert (bars[0], bars[-2]) == ("▁", "▇")
    assert list(bars[:-1]) == sorted(bars[:-1])
    assert lines[at + 1] == "  live from 0.000 to 1.000 s, at most 99.0 kB when looked at"


@pytest.mark.parametrize("samples", [(Sample(5, 0, 0),), (Sample(0, 0, 0), Sample(0, 9, 1))])
def test_short_time_lines(samples: tuple[Sample, ...]) -> None:
    assert "when looked at" in render(Profile("/bin/x", True, ROWS, timeline=samples), TableOptions())


def test_nothing_at_all() -> None:
    assert render(Profile("", False, ()), TableOptions()).startswith("heap of unknown program")
