"""Types from source: `allocscc.compile.scan` and `allocscc.compile.sizes`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocscc.compile.columns import SourceLines
from allocscc.compile.scan import parse, scan
from allocscc.compile.sizes import SizeReader
from allocscc.compile.source import NEW
from allocscc.config.signature import parse_signature

_NAMES = """
malloc(Z)p calloc(zZ)p realloc(PZ)p reallocarray(PzZ)p aligned_alloc(aZ)p posix_memalign(P*aZ)i strdup(p)p
xmalloc(Z)p new_node(p)p ckd_calloc_2d(iiIpi)p
"""
_SIGNATURES = {s.name: s for s in map(parse_signature, _NAMES.split())}
_C = """\
typedef unsigned long size_t;
void *malloc(size_t); void *calloc(size_t, size_t); void *realloc(void *, size_t); void *aligned_alloc(size_t, size_t);
void *reallocarray(void *, size_t, size_t); int posix_memalign(void **, size_t, size_t); void *xmalloc(size_t);
char *strdup(const char *); size_t strlen(const char *); size_t strnlen(const char *, size_t);
struct S { int a; char tail[]; };
struct U { long b[4]; struct U *next; };
typedef struct { double d; } named_by_typedef;
typedef unsigned int u32;
typedef struct U alias;
enum E { E1, ROUGHLY = sizeof(long) };
static const size_t EXACTLY = sizeof(struct U);
struct U *new_node(void *);
void **ckd_calloc_2d(int, int, int, const char *, int);
void escape(size_t *);
void take(struct U *);
"""
_CPP = """\
typedef unsigned long size_t;
extern "C" void *malloc(size_t);
struct T { int a; T(); explicit T(int); ~T(); };
namespace N { struct V { int b; template <class X> struct W { X x; }; }; }
"""
_LAST = 10_000  # a line marker gives the line behind the preamble this number


@pytest.fixture
def look(tmp_path):
    """`look(text, preamble, …)`: the sites of a unit; the first line behind the preamble has number `_LAST`."""

    def scanned(text, preamble=_C, language="c", standard=()):
        path = tmp_path / "unit.i"
        path.write_text(f'{preamble}# {_LAST} "/src/x.c"\n{text}\n', encoding="utf-8")
        return scan(parse(str(path), path.read_bytes(), language, list(standard)), _SIGNATURES, SourceLines())

    return scanned


def described(site):
    return (site.sized.type, site.sized.evidence, site.sized.array) if site.sized else None


def in_function(body):
    return f"void *f(int n, int c, const char *s, struct U *q) {{ struct U *p; struct U x[2]; {body} }}"


def plus(look, text):
    return look(text, _CPP, "c++", ["-std=c++17"])


@pytest.mark.parametrize(
    ("size", "type_", "evidence", "array"),
    [
        # the rows of DESIGN §2
        ("sizeof(struct U)", "struct U", "sizeof", False),
        ("n*sizeof(struct U)", "struct U", "sizeof", True),
        ("sizeof(struct U)*n", "struct U", "sizeof", True),
        ("sizeof *p", "struct U", "sizeof", False),
        ("sizeof x", "struct U[2]", "sizeof", False),
        ("sizeof x[0]", "struct U", "sizeof", False),
        ("sizeof(struct S)+n", "struct S", "sizeof", False),
        ("sizeof(struct S)+n*sizeof(struct U)", "struct S", "sizeof", False),
        ("__builtin_offsetof(struct S, tail)+n*sizeof(char)", "struct S", "offsetof", False),
        ("sizeof(struct S)-sizeof(int)+n", "struct S", "sizeof", False),
        ("strlen(s)+1", "char", "strlen", True),
        ("c ? sizeof(struct U) : sizeof(struct U)", "struct U", "sizeof", False),
        ("(size_t)(n*sizeof(struct U))", "struct U", "sizeof", True),
        ("((sizeof(struct U)))", "struct U", "sizeof", False),
        ("sizeof(int)<<n", "int", "sizeof", True),
        # the same in other clothes
        ("sizeof(*p)", "struct U", "sizeof", False),
        ("sizeof p[0]", "struct U", "sizeof", False),
        ("sizeof(x)", "struct U[2]", "sizeof", False),
        ("(n+1)*sizeof(*p)", "struct U", "sizeof", True),
        ("sizeof(struct U)*(n+1)", "struct U", "sizeof", True),
        ("n*sizeof(int)*4", "int", "sizeof", True),
        ("1+strlen(s)", "char", "strlen", True),
        ("strnlen(s, 9)+1", "char", "strlen", True),
        ("__builtin_strlen(s)+1", "char", "strlen", True),
        ("__builtin_offsetof(struct S, tail)+n", "struct S", "offsetof", False),
        ("sizeof(struct S)+strlen(s)+1", "struct S", "sizeof", False),
        ("sizeof(struct U)-1", "struct U", "sizeof", False),
        ("(unsigned)sizeof(int)", "int", "sizeof", False),
        ("c ? sizeof(struct U) : 0", "struct U", "sizeof", False),
        ("n*(sizeof(struct U)+4)", "struct U", "sizeof", True),
        # a size in bytes counts elements of the sizeof, not the characters that were counted
        ("(strlen(s)+1)*sizeof(int)", "int", "sizeof", True),
        ("sizeof(int)*(strlen(s)+1)", "int", "sizeof", True),
        ("3*strlen(s)+1", "char", "strlen", True),
        # spellings of types
        ("sizeof(u32)", "unsigned int", "sizeof", False),
        ("sizeof(unsigned)", "unsigned int", "sizeof", False),
        ("sizeof(long unsigned int)", "unsigned long", "sizeof", False),
        ("sizeof(alias)", "struct U", "sizeof", False),
        ("sizeof(named_by_typedef)", "named_by_typedef", "sizeof", False),
        ("sizeof(const struct U)", "struct U", "sizeof", False),
        ("sizeof(struct U *)", "struct U *", "sizeof", False),
        ("sizeof(struct U **)", "struct U **", "sizeof", False),
        ("sizeof(const char *)", "const char *", "sizeof", False),
        ("sizeof(char *)", "char *", "sizeof", False),
        ("sizeof(void *)", "void *", "sizeof", False),
        ("sizeof(enum E)", "enum E", "sizeof", False),
        ("sizeof(struct U[3])", "struct U[3]", "sizeof", False),
        ("sizeof(int[4])", "int[4]", "sizeof", False),
        ("sizeof(char (*)[4])", "char (*)[4]", "sizeof", False),
        ("sizeof(void (*)(int))", "void (*)(int)", "sizeof", False),
        ("sizeof(long double)", "long double", "sizeof", False),
        ("sizeof(signed char)", "signed char", "sizeof", False),
        ("sizeof(unsigned short)", "unsigned short", "sizeof", False),
        ("sizeof(unsigned long long)", "unsigned long long", "sizeof", False),
        ("sizeof(_Bool)", "_Bool", "sizeof", False),
        ("sizeof(__int128)", "__int128", "sizeof", False),
        ("sizeof(__typeof__(*p))", "struct U", "sizeof", False),
        ("sizeof(*(struct U *)0)", "struct U", "sizeof", False),
        ("sizeof(p->next)", "struct U *", "sizeof", False),
        ("sizeof(p->b[0])", "long", "sizeof", False),
        ("sizeof q->next->b", "long[4]", "sizeof", False),
        ("sizeof(__typeof__(*p) *)", "struct U *", "sizeof", False),
        ("sizeof(__typeof__(struct U))", "struct U", "sizeof", False),
        ("sizeof(struct { int a; })", "struct <anonymous at x.c:10000>", "sizeof", False),
        ("sizeof(struct V { int a; })", "struct V", "sizeof", False),
        ("sizeof \"abc\"", "char[4]", "sizeof", False),
        ("sizeof(_Atomic int)", "_Atomic(int)", "sizeof", False),
        # of two types in a sum, the one that there is one of is the header
        ("n*sizeof(struct U)+sizeof(struct S)", "struct S", "sizeof", False),
        ("strlen(s)+1+sizeof(struct S)", "struct S", "sizeof", False),
        # what hands a size on
        ("(c++, sizeof(struct U))", "struct U", "sizeof", False),
        ("({ int k = 3; k*sizeof(struct U); })", "struct U", "sizeof", True),
        ("__builtin_choose_expr(1, sizeof(struct U), 4)", "struct U", "sizeof", False),
        ("__builtin_expect(sizeof(struct U), 4)", "struct U", "sizeof", False),
        ("n*sizeof(int)>>1", "int", "sizeof", True),
        ("(sizeof(struct U)+15)&~15ul", "struct U", "sizeof", False),
        ("(size_t)&((struct S *)0)->tail[n]", "struct S", "offsetof", False),
        ("ROUGHLY", "long", "flow", False),
        ("EXACTLY", "struct U", "flow", False),
        # no type
        ("c ?: sizeof(struct U)", None, None, None),
        ("(n+sizeof(long)-1)&~(sizeof(long)-1)", None, None, None),
        ("n/sizeof(struct U)", None, None, None),
        ("n", None, None, None),
        ("100", None, None, None),
        ("n<<3", None, None, None),
        ("_Alignof(int)", None, None, None),
        ("c ? sizeof(struct U) : sizeof(struct S)", None, None, None),
        ("c ? sizeof(struct U) : (size_t)n", None, None, None),
        ("n%sizeof(int)", None, None, None),
    ],
)  # fmt: skip
def test_size_expression(look, size, type_, evidence, array):
    """R4: from a size expression to a type."""
    (site,) = look(in_function(f"return malloc({size});"))
    assert described(site) == ((type_, evidence, array) if type_ else None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return calloc(n, sizeof(struct U));", ("struct U", "sizeof", True)),
        ("return calloc(1, sizeof(struct U));", ("struct U", "sizeof", False)),
        ("return calloc(sizeof(struct U), n);", ("struct U", "sizeof", True)),
        ("return reallocarray(q, n, sizeof *q);", ("struct U", "sizeof", True)),
        ("return realloc(q, n*sizeof *q);", ("struct U", "sizeof", True)),
        ("return aligned_alloc(64, sizeof(struct U));", ("struct U", "sizeof", False)),
        ("void *v; posix_memalign(&v, 64, n*sizeof(struct U)); return v;", ("struct U", "sizeof", True)),
        ("return xmalloc(sizeof(struct U));", ("struct U", "sizeof", False)),
        ("return __builtin_malloc(sizeof(struct U));", ("struct U", "sizeof", False)),
        ("return calloc(strlen(s)+1, 1);", ("char", "strlen", True)),
        ("return calloc(strlen(s)+1, n);", None),
        ("struct U *v; posix_memalign((void **)&v, 64, n); return v;", ("struct U", "cast", True)),
        ('return ckd_calloc_2d(n, c, sizeof(int), "x.c", 3);', ("int", "sizeof", False)),
        ("return strdup(s);", ("char", "return-type", False)),
        ("return new_node(q);", ("struct U", "return-type", False)),
        ("return (malloc)(sizeof(struct U));", ("struct U", "sizeof", False)),
    ],
)
def test_functions(look, body, expected):
    """R4: the argument that decides, for every shape of allocation function."""
    (site,) = look(in_function(body))
    assert described(site) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("size_t z = sizeof(struct U); return malloc(z);", ("struct U", "flow", False)),
        ("const size_t z = sizeof(struct U); return malloc(z);", ("struct U", "flow", False)),
        ("size_t z; z = n*sizeof(struct U); return malloc(z);", ("struct U", "flow", True)),
        ("int z = sizeof(struct U); return malloc((size_t)z);", ("struct U", "flow", False)),
        ("size_t z = sizeof(struct U); size_t y = z*n; return malloc(y);", ("struct U", "flow", True)),
        ("size_t a = sizeof(struct U), b = a, d = b; return malloc(d);", ("struct U", "flow", False)),
        ("size_t z = 0; z = sizeof(struct U); return malloc(z);", ("struct U", "flow", False)),
        ("size_t len = strlen(s); return malloc(len+1);", ("char", "flow", True)),
        ("size_t len = strlen(s); return malloc(len+strlen(s)+1);", ("char", "flow", True)),
        ("size_t z = sizeof(struct S); z += n*sizeof(struct U); return malloc(z);", ("struct S", "flow", False)),
        ("size_t z = n; z *= sizeof(struct U); return malloc(z);", ("struct U", "flow", True)),
        ("size_t z = strlen(s); z *= sizeof(int); return malloc(z);", ("int", "flow", True)),
        ("size_t z = sizeof(struct U); if (c) z = n*sizeof(struct U); return malloc(z);", ("struct U", "flow", True)),
        ("size_t z = n*sizeof(struct U); if (c) z = sizeof(struct U); return malloc(z);", ("struct U", "flow", True)),
        ("size_t z; if (c) z = sizeof(struct U); else z = sizeof(struct S); return malloc(z);", None),
        ("size_t z = sizeof(struct U); z = n; return malloc(z);", None),
        ("size_t z = sizeof(struct U); escape(&z); return malloc(z);", None),
        ("size_t z = n; return malloc(z);", None),
        ("size_t z = 100; return malloc(z);", None),
        ("size_t z = z; return malloc(z);", None),
        # only what reaches the call counts
        ("size_t z = sizeof(struct S); z = sizeof(struct U); return malloc(z);", ("struct U", "flow", False)),
        ("size_t z = sizeof(struct U); void *r = malloc(z); z = n; return r;", ("struct U", "flow", False)),
        ("size_t z = n; z = z*sizeof(struct U); return malloc(z);", ("struct U", "flow", True)),
        ("size_t z = sizeof(struct U); for (;;) { malloc(z); z = n; }", None),
        ("size_t z = sizeof(struct U); while (n) z = z+n; return malloc(z);", ("struct U", "flow", False)),
        ("for (;;) { size_t z = sizeof(struct U); malloc(z); z = n; }", ("struct U", "flow", False)),
        ("size_t z = sizeof(struct U); a: malloc(z); z = n; goto a;", None),
        ("n = sizeof(struct U); return malloc(n);", ("struct U", "flow", False)),
        ("if (c) n = sizeof(struct U); return malloc(n);", None),
        ("switch (c) { size_t z; case 1: z = n; case 2: z = sizeof(struct U); default: return malloc(z); }", None),
        ("size_t z; __builtin_mul_overflow(n, sizeof(struct U), &z); return malloc(z);", ("struct U", "flow", True)),
        ("size_t z = sizeof(struct U); __asm__(\"\" : \"+r\"(z)); return malloc(z);", None),
        ("size_t z = sizeof(struct U); z %= 7; return malloc(z);", None),
        ("size_t a, b; a = b; b = a; return malloc(a);", None),
    ],
)  # fmt: skip
def test_flow(look, body, expected):
    """R4: a size that flows through local variables; all definitions have to agree."""
    (site,) = look(in_function(body))
    assert described(site) == expected


def test_flow_does_not_leave_the_function(look):
    """R4: parameters and globals may have any value."""
    text = "size_t g = sizeof(struct U); void *f(void) { return malloc(g); } void *h(size_t z) { return malloc(z); }"
    assert [described(site) for site in look(text)] == [None, None]


def test_flow_is_not_exponential(look, monkeypatch):
    """R3: a function that builds a length piece by piece is read in a time that fits a compile."""
    steps = 0
    read = SizeReader.read

    def counted(*arguments):
        nonlocal steps
        steps += 1
        return read(*arguments)

    monkeypatch.setattr(SizeReader, "read", counted)
    body = "size_t z = strlen(s); " + "z = z + strlen(s); " * 10 + "return malloc(z);"
    (site,) = look(in_function(body))
    assert steps < 1000
    assert described(site)[:2] == ("char", "flow")


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ("struct U *r = malloc(n); return r;", "struct U"),
        ("struct U *r = (struct U *)malloc(n); return r;", "struct U"),
        ("struct U *r; r = malloc(n); return r;", "struct U"),
        ("struct U *r = (void *)malloc(n); return r;", "struct U"),
        ("return (struct U *)malloc(n);", "struct U"),
        ("return ((struct U *)(malloc(n)));", "struct U"),
        ("struct U *r = c ? malloc(n) : 0; return r;", "struct U"),
        ("q->next = malloc(n); return 0;", "struct U"),
        ("if (!(q = malloc(n))) return 0; return q;", "struct U"),
        ("char *r = malloc(n); return r;", "char"),
        ("char **r = malloc(n); return r;", "char *"),
        ("named_by_typedef *r = calloc(1, n); return r;", "named_by_typedef"),
        ("take(malloc(n)); return 0;", "struct U"),
        ("struct Q { struct U *u; } z = {malloc(n)}; return z.u;", "struct U"),
        ("return c, (struct U *)malloc(n);", "struct U"),
        ("void *v = malloc(n); return v;", None),
        ("return malloc(n);", None),
        ("void *v; v = malloc(n); return v;", None),
    ],
)
def test_cast(look, body, type_):
    """R4: nothing known but that the result is converted to `T *`."""
    (site,) = look(in_function(body))
    assert described(site) == ((type_, "cast", True) if type_ else None)


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("return new_node(q);", 40),
        ("return (struct S *)new_node(q);", 4),  # the flexible member has no size
        ("return (struct U (*)[2])new_node(q);", 80),
        ("return (named_by_typedef *)new_node(q);", 8),
        ("return (char **)new_node(q);", 8),
        ("return (enum E *)new_node(q);", 4),
        ("return (struct later *)new_node(q);", 16),
        ("return (struct packed *)new_node(q);", 9),
        ("struct { char c; long l; } *a = (__typeof__(a))new_node(q); return a;", 16),
        ("return (struct nowhere *)new_node(q);", 0),
        ("return (int (*)[])new_node(q);", 0),
        ("return (int (*)[n])new_node(q);", 0),
        ("return (struct strange *)new_node(q);", 0),  # a member of a type that libclang does not know
        ("return (struct strange (*)[3])new_node(q);", 0),
        ("return (struct around *)new_node(q);", 0),
        ("return (struct empty *)new_node(q);", 0),
        ("struct U *r = malloc(n); return r;", 40),
        ("struct U *v; posix_memalign((void **)&v, 64, n); return v;", 40),
        ("return strdup(s);", 1),
        ("return malloc(n * sizeof(struct U));", 0),
        ("return malloc(n);", None),
    ],
)
def test_size_of_a_type(look, body, size):
    """R4, R10: a type's size is known where a pointer to it tells it, and libclang knows its definition."""
    types = (
        "struct later; struct empty {}; struct strange { int a[3]; _Decimal64 d; };"
        "struct around { struct strange s[2]; };"
        "\n#pragma pack(push, 1)\nstruct packed { char c; long l; };\n#pragma pack(pop)\n"
    )
    (site,) = look(f"{types}{in_function(body)} struct later {{ long l[2]; }};")
    assert (site.sized.size if site.sized else None) == size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("void *f() { return new T; }", 4),
        ("void *f() { return new T[3]; }", 4),
        ("void *f() { return new int[2][3]; }", 12),
        ("void *f() { return new N::V::W<long>; }", 8),
        ("struct E {}; void *f() { return new E; }", 1),
        ("template <class X> void *f() { return new T; }", 4),
        ("template <class X> void *f() { return new X; }", 0),
        ("template <class X> void *f() { return new N::V::W<X>; }", 0),
        ("template <class X> struct Y { X x; void *f() { return new Y; } };", 0),
        ("template <class X> void *f() { struct L { int i; }; return new L; }", 0),
    ],
)
def test_size_in_cpp(look, text, size):
    """R4, R10: in a template only what is the same in every instance has a size."""
    (site,) = plus(look, text)
    assert site.sized.size == size


