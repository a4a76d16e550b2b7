"""What a person should know of layers: `allocscc.config.check`."""

from dataclasses import replace

import pytest

from allocscc.config.check import findings, mentions
from allocscc.config.functions import function_roles
from allocscc.config.load import merge_layers
from allocscc.config.read import read_text


def layers(*texts):
    """Layers `1.toml`, `2.toml` …, weakest first."""
    return [read_text(f"{number}.toml", text) for number, text in enumerate(texts, 1)]


def told(*texts):
    return [(finding.origin, finding.text) for finding in findings(layers(*texts))]


def why(name, *texts):
    """Every mention: entry, list, whether it wins, why."""
    return [
        (f"{m.entry.kind}.{m.entry.name}", m.list, m.wins, m.why, m.entry.origin)
        for m in mentions(layers(*texts), name)
    ]


def wrapper(*alloc, name="x", **lists):
    return f"[wrapper.{name}]\n" + "".join(
        f"{key} = {value!r}\n" for key, value in {"alloc": [*alloc], **lists}.items()
    )


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("",),
        (wrapper("f(Z)p"), wrapper("g(Z)p", name="y")),
        (wrapper("f(Z)p"), wrapper("f(Z)p")),
        (wrapper("f(Z)p", free=["free(P)"]), wrapper("g(Z)p", name="y", free=["free(P)"])),
        (wrapper("f(Z)p"), "[wrapper.x]\ndisable = true\n"),
        (wrapper("f(Z)p"), 'remove = ["wrapper.x"]\n'),
        (wrapper("f(Z)p", "g(Z)p"), 'remove = ["g"]\n'),
        (wrapper("u.c::f(Z)p"), 'remove = ["u.c::f"]\n'),
        ("[allocator.m]\nalloc = ['m(Z)p', 'realloc(PZ)p']\n",),
        ("[allocator.s]\nalloc = ['s_alloc(Z)p']\nresize = ['s_realloc(pZ)p']\nsuballocates = '*'\n",),
        ("[allocator.s]\nalloc = ['s_alloc(pZ)p', 's_realloc(pPZ)p']\nsuballocates = '*'\n",),
        tuple(f"[allocator.{name}]\nalloc = ['{name}(pZ)p']\nfree-all = ['d(P)']\n" for name in "ab"),
        ("[allocator.a]\nalloc = ['a(Z)p']\nfree-all = ['reset()']\n",),
    ],
)
def test_nothing_to_tell(texts):
    """R1: layers that add to each other, and what is switched off or taken out on purpose."""
    assert told(*texts) == []


@pytest.mark.parametrize(
    ("texts", "origin", "text"),
    [
        (
            (wrapper("f(Z)p", "h(Z)p"), wrapper("f(Z)p", "g(Z)p")),
            "2.toml:1",
            "wrapper.x replaces the entry from 1.toml:1 as a whole; no longer named: h",
        ),
        (
            (wrapper("f(Z)p"), wrapper("f(zZ)p")),
            "2.toml:1",
            "wrapper.x replaces the entry from 1.toml:1 as a whole",
        ),
        (
            (wrapper("f(Z)p"), "", wrapper("f(Z)p", name="y")),
            "3.toml:1",
            "wrapper.y claims f, which wrapper.x (1.toml:1) claims, too; the later wins",
        ),
        (
            (wrapper("f(Z)p"), "[allocator.a]\nalloc = ['g(Z)p']\nfree = ['f(P)']\n"),
            "2.toml:1",
            "allocator.a claims f, which wrapper.x (1.toml:1) claims, too; the later wins",
        ),
        (
            (wrapper("f(Z)p"), "sized = ['f(Z)p']\n"),
            "2.toml:1",
            "sized.f claims f, which wrapper.x (1.toml:1) claims, too; the later wins",
        ),
        (("", "\nremove = ['f']\n"), "2.toml:2", "remove: no weaker layer has f"),
        ((wrapper("f(Z)p"), "remove = ['wrapper.y']\n"), "2.toml:1", "remove: no weaker layer has wrapper.y"),
        (("remove = ['f']\n", wrapper("f(Z)p")), "1.toml:1", "remove: no weaker layer has f"),
        (
            (wrapper("f(Z)p"), "[wrapper.y]\ndisable = true\n"),
            "2.toml:1",
            "wrapper.y is disabled, but no weaker layer has it",
        ),
        (
            ("[allocator.s]\nalloc = ['s_alloc(Z)p', 's_realloc(pZ)p']\nsuballocates = '*'\n",),
            "1.toml:1",
            "allocator.s.alloc: s_realloc(pZ)p looks as if it resized a chunk; if it does, list it in resize",
        ),
    ],
)
def test_finding(texts, origin, text):
    """R1: the later wins, and `allocs config check` tells of it, with both places."""
    assert told(*texts) == [(origin, text)]


