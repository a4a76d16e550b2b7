"""Profiles as the runtime writes them become rows, and what is not one is refused with a hint."""

import json
from pathlib import Path

import pytest

from allocscc.errors import FormatError
from allocscc.report.profile import Counts, Sample, read_profile

COUNTS = {"live_bytes": 1, "live_chunks": 2, "peak_bytes": 3, "peak_chunks": 4, "total_bytes": 5, "total_chunks": 6}
SITE = {"line": 7, "column": 8, "file": "/a/b.c", "function": "f", "callee": "malloc", "evidence": "sizeof"}
ROW = {"allocator": "malloc", "parent": None, "chain": [], "site": SITE, "type": "int", **COUNTS}
BODY = {"allocscc_profile": 1, "pid": 42, "program": "/bin/x", "counted": True, "rows": [ROW]}


def written(folder: Path, **fields: object) -> str:
    """A profile with these fields besides the usual ones."""
    path = folder / "p.json"
    path.write_text(json.dumps({**BODY, **fields}))
    return str(path)


def test_rows(tmp_path: Path) -> None:
    profile = read_profile(written(tmp_path))
    assert (profile.program, profile.counted, profile.pid) == ("/bin/x", True, 42)
    (row,) = profile.rows
    assert (row.place.file, row.place.line, row.type, row.counts) == ("/a/b.c", 7, "int", Counts(1, 2, 3, 4, 5, 6))


def test_rows_of_one_chain_are_merged(tmp_path: Path) -> None:
    frame = {"wrapper": "xmalloc", "site": SITE}
    rows = [{**ROW, "chain": [frame], "site": {**SITE, "line": line}} for line in (1, 2)]
    (row,) = read_profile(written(tmp_path, rows=rows)).rows
    assert (row.wrappers, row.place.line, row.counts.total_bytes) == (("xmalloc",), 7, 10)


def test_an_older_profile_says_nothing_of_time(tmp_path: Path) -> None:
    profile = read_profile(written(tmp_path))
    assert (profile.reason, profile.number, profile.ms, profile.timeline) == ("exit", 0, 0, ())


def test_series_and_time_line(tmp_path: Path) -> None:
    path = written(tmp_path, reason="every", number=3, ms=1500, timeline=[[0, 0, 0], [10, 4096, 2], [1500, 100, 1]])
    profile = read_profile(path)
    assert (profile.reason, profile.number, profile.ms) == ("every", 3, 1500)
    assert profile.timeline == (Sample(0, 0, 0), Sample(10, 4096, 2), Sample(1500, 100, 1))


@pytest.mark.parametrize(
    "fields",
    [
        {"timeline": 5},
        {"timeline": [[1]]},
        {"timeline": [["a", 2, 3]]},
        {"ms": "soon"},
        {"rows": [{}]},
        {"rows": None},
        {"rows": [{**ROW, "type": 5}]},
        {"rows": [{**ROW, "site": {**SITE, "file": []}}]},
        {"rows": [[]]},
    ],
)
def test_damage_is_named(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="a damaged profile"):
        read_profile(written(tmp_path, **fields))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a profile"),
        ("[]", "not a profile"),
        ('{"allocscc_profile": 2}', "version 2"),
        ('{"allocscc_leaks": 1, "rows": []}', "leaks, not a profile"),
    ],
)
def test_what_is_no_profile(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_profile(str(tmp_path / "x"))
