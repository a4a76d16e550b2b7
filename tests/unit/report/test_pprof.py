"""The encoding of pprof's file; tests/integration/test_exports.py reads it by the format's own definition."""

import gzip

import pytest

from allocscc.report import pprof
from tests.heaps import SMALL


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, b"\x00"),
        (1, b"\x01"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (2**63 - 1, b"\xff" * 8 + b"\x7f"),
    ],
)
def test_varint(value: int, encoded: bytes) -> None:
    assert pprof._varint(value) == encoded


def test_the_same_profile_is_the_same_file() -> None:
    assert pprof.render(SMALL) == pprof.render(SMALL)
    assert b"xmalloc" in gzip.decompress(pprof.render(SMALL))


def test_hidden_wrappers() -> None:
    assert b"xmalloc" not in gzip.decompress(pprof.render(SMALL, hide_wrappers=True))
