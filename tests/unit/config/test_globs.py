"""Globs and the functions that are there: `allocscc.config.globs`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.globs import concrete, glob_regex
from allocscc.config.model import Config, Named, Override, functions_of, table
from allocscc.config.read import read_text

_JEMALLOC = """\
[allocator."*alloc"]
alloc = ["*_malloc(Z)p", "*_calloc(zZ)p"]
resize = ["*_realloc(PZ)p"]
free = ["*_free(P)"]
free-all = ["*_reset(p)"]
free-chain = ["*_list(P)"]
free-since = ["*_back(P)"]
meta = ["*_ctl()"]
usable-size = "*_usable_size(p)z"
key = "*_calloc"
"""


def resolved(text, *symbols, removed=()):
    """Entries by key: their functions by list, as text; of a config in which globs met these symbols."""
    config = read_text("p.toml", text)
    config = Config(config.entries, tuple(Named(name) for name in removed))
    found = {}
    for key, entry in concrete(config, symbols).entries.items():
        lists: dict[str, list[str]] = {}
        for name, signature in functions_of(entry):
            lists.setdefault(name, []).append(str(signature))
        found[key] = {name: " ".join(texts) for name, texts in lists.items()}
    return found


def wrapper(alloc, name="w", **lists):
    text = "".join(f"{key} = {value!r}\n" for key, value in {"alloc": alloc, **lists}.items())
    return f'[wrapper."{name}"]\n{text}'


@pytest.mark.parametrize(
    ("glob", "text", "groups"),
    [
        ("*_malloc", "je_malloc", ("je",)),
        ("*_malloc", "_malloc", ("",)),
        ("*_malloc", "je_mallocx", None),
        ("x?_*", "xy_z", ("y", "z")),
        ("x?", "x", None),
        ("a.b$*", "a.b$c", ("c",)),
        ("a.b$*", "aXb$c", None),
        ("a[b]+", "a[b]+", ()),
        ("a[b]+", "ab", None),
    ],
)
def test_regex(glob, text, groups):
    """R1: `*` and `?` only; all else is itself."""
    match = re.fullmatch(glob_regex(glob), text)
    assert (match.groups() if match else None) == groups


@given(st.text())
def test_regex_of_any_name(name):
    """R1: every name is a valid pattern that matches itself."""
    assert re.fullmatch(glob_regex(name), name, re.S)


def test_no_globs_no_work():
    """R1: a config without globs is left as it is."""
    config = read_text("p.toml", wrapper(["f(Z)p"]))
    assert concrete(config, ["f", "g"]) is config


def test_family_for_each_prefix():
    """R1: `je_malloc` and `mi_malloc` are two allocators, each with its own frees, meta functions and key symbol."""
    symbols = ["je_malloc", "je_calloc", "je_realloc", "mi_malloc", "mi_calloc", "unrelated", "zz_free"]
    found = resolved(_JEMALLOC, *symbols)
    assert found == {
        "allocator.jealloc": {
            "alloc": "je_malloc(Z)p je_calloc(zZ)p", "resize": "je_realloc(PZ)p", "free": "je_free(P)",
            "free-chain": "je_list(P)", "free-since": "je_back(P)", "free-all": "je_reset(p)",
            "usable-size": "je_usable_size(p)z", "meta": "je_ctl()",
        },
        "allocator.mialloc": {
            "alloc": "mi_malloc(Z)p mi_calloc(zZ)p", "free": "mi_free(P)", "free-chain": "mi_list(P)",
            "free-since": "mi_back(P)", "free-all": "mi_reset(p)",
            "usable-size": "mi_usable_size(p)z", "meta": "mi_ctl()",
        },
    }  # fmt: skip
    config = concrete(read_text("p.toml", _JEMALLOC), symbols)
    assert {family.key_symbol for family in config.allocators.values()} == {"je_calloc", "mi_calloc"}
    assert {family.origin for family in config.allocators.values()} == {"p.toml:1"}


def test_nothing_matches():
    """R1: a glob that matches nothing is no entry; a wrapper that only resizes or frees by glob neither."""
    assert resolved(_JEMALLOC, "malloc", "free") == {}
    assert resolved(wrapper(["*_x(Z)p"], free=["f(P)"]), "y") == {"wrapper.w": {"free": "f(P)"}}


def test_names_of_entries():
    """R1: an entry whose name has no glob keeps it for one match, and gets a name for each of several."""
    text = wrapper(["*_get(Z)p"])
    assert resolved(text, "a_get") == {"wrapper.w": {"alloc": "a_get(Z)p"}}
    assert list(resolved(text, "a_get", "b_get")) == ["wrapper.w:a", "wrapper.w:b"]
    text = wrapper(["x?_*(Z)p"])
    assert list(resolved(text, "x1_a", "x2_b")) == ["wrapper.w:1-a", "wrapper.w:2-b"]


def test_written_names_in_the_same_entry():
    """R1: what is written out stays one entry, what the glob finds is another."""
    found = resolved(wrapper(["f(Z)p", "*_get(Z)p"], free=["free(P)", "*_put(P)"]), "a_get", "f")
    assert found == {
        "wrapper.w": {"alloc": "f(Z)p", "free": "free(P)"},
        "wrapper.w:a": {"alloc": "a_get(Z)p", "free": "free(P) a_put(P)"},
    }


def test_parts_of_an_entry():
    """R1: frees that are written out go with what the glob finds; a wrapper may resize only."""
    assert resolved(wrapper(["*_get(Z)p"], free=["free(P)"]), "a_get") == {
        "wrapper.w": {"alloc": "a_get(Z)p", "free": "free(P)"}
    }
    assert resolved('[wrapper.w]\nresize = ["*_grow(PZ)p"]\n', "a_grow") == {"wrapper.w": {"resize": "a_grow(PZ)p"}}


@pytest.mark.parametrize(("key", "keys"), [("f", {"m": "f", "m:a": "a_get"}), ("*_get", {"m": "f", "m:a": "a_get"}),
                                           ("g", {"m": "g", "m:a": "a_get"})])  # fmt: skip
def test_key_symbol(key, keys):
    """R7: each family's key symbol is one of its own entry points."""
    text = f'[allocator.m]\nalloc = ["f(Z)p", "g(Z)p", "*_get(Z)p"]\nkey = "{key}"\n'
    config = concrete(read_text("p.toml", text), ["f", "g", "a_get"])
    assert {name: family.key_symbol for name, family in config.allocators.items()} == keys


