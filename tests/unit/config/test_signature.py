"""The signature mini-language: `allocscc.config.signature`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.signature import Signature, parse_signature
from allocscc.errors import SignatureError
from tests.unit.damage import nothing_but

_NAMES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="("), min_size=1, max_size=12)
_ARGS = st.tuples(st.lists(st.sampled_from([*"zpiludaZPILUDA", "P*"]), max_size=6), st.sampled_from([[], ["."]])).map(
    lambda parts: tuple(parts[0] + parts[1])
)
_SIGNATURES = st.builds(Signature, _NAMES, _ARGS, st.sampled_from("zpiludv"), st.just("") | _NAMES)
# Text near the grammar: random letters alone hardly ever get behind the first check.
_ALMOST = st.text(st.sampled_from("mf_ ()[]*.->zZpPiIvqé\t\n\0\ud800"), max_size=14)


@given(_SIGNATURES)
def test_text_and_back(signature):
    """R1: parse∘str is the identity."""
    assert parse_signature(str(signature)) == signature


@given(st.text(max_size=30) | _ALMOST, st.text(max_size=5))
def test_any_text_parses_or_is_a_signature_error(text, where):
    """R1: whatever is written in a config, the error is ours and shows the text."""
    with nothing_but(SignatureError, f"{where}: bad signature, expected " if where else "bad signature, expected "):
        signature = parse_signature(text, where)
        assert parse_signature(str(signature)) == signature


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("malloc", 7, "'name(args)ret'"),
        ("(Z)p", 1, "'name(args)ret'"),
        ("", 1, "'name(args)ret'"),
        ("ma lloc(Z)p", 3, "a symbol name"),
        ("ma\x01lloc(Z)p", 3, "a symbol name"),
        ("malloc(Z", 9, "')'"),
        ("f(Zq)p", 4, "one of z p i l u d a"),
        ("f(zv)p", 4, "one of z p i l u d a"),
        ("f(*)p", 3, "P* or ."),
        ("f(p*)p", 4, "P* or ."),
        ("f(P**)p", 5, "P* or ."),
        ("f(.Z)p", 4, "')' after the variadic"),
        ("f(Z)q", 5, "one result letter"),
        ("f(Z)pp", 5, "one result letter"),
        ("f(Z)P", 5, "one result letter"),
        ("f(P)->", 7, "the name of a function"),
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
    assert shown == f"  {text}"
    assert marker == "  " + " " * (column - 1) + "^"


def test_undone_function_is_a_symbol():
    """R17: what follows the arrow is the name of a function, as in front of the parenthesis."""
    with pytest.raises(SignatureError):
        parse_signature("xfree(P)->two words")


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


def test_fields():
    """R17: the parts of a traditional string."""
    assert parse_signature("g_slice_free1(zP)->g_slice_alloc") == Signature(
        "g_slice_free1", ("z", "P"), "v", "g_slice_alloc"
    )
    assert parse_signature("none()v") == Signature("none", (), "v")
