"""Frozen records: `allocscc.values`, held to what `dataclasses` does."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import pytest

from allocscc import values


def make(module):
    """The same class, made by one module or the other."""

    @module.dataclass(frozen=True)
    class Thing:
        """A thing."""

        kind: ClassVar[str] = "thing"

        name: str
        parts: tuple[str, ...] = ()
        origin: str = module.field(default="", compare=False)
        table: dict[str, int] = module.field(default_factory=dict, compare=False)

        @property
        def first(self):
            """A method like any other."""
            return self.parts[0]

    return Thing


@pytest.fixture(params=[values, dataclasses], ids=["values", "dataclasses"])
def module(request):
    return request.param


def test_fields(module):
    """R1: positional and by name, defaults, factories that make a new object each time, class variables left alone."""
    kind = make(module)
    one = kind("a", ("x",), table={"y": 1})
    assert (one.name, one.parts, one.origin, one.table, one.first, one.kind) == (
        "a",
        ("x",),
        "",
        {"y": 1},
        "x",
        "thing",
    )
    assert kind("a").table is not kind("a").table
    for arguments, named in (((), {}), (("a",), {"name": "b"}), (("a",), {"other": 1}), (("a", (), "", {}, 5), {})):
        with pytest.raises(TypeError):
            kind(*arguments, **named)


def test_value(module):
    """R1: equality and hash of what counts, no equality with others."""
    kind = make(module)
    assert kind("a", ("x",), "here") == kind("a", ("x",), "there")
    assert hash(kind("a", ("x",), "here")) == hash(kind("a", ("x",), "there"))
    assert kind("a") != kind("b")
    assert kind("a") != ("a", (), "")
    assert len({kind("a"), kind("a", origin="x"), kind("b")}) == 2
    assert repr(kind("a", ("x",))).endswith("Thing(name='a', parts=('x',), origin='', table={})")


def test_frozen(module):
    """R1: neither set nor deleted."""
    one = make(module)("a")
    for change in (lambda: setattr(one, "name", "b"), lambda: setattr(one, "new", 1), lambda: delattr(one, "name")):
        with pytest.raises(AttributeError):
            change()


def test_replace_and_asdict(module):
    """R1: a copy with changes; nested records and tuples become plain."""
    kind = make(module)
    one = kind("a", ("x",), "here")
    assert module.replace(one, name="b") == kind("b", ("x",))
    assert module.replace(one, name="b").origin == "here"
    with pytest.raises(TypeError):
        module.replace(one, other=1)
    assert module.asdict(kind("a", (kind("b"),))) == {
        "name": "a", "parts": ({"name": "b", "parts": (), "origin": "", "table": {}},), "origin": "", "table": {},
    }  # fmt: skip


def test_hooks_may_use_the_standard_library():
    """R2: `dataclasses.replace` works on ours."""
    one = make(values)("a", ("x",), "here")
    changed = dataclasses.replace(one, name="b")
    assert (changed.name, changed.parts, changed.origin, type(changed)) == ("b", ("x",), "here", type(one))