def test_returned_type(look):
    """R4: the function's own result type is a conversion, too."""
    (site,) = look("static struct U *make(int n) { return malloc(n); }")
    assert described(site) == ("struct U", "cast", True)


def test_size_beats_cast(look):
    """R4: what is measured counts more than what it is converted to."""
    (site,) = look(in_function("struct U *r = malloc(sizeof(struct S)); return r;"))
    assert described(site) == ("struct S", "sizeof", False)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return new T;", ("T", "new", False)),
        ("return new T();", ("T", "new", False)),
        ("return new T{};", ("T", "new", False)),
        ("return new T[n];", ("T", "new", True)),
        ("return new int(3);", ("int", "new", False)),
        ("return new int(a[0]);", ("int", "new", False)),
        ("return new T(a[0]);", ("T", "new", False)),
        ("return new unsigned long[a[n]];", ("unsigned long", "new", True)),
        ("return new T *;", ("T *", "new", False)),
        ("return new T *[n];", ("T *", "new", True)),
        ("return new N::V;", ("N::V", "new", False)),
        ("return new N::V::W<int>[2];", ("N::V::W<int>", "new", True)),
        ("return new char[n];", ("char", "new", True)),
        ("auto r = new auto(1); return r;", ("int", "new", False)),
        ("const T *r = new const T; return (void *)r;", ("T", "new", False)),
        ("auto l = [&] { return new T; }; return l();", ("T", "new", False)),
    ],
)
def test_new(look, body, expected):
    """R4: C++ `new T` and `new T[n]`."""
    (site,) = plus(look, f"void *f(size_t n, int *a) {{ {body} }}")
    assert site.callee == NEW
    assert described(site) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return malloc(sizeof(T));", ("T", "sizeof", False)),
        ("return malloc(sizeof(N::V));", ("N::V", "sizeof", False)),
        ("return malloc(n*sizeof(N::V::W<int>));", ("N::V::W<int>", "sizeof", True)),
        ("return static_cast<T *>(malloc(n));", ("T", "cast", True)),
        ("return reinterpret_cast<T *>(malloc(n));", ("T", "cast", True)),
        ("return (T *)malloc(static_cast<size_t>(n*sizeof(T)));", ("T", "sizeof", True)),
        ("auto l = [&] { return malloc(sizeof(T)); }; return l();", ("T", "sizeof", False)),
        ("constexpr size_t z = sizeof(T); return malloc(z);", ("T", "flow", False)),
    ],
)
def test_malloc_in_cpp(look, body, expected):
    """R4: C's functions in C++."""
    (site,) = plus(look, f"void *f(size_t n) {{ {body} }}")
    assert described(site) == expected


