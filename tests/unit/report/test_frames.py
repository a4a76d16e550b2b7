"""What the exports share."""

import pytest

from allocscc.report.frames import frames, left_out, outermost, printable, suballocators, total, written
from allocscc.report.profile import Counts, Profile
from tests.heaps import EVIL, LINES, NODES, SMALL, TOKENS


def test_frames() -> None:
    assert [frame.label() for frame in frames(NODES)] == [
        "malloc", "xnew", "xmalloc", "main (/src/app/main.c:12)", "struct node",
    ]  # fmt: skip
    assert [frame.kind for frame in frames(TOKENS)] == ["allocator", "site", "type"]
    assert [frame.label() for frame in frames(LINES)] == ["malloc", "getline (libc.so.6)", "?"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("é漢字", "é漢字"), ("\udc80a", "\\x80a"), ("a\nb", "a\\nb"), ("\x00", "\\x00"), ("\ud800", "\\ud800"), ("", "")],
)
def test_printable(name: str, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize("name", EVIL)
def test_always_printable(name: str) -> None:
    shown = printable(name)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_pieces_are_not_added_to_the_heap() -> None:
    assert total(outermost(SMALL.rows)) == Counts(500, 5, 1000, 10, 4000, 40)
    assert suballocators(SMALL.rows) == [("pool", "malloc")]
    assert "pool in those of malloc" in left_out(SMALL.rows)
    assert left_out((NODES,)) == ""


def test_written() -> None:
    assert written(SMALL) == "at exit, after 0.030 s"
    assert written(Profile("x", True, (), reason="signal")) == "on a signal"
    assert written(Profile("x", True, (), reason="new\nreason")) == "new\\nreason"
