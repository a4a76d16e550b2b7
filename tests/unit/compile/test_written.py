"""Types as the source writes them: `allocscc.compile.written`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.written import builtin_name, declared, tokens, written_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unsigned", "unsigned int"),
        ("long unsigned int", "unsigned long"),
        ("int long long", "long long"),
        ("char const *", "const char *"),
        ("const char *const", "const char *"),
        ("volatile int", "int"),
        ("_Atomic int *", "_Atomic(int) *"),
        ("_Atomic(long)", "_Atomic(long)"),
        ("double _Complex", "_Complex double"),
        ("_Float64", "double"),
        ("unsigned _BitInt(17)", "unsigned _BitInt(17)"),
        ("int (*)[4]", "int (*)[4]"),
        ("int *[4]", "int *[4]"),
        ("int[2][n + 1]", "int[2][n+1]"),
        ("void (*)(int, char *)", "void (*)(int, char *)"),
        ("int __attribute__((aligned(64)))", "int"),
        ("__typeof__(int *)", "int *"),
        ("__typeof__(int) *", "int *"),
        ("signed char", "signed char"),
        ("__int128 unsigned", "unsigned __int128"),
        ("unknown_name", ""),
        ("struct unknown", ""),
        ("", ""),
        ("int {", ""),
    ],
)
def test_written_type(text, expected):
    """R4: canonical, as clang spells it; nothing where a name is not known."""
    assert written_type(tokens(text.encode()), []) == expected


@pytest.mark.parametrize(
    ("base", "suffix", "expected"),
    [
        ("int", "", "int"),
        ("int", "*", "int *"),
        ("int *", "*", "int **"),
        ("int", "[3]", "int[3]"),
        ("int[4]", "[3]", "int[3][4]"),
        ("int[4]", "*", "int (*)[4]"),
        ("int (*)(void)", "*", "int (**)(void)"),
        ("int (*)(void)", "[3]", "int (*[3])(void)"),
    ],
)
def test_declared(base, suffix, expected):
    """R4: a declarator stands inside what a typedef stands for."""
    assert declared(base, suffix) == expected


def test_tokens():
    """R4: gcc's line markers in the middle of an expression are none of it."""
    text = b'sizeof (\n# 3 "x.c" 3 4\nint\n# 3 "x.c"\n) * 0x1p-3 + \'c\' + "a b"'
    words = ["sizeof", "(", "int", ")", "*", "0x1p-3", "+", "'c'", "+", '"a b"']
    assert [token.text for token in tokens(text, 100)] == words
    assert tokens(text, 100)[2].at == 100 + text.index(b"int")


def test_builtin_name():
    """R4: no words at all are an int (old C)."""
    assert builtin_name([]) == "int"


_WORDS = "( ) [ ] { } * :: < > , typeof _Atomic __attribute__ struct unsigned const _BitInt T 4 alignas".split()  # noqa: SIM905


@given(st.lists(st.sampled_from(_WORDS), max_size=12))
def test_any_words(words):
    """R3: whatever stands in a sizeof, it has a type or none."""
    assert isinstance(written_type(tokens(" ".join(words).encode()), []), str)
