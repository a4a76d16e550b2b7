"""DHAT's file."""

import json
from dataclasses import replace
from typing import Any

from allocscc.report import dhat
from allocscc.report.profile import Profile
from tests.heaps import EVIL, NODES, SMALL, hostile


def points(profile: Profile) -> tuple[dict[str, Any], list[tuple[list[str], dict[str, Any]]]]:
    """The file, and its points with the names of their frames."""
    body = json.loads(dhat.render(profile))
    return body, [([body["ftbl"][number] for number in point["fs"]], point) for point in body["pps"]]


def test_points() -> None:
    body, found = points(SMALL)
    assert body["ftbl"][0] == "[root]"
    assert found[0][0] == ["malloc", "xnew", "xmalloc", "main (/src/app/main.c:12)", "type struct node"]
    assert [found[0][1][key] for key in ("tb", "tbk", "gb", "gbk", "eb", "ebk")] == [2400, 24, 600, 6, 300, 3]
    assert (body["tg"], body["te"]) == (20_000, 30_000)
    assert sum(point["gb"] for _, point in found) == 1000
    assert "pool in those of malloc" in body["cmd"]


def test_rows_that_differ_in_the_column_only() -> None:
    """The viewer refuses a repeated location."""
    other = replace(NODES, place=replace(NODES.place, column=30))
    _, found = points(Profile("x", True, (NODES, other)))
    assert [point["gb"] for _, point in found] == [1200]


def test_what_was_not_counted_is_not_said() -> None:
    body, found = points(Profile("x", False, (NODES,)))
    assert body["bklt"] is False
    assert found[0][1].keys() == {"tb", "tbk", "fs"}
    assert found[0][1]["tb"] == 300
    assert "not counted" in body["cmd"]


def test_hostile() -> None:
    text = dhat.render(hostile())
    assert text.isascii()
    assert len(json.loads(text)["pps"]) == 2 * len(EVIL)
