"""Static functions and the symbols that objects have for them: `allocscc.config.statics`."""

from allocscc.config.functions import function_roles
from allocscc.config.model import Override, Sized, table
from allocscc.config.read import read_text
from allocscc.config.statics import with_statics

_FAMILY = """\
[allocator.s]
alloc = ["s.c::get(Z)p", "s.c::zget(Z)p"]
resize = ["s.c::grow(PZ)p"]
free = ["s.c::put(P)", "free(P)"]
free-all = ["s.c::drop(p)"]
free-chain = ["s.c::list(P)"]
free-since = ["s.c::back(P)"]
meta = ["s.c::trim()"]
usable-size = "s.c::size(p)z"
key = "s.c::zget"
"""
_ALL = ("get", "zget", "grow", "put", "drop", "trim", "size", "list", "back")


def unit(number, *names, file="s.c"):
    """A unit in which static functions of a file have symbols."""
    return {f"{file}::{name}": f"{name}.{number}" for name in names}


def resolved(text, *units):
    return with_statics(read_text("p.toml", text), units)


def test_nothing_known():
    """R1: without units that have symbols the config is left as it is."""
    config = read_text("p.toml", _FAMILY)
    assert with_statics(config, []) is config
    assert with_statics(config, [{}, {}]) is config


def test_wrapper():
    """R1: a wrapper is one entry, for all units that have a copy of the function."""
    found = resolved('[wrapper.w]\nalloc = ["s.c::get(Z)p", "f(Z)p"]\nfree = ["s.c::put(P)"]\n',
                     unit(1, "get", "put"), unit(2, "get"), {})  # fmt: skip
    (wrapper,) = found.wrappers.values()
    assert [s.name for s in wrapper.alloc] == ["get.1", "get.2", "f"]
    assert [s.name for s in wrapper.free] == ["put.1"]
    assert {s.scope for s in (*wrapper.alloc, *wrapper.free)} == {""}
    assert wrapper.alloc[0].full_name == "s.c::get"
    assert wrapper.origin == "p.toml:1"


def test_family_in_one_unit():
    """R7: every list, and the key symbol, becomes what the unit has."""
    (family,) = resolved(_FAMILY, unit(1, *_ALL)).allocators.values()
    assert family.name == "s"
    assert family.key_symbol == "zget.1"
    assert [s.name for s in family.alloc] == ["get.1", "zget.1"]
    rest = (*family.resize, *family.free, *family.free_all, *family.meta, *family.free_chain, *family.free_since)
    assert [s.name for s in rest] == [
        "grow.1", "put.1", "free", "drop.1", "trim.1", "list.1", "back.1",
    ]  # fmt: skip
    assert family.usable_size is not None
    assert family.usable_size.name == "size.1"


def test_family_in_several_units():
    """R10: each unit that has the key symbol has an allocator of its own."""
    found = resolved(_FAMILY, unit(1, *_ALL), unit(2, *_ALL), unit(3, "put")).allocators
    assert {name: (family.key_symbol, family.free[0].name) for name, family in found.items()} == {
        "s:1": ("zget.1", "put.1"), "s:2": ("zget.2", "put.2"),
    }  # fmt: skip


def test_family_that_no_unit_has():
    """R7: a family without its key symbol stays what the config says."""
    (family,) = resolved(_FAMILY, unit(1, "put")).allocators.values()
    assert family.alloc[0].full_name == "s.c::get"
    assert family.alloc[0].scope == "s.c"


def test_sized():
    """R1: an ALLOCSZ function that several units have is one entry for each."""
    text = 'sized = ["s.c::ckd(iiI)p"]\n'
    assert [s.signature.name for s in resolved(text, unit(1, "ckd")).sized.values()] == ["ckd.1"]
    assert [s.signature.name for s in resolved(text, unit(1, "ckd"), unit(2, "ckd")).sized.values()] == [
        "ckd.1",
        "ckd.2",
    ]
    assert [s.signature.full_name for s in resolved(text, unit(1, "x")).sized.values()] == ["s.c::ckd"]


def test_what_has_no_scope_stays():
    """R1: other entries, overrides, and what is off."""
    text = '[wrapper.w]\nalloc = ["f(Z)p"]\n[wrapper.off]\nalloc = ["s.c::get(Z)p"]\ndisable = true\n'
    config = read_text("p.toml", text + '[override.o]\nfunction = "f"\ncallee = "g"\ntype = "t"\n')
    assert with_statics(config, [unit(1, "get")]).entries == config.entries


def test_order_and_roles():
    """R1: entries keep their order, so that the stronger one still wins."""
    text = '[wrapper.a]\nalloc = ["s.c::get(Z)p"]\n[wrapper.b]\nalloc = ["get.1(zZ)p"]\n'
    found = resolved(text, unit(1, "get"))
    assert list(found.entries) == ["wrapper.a", "wrapper.b"]
    assert function_roles(found)["get.1"].entry.name == "b"


def test_entries_alone():
    """R1: an override and a sized function without scopes pass through a config that has others."""
    entries = table(
        [Override("o", "f", "g", "", "t"), *read_text("p.toml", 'sized = ["ckd(iiI)p"]\n').entries.values()]
    )
    config = read_text("p.toml", '[wrapper.w]\nalloc = ["s.c::get(Z)p"]\n')
    config = type(config)({**config.entries, **entries})
    found = with_statics(config, [unit(1, "get")])
    assert isinstance(found.entries["sized.ckd"], Sized)
    assert isinstance(found.entries["override.o"], Override)
    assert [s.name for s in found.wrappers["w"].alloc] == ["get.1"]
