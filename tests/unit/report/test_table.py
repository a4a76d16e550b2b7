"""The report of a profile as text and JSON."""

import re

import pytest

from allocscc.report.amounts import Threshold
from allocscc.report.entries import Filters
from allocscc.report.merge import merged
from allocscc.report.profile import Counts, Place, Profile, Row, Sample
from allocscc.report.table import as_json, render
from allocscc.report.view import View

PLACE = Place("/src/a.c", 3, 1, "main", "malloc", "sizeof")
ROWS = (Row("malloc", ("xmalloc",), PLACE, "struct node", Counts(100, 1, 300, 3, 500, 5)),)
LONG = "std::map<std::basic_string<char>, std::vector<std::pair<int, std::basic_string<char> > > >"


def many(count: int) -> Profile:
    """A profile with so many rows of different lines, the largest last."""
    rows = (
        Row("malloc", (), Place("/src/a.c", n, 1, f"f{n % 3}", "malloc", "sizeof"), f"t{n}", Counts(0, 0, n, 1, n, 1))
        for n in range(1, count + 1)
    )
    return Profile("/bin/x", True, tuple(rows))


def test_at_exit():
    text = render(Profile("/bin/x", True, ROWS), View())
    assert "live at exit" in text
    assert "written while" not in text
    assert "malloc < xmalloc < main a.c:3" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_while_it_ran():
    text = render(Profile("/bin/x", True, ROWS, reason="signal", number=2, ms=1234), View())
    assert "live at exit" not in text
    assert "written while it ran, after 1.234 s (a signal came)" in text


def test_time_line():
    samples = (*(Sample(n * 10, n * 1000, n) for n in range(100)), Sample(1000, 0, 0))
    lines = render(Profile("/bin/x", True, ROWS, timeline=samples), View()).splitlines()
    (at,) = (n for n, line in enumerate(lines) if "▁" in line)
    bars = lines[at].strip()
    assert len(bars) == 60
    assert (bars[0], bars[-2]) == ("▁", "▇")
    assert list(bars[:-1]) == sorted(bars[:-1])
    assert lines[at + 1] == "  live from 0.000 to 1.000 s, at most 99.0 kB when looked at"


@pytest.mark.parametrize("samples", [(Sample(5, 0, 0),), (Sample(0, 0, 0), Sample(0, 9, 1))])
def test_short_time_lines(samples):
    assert "when looked at" in render(Profile("/bin/x", True, ROWS, timeline=samples), View())


def test_nothing_at_all():
    assert render(Profile("", False, ()), View()).startswith("heap of unknown program")
    assert "heap of" in render(Profile("", False, ()), View(by=("type", "site")))


def test_rows_left_out_are_counted_and_added_up():
    lines = render(many(30), View(top=3)).splitlines()
    assert re.fullmatch(r" +378 B +27 +0 B +0 +378 B +27  \(27 more: --top 0 shows all\)", lines[-1])
    assert sum(line.startswith("    malloc <") for line in lines) == 3
    assert "more" not in render(many(30), View(top=0))
    assert "more" not in render(many(26), View())  # one more than usual is shown rather than counted
    assert "(3 more: --top 0" in render(many(28), View())


def test_the_least():
    text = render(many(30), View(least=Threshold(29)))
    assert "(28 more: less than --min)" in text
    assert "t29" in text
    assert [row["type"] for row in as_json(many(30), View(least=Threshold(29)), Filters())] == ["t30", "t29"]


def test_a_tree():
    lines = render(many(6), View(by=("function", "type"))).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("---")) + 1
    assert "function > type" in lines[start - 2]
    assert [line[40:] for line in lines[start:]] == ["f0", "  t6", "  t3", "f2", "  t5", "  t2", "f1", "  t4", "  t1"]
    assert "42.9%" in lines[start]


def test_columns():
    text = render(many(1), View(columns=("total", "share")))
    assert re.search(r"^ +total  share  type$", text, re.M)


