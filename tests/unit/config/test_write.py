"""A config as TOML and as JSON: `allocscc.config.write`."""

import json
import tomllib

import pytest
from hypothesis import given, settings

from allocscc.config.model import Allocator, Config, Named, Override, Sized, Wrapper, merge, table
from allocscc.config.read import read_text
from allocscc.config.signature import Signature, parse_signature
from allocscc.config.write import printable, to_json, to_toml
from tests.unit.config.strategies import files

_FULL = """\
remove = ["old", "wrapper.older"]
sized = ["ckd(iiI)p"]
on-error = "stop"

[sidecar]
file = "always"

[hooks]
plan = "/p/h.py"

[stubgen]
include = ["/p/a.h", "/p/b.h"]

[allocator."a b.c"]
suballocates = "malloc"
alloc = ["get(Z)p", "zget(Z)p"]
resize = ["grow(PZ)p"]
free = ["put(P)"]
free-chain = ["list(Pz)"]
free-since = ["back(pP)"]
free-all = ["drop(p)"]
meta = ["trim()"]
usable-size = "size(p)z"
key = "zget"
interpose = "preload"

[wrapper.off]
disable = true

[override.o]
function = "f"
callee = "g"
type = "t"
"""


def same(config, text):
    """Whether the text is the config, origins and order aside."""
    found = read_text("/again.toml", text)
    return (found.entries, found.removed, found.on_error, found.sidecar_file, found.hooks, found.includes) == (
        config.entries, config.removed, config.on_error, config.sidecar_file, config.hooks, config.includes,
    )  # fmt: skip


@settings(max_examples=40)
@given(files())
def test_what_is_written_reads_back(config):
    """R1: read∘write is the identity, whatever names and paths hold."""
    assert same(config, to_toml(config))
    assert same(config, to_toml(config, origins=True))


def test_layout():
    """R1: the text is what a person would write; what is read from it is written as it was."""
    for text in (_FULL, '[allocator.x]\nalloc = ["f(Z)p"]\n', 'remove = ["f"]\n'):
        assert to_toml(read_text("/p/allocscc.toml", text)) == text


def test_cxx_names_stay_readable():
    """R1: what was written as C++ is shown as C++, once, and reads back as the same symbols."""
    text = 'sized = ["ns::s(Z)p"]\n\n[wrapper.w]\nalloc = ["ns::f(Z)p", "operator new(unsigned long)(Z)p"]\n'
    config = read_text("p.toml", text)
    assert to_toml(config) == text
    assert same(config, text)
    assert len(config.wrappers["w"].alloc) == 3


def test_disabled_functions_survive():
    """R1: an entry that lost its last function to `remove` is shown as what it is: off."""
    weak = Config(table([Wrapper("x", (parse_signature("f(Z)p"),)), Sized("s", parse_signature("s(Z)p"))]))
    merged = merge(weak, Config(removed=(Named("f"), Named("s")), on_error="", sidecar_file=""))
    assert "[wrapper.x]\ndisable = true" in to_toml(merged)
    assert same(merged, to_toml(merged))


def test_origins_are_comments():
    """R1: with origins, each entry says where it comes from."""
    config = read_text("p.toml", 'sized = ["s(Z)p"]\n[wrapper.x]\nalloc = ["f(Z)p"]\n')
    lines = to_toml(config, origins=True).splitlines()
    assert "# s: p.toml:1" in lines
    assert lines[lines.index("[wrapper.x]") - 1] == "# p.toml:2"


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\x9b", "\u202e", "\udcff"])
def test_odd_paths_stay_in_their_comment(name):
    """R1: a folder's name may hold anything; the text stays TOML and harmless."""
    config = Config(table([Wrapper("x", (parse_signature("f(Z)p"),), origin=f"/{name}/p.toml:1")]))
    text = to_toml(config, origins=True)
    assert tomllib.loads(text)["wrapper"]["x"]["alloc"] == ["f(Z)p"]
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "?" in text


def test_long_lists_have_a_line_for_each():
    """R1: a long list is one that people can edit and `diff` can show."""
    functions = tuple(parse_signature(f"function_number_{number}(Z)p") for number in range(9))
    text = to_toml(Config(table([Wrapper("x", functions)])))
    assert text.count('\n    "function_number_') == 9
    assert read_text("p.toml", text).wrappers["x"].alloc == functions


def test_empty_config():
    """R1: nothing to say is no text."""
    assert to_toml(Config(on_error="", sidecar_file="")) == ""


@pytest.mark.parametrize(("text", "expected"), [("a b é", "a b é"), ("a\tb\x00\x7f\u2028\udc80", "a?b????")])
def test_printable(text, expected):
    """R1: one line, nothing that a terminal obeys."""
    assert printable(text) == expected


def test_json():
    """R1: `config show --json` is a contract: every entry with all its lists and its origin."""
    config = Config(
        table([
            Sized("u.c::s", Signature("s", ("Z",), "p", scope="u.c"), "a:1"),
            Allocator(
                "m", (parse_signature("get(Z)p"),), (parse_signature("put(P)"),), parse_signature("size(p)z"), "*",
                "preload", "a:2", (parse_signature("grow(PZ)p"),), (parse_signature("drop(p)"),),
                (parse_signature("trim()"),),
            ),
            Wrapper("w", (Signature("_Z1fi", ("i",), "p", written="f(int)"),), origin="a:3"),
            Override("o", "f", "g", "char", "t", "a:4"),
            Allocator("off", (), origin="a:5", disabled=True),
            Allocator("also", (parse_signature("k(Z)p"),), disabled=True),
        ]),
        (Named("x", "a:6"),), hooks={"plan": Named("/h.py")}, includes=(Named("/h.h"),), origins=("a",),
        warnings=("w",),
    )  # fmt: skip
    found = json.loads(json.dumps(to_json(config)))
    entries = found.pop("entries")
    assert found == {
        "removed": [{"name": "x", "origin": "a:6"}], "on-error": "warn", "observe": "stubs",
        "sidecar": {"file": "auto", "candidates": "auto"}, "hooks": {"plan": "/h.py"},
        "stubgen": {"include": ["/h.h"]}, "layers": ["a"], "warnings": ["w"],
    }  # fmt: skip
    assert entries.pop()["key"] == "k"
    assert entries == [
        {
            "kind": "sized", "name": "u.c::s", "origin": "a:1", "disabled": False, "signature": "u.c::s(Z)p",
            "symbol": "u.c::s",
        },
        {
            "kind": "allocator", "name": "m", "origin": "a:2", "disabled": False, "suballocates": "*",
            "interpose": "preload", "usable-size": "size(p)z", "key": "get", "alloc": ["get(Z)p"],
            "resize": ["grow(PZ)p"], "free": ["put(P)"], "free-chain": [],
                "free-since": [], "free-all": ["drop(p)"], "meta": ["trim()"],
        },
        {
            "kind": "wrapper", "name": "w", "origin": "a:3", "disabled": False, "alloc": ["f(int)(i)p"], "resize": [],
            "free": [],
        },
        {
            "kind": "override", "name": "o", "origin": "a:4", "disabled": False, "function": "f", "callee": "g",
            "says": "char", "type": "t",
        },
        {
            "kind": "allocator", "name": "off", "origin": "a:5", "disabled": True, "suballocates": "", "interpose": "",
            "usable-size": "", "key": "", "alloc": [], "resize": [], "free": [], "free-chain": [],
                "free-since": [], "free-all": [], "meta": [],
        },
    ]  # fmt: skip
