"""Arrays of variable length, and where functions that call alloca begin: `allocscc.compile.arrays`, `….bodies`."""

import pytest

from allocscc.compile.arrays import array_sites
from allocscc.compile.bodies import bodies_with_alloca
from allocscc.compile.scan import parse

_C = """\
typedef unsigned long size_t;
typedef struct s { int a; } S;
enum { N = 4 };
int n; void use(void *);
"""


def parsed(tmp_path, text, language="c"):
    source, path = tmp_path / "a.c", tmp_path / "a.i"
    source.write_text(text)
    made = f'# 1 "{source}"\n{text}'.encode()
    path.write_bytes(made)
    return parse(str(path), made, language, [])


@pytest.mark.parametrize(
    ("declaration", "types"),
    [
        ("S v[n];", ["struct s"]),
        ("char *v[n + 1];", ["char *"]),
        ("int v[3][n];", ["int"]),
        ("int v[n][3], w[3][4], x[n];", ["int", "int"]),
        ("int v[sizeof(S) * 2];", []),
        ("int v[N + 1];", []),
        ("int v[] = {1, 2};", []),
        ("static int v[N];", []),
        ("int v[3]; v[n] = 1; return v[n], v[n];", []),
        ("int (*v)[n] = 0;", []),
        ("typedef long T[n]; T v; use(v);", []),
    ],
)
def test_arrays(tmp_path, declaration, types):
    """R4: what is declared with a size that is known only at run time, with its element's type."""
    sites = array_sites(parsed(tmp_path, f"{_C}int f(int m) {{ {declaration} return m; }}\n"), str(tmp_path))
    assert [site.type for site in sites] == types
    assert {(site.callee, site.function, site.evidence, site.line) for site in sites} <= {
        ("(array)", "f", "declared", 5)
    }


def test_parameters_are_none(tmp_path):
    """R4: a parameter that is written as an array is a pointer."""
    assert array_sites(parsed(tmp_path, "int f(int n, int m[n][n]) { return m[n][n]; }\n"), "/") == ()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("int f(int n) { use(__builtin_alloca(n)); return 0; }", [(5, 14)]),
        ("int f(int n)\n{ if (n) { use(__builtin_alloca (n)); use(__builtin_alloca(3)); } return 0; }", [(6, 1)]),
        ("int f(void) { use(__builtin_alloca(1)); return 0; } int g(void) { use(__builtin_alloca(2)); return 0; }",
         [(5, 13), (5, 65)]),
        ("int f(void) { return 0; }", []),
        ("int (*f(void))(void) { use(__builtin_alloca(1)); return 0; }", [(5, 22)]),
    ],
)  # fmt: skip
def test_bodies(tmp_path, text, places):
    """R17: the brace of each function with a call, once."""
    found = bodies_with_alloca(parsed(tmp_path, _C + text + "\n"))
    assert [place[1:] for place in found] == places
    assert {place[0] for place in found} <= {str(tmp_path / "a.c")}


def test_lambda(tmp_path):
    """R17: a lambda has a body of its own."""
    text = "void use(void *);\nint f(int n) {\n  auto g = [&] { use(__builtin_alloca(n)); };\n  g(); return 0; }\n"
    assert [place[1:] for place in bodies_with_alloca(parsed(tmp_path, text, "c++"))] == [(3, 16)]
