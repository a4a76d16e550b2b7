"""What a unit's source declares of its functions: `allocscc.compile.declarations`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.declarations import read_declarations, statements
from allocscc.compile.scan import parse
from allocscc.config.signature import parse_signature

_TYPES = (
    "typedef unsigned long size_t; typedef unsigned int u32; enum E { A }; struct S { int a; }; typedef struct S T;\n"
)


@pytest.fixture
def look(tmp_path):
    """`look(text, *names)`: the declarations of these functions in a unit; line 1 of the text is /src/x.h:1."""

    def looked(text, *names, language="c"):
        whole = f'# 1 "/src/types.h"\n{_TYPES}# 1 "/src/x.h"\n{text}\n'
        path = tmp_path / "unit.i"
        path.write_bytes(whole.encode())
        parsed = parse(str(path), whole.encode(), language, ["-std=c++17"] if language == "c++" else [])
        return read_declarations(parsed, statements(whole.encode().decode("latin-1"), set(names)))

    return looked


@pytest.fixture
def only(look):
    """As `look`, of one function `f`; its signature, or None."""

    def looked(text, name="f", **options):
        found = look(text, name, **options)
        return found[0].signature if found else None

    return looked


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("void *f(size_t n) __attribute__((malloc));", "f(Z)p"),
        ("__attribute__((malloc)) void *f(size_t n);", "f(Z)p"),
        ("extern __attribute__((malloc)) void *f(size_t n) __attribute__((alloc_size(1)));", "f(Z)p"),
        ("void *f(size_t n, size_t m) __attribute__((alloc_size(1, 2)));", "f(ZZ)p"),
        ("void *f(void *p, unsigned long n) __attribute__((alloc_size(2)));", "f(pZ)p"),
        ("void *f(size_t a, size_t n) __attribute__((alloc_align(1)));", "f(aZ)p"),
        ("__attribute__((malloc)) static void *f(size_t n) { return 0; }", "f(Z)p"),
        ("struct S *f(const char *name, int i, u32 u, long l, enum E e) __attribute__((malloc));", "f(piuli)p"),
        ("T *f(char c, short s, unsigned short t, _Bool b, double d) __attribute__((malloc));", "f(iiiid)p"),
        ("T *f(int a[], int (*b)[3], void (*c)(int), T **d) __attribute__((malloc));", "f(pppp)p"),
        ("char *f(const char *format, ...) __attribute__((malloc));", "f(p.)p"),
        ("void *f(void) __attribute__((malloc));", "f()p"),
        ("[[gnu::malloc]] void *f(size_t n);", "f(Z)p"),
        (
            'void *f(void *p, size_t n) __attribute__((annotate("allocs:" "allocator.alloc " "" " " "slab" "<" "")));',
            "f(pZ)p",
        ),
        ("struct S; void g(void); void *f(size_t n)\n    __attribute__((malloc))\n;", "f(Z)p"),
        ("void *f\n(size_t n) __attribute__((malloc));", "f(Z)p"),
    ],
)
def test_prototypes(only, text, signature):
    """R5: letters follow the types, behind typedefs; attributes stand in front, behind, or on a definition."""
    assert only(text) == signature


@pytest.mark.parametrize(
    "text",
    [
        "void *f(size_t n);",
        "int f(size_t n) __attribute__((malloc));",
        "void *f(float x, size_t n) __attribute__((malloc));",
        "void *f(struct S s, size_t n) __attribute__((malloc));",
        "void *f(long double x) __attribute__((malloc));",
        "struct S f(size_t n) __attribute__((alloc_size(1)));",
        "void *g(size_t n) __attribute__((malloc)); void *f(size_t n);",
        "void *h(void) { return f(3); } int malloc_count __attribute__((unused));",
        "void *(*f)(size_t n) __attribute__((malloc));",
        "void *ff(size_t n) __attribute__((malloc));",
    ],
)
def test_nothing_declared(only, text):
    """R5: other functions, and what no stub could pass on."""
    assert only(text) is None


def test_attributes_of_all_declarations_count(look):
    """R5: a function may be declared several times; its origin is the first place that says something."""
    (found,) = look(
        "void *f(size_t, size_t);\nvoid *f(size_t, size_t) __attribute__((malloc));\n"
        "void *f(size_t n, size_t m) __attribute__((alloc_size(2))); void *f(size_t n, size_t m) { return 0; }",
        "f",
    )
    assert (found.signature, found.origin) == ("f(zZ)p", "/src/x.h:2")


def test_deallocators(look):
    """R14: `malloc(dealloc, n)` with the deallocator's own prototype; without one, as the attribute says."""
    found = look(
        "int drop(struct S *pool, void *p);\n"
        "void *f(size_t) __attribute__((malloc(drop, 2)));\n"
        "void *g(size_t) __attribute__((malloc, malloc(__builtin_free, 1)));\n",
        "f",
        "g",
    )
    assert [(d.signature, d.free) for d in found] == [("f(Z)p", ("drop(pP)i",)), ("g(Z)p", ("__builtin_free(P)",))]


