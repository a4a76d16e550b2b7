"""A real, unmodified program, end to end: jq 1.8.2 built with CC=allocscc."""

import os
import shutil
from pathlib import Path

import pytest

from . import jq
from .conftest import Builds

FILTERS = (".", "map(.score) | add")

# Reaches as many of jq's allocation sites as one line can: functions, sorting, keys, formats, regular expressions.
RICH_FILTER = (
    'def grade(f): if f > 50 then "good" else "poor" end; def outer: def inner: .tags; inner; '
    "map(.grade = grade(.score)) | [group_by(.grade)[] | length], (map(outer | length) | add), "
    '(sort_by(.score) | .[0] | keys, @base64 "\\(.name)", (.name | test("^user[0-9]+$"))), (.[3].balance + 1)'
)

# function → the type that its sizeof names
TYPES = {
    "Balloc": "struct Bigint",
    "inst_new": "struct inst",
    "jq_init": "struct jq_state",
    "jq_util_input_init": "struct jq_util_input_state",
    "jv_invalid_with_msg": "jvp_invalid",
    "jv_keys": "jv",
    "jv_parser_new": "struct jv_parser",
    "jvp_array_alloc": "jvp_array",
    "jvp_literal_number_alloc": "jvp_literal_number",
    "jvp_object_new": "jvp_object",
    "jvp_string_alloc": "jvp_string",
    "locfile_init": "struct locfile",
    "sort_items": "struct sort_entry",
    "tsd_dtoa_context_get": "struct dtoa_context",
    "block_compile": "struct bytecode",
    "compile": "struct bytecode",
}


@pytest.fixture(scope="module")
def big_rows(jq_builds: Builds, big_json: str, tmp_path_factory: pytest.TempPathFactory) -> list[jq.Row]:
    """Our report of `jq -c .` on 20 MB."""
    return jq.profile(jq_builds.ours, ["-c", ".", big_json], str(tmp_path_factory.mktemp("profile") / "big.json"))


@pytest.fixture(scope="module")
def rich_rows(jq_builds: Builds, small_json: str, tmp_path_factory: pytest.TempPathFactory) -> list[jq.Row]:
    """Our report of a program that allocates at many places."""
    path = str(tmp_path_factory.mktemp("profile") / "rich.json")
    return jq.profile(jq_builds.ours, ["-c", RICH_FILTER, small_json], path)


@pytest.mark.parametrize("log", ["configure", "make"])
def test_build_says_nothing_of_ours(jq_builds: Builds, log: str) -> None:
    """R3: configure and make print what they print with plain gcc, no word of ours."""
    assert [line for line in jq.read(jq_builds.ours.log(log)).splitlines() if "allocscc:" in line] == []


@pytest.mark.parametrize("folder", [".", "vendor/oniguruma"])
def test_configure_decides_the_same(jq_builds: Builds, folder: str) -> None:
    """R3: every answer and every cached variable in config.log is that of plain gcc."""
    plain = jq.decisions(jq_builds.plain, folder)
    assert len(plain) > 100
    assert jq.decisions(jq_builds.ours, folder) == plain


def test_own_tests_give_the_same(jq_builds: Builds) -> None:
    """R3: `make check` has the same verdicts as with plain gcc."""
    plain = jq.check(jq_builds.plain)
    assert "PASS: tests/jqtest" in plain
    assert jq.check(jq_builds.ours) == plain


def test_distclean_leaves_the_same_files(jq_builds: Builds, tmp_path: Path) -> None:
    """R3: `make distclean` leaves nothing of ours behind."""
    ours = jq.after_distclean(jq_builds.ours, str(tmp_path / "ours"))
    plain = jq.after_distclean(jq_builds.plain, str(tmp_path / "plain"))
    assert os.path.join("src", "jv.c") in plain
    assert sorted(ours ^ plain) == []


@pytest.mark.parametrize("expression", FILTERS)
def test_output_is_identical(jq_builds: Builds, big_json: str, tmp_path: Path, expression: str) -> None:
    """R3, R18: on 20 MB jq prints the same bytes, with and without a profile."""
    words = ["-c", expression, big_json]
    plain = jq.digest(jq.run(jq_builds.plain, words))
    assert jq.digest(jq.run(jq_builds.ours, words)) == plain
    options = f"profile={tmp_path / 'profile.json'}"
    assert jq.digest(jq.run(jq_builds.ours, words, ALLOCS_OPTIONS=options)) == plain


def test_bytes_at_peak_have_an_owner(jq_builds: Builds, big_rows: list[jq.Row]) -> None:
    """R13, R18: at least 95 % of the bytes live at the peak belong to a line of jq's source outside jv_mem_*."""
    assert sum(row["peak_bytes"] for row in big_rows) > 50_000_000
    assert jq.share_at_peak(big_rows, jq_builds.ours) >= 0.95


def test_wrappers_are_named(jq_builds: Builds, big_rows: list[jq.Row]) -> None:
    """R12, R13: a row says through which wrapper its outermost site allocates."""
    rows = [row for row in big_rows if row["function"] == "jvp_object_new" and jq.in_source(row, jq_builds.ours)]
    assert rows
    assert {(row["allocator"], *row["wrappers"]) for row in rows} == {("malloc", "jv_mem_alloc")}


@pytest.mark.parametrize(("function", "expected"), TYPES.items())
def test_type_of_known_site(jq_builds: Builds, rich_rows: list[jq.Row], function: str, expected: str) -> None:
    """R4: the type of a site is the one its sizeof names."""
    rows = [row for row in rich_rows if row["function"] == function and jq.in_source(row, jq_builds.ours)]
    sites = [(row["line"], row["type"], row["evidence"]) for row in rows]
    assert [site for site in sites if site[1] == expected and site[2] in ("sizeof", "flow")], sites


def test_every_sizeof_is_understood(jq_builds: Builds, rich_rows: list[jq.Row]) -> None:
    """R4: where the call is written with sizeof, the evidence says so, and `sizeof(struct x)` gives `struct x`."""
    calls = {(jq.place(row), jq.call_text(row)): row for row in rich_rows if jq.in_source(row, jq_builds.ours)}
    sized = {key: row for key, row in calls.items() if "sizeof(" in key[1]}
    assert len(sized) >= 20
    wrong = [(*key, row["type"], row["evidence"]) for key, row in sized.items() if not jq.understood(row, key[1])]
    assert wrong == []


@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind as an independent witness")
def test_dhat_sees_the_same(jq_builds: Builds, small_json: str, rich_rows: list[jq.Row], tmp_path: Path) -> None:
    """R13, R18: valgrind's DHAT names the same places, and the same number of blocks for each.

    Every place is compared that DHAT reports in jq's source, so the choice knows nothing of our report.
    The bytes at the peak are compared too: a chunk that we miss, or count twice, shows there.
    """
    points = jq.dhat(jq_builds.ours, ["-c", RICH_FILTER, small_json], str(tmp_path / "dhat.json"))
    blocks = jq.witness(points, jq_builds.ours)
    assert len(blocks) >= 10
    ours = jq.totals(rich_rows)
    assert {place: ours[place] for place in blocks} == blocks
    peak = sum(point.peak_bytes for point in points)
    assert sum(row["peak_bytes"] for row in rich_rows) == pytest.approx(peak, rel=0.02)