@pytest.mark.parametrize(
    "text",
    [
        "T *g = new T;",
        "struct K { T *t = new T; K() {} };",
        "struct K { void *m() { return new T; } };",
        "struct K { K() { new T; } };",
        "struct K { ~K() { new T; } };",
        "struct K { T *t; K() : t(new T) {} };",
        "struct K { void *m(); }; void *K::m() { return new T; }",
        'namespace Q { void *h() { return new T; } } extern "C" int x;',
    ],
)
def test_new_anywhere(look, text):
    """R4: in methods, constructors, initialisers of members and of globals."""
    (site,) = plus(look, text)
    assert described(site) == ("T", "new", False)


@pytest.mark.parametrize(
    "body", ["return new X;", "return (X *)malloc(sizeof(X));", "return static_cast<X *>(malloc(n));"]
)
def test_template_for_one_type_only(look, body):
    """R4: never a guess: one line of a template allocates as many types as it has instantiations.

    The scan tells it in terms of the parameter; the symbol of the machine code's function says which it is.
    """
    text = f"template <class X> X *make(size_t n) {{ {body} }} void f() {{ make<T>(1); make<N::V>(1); }}"
    found = {described(site) for site in plus(look, text)} - {None}
    assert {type_ for type_, _, _ in found} == {"type-parameter-0-0"}


