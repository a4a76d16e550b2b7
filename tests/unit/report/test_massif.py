"""Massif's file."""

import re

import pytest

from allocscc.report import massif
from allocscc.report.profile import Profile
from tests.heaps import NODES, SMALL, hostile


def snapshots(text: str) -> list[dict[str, str]]:
    """The fields of each snapshot."""
    parts = re.split(r"#-+\nsnapshot=\d+\n#-+\n", text)[1:]
    return [dict(re.findall(r"^(\w+)=(.*)$", part, re.MULTILINE)) for part in parts]


def test_snapshots() -> None:
    found = snapshots(massif.render(SMALL))
    shown = [(int(one["time"]), int(one["mem_heap_B"]), one["heap_tree"]) for one in found]
    assert shown == [
        (0, 0, "empty"), (10, 700, "empty"), (20, 950, "empty"), (20, 1000, "peak"), (30, 500, "empty"),
        (30, 500, "detailed"),
    ]  # fmt: skip


def test_tree() -> None:
    text = massif.render(SMALL)
    peak = text[text.index("heap_tree=peak\n") :].splitlines()[1:10]
    assert peak[:5] == [
        "n1: 1000 (all allocators)",
        " n3: 1000 malloc",
        "  n1: 600 xnew",
        "   n1: 600 xmalloc",
        "    n1: 600 main (/src/app/main.c:12)",
    ]


def test_without_time_line() -> None:
    text = massif.render(Profile("x", True, (NODES,), ms=9))
    assert [one["heap_tree"] for one in snapshots(text)] == ["empty", "peak", "detailed"]
    assert "no time line" in text.splitlines()[0]


def test_without_peak() -> None:
    text = massif.render(Profile("x", False, (NODES,)))
    assert [one["heap_tree"] for one in snapshots(text)] == ["empty", "detailed"]
    assert "the peak was not counted" in text.splitlines()[0]


def test_nothing_at_all() -> None:
    assert snapshots(massif.render(Profile("", True, ())))[-1]["mem_heap_B"] == "0"


@pytest.mark.parametrize("profile", [SMALL, hostile()])
def test_every_line_is_one_of_the_format(profile: Profile) -> None:
    line = re.compile(r"(desc|cmd|time_unit): [^#]*|#-----------|\w+=\w+| *n\d+: \d+ [^#]*")
    assert [text for text in massif.render(profile).split("\n")[:-1] if not line.fullmatch(text)] == []
