"""The signature mini-language: `allocscc.config.signature`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.signature import C_TYPES, Signature, parse_signature, split_scope
from allocscc.errors import SignatureError
from tests.unit.config.strategies import LETTERS, RESULTS, SIGNATURES
from tests.unit.damage import nothing_but

# Text near the grammar: random letters alone hardly ever get behind the first check.
_ALMOST = st.text(st.sampled_from("mf_ ():()[]*.->zZpPiIvq<&é\t\n\0\ud800"), max_size=14)


@given(SIGNATURES)
def test_text_and_back(signature):
    """R1: parse∘str is the identity, for every letter, scopes, globs, C++ names and arrows."""
    assert parse_signature(str(signature)) == signature


@given(st.text(max_size=30) | _ALMOST, st.text(max_size=5))
def test_any_text_parses_or_is_a_signature_error(text, where):
    """R1: whatever is written in a config, the error is ours, and what parses keeps its meaning."""
    with nothing_but(SignatureError, "bad signature, expected "):
        signature = parse_signature(text, where)
        assert parse_signature(str(signature)) == signature


@pytest.mark.parametrize("name", ["f", "util.c::f", "a::b(int)", "operator new[](unsigned long)", "*_f"])
@pytest.mark.parametrize("letter", [*LETTERS, "P*", "."])
def test_every_letter(name, letter):
    """R17: each letter of the language as an argument, beside every kind of name."""
    signature = parse_signature(f"{name}({letter})p")
    assert signature.args == (letter,)
    assert signature.full_name == name
    assert letter in ("P*", ".") or letter.lower() in C_TYPES


@pytest.mark.parametrize("letter", RESULTS)
def test_every_result(letter):
    """R17: each letter as a result; void is not printed, since old strings leave it out."""
    assert parse_signature(f"f(Z){letter}").ret == letter
    assert str(parse_signature(f"f(Z){letter}")) == ("f(Z)" if letter == "v" else f"f(Z){letter}")


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("malloc", 7, "'name(args)ret'"),
        ("(Z)p", 1, "'name(args)ret'"),
        ("", 1, "'name(args)ret'"),
        ("ma lloc(Z)p", 3, "a symbol name"),
        ("malloc (Z)p", 7, "a symbol name"),
        (" malloc(Z)p", 1, "a symbol name"),
        ("malloc(Z", 9, "')'"),
        ("f(Zq)p", 4, "one of z p s i l u d a"),
        ("f(zv)p", 4, "one of z p s i l u d a"),
        ("f(*)p", 3, "P* or ."),
        ("f(p*)p", 4, "P* or ."),
        ("f(P**)p", 5, "P* or ."),
        ("f(.Z)p", 4, "')' after the variadic"),
        ("f(Z)q", 5, "one result letter"),
        ("f(Z)pp", 5, "one result letter"),
        ("f(Z)P", 5, "one result letter"),
        ("f(Z)s", 5, "one result letter"),
        ("f(P)->", 7, "the name of a function"),
        ("f(P)->a b", 8, "the name of a function"),
        ("f(P)p->a\u00a0b", 9, "the name of a function"),
        ("util.c::(Z)p", 9, "a symbol name"),
        ("util.c::a b(Z)p", 10, "a symbol name"),
        ("my util.c::f(Z)p", 3, "a symbol name"),
        ("pool::get(unsigned long)(Zq)p", 27, "one of z p s i l u d a"),
        ("pool::get(unsigned long(Z)p", 10, "a symbol name"),
    ],
)
def test_error_shows_column(text, column, expected):
    """R17: a bad string gets an error with the string, the column and what was expected."""
    with pytest.raises(SignatureError) as caught:
        parse_signature(text, "variable LIBALLOCS_ALLOC_FNS")
    first, shown, marker = str(caught.value).split("\n")
    assert first.startswith("variable LIBALLOCS_ALLOC_FNS: bad signature, expected ")
    assert expected in first
    assert first.endswith(f"at column {column}:")
    assert shown.replace("?", "\u00a0") == f"  {text}"
    assert marker == "  " + " " * (column - 1) + "^"


@pytest.mark.parametrize("char", ["\x1b", "\x9b", "\n", "\t", "\x7f", "\u202e", "\u2028", "\udcff", "\0"])
def test_control_characters_stay_away_from_the_terminal(char):
    """R17: an escape sequence in a variable is told, not obeyed; the mark still stands below it."""
    with pytest.raises(SignatureError) as caught:
        parse_signature(f"ma{char}lloc(Z)p")
    first, shown, marker = str(caught.value).split("\n")
    assert first.endswith("at column 3:")
    assert shown == "  ma?lloc(Z)p"
    assert marker == "    ^"


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("malloc(Z)p", (0,)),
        ("calloc(zZ)p", (0, 1)),
        ("calloc(ZZ)p", (0, 1)),
        ("realloc(PZ)p", (1,)),
        ("xrealloc(pZ)p", (1,)),
        ("reallocarray(PzZ)p", (1, 2)),
        ("aligned_alloc(aZ)p", (1,)),
        ("posix_memalign(P*aZ)i", (2,)),
        ("_ZnwmSt11align_val_t(Za)p", (0,)),
        ("ckd_calloc_2d(iiIpi)p", (2,)),
        ("tagged(zpZ)p", (2,)),
        ("sized_after(Zz)p", (0,)),
        ("rows(LU)p", (0, 1)),
        ("Perl_newSV(p)p", ()),
        ("strndup(Sz)p", ()),
        ("free(P)", ()),
        ("g_slice_free1(zP)->g_slice_alloc", ()),
    ],
)
def test_size_args(text, sizes):
    """R1: which arguments multiply to the size, the element size last."""
    assert parse_signature(text).size_args == sizes


@pytest.mark.parametrize(
    ("text", "chunk", "out", "variadic"),
    [
        ("free(P)", 0, None, False),
        ("realloc(PZ)p", 0, None, False),
        ("g_slice_free1(zP)", 1, None, False),
        ("posix_memalign(P*aZ)i", None, 0, False),
        ("odd(zP*P)i", 2, 1, False),
        ("malloc(Z)p", None, None, False),
        ("xasprintf(P*p.)i", None, 0, True),
        ("xasprintf(p.)p", None, None, True),
    ],
)
def test_roles_of_arguments(text, chunk, out, variadic):
    """R14: the argument with the chunk, and the pointer through which a chunk comes back."""
    signature = parse_signature(text)
    assert (signature.chunk_arg, signature.out_arg, signature.variadic) == (chunk, out, variadic)


@pytest.mark.parametrize(
    ("text", "first", "string", "typed"),
    [
        ("free(P)", 0, None, False),
        ("obstack_free(pP)", 1, None, False),
        ("xrealloc(pZ)p", 0, None, False),
        ("strndup(Sz)p", None, 0, False),
        ("join(pS)p", 0, 1, False),
        ("jv_mem_strdup(s)p", None, None, True),
        ("Perl_newSV(p)p", 0, None, True),
        ("none()p", None, None, True),
    ],
)
def test_strings_and_typed_primitives(text, first, string, typed):
    """R1: `strdup`-like sizes come from a string; a function without a capital has a type of its own."""
    signature = parse_signature(text)
    assert (signature.first_pointer, signature.string_arg, signature.typed) == (first, string, typed)


def test_fields():
    """R17: the parts of a traditional string."""
    assert parse_signature("g_slice_free1(zP)->g_slice_alloc") == Signature(
        "g_slice_free1", ("z", "P"), "v", "g_slice_alloc"
    )
    assert parse_signature("none()v") == Signature("none", (), "v")


@pytest.mark.parametrize(
    ("text", "scope", "name", "readable", "pattern"),
    [
        ("malloc(Z)p", "", "malloc", False, False),
        ("*_malloc(Z)p", "", "*_malloc", False, True),
        ("my?alloc(Z)p", "", "my?alloc", False, True),
        ("util.c::xmalloc(Z)p", "util.c", "xmalloc", False, False),
        ("src/util.c::x_*(Z)p", "src/util.c", "x_*", False, True),
        ("src/util::xmalloc(Z)p", "src/util", "xmalloc", False, False),
        ("pool::get(Z)p", "", "pool::get", True, False),
        ("pool::get(unsigned long)(pZ)p", "", "pool::get(unsigned long)", True, False),
        ("pool::get(int*)(pZ)p", "", "pool::get(int*)", True, False),
        ("f(int)(i)p", "", "f(int)", True, False),
        ("operator new(unsigned long)(Z)p", "", "operator new(unsigned long)", True, False),
        ("operator new[](Z)p", "", "operator new[]", True, False),
        ("S::operator()(int)(pi)p", "", "S::operator()(int)", True, False),
        ("S::operator->()(p)p", "", "S::operator->()", True, False),
        ("pool::size() const(p)z", "", "pool::size() const", True, False),
        ("util.cc::ns::f(int)(i)p", "util.cc", "ns::f(int)", True, False),
        ("operators(Z)p", "", "operators", False, False),
        ("_ZN4pool3getEm(pZ)p", "", "_ZN4pool3getEm", False, False),
        ("f.part.0(Z)p", "", "f.part.0", False, False),
    ],
)
def test_kinds_of_names(text, scope, name, readable, pattern):
    """R1: symbols, globs, static functions of one file, and C++ names as people write them."""
    found = parse_signature(text)
    assert (found.scope, found.name, found.readable, found.pattern) == (scope, name, readable, pattern)
    assert split_scope(found.full_name) == (scope, name)
    assert str(found) == text


def test_arrow_between_cxx_names():
    """R1: both sides of the arrow may have parameter lists."""
    found = parse_signature("pool::put(void*)(pP)->pool::get(unsigned long)")
    assert (found.name, found.args, found.undoes) == ("pool::put(void*)", ("p", "P"), "pool::get(unsigned long)")


def test_written_name_is_shown():
    """R1: a person finds the C++ name that they wrote, whatever symbol it became."""
    signature = Signature("_ZN4pool3getEm", ("p", "Z"), "p", written="pool::get(unsigned long)")
    assert str(signature) == "pool::get(unsigned long)(pZ)p"
    assert signature == parse_signature("_ZN4pool3getEm(pZ)p")
