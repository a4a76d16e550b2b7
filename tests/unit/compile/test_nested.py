"""GNU C's nested functions: `allocscc.compile.nested`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.nested import flatten, innermost, original
from allocscc.compile.tree import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int *f(int n) @{ return 0; }", "int *f(int n) ; { int n;  return 0; }"),
        ("void f(void) @{ }", "void f(void) ; {  }"),
        ("void f() @{ }", "void f() ; {  }"),
        ("int f(int (*g)(int, int), char *s[2]) @{ }",
         "int f(int (*g)(int, int), char *s[2]) ; { int (*g)(int, int); char *s[2];  }"),
        ("void f(int a,\n int b)\n@{ }", "void f(int a,\n int b)\n; { int a; int b;  }"),
        ("void f(int a) @{ void g(int b) @{ } }", "void f(int a) ; { int a;  void g(int b) ; { int b;  } }"),
        ("if (x) @{ }", "if (x) ; { x;  }"),
        ("do @{ }", "do { }"),
    ],
)  # fmt: skip
def test_flatten(text, expected):
    """R4: a prototype and a block; nothing moves to another line. `@` marks what libclang would point at."""
    bodies = [match.start() - count for count, match in enumerate(re.finditer("@", text))]
    plain = text.replace("@", "").encode()
    flat, nested = flatten(plain, bodies)
    assert flat.decode() == expected
    for function in nested:
        assert flat[function.body : function.body + 1] == b"{"
        assert flat[function.start :].startswith(function.name.encode())
        assert plain[original(nested, function.end - 1)] == ord("}")


def test_parse(tmp_path):
    """R4: libclang then has what stands in them, at any depth."""
    text = b"""void keep(int);
void f(int n) {
  void g(int a) { void h(void) { keep(1); } keep(a); }
  keep(n); "{ ( "; '{';
  int k(void) { return n; } }
"""
    path = tmp_path / "x.i"
    path.write_bytes(text)
    parsed = parse(str(path), text, "c", [])
    assert [function.name for function in parsed.nested] == ["g", "h", "k"]
    assert parsed.text.count(b"\n") == text.count(b"\n")
    calls = [match.start() for match in re.finditer(rb"keep\((?!int)", parsed.text)]
    names = [found.name if (found := innermost(parsed.nested, call)) else "" for call in calls]
    assert names == ["h", "g", ""]
    assert innermost(parsed.nested, parsed.text.index(b"return n")).name == "k"


@given(st.lists(st.sampled_from(["f", "int ", "(", ")", "{", "}", ",", ";", '"', "'", "\n"]), max_size=30))
def test_any_text(words):
    """R3: wherever libclang may point, no line moves and nothing is lost."""
    text = "".join(words).encode()
    bodies = [match.start() for match in re.finditer(rb"{", text)]
    flat, nested = flatten(text, bodies)
    assert flat.count(b"\n") == text.count(b"\n")
    assert all(function.body < function.end <= len(flat) for function in nested)