def test_warnings_of_layers():
    """R1: what was left out is told first."""
    (layer,) = layers("")
    found = findings([replace(layer, warnings=("a is wrong",))])
    assert [(f.origin, f.text) for f in found] == [("", "a is wrong")]


def test_removed_cxx_function():
    """R1: a C++ function is removed by its name as people write it, whatever it was listed by."""
    text = "remove = ['pool::get(unsigned long)']\n"
    for listed in ("_ZN4pool3getEm(pZ)p", "pool::get(unsigned long)(pZ)p"):
        assert told(wrapper(listed), text) == []
        assert merge_layers(layers(wrapper(listed), text)).wrappers == {}


def test_one_entry():
    """R1: the only entry that names a function counts."""
    assert why("f", wrapper("f(Z)p", "g(Z)p")) == [
        ("wrapper.x", "alloc", True, "counts: the strongest entry that names the function", "1.toml:1")
    ]


def test_nobody_speaks():
    """R1: a function that no entry names."""
    assert why("h", wrapper("f(Z)p", "hh(Z)p")) == []


def test_every_layer_is_shown():
    """R1: weakest first, each with its reason."""
    found = why(
        "f",
        wrapper("f(Z)p"),
        wrapper("f(zZ)p") + wrapper("g(Z)p", name="free", free=["f(P)"]),
        "[allocator.a]\nalloc = ['f(Z)p']\n",
    )
    assert found == [
        ("wrapper.x", "alloc", False, "replaced by 2.toml:1", "1.toml:1"),
        ("wrapper.x", "alloc", False, "outranked by allocator.a, 3.toml:1", "2.toml:1"),
        ("wrapper.free", "free", False, "how a chunk of wrapper.free is freed; it claims nothing", "2.toml:3"),
        ("allocator.a", "alloc", True, "counts: the strongest entry that names the function", "3.toml:1"),
    ]


@pytest.mark.parametrize(
    ("above", "reason"),
    [
        ("[wrapper.x]\ndisable = true\n", "disabled by 2.toml:1"),
        ("\nremove = ['wrapper.x']\n", "removed by 2.toml:2"),
        ("\nremove = ['f']\n", "removed by 2.toml:2"),
        (wrapper("g(Z)p"), "replaced by 2.toml:1"),
    ],
)
def test_inherited_entry_that_does_not_count(above, reason):
    """R1: and by what."""
    assert why("f", wrapper("f(Z)p"), above) == [("wrapper.x", "alloc", False, reason, "1.toml:1")]


def test_entry_that_is_off():
    """R1: an entry that is off where it stands."""
    (found,) = why("f", wrapper("f(Z)p") + "disable = true\n")
    assert found[2:4] == (False, "disabled")


