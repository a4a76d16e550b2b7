"""Declarations from sources as a layer: `allocscc.config.declared`."""

from dataclasses import replace

import pytest

from allocscc.config.declared import declared_layer, with_declarations
from allocscc.config.functions import function_roles
from allocscc.config.globs import concrete
from allocscc.config.model import ANY_PARENT, Allocator, Config, Wrapper
from allocscc.config.read import read_text
from allocscc.config.signature import parse_signature
from allocscc.sidecar import Declaration


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


def wraps(signature, entry="", where="x.h:1", part="alloc", free=()):
    name = signature.partition("(")[0]
    return Declaration("wrapper", part, entry or name, signature, free, origin=where)


def entry_point(signature, part="alloc", parent="", entry="slab", where="x.h:1"):
    return Declaration("allocator", part, entry, signature, (), parent, where)


def config(text=""):
    return read_text("p.toml", text)


def test_wrapper():
    """R5: a function and what frees its chunks are an entry; it says where it was declared."""
    layer = declared_layer([
        wraps("xmalloc(Z)p", free=("xfree(P)", "xdrop(pP)")),
        wraps("xfree2(P)", "xmalloc", part="free"),
        wraps("xrealloc(PZ)p", "xmalloc", part="resize"),
    ])  # fmt: skip
    assert layer.wrappers == {
        "xmalloc": Wrapper(
            "xmalloc", signatures("xmalloc(Z)p"), signatures("xfree(P) xdrop(pP) xfree2(P)"),
            resize=signatures("xrealloc(PZ)p"),
        )
    }  # fmt: skip
    assert layer.wrappers["xmalloc"].origin == "source x.h:1"


def test_free_that_several_functions_name():
    """R5: functions of one entry share what frees; it is listed once."""
    layer = declared_layer([wraps("f(Z)p", "x", free=("xfree(P)",)), wraps("g(Z)p", "x", free=("xfree(P)",))])
    assert layer.wrappers["x"].free == signatures("xfree(P)")


def test_family():
    """R5: entry points of one family come together from anywhere; the first one declared is the key symbol."""
    layer = declared_layer([
        entry_point("put(P)", "free"), entry_point("get(Z)p", parent="malloc"), entry_point("zget(Z)p"),
        entry_point("grow(PZ)p", "resize"), entry_point("drop(P)", "free-all"), entry_point("list(Pz)", "free-chain"),
        entry_point("back(pP)", "free-since"),
    ])  # fmt: skip
    assert layer.allocators == {
        "slab": Allocator(
            "slab", signatures("get(Z)p zget(Z)p"), signatures("put(P)"), suballocates="malloc",
            resize=signatures("grow(PZ)p"), free_all=signatures("drop(P)"), free_chain=signatures("list(Pz)"),
            free_since=signatures("back(pP)"),
        )
    }  # fmt: skip
    assert layer.allocators["slab"].key_symbol == "get"


def test_family_without_entry_points():
    """R7: what has no key symbol can have no instance."""
    assert declared_layer([entry_point("put(P)", "free")]).entries == {}


def test_sized():
    """R5: ALLOCSZ functions, too."""
    layer = declared_layer([Declaration("sized", "sized", "ckd", "ckd(iiI)p", origin="x.h:9")])
    assert (str(layer.sized["ckd"].signature), layer.sized["ckd"].origin) == ("ckd(iiI)p", "source x.h:9")


def test_first_of_two_counts():
    """R5: units that disagree on a function are not mixed."""
    layer = declared_layer([wraps("f(Z)p"), wraps("f(zZ)p", where="y.h:2"), wraps("f(Z)p", "other")])
    assert {name: w.alloc for name, w in layer.wrappers.items()} == {"f": signatures("f(Z)p")}


@pytest.mark.parametrize(
    "declaration",
    [
        wraps("f(Q)p"),
        wraps("f"),
        wraps(""),
        wraps("f(Z)p", free=("x(q)",)),
        wraps("f(Z)p", part="later"),
        entry_point("f(Z)p", "later"),
        Declaration("later", "alloc", "f", "f(Z)p"),
    ],
)
def test_words_of_a_newer_version(declaration):
    """R5: what this version does not know is left out; the rest counts."""
    layer = declared_layer([declaration, wraps("g(Z)p")])
    functions = {s.name for e in layer.wrappers.values() for s in (*e.alloc, *e.resize, *e.free)}
    assert functions == {"g"}
    assert layer.allocators == {}


