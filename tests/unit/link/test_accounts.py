"""How much sections may grow: `allocscc.link.accounts`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.link.accounts import Budget, is_within, output_section
from allocscc.link.outcome import ObjectFacts

_SECTIONS = [".text", ".rodata", ".data.rel.ro", ".data", ".dynsym"]
_BUDGET = Budget(
    (ObjectFacts((), ((".text", 100, 16), (".rodata.str1.1", 50, 1), (".data.rel.ro.local", 8, 8)), 5),),
    came=("f", "gg"),
    went=("h",),
)


@pytest.mark.parametrize(
    ("name", "output"),
    [
        (".text", ".text"),
        (".text.startup", ".text"),
        (".rodata.str1.1", ".rodata"),
        (".data.rel.ro.local", ".data.rel.ro"),
        (".data.x", ".data"),
        ("allocs_sites", "allocs_sites"),
    ],
)
def test_output_section(name, output):
    """R15: the longest name that fits."""
    assert output_section(name, _SECTIONS) == output


@pytest.mark.parametrize(
    ("name", "growth", "is_explained"),
    [
        (".text", 100, True),
        (".text", 100 + 15 + 64, True),  # with all the padding there may be
        (".text", 100 + 15 + 65, False),
        (".text", -65, False),
        (".rodata", 50, True),
        (".data.rel.ro", 8, True),
        (".init", 65, False),
        (".dynsym", 24, True),  # two came, one went: exactly
        (".dynsym", 48, False),
        (".gnu.version", 2, True),
        (".gnu.version", 4, False),
        (".dynstr", 5, True),
        (".dynstr", 200, False),
        (".rela.dyn", 5 * 24, True),
        (".rela.dyn", 5 * 24 + 65, False),
        (".plt.sec", 5 * 16, True),
        (".got", 1000, False),
        (".gnu.hash", 400, False),
        (".dynamic", 48, True),
        (".dynamic", 480, False),
        (".eh_frame_hdr", 8, True),
        (".eh_frame_hdr", 80, False),
        (".relro_padding", 4000, True),
        (".relro_padding", 1 << 20, False),
    ],
)
def test_growth(name, growth, is_explained):
    """R15: no more than what was added can account for."""
    assert is_within(_BUDGET, name, growth, [*_SECTIONS, name]) == is_explained


@given(st.sampled_from([*_SECTIONS, ".got", ".plt", ".gnu.hash", ".bss"]), st.integers().filter(bool))
def test_where_nothing_was_added_nothing_may_change(name, growth):
    """R15: an empty budget explains no byte."""
    assert not is_within(Budget(), name, growth, _SECTIONS)