def test_place(look):
    """R4: file and line are those of the line markers, the column is of the preprocessed line."""
    (site,) = look('\nvoid *f(void)\n{\n  return malloc(sizeof(int));\n}\n# 7 "/src/a b.h"\nint i;')
    assert (site.file, site.line, site.column) == ("/src/x.c", _LAST + 3, 10)
    assert (site.callee, site.function) == ("malloc", "f")


def test_exact_only_where_the_source_has_the_same_line(look, tmp_path):
    """R4: a macro on the line moves the columns; then the column must not be trusted."""
    source = tmp_path / "real.c"
    source.write_text("void *f(void) { return malloc(4); }\nvoid *g(void) { return NEW(int); }\n")
    lines = "void *f(void) { return malloc(4); }\nvoid *g(void) { return malloc(sizeof(int)); }"
    first, second = look(f'# 1 "{source}"\n{lines}')
    assert (first.exact, first.line, second.exact, second.line) == (True, 1, False, 2)


def test_several_calls(look):
    """R4: nested calls, calls on one line, calls in several functions."""
    text = "void *f(void) { return malloc(sizeof(int)), malloc(sizeof(long)); }\n" + (
        "void *g(void) { return realloc(malloc(sizeof(short)), sizeof(char)); }"
    )
    found = [(s.function, s.callee, s.sized.type) for s in look(text)]
    assert sorted(found) == [
        ("f", "malloc", "int"), ("f", "malloc", "long"), ("g", "malloc", "short"), ("g", "realloc", "char"),
    ]  # fmt: skip


