"""Filters, groups, and sizes: pure."""

import pytest

from allocscc.errors import UsageError
from allocscc.report.amounts import Amount, Threshold, human_bytes, human_count, parse_size
from allocscc.report.entries import Filters, common_folder, entries_of, grouped, label, total_of
from allocscc.report.profile import Counts, Place, Profile, Row

A = Place("/src/lib/a.c", 3, 1, "main", "malloc", "sizeof")
B = Place("/src/lib/b.c", 9, 1, "fill", "xmalloc", "sizeof")
C = Place(None, 0, 0, None, None, "none", "libc.so.6", "fopen")
ROWS = (
    Row("malloc", (), A, "struct node", Counts(1, 1, 100, 10, 200, 20)),
    Row("malloc", ("xmalloc",), B, "struct jv", Counts(2, 1, 300, 3, 300, 3)),
    Row("malloc", ("xcalloc", "xmalloc"), B, "char [16]", Counts(0, 0, 50, 5, 60, 6)),
    Row("malloc", (), C, None, Counts(4, 1, 4, 1, 4, 1)),
    Row("pool", (), A, "struct cell", Counts(0, 0, 80, 8, 80, 8), "malloc"),
)
ENTRIES = entries_of(Profile("/bin/x", True, ROWS))


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(), [0, 1, 2, 3, 4]),
        (Filters(type=("struct *",)), [0, 1, 4]),
        (Filters(type=("struct jv*", "struct node")), [0, 1]),
        (Filters(type=("",)), [3]),
        (Filters(type=("char [16]",)), [2]),  # the name itself, though [ has a meaning in globs
        (Filters(wrapper=("xmalloc",)), [1, 2]),
        (Filters(wrapper=("",)), [0, 3, 4]),
        (Filters(allocator=("pool",)), [4]),
        (Filters(site=("main",)), [0, 4]),
        (Filters(site=("b.c:9",)), [1, 2]),
        (Filters(site=("lib/b.c:*",)), [1, 2]),
        (Filters(site=("fopen",)), [3]),
        (Filters(file=("a.c",)), [0, 4]),
        (Filters(file=("/src/*",)), [0, 1, 2, 4]),
        (Filters(file=("",)), [3]),
        (Filters(function=("fi*",)), [1, 2]),
        (Filters(object=("libc.so*",)), [3]),
        (Filters(wrapper=("x*",), type=("struct jv",)), [1]),
        (Filters(type=("STRUCT NODE",)), []),
    ],
)
def test_filters(filters, kept):
    assert [at for at, row in enumerate(ROWS) if filters.match(row)] == kept


def test_groups_are_sums_and_the_largest_comes_first():
    groups = grouped(ENTRIES, ("wrapper", "type"), 0)
    assert [(label(group, ""), group.amounts[0]) for group in groups] == [
        ("xmalloc", Amount(300, 3)),
        ("(no wrapper)", Amount(184, 19)),
        ("xmalloc < xcalloc", Amount(50, 5)),
    ]
    assert [label(group, "") for group in groups[1].groups] == ["struct node", "struct cell", "?"]
    assert grouped(ENTRIES, (), 0) == ()


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        ("allocator", {"malloc", "pool"}),
        ("site", {"main a.c:3", "fill b.c:9", "fopen in libc.so.6 (not built by allocscc)"}),
        ("function", {"main", "fill", "fopen"}),
        ("file", {"a.c", "b.c", "libc.so.6"}),
        ("object", {"(code built by allocscc)", "libc.so.6"}),
    ],
)
def test_labels(key, labels):
    folder = common_folder(ROWS)
    assert folder == "/src/lib"
    assert {label(group, folder) for group in grouped(ENTRIES, (key,), 0)} == labels


def test_pieces_of_other_chunks_do_not_count_twice():
    assert total_of(ENTRIES, 3)[0] == Amount(454, 19)


def test_folders_that_have_nothing_in_common():
    relative = Row("malloc", (), Place("a.c", 1, 1, "f", "malloc", "none"), None, Counts())
    assert common_folder((relative, ROWS[0])) == ""


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("10K", 10_000),
        ("1.5M", 1_500_000),
        ("2MiB", 2 << 20),
        ("1kB", 1000),
        ("0", 0),
        ("3G", 3 * 10**9),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == Threshold(size)


def test_shares():
    assert parse_size("5%").of(1000) == pytest.approx(50)
    assert parse_size("10K").of(1000) == 10_000


@pytest.mark.parametrize("text", ["", "K", "-1", "1.2.3", "5 %%", "many", "nan%", "-3%", "inf%"])
def test_what_is_no_size(text):
    with pytest.raises(UsageError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (1023, "1.02 kB"), (65_000_000, "65.0 MB"), (-1500, "-1.50 kB")]
)
def test_bytes(count, text):
    assert human_bytes(count) == text


def test_counts():
    assert [human_count(n) for n in (999, 1040, 1_040_000)] == ["999", "1.04k", "1.04M"]
