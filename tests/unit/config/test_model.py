"""Entries and how layers of them merge: `allocscc.config.model`."""

import itertools

import pytest
from hypothesis import given, settings

from allocscc.config.model import (
    Allocator,
    Config,
    Named,
    Override,
    Sized,
    Wrapper,
    functions_of,
    merge,
    table,
)
from allocscc.config.signature import parse_signature
from tests.unit.config.strategies import LAYERS


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


def config(*entries, remove=()):
    return Config(table(entries), tuple(Named(name) for name in remove), on_error="", sidecar_file="")


def whole(merged):
    """Everything of a config, with order and origins, which equality leaves out."""
    return (
        merged,
        [(key, entry, entry.origin) for key, entry in merged.entries.items()],
        [(named, named.origin) for named in (*merged.removed, *merged.uses, *merged.includes)],
        [(key, hook.origin) for key, hook in merged.hooks.items()],
    )


@settings(max_examples=150)
@given(LAYERS, LAYERS, LAYERS)
def test_merge_is_associative(one, two, three):
    """R1: it does not matter which neighbours are merged first, whatever they remove, disable, include or use."""
    assert whole(merge(merge(one, two), three)) == whole(merge(one, merge(two, three)))


@pytest.mark.parametrize("kind", [Allocator, Wrapper])
def test_merge_is_associative_for_all_small_layers(kind):
    """R1: every three layers that give or take an entry or its functions, which chance hardly puts together."""
    entries = [(), *((kind("x", signatures(text)),) for text in ("f(Z)p", "g(Z)p", "f(Z)p g(Z)p"))]
    entries.append((kind("x", signatures("f(Z)p"), disabled=True),))
    layers = [config(*own, remove=names) for own in entries for names in ((), ("f",), ("g",), (f"{kind.kind}.x",))]
    pairs = {(i, j): merge(one, two) for i, one in enumerate(layers) for j, two in enumerate(layers)}
    for i, j, k in itertools.product(range(len(layers)), repeat=3):
        assert merge(pairs[i, j], layers[k]).entries == merge(layers[i], pairs[j, k]).entries


@given(LAYERS)
def test_nothing_changes_nothing(layer):
    """R1: an empty layer above or below is none."""
    nothing = Config(on_error="", sidecar_file="")
    assert whole(merge(nothing, layer)) == whole(merge(layer, nothing)) == whole(layer)


@given(LAYERS, LAYERS)
def test_stronger_layer_wins(weak, strong):
    """R1: what the stronger layer says stands, behind what it does not speak of."""
    merged = merge(weak, strong)
    assert list(merged.entries.items())[-len(strong.entries) or len(merged.entries) :] == list(strong.entries.items())
    assert merged.on_error == (strong.on_error or weak.on_error)
    assert merged.sidecar_file == (strong.sidecar_file or weak.sidecar_file)
    assert merged.hooks == {**weak.hooks, **strong.hooks}
    assert not {named.name for named in strong.removed} & {key for key in merged.entries if key not in strong.entries}
    if not strong.removed:
        assert merged.entries.keys() == weak.entries.keys() | strong.entries.keys()


def test_lists_grow_upwards():
    """R1: what layers use, include and warn of is kept, weakest first, each once."""
    pack, other = Named("glib", "a:1"), Named("apr", "b:2")
    weak = Config(includes=(pack,), uses=(pack,), origins=("a",), warnings=("one",), removed=(pack,))
    strong = Config(
        includes=(other, pack), uses=(other, pack), origins=("b",), warnings=("two",), removed=(other, pack)
    )
    merged = merge(weak, strong)
    assert merged.includes == merged.uses == merged.removed == (pack, other)
    assert [named.origin for named in merged.uses] == ["a:1", "b:2"]
    assert (merged.origins, merged.warnings) == (("a", "b"), ("one", "two"))