def test_declarations_are_no_sites(look):
    """R4: a name in a declaration, a string or a comment calls nothing."""
    assert look('void *malloc(size_t); const char *t = "malloc(3)"; void *(*fp)(size_t) = malloc;') == []


def test_address_taken(look):
    """R4: a call through a pointer is not a call of malloc."""
    assert look(in_function("void *(*fp)(size_t) = malloc; return fp(3);")) == []


def test_gcc_s_own_words(look):
    """R4: gcc's attributes and builtins give diagnostics at most; what parsed is kept."""
    text = (
        "__attribute__((__malloc__(escape, 1), __access__(none, 1))) void *zz(size_t);\n"
        'void *f(void) { __builtin_cpu_supports("avx2"); return malloc(sizeof(long)); }'
    )
    assert [described(site) for site in look(text)] == [("long", "sizeof", False)]


def test_syntax_error(look):
    """R3: what libclang cannot read does not hide what it can."""
    text = "void *f(void) { return malloc(sizeof(int)); } @ int;\nvoid *g(void) { return malloc(sizeof(long)); }"
    assert {site.function for site in look(text)} == {"f", "g"}


def test_old_style_definition(look):
    """R4: K&R."""
    (site,) = look("void *f(n) int n; { return malloc(n*sizeof(int)); }")
    assert described(site) == ("int", "sizeof", True)


