"""The sidecar's format: `allocscc.sidecar`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.errors import FormatError
from allocscc.sidecar import (
    EVIDENCE,
    FLAG_ARRAY,
    FLAG_TAIL,
    SIZE_SHIFT,
    VERSION,
    Declaration,
    Site,
    decode,
    decode_declarations,
    decode_sources,
    decode_statics,
    encode,
)
from allocscc.sidecar_names import DECLARATIONS_MARK
from tests.unit.damage import nothing_but

# File names are any bytes, so surrogateescape's code points turn up beside real characters.
_TEXT = st.text(st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), max_size=10)
_SITES = st.builds(
    Site,
    file=_TEXT, line=st.integers(0, 2**31 - 1), column=st.integers(0, 2**31 - 1), function=_TEXT, callee=_TEXT,
    type=_TEXT, evidence=st.sampled_from(EVIDENCE), array=st.booleans(), tail=st.booleans(),
    size=st.integers(0, 2**64),
)  # fmt: skip
_DECLARATIONS = st.builds(
    Declaration,
    kind=_TEXT, list=_TEXT, entry=_TEXT, signature=_TEXT, free=st.lists(_TEXT, max_size=2).map(tuple),
    suballocates=_TEXT, origin=_TEXT,
)  # fmt: skip
_DECLARED = st.lists(st.lists(_DECLARATIONS, max_size=2).map(tuple), max_size=3)
_DECLARATION = Declaration("wrapper", "alloc", "x", "xmalloc(Z)p", ("xfree(P)",), "", "x.h:3")
_RECORDS = st.lists(st.lists(_SITES, max_size=3).map(tuple), max_size=4)
_SITE = Site("/a/x.c", 3, 9, "main", "malloc", "struct s", "sizeof", True, False)


def record(body, header=b"allocs-sidecar 1 %d\n"):
    """A record with any body under a right header."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return header % len(data) + data


@given(_RECORDS)
def test_round_trip_and_concatenation(records):
    """R4: records one behind the other (`ld -r`) decode to all their sites in order."""
    data = b"".join(encode("x.c", "gcc", sites) for sites in records)
    assert decode(data) == [site for sites in records for site in sites]


@given(_TEXT, _TEXT)
def test_record_is_ascii(source, compiler):
    """R4: the assembler's string needs no thought about encodings."""
    data = encode(source, compiler, (_SITE,))
    assert data.isascii()
    assert data.endswith(b"\n")
    assert data.startswith(b"allocs-sidecar %d " % VERSION)


def test_nothing():
    """R4: an object without the section has no sites."""
    assert decode(b"") == []
    assert decode(encode("x.c", "gcc", ())) == []


def test_unknown_keys_are_ignored():
    """R4: what a newer version adds does not make its records unreadable."""
    site = {"file": "x.c", "line": 1, "column": 2, "function": "f", "callee": "malloc", "colour": "red"}
    assert decode(record({"sites": [site], "later": {"x": 1}})) == [Site("x.c", 1, 2, "f", "malloc")]


@given(st.integers(1, 10**6))
def test_cut_short(cut):
    """R4: a record that lost its end is an error, not fewer sites."""
    data = encode("x.c", "gcc", (_SITE, _SITE))
    with pytest.raises(FormatError):
        decode(data[: cut % (len(data) - 1) + 1])


@pytest.mark.parametrize(
    "data",
    [
        b"x", b"\0", b"allocs-sidecar", b"allocs-sidecar \n", b"allocs-sidecar 1\n", b"allocs-sidecar 1 x\n",
        b"allocs-sidecar 1 -1\n", b"allocs-sidecar 1 2 3\n{}", b"allocs-sidecar 1 99999999999999999999\n{}",
        pytest.param(b"allocs-sidecar 1 " + b"9" * 5000 + b"\n{}", id="length-of-5000-digits"),
        record(b""), record(b"{"), record(b"\xff\xfe"), record(b"[" * 100_000), record([]), record(3), record(None),
        record({}), record({"sites": None}), record({"sites": 3}), record({"sites": {"a": 1}}), record({"sites": "ab"}),
        record({"sites": [3]}), record({"sites": [None]}), record({"sites": [[]]}), record({"sites": [{}]}),
        record({"sites": [{"file": "x.c"}]}), record(b'{"sites": ' + b"9" * 5000 + b"}"),
        encode("x.c", "gcc", (_SITE,)) + b"junk", encode("x.c", "gcc", (_SITE,)) + b"\0\0\0",
    ],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_hostile_input(data):
    """R4: objects come from anywhere; whatever stands in the section, the error is ours."""
    with pytest.raises(FormatError, match=r"^lib\.a"):
        decode(data, "lib.a")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file", 3),
        ("line", "3"),
        ("line", None),
        ("column", [1]),
        ("type", {}),
        ("callee", None),
        ("array", "yes"),
        ("size", "8"),
        ("size", True),
        ("size", 8.0),
    ],
)
def test_fields_of_wrong_type(key, value):
    """R4: a site has the types that it promises, so that no reader fails later and elsewhere."""
    site = {"file": "x.c", "line": 1, "column": 2, "function": "f", "callee": "malloc"} | {key: value}
    with pytest.raises(FormatError):
        decode(record({"sites": [site]}))


def test_evidence_of_a_newer_version():
    """R4: a kind of evidence that we do not know is an error at once or none at all, not one in `flags`."""
    site = {"file": "x.c", "line": 1, "column": 2, "function": "f", "callee": "malloc", "evidence": "oracle"}
    with nothing_but(FormatError):
        (found,) = decode(record({"sites": [site]}))
        assert found.flags & 0xFF < len(EVIDENCE)