def test_groups_as_json():
    rows = as_json(many(6), View(by=("function",)), Filters())
    assert [(row["function"], row["peak_bytes"], row["peak_chunks"]) for row in rows] == [
        ("f0", 9, 2),
        ("f2", 7, 2),
        ("f1", 5, 2),
    ]
    both = as_json(many(6), View(by=("function", "type"), top=2), Filters())
    assert [(row["function"], row["type"]) for row in both] == [("f0", "t6"), ("f2", "t5")]


def test_what_filters_leave():
    text = render(many(6), View(), Filters(type=("t6", "t5")))
    assert "selected: 2 rows, peak 11 B, live 0 B, total 11 B" in text
    assert "    21 B in     6 chunks at the peak" in text  # the heading is of the whole heap


@pytest.mark.parametrize("by", [(), ("type",), ("site", "type")])
def test_nothing_is_cut_in_a_file_and_nothing_is_wider_than_a_terminal(by):
    """Issue 7, 2: readable at 80 columns, and piped to a file."""
    row = Row("malloc", ("x" * 30,), Place("/src/a.c", 3, 1, "f" * 50, "malloc", "new"), LONG, Counts(9, 1, 9, 1, 9, 1))
    profile = Profile("/bin/x", True, (row,))
    assert not by or "f" * 50 in render(profile, View(by=("site",)))
    if by != ("site",):
        assert LONG in render(profile, View(by=by))
    shown = render(profile, View(by=by, width=80))
    assert all(len(line) <= 80 for line in shown.splitlines())
    flat = "".join(shown.split())
    assert "f" * 50 in flat or by == ("type",)
    assert "".join(LONG.split()) in flat


def test_colours_only_where_asked():
    profile = Profile("/bin/x", True, ROWS)
    assert "\x1b[" not in render(profile, View(width=80))
    colored = render(profile, View(width=80, color=True))
    assert "\x1b[1m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render(profile, View(width=80))


@pytest.mark.parametrize("view", [View(), View(width=80), View(width=80, color=True), View(by=("type",), width=80)])
def test_names_are_no_commands_for_the_terminal(view):
    row = Row("malloc", ("a\x1b]0;x\x07",), PLACE, "t\x1b[2J\nnext", Counts(9, 1, 9, 1, 9, 1))
    text = render(Profile("/bin/\x1b[31mx", True, (row,)), view)
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
    assert "\x1b[31m" not in text
    assert "t?[2J?next" in text


def test_sources_are_quoted(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("int x;\n\tp = malloc(sizeof *p);\n")
    row = Row("malloc", (), Place(str(source), 2, 1, "f", "malloc", "sizeof"), "T", Counts(9, 1, 9, 1, 9, 1))
    gone = Row(
        "malloc", (), Place(str(tmp_path / "gone.c"), 2, 1, "g", "malloc", "sizeof"), "U", Counts(1, 1, 1, 1, 1, 1)
    )
    lines = render(Profile("/bin/x", True, (row, gone)), View(source=True)).splitlines()
    assert lines[-3].strip() == "2: p = malloc(sizeof *p);"
    assert lines[-1].strip() == "malloc < g gone.c:2"
    assert "2: p = malloc" in render(Profile("/bin/x", True, (row,)), View(source=True, by=("type", "site")))


def test_profiles_are_added_up():
    one = Profile("/bin/sh", True, (), pid=1, timeline=(Sample(0, 0, 0),))
    two = Profile("/bin/x", True, ROWS, pid=2)
    both = merged([one, two, two])
    assert (both.program, both.timeline) == ("/bin/x", ())
    (row,) = both.rows
    assert row.counts == Counts(200, 2, 600, 6, 1000, 10)
    assert merged([one]) is one
    text = render(both, View(), processes=3)
    assert text.startswith("heap of /bin/x and 2 more profiles\n")
    assert "at the peaks of all" in text
