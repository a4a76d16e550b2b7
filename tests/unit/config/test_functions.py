"""Which entry speaks for a function: `allocscc.config.functions`."""

import pytest

from allocscc.config.functions import all_roles, function_roles, is_wrapper, role_name
from allocscc.config.model import Allocator, Config, Override, Sized, Wrapper, table
from allocscc.config.signature import parse_signature


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


def roles(*entries):
    return function_roles(Config(table(entries)))


_FAMILY = Allocator(
    "m", signatures("get(Z)p"), signatures("put(P)"), parse_signature("size(p)z"), resize=signatures("grow(PZ)p"),
    free_all=signatures("drop(p)"), meta=signatures("trim()"),
)  # fmt: skip
_WRAPPER = Wrapper("w", signatures("wget(Z)p"), signatures("wput(P)"), resize=signatures("wgrow(PZ)p"))
_SIZED = Sized("s", parse_signature("s(Z)p"))


@pytest.mark.parametrize(
    ("name", "list_name", "allocates", "observed", "wraps"),
    [
        ("get", "alloc", True, True, False),
        ("grow", "resize", True, True, False),
        ("put", "free", False, True, False),
        ("drop", "free-all", False, True, False),
        ("size", "usable-size", False, False, False),
        ("trim", "meta", False, False, False),
        ("wget", "alloc", True, True, True),
        ("wgrow", "resize", True, True, True),
        ("wput", "free", False, False, False),
        ("s", "sized", True, True, True),
    ],
)
def test_what_a_function_is(name, list_name, allocates, observed, wraps):
    """R1: the role follows from the list; a wrapper's free needs no stub."""
    role = roles(_FAMILY, _WRAPPER, _SIZED)[name]
    assert (role.list, role.allocates, role.observed, is_wrapper(role)) == (list_name, allocates, observed, wraps)


def test_later_entry_wins():
    """R1: of two entries that claim a function the stronger one counts."""
    later = Wrapper("v", signatures("get(Z)p"))
    assert roles(_FAMILY, later)["get"].entry is later
    assert roles(later, _FAMILY)["get"].entry is _FAMILY


@pytest.mark.parametrize("order", [1, -1])
def test_what_claims_nothing_yields(order):
    """R1: a wrapper that is freed by `put`, or a family that asks `get`, does not take them from their owner."""
    entries = [_FAMILY, Wrapper("v", signatures("vget(Z)p"), signatures("put(P)")), Allocator(
        "other", signatures("oget(Z)p"), meta=signatures("get(Z)p"))]  # fmt: skip
    found = roles(*entries[::order])
    assert found["put"].entry is _FAMILY
    assert found["get"].entry is _FAMILY


def test_function_that_allocates_and_frees():
    """R14: a function in both lists of one entry is a site; what another, stronger entry says of it counts."""
    both = Allocator("m", signatures("f(PZ)p"), signatures("f(PZ)p"))
    assert roles(both)["f"].list == "alloc"
    assert roles(both, Allocator("n", signatures("g(Z)p"), signatures("f(P)")))["f"].list == "free"


def test_of_those_who_claim_nothing_the_later_speaks():
    """R1: the later entry stands for a function that only frees."""
    first = Wrapper("a", signatures("a(Z)p"), signatures("f(P)"))
    second = Wrapper("b", signatures("b(Z)p"), signatures("f(zP)"))
    assert roles(first, second)["f"].entry is second


def test_disabled_and_overrides_say_nothing():
    """R1: what is off names no function."""
    off = Wrapper("w", signatures("f(Z)p"), disabled=True)
    assert all_roles(Config(table([off, Override("o", "f", "g", "", "t")]))) == []


def test_names():
    """R1: a static function is known with its file, a C++ one by its symbol, a glob by itself."""
    found = roles(Wrapper("w", signatures("util.c::f(Z)p *_get(Z)p")), Wrapper("v", signatures("f(Z)p")))
    assert list(found) == ["util.c::f", "*_get", "f"]
    assert role_name(parse_signature("lib/util.c::f(Z)p")) == "lib/util.c::f"
