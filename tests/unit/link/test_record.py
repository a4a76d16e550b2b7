"""The plan in the output: `allocscc.link.record`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.signature import parse_signature
from allocscc.errors import FormatError
from allocscc.link.plan import CALLER, ENTRY, LEAVE, REPLACE, WRAP, Decision, LinkPlan
from allocscc.link.record import decode_plan, encode_plan, identified_wrappers
from tests.unit.damage import nothing_but


def decision(symbol, action, stub, signature=None):
    parsed = parse_signature(signature) if signature else None
    return Decision(symbol, action, stub, "entry", "x.toml:3", "rule", "rëason", parsed, (2, -1), (4,))


_PLAN = LinkPlan(
    (
        decision("xmalloc", WRAP, CALLER, "xmalloc(Z)p"),
        decision("ymalloc", REPLACE, CALLER, "ymalloc(Z)p"),
        decision("zmalloc", LEAVE, ""),
        decision("slab_get", REPLACE, ENTRY, "slab_get(Z)p"),
    ),
    True, ("malloc",), True, ("a note",),
)  # fmt: skip


def test_everything_that_explain_prints():
    """R15: entry, origin, rule, reason of every decision, and the notes, out of the output alone."""
    (found,) = decode_plan(encode_plan(_PLAN, "prög"), "x")
    assert (found["output"], found["runtime"], found["interpose"], found["notes"]) == (
        "prög",
        True,
        ["malloc"],
        ["a note"],
    )
    first = found["decisions"][0]
    assert first == {
        "symbol": "xmalloc", "action": WRAP, "stub": CALLER, "entry": "entry", "origin": "x.toml:3", "rule": "rule",
        "reason": "rëason", "signature": "xmalloc(Z)p", "visibility": 0, "weak": False,
    }  # fmt: skip
    assert "signature" not in found["decisions"][2]


def test_one_line_of_ascii():
    """R15: a section may be read with `strings`, and two of them be glued together."""
    data = encode_plan(_PLAN, "a\nb\udcff")
    assert data.isascii()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1


def test_several_plans():
    """R15: an object that was linked with -r and is linked again brings its plan along."""
    data = encode_plan(_PLAN, "a") + b"\0\0" + encode_plan(LinkPlan(), "b")
    assert [plan["output"] for plan in decode_plan(data, "x")] == ["a", "b"]
    assert decode_plan(b"", "x") == []


def test_identified_wrappers():
    """R12: those whose definition has a caller stub; not imported ones, not those that were left, not entry points."""
    data = encode_plan(_PLAN, "a") + encode_plan(LinkPlan((decision("w", REPLACE, CALLER, "w(Z)p"),)), "b")
    assert identified_wrappers(data, "x") == {"ymalloc", "w"}


@pytest.mark.parametrize(
    "data",
    [b"x", b"{", b"[]", b"3", b"null", b"{}", b'"decisions"', b"\xff", b"[" * 100_000, b'{"a": 1}\n{}', b"9" * 5000],
    ids=lambda data: repr(data[:20]),
)
def test_not_a_plan(data):
    """R15: a foreign section of our name is a FormatError that names the file."""
    with pytest.raises(FormatError, match=r"^lib\.so: section \.allocs\.plan is not a plan"):
        decode_plan(data, "lib.so")


@pytest.mark.parametrize(
    "decisions",
    [None, 3, {}, "ab", [3], [None], [[]], [{}], [{"symbol": "x"}], [{"symbol": "x", "stub": CALLER}],
     [{"symbol": [], "stub": CALLER, "action": WRAP}], [{"stub": CALLER, "action": WRAP}]],
    ids=repr,
)  # fmt: skip
def test_not_decisions(decisions):
    """R15: a damaged plan in somebody's library is a FormatError, so that the link can go on without it."""
    data = json.dumps({"decisions": decisions}).encode()
    with nothing_but(FormatError, "lib.so: "):
        assert identified_wrappers(data, "lib.so") == set()


@given(st.binary(max_size=40))
def test_any_bytes(data):
    """R15: nothing but FormatError."""
    with nothing_but(FormatError, "x: "):
        assert all("decisions" in plan for plan in decode_plan(data, "x"))
    with nothing_but(FormatError, "x: "):
        assert all(isinstance(name, str) for name in identified_wrappers(data, "x"))


@pytest.mark.parametrize("notes", [3, None, "ab", [3], {"a": "b"}])
def test_not_notes(notes):
    """R15: notes are texts."""
    with pytest.raises(FormatError, match="is not a plan"):
        decode_plan(json.dumps({"decisions": [], "notes": notes}).encode(), "x")


@pytest.mark.parametrize("output", ['"\\ud800"', "3", "[]", "NaN"])
def test_not_an_output(output):
    """R15: what could not be printed is no plan."""
    with pytest.raises(FormatError, match="is not a plan"):
        decode_plan(f'{{"decisions": [], "output": {output}}}'.encode(), "x")
