"""Folded stacks."""

import pytest

from allocscc.report import folded
from tests.heaps import EVIL, SMALL, hostile


def test_stacks() -> None:
    assert folded.render(SMALL).splitlines() == [
        "/usr/bin/app;getline (libc.so.6);malloc;? 100",
        "/usr/bin/app;main (/src/app/main.c:12);xmalloc;xnew;malloc;struct node 600",
        "/usr/bin/app;parse (/src/app/parse.c:40);malloc;struct token 300",
    ]


@pytest.mark.parametrize(("count", "total"), [("live_bytes", 500), ("total_chunks", 40), ("peak_chunks", 10)])
def test_counts(count: str, total: int) -> None:
    assert sum(int(line.rpartition(" ")[2]) for line in folded.render(SMALL, count=count).splitlines()) == total


def test_pieces_apart() -> None:
    line = "/usr/bin/app;main (/src/app/main.c:12);pool_new;pool;struct piece 200\n"
    assert folded.render(SMALL, count="suballocated_peak_bytes") == line


@pytest.mark.parametrize("count", ["bytes", "suballocated_", "parent"])
def test_no_such_count(count: str) -> None:
    with pytest.raises(ValueError, match="no count of a profile"):
        folded.render(SMALL, count=count)


def test_hostile_names_stay_in_their_frame() -> None:
    lines = folded.render(hostile()).splitlines()
    assert len(lines) == len(EVIL)
    assert {line.count(";") for line in lines} == {5}
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == sum(10 * n for n in range(1, len(EVIL) + 1))