def test_weakest_layer():
    """R5: declarations lie below everything."""
    merged = with_declarations(config('[wrapper.x]\nalloc = ["f(Z)p"]\n'), [wraps("g(Z)p")])
    assert list(merged.entries) == ["wrapper.g", "wrapper.x"]
    assert (merged.origins, merged.on_error) == (("p.toml",), "")


@pytest.mark.parametrize(
    "text",
    [
        '[wrapper.x]\nalloc = ["f(zZ)p"]\n',
        '[wrapper.x]\nalloc = ["g(Z)p"]\nfree = ["f(P)"]\n',
        '[allocator.x]\nalloc = ["g(Z)p"]\nmeta = ["f()"]\n',
        '[allocator.x]\nalloc = ["f(zZ)p"]\n',
        'sized = ["f(Z)p"]\n',
        'remove = ["f"]\n',
        '[wrapper.x]\nalloc = ["*(zZ)p"]\n',
        '[wrapper.x]\nalloc = ["?(zZ)p"]\n',
    ],
)
@pytest.mark.parametrize("declaration", [wraps("f(Z)p"), entry_point("f(Z)p"), wraps("f(P)", "h", part="free")])
def test_never_overrides(text, declaration):
    """R5: a function that the config names in any way, or removes, is left as the config has it."""
    below = config(text)
    merged = with_declarations(below, [declaration])
    assert concrete(merged, ["f"]).entries == concrete(below, ["f"]).entries


def test_static_function_is_another_one():
    """R5: an entry for `util.c::f` says nothing of the global `f`."""
    merged = with_declarations(config('[wrapper.x]\nalloc = ["util.c::f(zZ)p"]\n'), [wraps("f(Z)p")])
    assert str(function_roles(merged)["f"].signature) == "f(Z)p"


@pytest.mark.parametrize(
    "text",
    [
        "[wrapper.f]\ndisable = true\n",
        '[wrapper.x]\nalloc = ["f(zZ)p"]\ndisable = true\n',
        '[wrapper.x]\nalloc = ["f*(zZ)p"]\ndisable = true\n',
        'remove = ["wrapper.f"]\n',
    ],
)
def test_what_the_config_switches_off(text):
    """R5: what a source declares can be switched off as any inherited entry can, by its key or by its function."""
    merged = with_declarations(config(text), [wraps("f(Z)p")])
    assert merged.wrappers == {}
    assert with_declarations(config(text), [wraps("g(Z)p")]).wrappers.keys() == {"g"}


def test_entry_of_the_same_name_is_another_one():
    """R5: an entry of the config is not extended by sources: theirs gets a name of its own."""
    merged = with_declarations(
        config('[allocator.slab]\nalloc = ["f(Z)p"]\n'),
        [entry_point("get(Z)p"), entry_point("put(P)", "free"), wraps("other(Z)p")],
    )
    assert list(merged.wrappers) == ["other"]
    assert {name: a.alloc[0].name for name, a in merged.allocators.items()} == {"slab (declared)": "get", "slab": "f"}
    assert merged.allocators["slab (declared)"].free == signatures("put(P)")


@pytest.mark.parametrize(
    ("parent", "expected"), [("malloc", "malloc"), ("nobody", ANY_PARENT), ("", ""), ("slab", ANY_PARENT)]
)
def test_parent(parent, expected):
    """R10: a parent that nobody describes is observed at run time, and no circle comes in from sources."""
    below = config('[allocator.malloc]\nalloc = ["malloc(Z)p"]\n')
    merged = with_declarations(below, [entry_point("get(Z)p", parent=parent)])
    assert merged.allocators["slab"].suballocates == expected


def test_generator_of_declarations():
    """R5: declarations come from many sidecars, one after the other."""
    several = [wraps("f(Z)p"), replace(wraps("g(Z)p"), entry="f")]
    assert with_declarations(config(), (d for d in several)).wrappers["f"].alloc == signatures("f(Z)p g(Z)p")


def test_nothing_declared():
    """R5: no declarations, no change."""
    below = Config(on_error="stop")
    assert with_declarations(below, []) == below


@pytest.mark.parametrize(
    "signature",
    ["x(Z)p; int y(Z)p", 'x"(Z)p', "x;.globl(Z)p", "*(Z)p", "x.c::f(Z)p", "pool::get(int)(Z)p", "x'(Z)p", "0(Z)p"],
)
def test_names_that_are_no_symbols(signature):
    """R4, R6: no compiler writes such a one into a sidecar; in a stub it would be code."""
    assert not declared_layer([wraps(signature, "x")]).entries
    assert not declared_layer([wraps("x(Z)p", free=(signature.replace("(Z)p", "(P)"),))]).entries
