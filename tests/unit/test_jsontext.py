"""JSON for hooks: what the standard library would write, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.jsontext import dump_json

TEXTS = st.text(st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner) | st.lists(inner).map(tuple),
)


@given(VALUES)
def test_as_the_library_writes_it(value: object) -> None:
    """Surrogates that stand for bytes of file names among them."""
    assert dump_json(value) == json.dumps(value, separators=(",", ":"), sort_keys=True)


@pytest.mark.parametrize("value", [1.5, b"bytes", {1, 2}, object()])
def test_nothing_else(value: object) -> None:
    """A value that nobody could read back the same is refused."""
    with pytest.raises(TypeError, match=type(value).__name__):
        dump_json([value])
