"""The packs of libraries: each is right by itself, every signature is what the library's own headers declare."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allocscc.config.check import findings
from allocscc.config.load import merge_layers, pack_names, validate
from allocscc.config.read import read_layer
from allocscc.config.signature import parse_signature

from . import headers
from .headers import Declaration
from .libraries import LIBRARIES, Library

CONFIG = Path(__file__).parents[2] / "config"
LISTS = ("alloc", "resize", "free", "free-all", "meta")


def signatures(pack: str) -> Iterator[str]:
    """Every signature of a pack, as it is written."""
    content: dict[str, Any] = tomllib.loads((CONFIG / f"{pack}.toml").read_text())
    yield from content.get("sized", [])
    for kind in ("allocator", "wrapper"):
        for entry in content.get(kind, {}).values():
            for key in LISTS:
                yield from entry.get(key, [])
            if "usable-size" in entry:
                yield entry["usable-size"]


def name_of(signature: str) -> str:
    """The function that a signature describes."""
    return parse_signature(signature).name


@pytest.mark.parametrize("pack", pack_names())
def test_packs_are_right_by_themselves(pack: str) -> None:
    """R1: a pack is read, fits the built-in description, and nothing in it looks as if it were not meant."""
    layers = [read_layer(str(CONFIG / f"{name}.toml")) for name in ("builtin", pack)]
    validate(merge_layers(layers))
    assert findings(layers) == []


@pytest.mark.parametrize(
    ("signature", "told"),
    [
        ("f(psZP*.)p", []),
        ("f(psZP*)p", ["f is variadic"]),
        ("f(psZ.)p", ["f has 4 parameters (struct x *, const char *, unsigned long, void **), not 3"]),
        ("f(zpIP.)", [
            "parameter 1 of f is struct x *, not size_t",
            "parameter 3 of f is unsigned long, not int",
            "the result of f is char *, not void",
        ]),
        ("f(sppP*.)i", [
            "parameter 1 of f is struct x *, not a pointer to char",
            "parameter 3 of f is unsigned long, not a pointer",
            "the result of f is char *, not int",
        ]),
    ],
)  # fmt: skip
def test_mismatches_are_told(signature: str, told: list[str]) -> None:
    """R1: the comparison below sees a wrong type, number of parameters or result."""
    declaration = (["struct x *", "const char *", "unsigned long", "void **", "..."], "char *")
    assert headers.mismatches(signature, declaration) == told


def test_every_pack_has_headers() -> None:
    """R1: no pack whose signatures are not compared with those of the library."""
    assert sorted(library.pack for library in LIBRARIES) == pack_names()


@pytest.fixture(scope="module", params=LIBRARIES, ids=lambda library: library.pack)
def library(request: pytest.FixtureRequest) -> Library:
    """Each library in turn."""
    chosen: Library = request.param
    return chosen


@pytest.fixture(scope="module")
def declared(library: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Declaration]:
    """What the library's headers declare, fetched once."""
    return library.declared(tmp_path_factory.mktemp(library.pack))


def test_signatures_are_those_of_the_headers(library: Library, declared: dict[str, Declaration]) -> None:
    """R1: number and types of the parameters and the result, of every function of the pack that is declared."""
    wrong = {
        signature: found
        for signature in signatures(library.pack)
        if name_of(signature) in declared
        and (found := headers.mismatches(signature, declared[name_of(signature)]))
    }  # fmt: skip
    assert wrong == {}


def test_headers_know_the_pack(library: Library, declared: dict[str, Declaration]) -> None:
    """R1: the check above is about most of the pack, not about a few functions of it."""
    names = {name_of(signature) for signature in signatures(library.pack)}
    missing = sorted(names - set(declared))
    assert 1 - len(missing) / len(names) >= library.share, missing
