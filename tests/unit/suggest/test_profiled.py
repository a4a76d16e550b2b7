"""What a profile adds to suggestions (R15)."""

from pathlib import Path

from allocscc.report.profile import Counts, Place, Row
from allocscc.suggest.judge import judge
from allocscc.suggest.profiled import strengthened, untyped

from .reading import knowledge

TEXT = "void *get(size_t n) { return malloc(n); } void *five(void) { return malloc(5); }"


def row(function: str, line: int, kind: str | None = None, size: int = 100) -> Row:
    """A row of a profile."""
    place = Place("/src/one.c", line, 1, function, "malloc", "none")
    return Row("malloc", (), place, kind, Counts(total_bytes=size, total_chunks=1))


def test_one_site_without_a_type() -> None:
    """R15: two sites, or a type, and the function is none that hides its caller."""
    rows = [row("get", 1), row("get", 1), row("two", 2), row("two", 3), row("typed", 4, "int"), row("big", 5, size=999)]
    assert [(one.function, one.bytes, one.chunks) for one in untyped(rows)] == [("big", 999, 1), ("get", 200, 2)]


def test_a_profile_makes_surer(tmp_path: Path) -> None:
    """R15: what the sources show is surer, and what they alone do not show is added, less sure."""
    known = knowledge(tmp_path, one=TEXT)
    plain = judge(known)
    found, unread = strengthened(plain, untyped([row("get", 1), row("five", 1), row("elsewhere", 9)]), known)
    by_key = {one.key: one for one in found}
    assert by_key["get"].confidence > next(one.confidence for one in plain if one.key == "get")
    assert "all 100 bytes" in by_key["get"].why
    assert "five" not in {one.key for one in plain}
    assert (by_key["five"].signature, by_key["five"].confidence) == ("five()p", 0.5)
    assert [one.function for one in unread] == ["elsewhere"]