def test_several_lists_of_one_entry():
    """R1: a family that allocates and frees with one function."""
    found = why("f", "[allocator.a]\nalloc = ['f(PZ)p']\nfree = ['f(PZ)p']\n")
    assert [(name, wins, reason) for _, name, wins, reason, _ in found] == [
        ("alloc", True, "counts: the strongest entry that names the function"),
        ("free", False, "counts in the entry's list alloc"),
    ]


def test_other_functions_that_are_removed():
    """R1: a layer that removes something else is no reason."""
    found = why("f", wrapper("f(Z)p", "g(Z)p"), wrapper("f(Z)p", name="y"), 'remove = ["g", "wrapper.y"]\n')
    assert [(entry, wins, reason) for entry, _, wins, reason, _ in found] == [
        ("wrapper.x", True, "counts: the strongest entry that names the function"),
        ("wrapper.y", False, "removed by 3.toml:1"),
    ]


def test_globs():
    """R1: a glob speaks of all that it matches, and yields to a name that is written out."""
    glob, plain = "[allocator.g]\nalloc = ['*_get(Z)p']\n", wrapper("a_get(Z)p")
    assert why("b_get", glob, plain) == [
        ("allocator.g", "alloc", True, "counts: a glob, and no entry names the function itself", "1.toml:1")
    ]
    for texts in ((glob, plain), (plain, glob)):
        found = {entry: (wins, reason) for entry, _, wins, reason, _ in why("a_get", *texts)}
        assert found["wrapper.x"] == (True, "counts: the strongest entry that names the function")
        assert found["allocator.g"][0] is False
        assert found["allocator.g"][1].startswith("outranked by wrapper.x, ")
    assert why("get", glob) == []
    assert [entry for entry, *_ in why("b_get", wrapper("?_get(Z)p"))] == ["wrapper.x"]
    assert why("bb_get", wrapper("?_get(Z)p")) == []


@pytest.mark.parametrize("asked", ["pool::get(unsigned long)", "_ZN4pool3getEm", "pool::get"])
@pytest.mark.parametrize("listed", ["pool::get(unsigned long)(pZ)p", "_ZN4pool3getEm(pZ)p", "pool::get(pZ)p"])
def test_cxx_names(asked, listed):
    """R1: by its symbol or as written, with its parameters or for all overloads: the entry is found."""
    assert "wrapper.x" in {entry for entry, *_ in why(asked, wrapper(listed))}
    assert why("pool::put(void*)", wrapper(listed)) == []


def test_cxx_name_that_is_none():
    """R1: a question is answered, not argued with."""
    assert why("a::b<int>", wrapper("f(Z)p")) == []


def test_static_functions():
    """R1: `util.c::f` and `f` are two functions."""
    text = wrapper("util.c::f(Z)p") + wrapper("f(Z)p", name="y")
    assert [entry for entry, *_ in why("util.c::f", text)] == ["wrapper.x"]
    assert [entry for entry, *_ in why("f", text)] == ["wrapper.y"]


def test_winner_is_who_decides():
    """R1: `explain` tells what the link phase does."""
    texts = [
        wrapper("f(Z)p") + "[allocator.m]\nalloc = ['a(Z)p']\nmeta = ['f()']\n",
        "[allocator.n]\nalloc = ['b(Z)p']\nfree = ['f(P)']\n" + wrapper("c(Z)p", name="y", free=["f(P)"]),
    ]
    (winner,) = [m for m in mentions(layers(*texts), "f") if m.wins]
    role = function_roles(merge_layers(layers(*texts)))["f"]
    assert (winner.entry, winner.list) == (role.entry, role.list)


def test_a_region_that_no_chunk_belongs_to():
    """R1: what frees a region frees nothing where no entry point says which one it takes from."""
    ((origin, text),) = told("[allocator.a]\nalloc = ['a(Z)p']\nfree-all = ['d(P)']\n")
    assert (origin, text) == (
        "1.toml:1",
        "allocator.a.free-all: d(P) frees a region, but no function of alloc takes one (p): chunks go with their parent"
        " only",
    )
