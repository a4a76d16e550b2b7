"""From preprocessed lines to columns of the source: `allocscc.compile.columns`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.columns import SourceLines, align, common_tokens


def columns(written, expanded, word="malloc", behind=""):
    """The source columns of each occurrence of a word in the preprocessed line."""
    found = align(f"{written}{behind}".encode(), len(written), expanded.encode())
    return [at + 1 for offset, at in sorted(found.items()) if expanded[offset:].startswith(word)]


@pytest.mark.parametrize(
    ("written", "expanded", "expected"),
    [
        ("p = NEW(int); q = NEW(long);", "p = malloc(sizeof(int)); q = malloc(sizeof(long));", [5, 19]),
        ("p = NEW(int); q = malloc(4);", "p = malloc(sizeof(int)); q = malloc(4);", [5, 19]),
        ("p = ID(ID(malloc(4))), q = malloc(8);", "p = malloc(4), q = malloc(8);", [5, 28]),
        ("PAIR(int); PAIR(long);", "(malloc(1), malloc(1)); (malloc(2), malloc(2));", [1, 1, 12, 12]),
        ("p = malloc(1); q = malloc(2);", "p = malloc(1, 7); q = malloc(2, 7);", [5, 20]),  # a macro of its own name
        ("p =\tmalloc(SIZE); /* malloc(1) */ q = NEW;", "p = malloc(4); q = malloc(8);", [5, 39]),
        ("NOTHING p = NEW(int);", " p = malloc(4);", [13]),
        ("p = x; q = y;", "completely different", []),
    ],
)  # fmt: skip
def test_align(written, expanded, expected):
    """R4: a call in a macro is at the macro's name, others are where they are."""
    assert columns(written, expanded) == expected


def test_align_without_arguments():
    """R4: where a macro could have swallowed its arguments or not, it has not: g++ places a call at its parenthesis."""
    assert columns("return OPERATOR(n);", "return ::operator new(n);", "(") == [16]


def test_align_over_lines():
    """R4: a macro's arguments may go on in the next lines."""
    assert columns("q = NEW(", "q = malloc(int)", behind="\n int\n ); r = s") == [5]


def test_align_gives_up():
    """R3: a line that is too long to be compared with itself has no columns; it costs no time either."""
    line = "x = " + "a + " * 3000 + "malloc(1);"
    assert columns(line, line.replace("=", "= 1 +")) == []


def test_common_tokens():
    """R4: blanks and comments differ, tokens don't, up to the first macro."""
    assert common_tokens(b"\tp  = /* x */ f(A, g())", b" p = f(1, g())") == {1: 1, 3: 4, 5: 14, 6: 15}


def test_source_lines(tmp_path):
    """R4: the source is read once; a file that is not there has no columns."""
    source = tmp_path / "x.c"
    source.write_bytes(b"int a;\n p = NEW(3);\n")
    lines = SourceLines()
    assert lines.place(str(source), 2, b" p = malloc(3);", 1, look=False) == (2, 2)
    assert lines.place(str(source), 2, b" p = malloc(3);", 5, look=False) == (2, 0)
    assert lines.place(str(source), 2, b" p = malloc(3);", 5, look=True) == (2, 6)
    assert lines.place(str(source), 9, b" p = malloc(3);", 1, look=True) == (9, 0)
    assert lines.place("/nowhere/y.c", 1, b"p", 0, look=True) == (1, 0)


@pytest.mark.parametrize("end", [b"\\\n", b"\\\r\n"])
def test_continued_line(tmp_path, end):
    """R4: compilers count the lines of the source, also where a backslash makes one of two."""
    source = tmp_path / "x.c"
    source.write_bytes(b"a = 1; " + end + b" p = malloc(4); " + end + b"\t q = NEW(3);\n")
    expanded = b"a = 1; p = malloc(4); q = malloc(3);"
    lines = SourceLines()
    first, second = expanded.index(b"malloc"), expanded.rindex(b"malloc")
    assert lines.place(str(source), 1, expanded, first, look=False) == (2, 6)
    assert lines.place(str(source), 1, expanded, second, look=True) == (3, 7)


_PIECES = st.lists(
    st.sampled_from(["f", "M", "(", ")", ",", "1", "/*", "*/", '"', "'", "\\\n", "\n", " "]), max_size=14
)


@given(_PIECES, _PIECES)
def test_any_lines(written, expanded):
    """R3: whatever stands in the lines; and a line that is its own source is where it is."""
    source, line = "".join(written), "".join(expanded).replace("\n", " ")
    found = align(source.encode(), len(source.partition("\n")[0]), line.encode())
    assert all(0 <= offset < len(line) and 0 <= at < len(source) for offset, at in found.items())
    same = "".join(word for word in expanded if word not in ("/*", "*/", "\\\n", "\n"))
    assert all(offset == at for offset, at in common_tokens(same.encode(), same.encode()).items())