@pytest.mark.parametrize(("language", "standard"), [("c", []), ("c", ["-std=gnu89"]), ("c++", ["-std=c++11"])])
def test_empty_unit(look, language, standard):
    """R3: nothing in, nothing out."""
    assert look("", "", language, standard) == []


_TOKENS = [*"(){};*+=z3,?:\"'#&é\0", "malloc", "sizeof", "int", "struct", "U", "new"]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(_TOKENS), max_size=20))
def test_any_text(tmp_path_factory, words):
    """R3: the scan never fails, whatever stands in a function."""
    path = tmp_path_factory.mktemp("scan") / "unit.i"
    path.write_text(
        f"void *malloc(unsigned long);\nvoid *f(void) {{ malloc( {' '.join(words)} \n}}\n", encoding="utf-8"
    )
    for language in ("c", "c++"):
        for site in scan(parse(str(path), path.read_bytes(), language, []), _SIGNATURES, SourceLines()):
            assert site.callee in ("malloc", NEW)


def test_places(look):
    """R4: where compilers may say that a call is: also at a cast around it, and at the calls that it is passed to."""
    (site,) = look("void *h(void *); void *f(int n)\n{\n return h(h(\n (void *)malloc(n)));\n}")
    assert (site.line, site.exact) == (_LAST + 3, False)  # /src/x.c is not there
    assert site.places == f"{_LAST + 3}:0"
    assert [place.partition(":")[0] for place in site.outer.split()] == [str(_LAST + 2), str(_LAST)]


