"""Text that sources have which declare functions: `allocscc.config.marks`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.attributes import parse_attributes
from allocscc.config.marks import MARKS, WORDS, has_plain_mark, has_word


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("void *f(int) __attribute__((malloc));", True),
        ("void *f(int) __attribute((malloc));", True),
        ("void *f(int) __attribute__((noinline, malloc, cold));", True),
        ("void *f(int) __attribute__((malloc (free, 1)));", True),
        ("int x __attribute__((unused)); void *f(int) __attribute__((malloc));", True),
        ("void *f(int) __attribute__((unused)); void *g(int) { return malloc(3); }", False),
        ('int x __attribute__((section("my_malloc_data")));', False),
        ("int x __attribute__((cleanup(xmalloc)));", False),
        ("int x __attribute__((malloc_like));", False),
        ("__attribute__((", False),
        ("__attribute__((malloc", True),
    ],
)
def test_plain_mark(text, found):
    """R5: the one attribute that is an everyday word counts in an attribute list only."""
    assert has_plain_mark(text, text.find("__attribute")) is found


@pytest.mark.parametrize(
    "text",
    [
        "__attribute__((__malloc__))",
        "__attribute__((alloc_size(1)))",
        "__attribute__((__alloc_size__(1)))",
        "__attribute__((alloc_align(1)))",
        '__attribute__((annotate("allocs:wrapper.alloc")))',
        "[[gnu::malloc]]",
        "[[using gnu: malloc]]",
        "[[__gnu__::__malloc__]]",
        "[[allocs::wrapper]]",
        'ALLOCS_WRAPPER("")',
        "G_GNUC_MALLOC",
        "G_GNUC_ALLOC_SIZE(1)",
        "__attribute_malloc__",
    ],
)
def test_marks(text):
    """R5: every other spelling, and the macros of system headers, is found by a plain search."""
    assert any(mark in text for mark in MARKS) or any(has_word(text, word) for word in WORDS)


@pytest.mark.parametrize("text", ["int init_alloc_size;", "my_alloc_align(3)", "alloc_sizes", "alloc_size2", ""])
def test_words_within_others_do_not_count(text):
    """R5: a variable named like an attribute makes nobody preprocess the unit for its declarations."""
    assert not any(mark in text for mark in MARKS)
    assert not any(has_word(text, word) for word in WORDS)


@given(st.lists(st.sampled_from(["__attribute__((", "malloc", ")", "))", ",", " ", "x", "_", ";", "{"])).map("".join))
def test_no_attribute_is_missed(text):
    """R5: where the reader of attributes would find it in the simple form, so does the search."""
    simple = "__attribute__((malloc))" in text
    assert has_plain_mark(text, text.find("__attribute")) or not simple
    assert not simple or any(attribute.name == "malloc" for attribute in parse_attributes(text))