@given(_DECLARED)
def test_declarations_round_trip(records):
    """R5: declarations travel beside the sites, in order; each reader sees its own part."""
    data = b"".join(encode("x.c", "gcc", (_SITE,), declarations) for declarations in records)
    assert decode_declarations(data) == [found for declarations in records for found in declarations]
    assert decode(data) == [_SITE] * len(records)
    assert data.isascii()


def test_declarations_are_found_by_a_plain_search():
    """R3: the link phase's hot path sees without a JSON parser whether an object declares anything."""
    assert DECLARATIONS_MARK in encode("x.c", "gcc", (), (_DECLARATION,))
    assert DECLARATIONS_MARK not in encode("x.c", "gcc", (_SITE,))
    text = "".join(chr(byte) for byte in DECLARATIONS_MARK)
    assert DECLARATIONS_MARK not in encode(text, text, (Site(text, 1, 1, text, text, text),))


def test_records_without_declarations():
    """R4: records of a version that knew none."""
    assert decode_declarations(record({"sites": []})) == []
    assert decode_declarations(b"") == []


@pytest.mark.parametrize("key", ["kind", "list", "entry", "signature", "free", "suballocates", "origin"])
@pytest.mark.parametrize("value", [3, None, {}, [1], "missing"])
def test_declaration_of_wrong_type(key, value):
    """R5: a declaration has the types that it promises; a key of a newer version is ignored."""
    row = {"kind": "wrapper", "list": "alloc", "entry": "x", "signature": "x(Z)p", "free": [], "suballocates": "",
           "origin": "x.h:1", "later": 3}  # fmt: skip
    assert len(decode_declarations(record({"sites": [], "declarations": [row]}))) == 1
    row[key] = value
    if value == "missing":
        del row[key]
    with pytest.raises(FormatError, match=r"^lib\.a, record at byte 0: not a list of declarations: "):
        decode_declarations(record({"sites": [], "declarations": [row]}), "lib.a")


@pytest.mark.parametrize("reader", [decode_declarations, decode_sources, decode_statics])
@pytest.mark.parametrize(
    "body",
    [[], 3, None, "x", b"{", b"\xff", b"[" * 100_000, {"declarations": 3, "sources": 3, "statics": 3},
     {"declarations": [3], "sources": [3], "statics": {"a": 3}},
     {"declarations": "ab", "sources": "ab", "statics": "ab"},
     {"declarations": {"a": 1}, "sources": {"a": 1}, "statics": ["a"]},
     {"declarations": None, "sources": None, "statics": None}],
    ids=lambda body: repr(body)[:30],
)  # fmt: skip
def test_hostile_parts(reader, body):
    """R4: whatever stands in a part of the record, the error is ours and says where."""
    with pytest.raises(FormatError, match=r"^lib\.a, record at byte 0: not a "):
        reader(record(body), "lib.a")
    with pytest.raises(FormatError, match=r"^lib\.a"):
        reader(b"junk", "lib.a")


def test_sources_and_statics():
    """R6, R8: what the link needs of units whose machine code it makes, and of static functions, comes back."""
    rows = ({"file": "x.c", "line": 3},)
    one = encode("x.c", "gcc", (), (), rows, {"x.c::f": "f.1"})
    two = encode("y.c", "gcc", (_SITE,))
    assert decode_sources(one + two) == list(rows)
    assert decode_statics(one + two) == [{"x.c::f": "f.1"}, {}]
    assert decode(one + two) == [_SITE]


@given(st.binary(max_size=60), st.integers(0, 1000), st.integers(0, 255))
def test_any_bytes(data, position, value):
    """R4: random bytes, and random damage to a right record, raise nothing but FormatError."""
    damaged = bytearray(encode("x.c", "gcc", (_SITE,), (_DECLARATION,)))
    damaged[position % len(damaged)] = value
    for attempt in (data, b"allocs-sidecar 1 " + data, bytes(damaged)):
        with nothing_but(FormatError, "sidecar"):
            assert all(isinstance(site, Site) for site in decode(attempt))
        with nothing_but(FormatError, "sidecar"):
            assert all(isinstance(found, Declaration) for found in decode_declarations(attempt))


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_flags(evidence):
    """R4: the number in a site's record tells evidence, array and tail apart."""
    number = EVIDENCE.index(evidence)
    assert Site("", 0, 0, "", "", evidence=evidence).flags == number
    assert Site("", 0, 0, "", "", evidence=evidence, array=True).flags == number | FLAG_ARRAY
    assert Site("", 0, 0, "", "", evidence=evidence, tail=True).flags == number | FLAG_TAIL


@pytest.mark.parametrize(
    ("size", "recorded"), [(0, 0), (1, 1), (24, 24), (0xFFFFF, 0xFFFFF), (0x100000, 0), (1 << 70, 0), (-1, 0)]
)
def test_size_in_flags(size, recorded):
    """R4, R10: a type's size has the bits above all others; the runtime takes it as it is, so none is cut off."""
    site = Site("", 0, 0, "", "", "struct s", "dwarf", True, True, True, True, size)
    assert site.flags >> SIZE_SHIFT == recorded
    assert site.flags & (1 << SIZE_SHIFT) - 1 == Site("", 0, 0, "", "", "", "dwarf", True, True, True, True).flags
    assert decode(encode("x.c", "gcc", (site,))) == [site]


def test_message_names_the_place():
    """R4: the message has the file and the byte."""
    first = encode("x.c", "gcc", (_SITE,))
    with pytest.raises(FormatError, match=rf"^x\.o: the record at byte {len(first)} is cut short \(3 of 9 bytes\)$"):
        decode(first + b"allocs-sidecar 1 9\nabc", "x.o")
