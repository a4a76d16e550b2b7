"""Lines of large texts, and the places that line markers give: `allocscc.compile.textlines`, `…linemarks`."""

from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.linemarks import LineMarks
from allocscc.compile.textlines import TextLines


@given(st.lists(st.sampled_from([b"", b"a", b"\n", b"x" * 700, b"\n" * 300])), st.integers(0, 40))
def test_lines(pieces, number):
    """R4: the same as cutting the text up."""
    text = b"".join(pieces)
    lines, cut = TextLines(text), text.split(b"\n")
    assert lines.line(number) == (cut[number] if number < len(cut) else b"")
    assert lines.line(number, 3) == b"\n".join(cut[number : number + 3])
    offset = min(number * 37, len(text))
    assert lines.number(offset) == text.count(b"\n", 0, offset)
    assert lines.start(offset) == text.rfind(b"\n", 0, offset) + 1


def test_line_marks():
    """R4: file and line are those of the last marker, whichever form it has."""
    text = b'# 1 "a.c"\nint x;\n# 7 "dir/b \\"c\\".h" 1 3\nint y;\n int z;\n#line 20\nint w;\n'
    marks = LineMarks(text, "x.i")
    assert marks.place(text.index(b"x")) == ("a.c", 1, 5)
    assert marks.place(text.index(b"y")) == ('dir/b "c".h', 7, 5)
    assert marks.place(text.index(b"z")) == ('dir/b "c".h', 8, 6)
    assert marks.place(text.index(b"w")) == ('dir/b "c".h', 20, 5)
    assert LineMarks(b"int a;\nint b;", "x.i").place(11) == ("x.i", 2, 5)
    assert LineMarks(b"", "x.i").place(0) == ("x.i", 1, 1)