def test_places_of_the_source(look, tmp_path):
    """R4: in the source's columns, wherever a macro is."""
    source = tmp_path / "real.c"
    source.write_text("void *f(int n) { return NEW(int), h(malloc(4)), NEW(long); }\n")
    text = "void *f(int n) { return malloc(sizeof(int)), h(malloc(4)), malloc(sizeof(long)); }"
    sites = look(f'void *h(void *);\n# 1 "{source}"\n{text}')
    assert [(site.column, site.exact, site.outer) for site in sites] == [
        (25, True, "1:7"), (37, True, "1:35 1:7"), (49, True, "1:7"),
    ]  # fmt: skip


def test_line_that_gcc_cuts(look, tmp_path):
    """R4: gcc puts markers around a system header's macro, in the middle of a line."""
    source = tmp_path / "real.c"
    source.write_text("void *f(int n) { return malloc(offsetof(struct S, tail)), malloc(n); }\n")
    cut = f'# 1 "{source}" 3 4\n'
    text = f'# 1 "{source}"\nvoid *f(int n) {{ return malloc(\n{cut}__builtin_offsetof(\n# 1 "{source}"\n'
    first, second = look(f'{text} struct S\n{cut}, \n# 1 "{source}"\n tail\n{cut})\n# 1 "{source}"\n), malloc(n); }}')
    assert (described(first), first.column) == (("struct S", "offsetof", False), 25)
    assert (second.line, second.column, second.exact) == (1, source.read_text().rindex("malloc") + 1, True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("namespace Q { struct K { K() { new T; } }; }", "Q::K::K"),
        ("struct K { ~K(); }; K::~K() { new T; }", "K::~K"),
        ("namespace { inline namespace v2 { void f() { new T; } } }", "(anonymous namespace)::f"),
        ("template <class X> struct K { void m() { new T; } };", "K::m"),
        ("struct K { K operator+(int) { new T; return *this; } };", "K::operator+"),
        ("void f() { auto l = [](int, char) { return new T; }; }", "f::{lambda(int, char)#1}"),
        ("void f() { auto k = [] {}; auto l = [] { return [] { new T; }; }; }", "f::{lambda()#2}::{lambda()#1}"),
        ("auto l = [](auto x) { return new T; };", "l::{lambda(auto)#1}"),
        ("struct K { T *t = new T; };", "K::t"),
        ("namespace Q { T *t = new T; }", "Q::t"),
    ],
)
def test_readable_names(look, text, name):
    """R4: C++ functions under the names that people write."""
    (site,) = plus(look, text)
    assert site.function == name


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("template <class X, int N> void f() { new X; }", "f<X,N>"),
        ("template <class X> struct K { template <class Y> void m() { new X; } };", "K<X> m<Y>"),
        ("template <class X> struct K { void m(); }; template <class Y> void K<Y>::m() { new Y; }", "K<X>"),
        ("template <class X, class... R> void f() { new X; }", "f<X,>"),
        ("template <class X> struct K {}; template <class X> struct K<X *> { void m() { new X; } };", "K<>"),
        ("void f() { new T; }", ""),
    ],
)
def test_template_scopes(look, text, scopes):
    """R4: the templates around a call, and which of their parameters can be told from a symbol."""
    (site,) = plus(look, text)
    assert site.scopes == scopes


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("new (p) T;", 0),
        ("new (&q) T[2];", 0),
        ("new Own;", 0),
        ("new Heir;", 0),
        ("::new Own;", 1),
        ("new Own[3];", 1),
        ("new (nothrow) T;", 1),
        ("new (T);", 1),
        ("new (p) T(*new T);", 1),
    ],
)
def test_what_new_calls(look, body, count):
    """R4: placement new and a class's own operator new call nothing that the config speaks of."""
    text = "struct Own { void *operator new(size_t); }; struct Heir : Own {}; struct nothrow_t {} nothrow;"
    text += " void *operator new(size_t, void *); void *operator new(size_t, nothrow_t);"
    sites = plus(look, f"{text} void f(void *p, T q) {{ {body} }}")
    assert len(sites) == count


