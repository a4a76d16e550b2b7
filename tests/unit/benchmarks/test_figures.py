"""The figures of benchmarks/runtime.py: what is measured there is not measured here."""

import pytest

from benchmarks.figures import (
    Goal,
    Row,
    Sample,
    geomean,
    goals,
    mean,
    median_ratio,
    scaling,
    table,
    total_factor,
    worst,
)
from benchmarks.micro import query_goals
from benchmarks.report import BEGIN, END, Report, insert, load
from benchmarks.workloads import sql


def samples(*seconds, kib=1024):
    return [Sample(each, kib) for each in seconds]


def row(program="churn", threads=1, *, heavy=True, stub=1.1):
    return Row(
        program, threads, heavy,
        full={"plain": samples(1.0, 2.0), "stub": samples(stub, 2 * stub, kib=2048)},
        short={"plain": samples(0.1), "stub": samples(0.2), "heaptrack": samples(2.0), "dhat": samples(3.0)},
    )  # fmt: skip


def test_ratios_are_taken_within_a_round():
    assert median_ratio(samples(2.0, 40.0, 3.0), samples(1.0, 10.0, 1.0), "seconds") == 3.0
    assert median_ratio(samples(6.0), samples(1.0, 5.0), "seconds") == 2.0


def test_full_runs_count_before_the_short_ones():
    assert row().ratio("stub") == pytest.approx(1.1)
    assert row().ratio("heaptrack") == pytest.approx(20)
    assert row().ratio("stub", "kib") == 2
    assert row().ratio("lsan") is None


def test_geometric_mean():
    assert geomean([1.0, 4.0]) == pytest.approx(2)
    assert geomean([]) is None
    assert mean([row(stub=1), row(stub=4)], "stub") == pytest.approx(2)


def test_worst_is_named():
    assert worst([row("a"), row("b", 2, stub=1.5)], "stub", "seconds") == (pytest.approx(1.5), "b 2")
    assert worst([row()], "lsan", "seconds") == (None, "")


def test_scaling_compares_a_program_with_itself():
    rows = [row("a", 1, stub=1.0), row("a", 2, stub=1.2), row("alone", 2)]
    assert scaling(rows, "stub") == [(pytest.approx(1.2), "a")]


def test_total_factor_counts_what_both_ran():
    other = row("jq")
    del other.short["heaptrack"]
    assert total_factor([row(), other], "heaptrack", "stub") == pytest.approx(10)
    assert total_factor([row()], "lsan", "stub") is None


@pytest.mark.parametrize(
    ("goal", "end"),
    [
        (Goal("x", 1.06, 1.06), "1.060  <= 1.06    met"),
        (Goal("x", 1.07, 1.06, about="churn 1"), "1.070  <= 1.06    missed (churn 1)"),
        (Goal("x", 6.9, 7, "x", least=True), "6.9x  >= 7x      missed"),
        (Goal("x", 4.25, 5, " ns"), "4.25 ns  <= 5 ns    met"),
        (Goal("x", None, 1), "-  <= 1       not measured"),
    ],
)
def test_goal_lines(goal, end):
    assert goal.line().endswith(end)


def test_goals_of_the_heavy_and_of_the_others():
    found = {goal.name: goal for goal in goals([row(), row("jq", heavy=False, stub=1.01)], "stub")}
    assert found["wall time, worst of them"].about == "churn 1"
    assert found["wall time, jq 1"].value == pytest.approx(1.01)
    assert found["heaptrack's total wall time in ours, all"].value == pytest.approx(10)


def test_table():
    broken = row("json", 2)
    broken.failed["lsan"] = "exit status 1"
    lines = table([row(), broken], ["stub", "heaptrack", "lsan"], "seconds")
    assert lines == [
        "program        plain s    stub heaptrack    lsan",
        "churn 1           1.50   1.100      20.0       -",
        "json 2            1.50   1.100      20.0  failed",
        "heavy, mean              1.100      20.0       -",
        "heavy, worst             1.100      20.0       -",
    ]


def report():
    return Report(
        ["today"],
        ["plain", "stub"],
        [row()],
        {"tcmalloc": "not installed"},
        ["q 1 2"],
        [Goal("start-up", 0.5, 1, " ms")],
    )


def test_a_report_is_kept_and_says_what_is_missing(tmp_path):
    kept = str(tmp_path / "kept.json")
    report().save(kept)
    assert load(kept) == report()
    assert "tcmalloc: left out, not installed\n" in report().text()


def test_a_report_replaces_the_one_in_a_document(tmp_path):
    document = tmp_path / "document.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(str(document), "new\n", ["command"])
    assert document.read_text() == f"before\n{BEGIN}\n```\n$ command\nnew\n```\n{END}\nafter\n"
    document.write_text("no marks\n")
    with pytest.raises(ValueError, match="has no"):
        insert(str(document), "new\n", ["command"])
    assert document.read_text() == "no marks\n"


def test_the_slowest_query_is_named():
    base, interior = query_goals(["alloc_get_base 1.5 30.0", "alloc_query 4.0 20.0"])
    assert (base.value, base.about) == (4.0, "alloc_query")
    assert (interior.value, interior.about) == (30.0, "alloc_get_base")


def test_the_sql_is_the_same_each_time():
    assert list(sql(50)) == list(sql(50))