@pytest.mark.parametrize("order", [1, -1])
def test_written_name_outranks_a_glob(order):
    """R1: whichever layer it stands in."""
    parts = [wrapper(["*_get(Z)p"], "glob"), wrapper(["a_get(zZ)p"], "plain")]
    found = resolved("".join(parts[::order]), "a_get", "b_get")
    assert found == {"wrapper.glob": {"alloc": "b_get(Z)p"}, "wrapper.plain": {"alloc": "a_get(zZ)p"}}


def test_stronger_glob_wins():
    """R1: of two globs that match a function, the later one has it."""
    found = resolved(wrapper(["*_get(Z)p"], "weak") + wrapper(["a_*(Z)p"], "strong"), "a_get", "b_get")
    assert found == {"wrapper.weak": {"alloc": "b_get(Z)p"}, "wrapper.strong": {"alloc": "a_get(Z)p"}}


def test_removed_functions_are_left_alone():
    """R1: `remove` is the way to take one function out of a glob."""
    assert resolved(wrapper(["*_get(Z)p"]), "a_get", "b_get", removed=["a_get"]) == {
        "wrapper.w": {"alloc": "b_get(Z)p"}
    }


def test_disabled_glob():
    """R1: an entry that is off matches nothing, and stays."""
    text = '[wrapper.w]\nalloc = ["*_get(Z)p"]\ndisable = true\n' + wrapper(["a*(Z)p"], "v")
    found = resolved(text, "a_get")
    assert found == {"wrapper.w": {"alloc": "*_get(Z)p"}, "wrapper.v": {"alloc": "a_get(Z)p"}}


def test_sized_glob():
    """R1: ALLOCSZ functions may be named by globs, too."""
    assert resolved('sized = ["ckd_*(iiI)p"]', "ckd_2d", "ckd_3d", "other") == {
        "sized.ckd_2d": {"sized": "ckd_2d(iiI)p"},
        "sized.ckd_3d": {"sized": "ckd_3d(iiI)p"},
    }


def test_overloads_are_one_entry():
    """R1: overloads of a C++ function belong together; they are no family for each."""
    text = '[allocator.pool]\nalloc = ["pool::get(pZ)p"]\nfree = ["pool::put(pP)"]\nmeta = ["pool::size(p)z"]\n'
    symbols = ["_ZN4pool3getEm", "_ZN4pool3getEi", "_ZNK4pool3getEv", "_ZN4pool3putEPv", "_ZNK4pool4sizeEv", "_Z3getm"]
    (family,) = concrete(read_text("p.toml", text), symbols).allocators.values()
    assert family.name == "pool"
    assert [s.name for s in family.alloc] == ["_ZN4pool3getEi", "_ZN4pool3getEm", "_ZNK4pool3getEv"]
    assert [s.name for s in family.free] == ["_ZN4pool3putEPv"]
    assert [s.name for s in family.meta] == ["_ZNK4pool4sizeEv"]
    assert family.key_symbol == "_ZN4pool3getEi"
    assert concrete(read_text("p.toml", text), ["malloc"]).allocators == {}


def test_entries_with_one_name():
    """R1: an entry that a glob made does not push out another one of the name that it came to."""
    text = '[allocator.je]\nalloc = ["je_get(Z)p"]\n[allocator."*"]\nalloc = ["*_malloc(Z)p"]\n'
    found = resolved(text, "je_malloc", "je_get")
    assert sorted(lists["alloc"] for lists in found.values()) == ["je_get(Z)p", "je_malloc(Z)p"]


def test_entries_without_globs_stay():
    """R1: in a config that has globs, other entries are what they were, whether their functions are there or not."""
    text = wrapper(["*_get(Z)p"], "glob")
    plain = read_text(
        "p.toml", 'sized = ["s(Z)p"]\n' + wrapper(["f(Z)p"]) + '[allocator.a]\nalloc = ["g(Z)p"]\nkey = "g"\n'
    )
    config = Config({**read_text("p.toml", text).entries, **plain.entries})
    assert concrete(config, ["unrelated"]).entries == plain.entries


def test_any_iterable_of_symbols():
    """R1: symbols may come from a generator; several globs see all of them."""
    config = read_text("p.toml", wrapper(["a*(Z)p"], "x") + wrapper(["b*(Z)p"], "y"))
    found = concrete(config, (name for name in ("a1", "b1")))
    assert [s.name for entry in found.wrappers.values() for s in entry.alloc] == ["a1", "b1"]


def test_overrides_stay():
    """R1: overrides have no functions of their own."""
    override = Override("o", "f", "g", "", "t")
    config = read_text("p.toml", wrapper(["*_get(Z)p"]))
    config = Config(table([override, *config.entries.values()]))
    assert concrete(config, ["a_get"]).overrides == (override,)