def test_several_functions(look):
    """R5: each asked for, in the order of the text."""
    text = "".join(f"void *f{n}(size_t) __attribute__((malloc));\n" for n in range(4))
    assert [d.signature for d in look(text, "f2", "f0", "f9")] == ["f0(Z)p", "f2(Z)p"]


@pytest.mark.parametrize(
    ("text", "name", "signature"),
    [
        ('extern "C" void *f(size_t) __attribute__((malloc));', "f", "f(Z)p"),
        ("void *f(size_t) __attribute__((malloc));", "f", "_Z1fm(Z)p"),
        ("namespace N { void *f(size_t) __attribute__((malloc)); }", "f", "_ZN1N1fEm(Z)p"),
        ("struct P { void *f(size_t) __attribute__((alloc_size(2))); };", "f", "_ZN1P1fEm(pZ)p"),
        ("struct P { static void *f(size_t) __attribute__((alloc_size(1))); };", "f", "_ZN1P1fEm(Z)p"),
        ("[[gnu::alloc_size(1)]] void *f(int &r);", "f", "_Z1fRi(p)p"),
        ("template <class X> struct P { void *f(X) __attribute__((malloc)); };", "f", None),
        ("struct P { __attribute__((malloc)) P(int); };", "P", None),
    ],
)
def test_cxx(only, text, name, signature):
    """R5: C++ functions by their symbols; a member's `this` is its first argument, as gcc counts."""
    assert only(text, name, language="c++") == signature


@pytest.mark.parametrize(
    ("markers", "origin"),
    [
        ("", ":1"),
        ('# 7 "/src/a.h"\n', "/src/a.h:7"),
        ('# 1 "/src/a.h" 1\n\n\n', "/src/a.h:3"),
        ('# 7 "/src/a.h"\n# 20 "/src/b.h" 2\n', "/src/b.h:20"),
        ('# 7 "/src/a \\"b\\" \\\\c.h"\n', '/src/a "b" \\c.h:7'),
        ('# 7 "/src/é.h"\n', "/src/é.h:7"),
        ('# 7 "/src/\\303\\251.h"\n', "/src/é.h:7"),
    ],
)
def test_origin(markers, origin):
    """R5: file and line of the declaration as the source's author knows them."""
    text = (markers + "void *f(int) __attribute__((malloc));\n").encode().decode("latin-1")
    (found,) = statements(text, {"f"})
    assert found.origin == origin
    assert text[found.offset :].startswith("f(")


def test_bytes_of_any_encoding():
    """R5: sources need not be UTF-8, nor their names."""
    text = b'# 7 "/src/\xe9.h"\n// \xff\nvoid *f(int) __attribute__((malloc));\n'.decode("latin-1")
    (found,) = statements(text, {"f"})
    assert found.origin == "/src/\udce9.h:8"


def test_declaration_across_files():
    """R5: a line marker in the middle of a declaration is no part of it."""
    text = '# 1 "x.h"\nvoid *f(int)\n# 5 "x.h"\n__attribute__((malloc))\n;'
    (found,) = statements(text, {"f"})
    assert ([a.name for a in found.attributes], found.origin) == (["malloc"], "x.h:1")


@pytest.mark.parametrize("flags", [" 3", " 1 3", " 1 3 4", " 2 3"])
def test_system_headers_are_left_alone(flags):
    """R5: libc marks `fopen`, and packs describe libraries."""
    text = f'# 1 "/usr/include/x.h"{flags}\nvoid *f(int) __attribute__((malloc));\n'
    assert statements(text, {"f"}) == []
    assert len(statements(text + '# 2 "/src/x.h" 2\nvoid *f(int) __attribute__((malloc));\n', {"f"})) == 1


def test_no_names_no_work():
    """R3: nothing to look for."""
    assert statements("void *f(int) __attribute__((malloc));", set()) == []


_WORDS = st.lists(
    st.sampled_from([
        "void *", "f", "(", ")", "size_t n", ";", "{", "}", "\n", "__attribute__((", "malloc", "))", "alloc_size(1)",
        ",", '# 3 "a.h" 3\n', '# 4 "b\\"', "#", '"', "[[", "]]", "gnu::", "typedef ", "struct ", "\xff", "return ",
        "= ", "malloc(f, 1)",
    ]),
    max_size=16,
).map("".join)  # fmt: skip


@given(text=_WORDS, language=st.sampled_from(["c", "c++"]))
def test_any_text(text, language, tmp_path_factory):
    """R5: whatever the source is, what comes out are signatures of the functions asked for."""
    path = tmp_path_factory.getbasetemp() / "any.i"
    data = ("typedef unsigned long size_t;\n" + text).encode("latin-1")
    path.write_bytes(data)
    found = statements(data.decode("latin-1"), {"f", "size_t"})
    for declaration in read_declarations(parse(str(path), data, language, []), found):
        assert "f" in parse_signature(declaration.signature).name
