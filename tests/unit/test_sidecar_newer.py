"""Sidecars of newer versions, and what no record may hold: `allocscc.sidecar`."""

import pytest

from allocscc.errors import FormatError
from allocscc.sidecar import (
    Site,
    decode,
    decode_declarations,
    decode_sources,
    decode_statics,
    encode,
    is_symbol,
)
from tests.unit.test_sidecar import _SITE, record

_NEWER = b"allocs-sidecar 99 %d\n"


def test_newer_version():
    """R4: of what a newer version wrote, all that this one knows is read, and the rest left out."""
    site = {"file": "x.c", "line": 3, "column": 9, "function": "f", "callee": "malloc", "evidence": "oracle", "at": 4}
    row = {"kind": "wrapper", "list": "alloc", "entry": "x", "signature": "x(Z)p", "free": [], "suballocates": "",
           "origin": "x.h:1"}  # fmt: skip
    body = {
        "sites": [{"place": 3}, site, {**site, "line": [3, 4]}, 7], "declarations": [{"what": 1}, row, "x"],
        "sources": [3, {"line": 3}], "statics": {"x.c::f": "f.1", "x.c::g": ["g.1", "g.2"]}, "pools": [],
    }  # fmt: skip
    data = record(body, _NEWER) + encode("y.c", "gcc", (_SITE,))
    assert decode(data) == [Site("x.c", 3, 9, "f", "malloc"), _SITE]
    assert [found.signature for found in decode_declarations(data)] == ["x(Z)p"]
    assert decode_sources(data) == [{"line": 3}]
    assert decode_statics(data) == [{"x.c::f": "f.1"}, {}]


@pytest.mark.parametrize("body", [b"\x80packed", b"[]", {"sites": {"packed": "eJw"}}, {"sites": "eJw"}, {}])
def test_newer_version_of_another_kind(body):
    """R4: what cannot be read says whose fault it is."""
    with pytest.raises(
        FormatError, match=r"^x\.o, record at byte 0, of version 99 \(this allocscc reads 1\): not a list"
    ):
        decode(record(body, _NEWER), "x.o")


@pytest.mark.parametrize("version", [b"", b"x", b"-1", b"1.5", b"9" * 20])
def test_no_version(version):
    """R4: a version is a number."""
    with pytest.raises(FormatError, match="no sidecar record at byte 0"):
        decode(b"allocs-sidecar %s 13\n" % version + b'{"sites":[]}\n')


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udfff"', b'"\\udc7f"', b'"\xed\xa0\x80"', b"NaN", b"-Infinity"])
def test_what_no_text_or_number_is(text):
    """R4: what could not be printed is not read; a byte of a file name is."""
    with pytest.raises(FormatError, match="not a list of sites"):
        decode(record(b'{"sites":[],"x":%s}' % text))
    for name in (b'"\\udcff"', b'"\\ud83d\\ude00"', b'"\\\\ud800"'):
        assert decode(record(b'{"sites":[],"x":%s}' % name)) == []


def test_long_message():
    """R4: a message is no book, whatever the record holds."""
    with pytest.raises(FormatError) as caught:
        decode(record({"sites": [{"line": "a" * 100_000}]}))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "symbol",
    [
        "x; .globl y",
        'x"',
        "a b",
        "x\n",
        "x\0",
        "",
        ".",
        "0",
        "9x",
        "$x",
        "x(Z)p",
        "x@plt",
        "x,y",
        "\\",
        "../x",
        "x\u2028",
    ],
)
def test_symbols_that_are_none(symbol):
    """R4, R6: what a stub could not be called is no static function's symbol."""
    assert not is_symbol(symbol)
    assert decode_statics(encode("x.c", "gcc", (), (), (), {"x.c::f": symbol, "x.c::g": "g.1"})) == [{"x.c::g": "g.1"}]


@pytest.mark.parametrize("symbol", ["x", "_Znwm", "xmalloc.allocs.12ab", "x$y", ".Lx", "gr\u00f6\u00dfe", "_"])
def test_symbols(symbol):
    """R6: C's, C++'s, clones', ours, and letters beyond ASCII."""
    assert is_symbol(symbol)