_SLAB = Allocator(
    "slab", signatures("slab_get(Z)p slab_zget(Z)p"), signatures("slab_put(P)"), parse_signature("slab_size(p)z"),
    "malloc", "preload", "a:1", signatures("slab_grow(PZ)p"), signatures("slab_drop(p)"), signatures("slab_trim()"),
    "slab_zget", False, signatures("slab_list(P)"), signatures("slab_back(P)"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("removed", "field", "left"),
    [
        ("slab_get", "alloc", "slab_zget(Z)p"),
        ("slab_put", "free", ""),
        ("slab_grow", "resize", ""),
        ("slab_drop", "free_all", ""),
        ("slab_list", "free_chain", ""),
        ("slab_back", "free_since", ""),
        ("slab_trim", "meta", ""),
    ],
)
def test_remove_a_function_of_a_family(removed, field, left):
    """R1: only that function goes; the rest of the entry stays as it was."""
    (found,) = merge(config(_SLAB), config(remove=[removed])).entries.values()
    assert getattr(found, field) == signatures(left)
    gone = {s.name for _, s in functions_of(_SLAB)} - {s.name for _, s in functions_of(found)}
    assert gone == {removed}
    assert (found.suballocates, found.interpose, found.origin, found.disabled) == ("malloc", "preload", "a:1", False)


def test_remove_the_key_symbol():
    """R7: the next entry point becomes the key symbol; also where `key` named the one that goes."""
    assert _SLAB.key_symbol == "slab_zget"
    (found,) = merge(config(_SLAB), config(remove=["slab_zget"])).allocators.values()
    assert found.key_symbol == "slab_get"
    (found,) = merge(config(_SLAB), config(remove=["slab_size"])).allocators.values()
    assert (found.usable_size, found.key_symbol) == (None, "slab_zget")


def test_remove_all_of_an_entry():
    """R1: an entry without entry points is off, also where a weaker entry of its key would come up again."""
    first = config(Wrapper("x", signatures("old(Z)p")), Sized("s", parse_signature("s(Z)p")))
    second = config(Wrapper("x", signatures("f(Z)p"), signatures("g(P)")))
    third = config(remove=["f", "g", "s"])
    merged = merge(merge(first, second), third)
    assert (merged.wrappers, merged.sized) == ({}, {})
    assert merge(first, merge(second, third)) == merged
    (family,) = merge(config(_SLAB), config(remove=["slab_get", "slab_zget"])).entries.values()
    assert family == Allocator("slab", (), disabled=True)


@pytest.mark.parametrize("key", ["allocator.slab", "wrapper.x", "sized.s", "override.o"])
def test_remove_an_entry(key):
    """R1: every kind of entry can be taken out by its key, and nothing else goes."""
    below = config(
        _SLAB,
        Wrapper("x", signatures("f(Z)p")),
        Sized("s", parse_signature("s(Z)p")),
        Override("o", "f", "g", "", "t"),
    )
    assert merge(below, config(remove=[key])).entries.keys() == below.entries.keys() - {key}


def test_removed_function_may_come_back():
    """R1: a layer above the one that removes a function may describe it anew; so may that layer itself."""
    below, again = config(Wrapper("x", signatures("f(Z)p"))), Wrapper("y", signatures("f(zZ)p"))
    assert merge(merge(below, config(remove=["f"])), config(again)).wrappers == {"y": again}
    assert merge(below, config(again, remove=["f"])).wrappers == {"y": again}


def test_scoped_function_is_removed_by_either_name():
    """R1: `util.c::f` is one function; `f` stands for all of that name."""
    below = config(Wrapper("x", signatures("util.c::f(Z)p other.c::f(Z)p")))
    (found,) = merge(below, config(remove=["util.c::f"])).wrappers.values()
    assert [s.full_name for s in found.alloc] == ["other.c::f"]
    assert merge(below, config(remove=["f"])).wrappers == {}


def test_disabled_entries_are_kept_and_not_used():
    """R1: `disable` of an inherited entry: it is off, and a stronger layer may switch it on again."""
    off = [
        Allocator("a", signatures("f(Z)p"), disabled=True),
        Wrapper("w", signatures("g(Z)p"), disabled=True),
        Sized("s", parse_signature("s(Z)p"), disabled=True),
        Override("o", "f", "g", "", "t", disabled=True),
    ]
    found = config(*off)
    assert len(found.entries) == 4
    assert (found.allocators, found.wrappers, found.sized, found.overrides) == ({}, {}, {}, ())
    on = Wrapper("w", signatures("g(Z)p"))
    assert merge(found, config(on)).wrappers == {"w": on}
    assert merge(config(on), found).wrappers == {}


@pytest.mark.parametrize(
    ("family", "text", "chunk"),
    [
        (Allocator("m", signatures("malloc(Z)p")), "realloc(PZ)p", 0),
        (Allocator("m", signatures("malloc(Z)p")), "xrealloc(pZ)p", 0),
        (Allocator("m", signatures("malloc(Z)p")), "malloc(Z)p", None),
        (Allocator("m", signatures("malloc(Z)p")), "typed(p)p", None),
        (Allocator("s", signatures("get(pZ)p"), suballocates="malloc"), "get(pZ)p", None),
        (Allocator("s", signatures("get(pZ)p"), suballocates="malloc"), "grow(pPZ)p", 1),
        (Allocator("s", signatures("get(Z)p"), suballocates="*", resize=signatures("grow(pZ)p")), "grow(pZ)p", 0),
        (Allocator("r", signatures("get(pZ)p"), free_all=signatures("drop(p)")), "get(pZ)p", None),
    ],
)
def test_which_argument_is_the_chunk(family, text, chunk):
    """R14: a pool that a suballocator is given is no chunk of it; what `realloc` gets is one."""
    assert family.chunk_of(parse_signature(text)) == chunk


def test_kinds_are_told_apart():
    """R1: one name may stand for an entry of each kind."""
    family, wrapper = Allocator("x", signatures("a(Z)p")), Wrapper("x", signatures("b(Z)p"))
    sized, override = Sized("x", parse_signature("x(Z)p")), Override("x", "f", "g", "", "t")
    found = config(family, wrapper, sized, override)
    assert (found.allocators, found.wrappers, found.sized, found.overrides) == (
        {"x": family}, {"x": wrapper}, {"x": sized}, (override,),
    )  # fmt: skip


def test_what_is_left_of_an_entry():
    """R1: a wrapper that only frees is still one; one that is off is left as it was written, for who switches it on."""
    (found,) = merge(
        config(Wrapper("x", signatures("f(Z)p"), signatures("g(P)"))), config(remove=["f"])
    ).entries.values()
    assert found == Wrapper("x", (), signatures("g(P)"))
    off = Wrapper("x", signatures("f(Z)p g(Z)p"), disabled=True)
    assert merge(config(off), config(remove=["f"])).entries == {"wrapper.x": off}
    static = Sized("u.c::s", parse_signature("u.c::s(Z)p"))
    for name in ("u.c::s", "s"):
        assert merge(config(static), config(remove=[name])).entries == {}
    assert merge(config(static), config(remove=["c::s"])).entries == config(static).entries


def test_table_takes_the_later_entry():
    """R1: of two entries with one key the later counts, and stands where it was said."""
    old, other, new = Wrapper("x", signatures("a(Z)p")), Wrapper("y"), Wrapper("x", signatures("b(Z)p"))
    assert list(table([old, other, new]).values()) == [other, new]


def test_functions_of_every_list():
    """R1: no list of an entry is forgotten."""
    assert [(key, s.name) for key, s in functions_of(_SLAB)] == [
        ("alloc", "slab_get"), ("alloc", "slab_zget"), ("resize", "slab_grow"), ("free", "slab_put"),
        ("free-chain", "slab_list"), ("free-since", "slab_back"), ("free-all", "slab_drop"),
        ("usable-size", "slab_size"), ("meta", "slab_trim"),
    ]  # fmt: skip
    assert list(functions_of(Override("o", "f", "g", "", "t"))) == []
    assert [key for key, _ in functions_of(Sized("s", parse_signature("s(Z)p")))] == ["sized"]
