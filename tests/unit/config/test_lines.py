"""Where keys and strings of a TOML file stand: `allocscc.config.lines`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.lines import Lines

_TEXT = """\
# [wrapper.commented]
on-error = "stop"
remove = ["wrapper.x", "x",
  'x(Z)p']

[ wrapper . x ]  # blanks are allowed
alloc = [
  "xmalloc(Z)p", # a comment with "free(P)" in it
  "malloc(Z)p",
  'a::b(int)(Z)p',
  "q\\"uote(Z)p",
]
free = ["free(P)", "xfree(P)"]
[wrapper."a.b"]
alloc = ["k(Z)p"]
[allocator]
y.alloc = ["y(Z)p"]
y.free = ["z(P)"]
"d.e" . alloc = []
[['odd'.'l\\']]
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("on-error",), 2),
        (("remove",), 3),
        (("wrapper", "x"), 6),
        (("wrapper",), 6),
        (("wrapper", "x", "alloc"), 7),
        (("wrapper", "x", "free"), 13),
        (("wrapper", "x", "resize"), 6),
        (("wrapper", "a.b"), 14),
        (("wrapper", "a.b", "alloc"), 15),
        (("allocator",), 16),
        (("allocator", "y"), 17),
        (("allocator", "y", "free"), 18),
        (("allocator", "d.e"), 19),
        (("odd",), 20),
        (("odd", "l\\"), 20),
        (("wrapper", "x", "alloc", "more"), 7),
        (("wrapper", "commented"), 6),
        (("nowhere",), 1),
    ],
)
def test_keys(key, line):
    """R1: the line of a key, however it is written; of what is around it, where it has none of its own."""
    lines = Lines("p.toml", _TEXT)
    assert lines.number(*key) == line
    assert lines.where(*key) == f"p.toml:{line}"


@pytest.mark.parametrize(
    ("item", "key", "line"),
    [
        ("wrapper.x", ("remove",), 3),
        ("x", ("remove",), 3),
        ("x(Z)p", ("remove",), 4),
        ("xmalloc(Z)p", ("wrapper", "x", "alloc"), 8),
        ("malloc(Z)p", ("wrapper", "x", "alloc"), 9),
        ("malloc", ("wrapper", "x", "alloc"), 9),
        ("a::b(int)", ("wrapper", "x", "alloc"), 10),
        ("a::b", ("wrapper", "x", "alloc"), 10),
        ('q"uote(Z)p', ("wrapper", "x", "alloc"), 11),
        ("xfree", ("wrapper", "x", "free"), 13),
        ("nothing", ("wrapper", "x", "alloc"), 7),
        ("k(Z)p", ("wrapper", "x", "alloc"), 7),
    ],
)
def test_items(item, key, line):
    """R1: the line of a string in a list: not of a longer one, nor of one in another list."""
    assert Lines("p.toml", _TEXT).where_item(item, *key) == f"p.toml:{line}"


def test_long_list():
    """R1: a generated list of thousands of functions is searched once, not once for each."""
    text = "sized = [\n" + "".join(f'"f{number}(Z)p",\n' for number in range(5000)) + "]\n"
    lines = Lines("p.toml", text)
    assert all(lines.where_item(f"f{number}", "sized") == f"p.toml:{number + 2}" for number in range(5000))


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))), min_size=1, unique=True, max_size=4))
def test_any_key(names):
    """R1: keys in TOML's basic strings are found, whatever they are."""
    escaped = [name.replace("\\", "\\\\").replace('"', '\\"') for name in names]
    lines = Lines("p.toml", "[a]\n" + "".join(f'\n[a."{name}"]\n' for name in escaped))
    assert [lines.number("a", name) for name in names] == [3 + 2 * number for number in range(len(names))]


def test_only_line_feeds_count():
    """R1: what Python takes for a line end and editors do not."""
    assert Lines("p.toml", "# a\x0cb\u2028c\x85d\r\n\r\n[x]\r\n").number("x") == 3


@given(st.text(max_size=60) | st.text(st.sampled_from("[]\"'.=\n \\ab#"), max_size=40), st.text(max_size=3))
def test_any_text(text, word):
    """R1: a line of the file, whatever it is."""
    lines = Lines("p.toml", text)
    last = text.count("\n") + 1
    assert 1 <= lines.number("a", word) <= last
    assert 1 <= int(lines.where_item(word, "a").rpartition(":")[2]) <= last
