"""Attributes in front of definitions: `allocscc.compile.apart`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.apart import Definition, keep_apart

_TEXT = b"""# 1 "a.c"
# 1 "<built-in>"
#define API
# 1 "inc/h.h" 1 3
static inline void *get(int n)
{
  return 0;
}
# 2 "a.c" 2
API void *put(int n) { return get(n); }
extern "C" void *out(void) { return put(1); }
"""


def lines_of(text):
    """Every line of the text as a compiler sees it: (file, line, text), markers taken away."""
    file, line, found = b"", 0, []
    for raw in text.split(b"\n"):
        if raw.startswith(b"# "):
            _, number, file, *_ = raw.split(b" ")
            line = int(number)
            continue
        found.append((file, line, raw))
        line += 1
    return found


@pytest.mark.parametrize(
    ("family", "attribute"),
    [("gcc", b"__attribute__((__noipa__))"), ("clang", b"__attribute__((__noinline__, __used__))")],
)
def test_attribute_of_the_compiler(family, attribute):
    """R4: gcc is kept from knowing both sides, clang from inlining."""
    text = keep_apart(_TEXT, [Definition("put", "put", "a.c", 2, b" ")], family)
    assert text == _TEXT.replace(b"API void", attribute + b'\n# 2 "a.c"\nAPI void')


def test_header_stays_a_system_header():
    """R4: the marker that brings the line number back keeps the file's flag."""
    text = keep_apart(_TEXT, [Definition("get", "get", "inc/h.h", 1, b"")], "gcc")
    assert b'((__noipa__))\n# 1 "inc/h.h" 3\nstatic inline' in text


def test_columns_stay():
    """R4: what stands in front of a definition stays there, and its columns are as they were."""
    text = keep_apart(_TEXT, [Definition("out", "out", "a.c", 3, b'extern "C" ')], "gcc")
    assert b'extern "C" \n__attribute__((__noipa__))\n# 3 "a.c"\n           void *out(void)' in text


def test_lines_stay():
    """R4: every other line has the file, number and text that it had."""
    all_three = [
        Definition("get", "get", "inc/h.h", 1, b""), Definition("put", "put", "a.c", 2, b""),
        Definition("out", "out", "a.c", 3, b""),
    ]  # fmt: skip
    text = keep_apart(_TEXT, all_three, "gcc")
    assert [line for line in lines_of(text) if b"__noipa__" not in line[2]] == lines_of(_TEXT)
    assert text.count(b"__noipa__") == 3


@pytest.mark.parametrize(
    "lost",
    [
        Definition("put", "put", "a.c", 7, b""),
        Definition("put", "put", "b.c", 2, b""),
        Definition("other", "other", "a.c", 2, b""),
        Definition("put", "put", "a.c", 2, b"int x; "),
    ],
)
def test_what_is_not_found(lost):
    """R3: a definition that a macro makes up stays as it is, and does not keep the others from being found."""
    assert keep_apart(_TEXT, [lost], "gcc") is None
    assert keep_apart(_TEXT, [lost, Definition("get", "get", "inc/h.h", 1, b"")], "gcc").count(b"__noipa__") == 1


@given(st.binary(), st.text(), st.integers(), st.binary())
def test_any_text(text, file, line, before):
    """R3: hostile text is left alone."""
    keep_apart(text, [Definition("f", "f", file, line, before)], "gcc")