def test_unnamed_in_cpp(look):
    """R4: a class without a name, a lambda's type."""
    text = "struct { int a; } one; void f() { new decltype(one)[2]; auto l = [] {}; new decltype(l)(l); }"
    assert [site.sized.type for site in plus(look, text)] == [
        "struct <anonymous at x.c:10000>", "<lambda at x.c:10000>",
    ]  # fmt: skip


def test_gcc_s_own_types(look):
    """R4: types that clang lacks."""
    (site,) = look("void *f(int n) { _Float64 *p = malloc(n*sizeof(_Float64)); return p; }")
    assert described(site) == ("double", "sizeof", True)


def test_newer_standard(look):
    """R3: a standard that libclang does not know is no reason to know nothing."""
    (site,) = look("void *f(int n) { return malloc(sizeof(int)); }", standard=["-std=gnu99999"])
    assert described(site) == ("int", "sizeof", False)


def test_c23(look):
    """R4: constexpr, typeof, nullptr, bool."""
    body = "constexpr size_t z = sizeof(bool); typeof(q) r = nullptr; return malloc(z);"
    (site,) = look(in_function(body), standard=["-std=gnu23"])
    assert described(site) == ("bool", "flow", False)


def test_time_is_linear(look):
    """R3: a hundred calls with variables, jumps and macros in one line take no longer each than ten."""
    many = "z = n*sizeof(struct U); " * 200 + "malloc(z); " * 400
    sites = look(f"void f(int n) {{ size_t z; a: {many} goto a; }}")
    assert len(sites) == 400
    assert {described(site) for site in sites} == {None}  # more values than anybody writes
