"""What grew between two profiles, and what leaked."""

import re

import pytest

from allocscc.errors import FormatError
from allocscc.report import leaks
from allocscc.report.amounts import Amount
from allocscc.report.diff import as_json, difference, render
from allocscc.report.entries import Filters
from allocscc.report.profile import Counts, Place, Profile, Row
from allocscc.report.view import View


def row(line: int, size: int, kind: str = "T", parent: str | None = None) -> Row:
    """A row of `main` in /src/a.c whose peak, live and total are all of this size."""
    place = Place("/src/a.c", line, 1, "main", "malloc", "sizeof")
    return Row("pool" if parent else "malloc", (), place, kind, Counts(size, 1, size, 1, size, 1), parent)


OLD = Profile("/bin/x", True, (row(3, 100), row(9, 50, "U"), row(5, 7, "Same")))
NEW = Profile("/bin/x", True, (row(4, 250), row(12, 40, "V"), row(5, 7, "Same")))


def test_sites_are_the_same_when_lines_move():
    found = difference(OLD, NEW, "peak", Filters())
    changes = {entry.row.type: entry.amounts for entry in found.entries}
    assert changes["T"] == (Amount(150, 0), Amount(100, 1), Amount(250, 1))
    assert changes["U"] == (Amount(-50, -1), Amount(50, 1), Amount())
    assert changes["V"] == (Amount(40, 1), Amount(), Amount(40, 1))
    assert found.total == (Amount(140, 0), Amount(157, 3), Amount(297, 3))
    assert next(e.row.place.line for e in found.entries if e.row.type == "T") == 4


def test_or_lines_count():
    found = difference(OLD, NEW, "peak", Filters(type=("T",)), by_line=True)
    assert sorted(entry.amounts[0].bytes for entry in found.entries) == [-100, 250]


def test_as_text():
    view = View(signed=True)
    lines = render(difference(OLD, NEW, "peak", Filters()), view).splitlines()
    assert lines[1].split()[:2] == ["157", "B"]
    assert lines[3].strip() == "+140 B (+89.2%)"
    kinds = [line.split()[-1] for line in lines[7:] if not line.startswith("    malloc")]
    assert kinds == ["T", "V", "U"]  # the largest growth first, what shrank last, nothing of what stayed
    assert any(re.fullmatch(r" +\+150 B +0 +100 B +1 +250 B +1  T", line) for line in lines)
    assert "no row changed" in render(difference(OLD, OLD, "peak", Filters()), view)


def test_groups_as_text():
    text = render(difference(OLD, NEW, "live", Filters()), View(signed=True, by=("file", "type")))
    assert "+140 B" in text
    assert "file > type" in text


def test_as_data():
    made = as_json(difference(OLD, NEW, "total", Filters()), View(signed=True))
    assert (made["measure"], made["growth_bytes"], made["before_bytes"], made["after_chunks"]) == ("total", 140, 157, 3)
    rows = made["rows"]
    assert isinstance(rows, list)
    assert [(one["type"], one["growth_bytes"]) for one in rows] == [("T", 150), ("V", 40), ("U", -50)]
    assert "peak_bytes" not in rows[0]
    (group,) = as_json(difference(OLD, NEW, "peak", Filters()), View(by=("function",), signed=True))["rows"]  # type: ignore[misc]
    assert (group["function"], group["growth_bytes"]) == ("main", 140)


def test_pieces_do_not_count_in_the_total():
    new = Profile("/bin/x", True, (*OLD.rows, row(8, 30, "P", "malloc")))
    assert difference(OLD, new, "peak", Filters()).total[0] == Amount()


SITE = {"line": 7, "column": 8, "file": "/a/b.c", "function": "f", "callee": "malloc", "evidence": "sizeof"}
LEAK = {
    "allocator": "malloc", "parent": None, "chain": [], "site": SITE, "type": "int", "direct_bytes": 8,
    "direct_chunks": 2, "indirect_bytes": 4, "indirect_chunks": 1,
}  # fmt: skip


def test_leaks():
    found = leaks.leaks_of({"allocscc_leaks": 1, "program": "/bin/x", "rows": [LEAK]}, "l.json")
    text = leaks.render(found, View(), Filters())
    assert text.startswith("leaks of /bin/x\n       12 B in     3 chunks lost\n")
    assert "malloc < f b.c:7" in text
    (made,) = leaks.as_json(found, View(), Filters())
    assert (made["line"], made["lost_bytes"], made["direct_chunks"], made["indirect_bytes"]) == (7, 12, 2, 4)
    (group,) = leaks.as_json(found, View(by=("type",)), Filters())
    assert group["lost_chunks"] == 3
    both = leaks.merged_leaks([found, found])
    assert both.entries[0].amounts[0] == Amount(24, 6)


def test_no_leaks():
    found = leaks.leaks_of({"allocscc_leaks": 1, "program": "/bin/x", "rows": []}, "l.json")
    assert leaks.render(found, View(), Filters()) == "leaks of /bin/x\n  nothing was lost\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"allocscc_leaks": 2, "rows": []}, "leaks of version 2"),
        ({"allocscc_leaks": 1}, "a damaged file of leaks"),
        ({"allocscc_leaks": 1, "rows": [{}]}, "a damaged file of leaks"),
    ],
)
def test_damaged_leaks(body, message):
    with pytest.raises(FormatError, match=message):
        leaks.leaks_of(body, "l.json")
