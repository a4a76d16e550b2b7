"""How well `allocs suggest` finds what the packs declare: precision and recall for seven projects.

    .venv/bin/python3 -m benchmarks.suggest [NAME …] [--table]

Each project is built by allocscc **without** its pack; then its objects are looked through. The rules:

- The truth is the pack (for Redis also Lua's, which it bundles): its functions that allocate, resize or free, whatever
  the list. Functions that only ask or tune (`meta`, `usable-size`) are none.
- Only functions count that this build defines in a source that was read: packs also have functions of other versions,
  platforms and build options. Those that the source declares by attributes need no entry and count neither way.
- A suggestion is right if the pack has a function of that name (with the source's name, if it is static). In which list
  it stands, and its signature, is not compared here; tests/realworld/test_suggest.py looks at signatures.
- `LEFT_OUT`: functions that are wrappers, but that packs leave out for a reason of their own, which their comments
  give. They count neither way.
- What counts is what is printed without `--min-confidence`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allocscc.config.functions import role_name
from allocscc.config.load import merge_layers
from allocscc.config.model import functions_of
from allocscc.config.read import read_layer
from allocscc.suggest.run import Found, find
from benchmarks import jqsource
from benchmarks.jqsource import ALLOCSCC, ROOT, Build, UnavailableError
from benchmarks.projects import LUA, SQLITE, Project

SURE = 0.6
GOAL = 0.9
LISTS = ("alloc", "resize", "free", "free-all", "free-chain", "free-since", "sized")
LEFT_OUT = {
    "reftable_calloc": "it has other parameters since 2.43",
    "zrealloc_usable": "it has other parameters in later code",
    "ztryrealloc_usable": "it has other parameters in later code",
}
_JOBS = "-j2"


@dataclass(frozen=True)
class Material:
    """A project to measure on.

    Attributes:
        name: as a person writes it.
        packs: the packs that are its truth.
        build: builds it below a folder, and gives the tree.
    """

    name: str
    packs: tuple[str, ...]
    build: Callable[[str], str]


@dataclass(frozen=True)
class Score:
    """What was found in one project.

    Attributes:
        name: the project.
        truth: functions that the packs have and this build defines.
        right, wrong, missed: names of functions.
        seconds: how long looking took.
        found: all that was found.
    """

    name: str
    truth: frozenset[str]
    right: frozenset[str]
    wrong: frozenset[str]
    missed: frozenset[str]
    seconds: float
    found: Found

    @property
    def precision(self) -> float:
        """The share of suggestions that is right."""
        return len(self.right) / max(len(self.right) + len(self.wrong), 1)

    @property
    def recall(self) -> float:
        """The share of the truth that is suggested."""
        return len(self.right) / max(len(self.truth), 1)


def pack_functions(packs: tuple[str, ...]) -> frozenset[str]:
    """The functions that packs declare as ones that allocate, resize or free."""
    layers = [read_layer(os.path.join(ROOT, "config", f"{pack}.toml")) for pack in packs]
    entries = [entry for layer in layers for entry in layer.entries.values()]
    return frozenset(role_name(s) for entry in entries for key, s in functions_of(entry) if key in LISTS)


def measure(material: Material, tree: str) -> Score:
    """Look through a tree that was built without its pack, and compare with it."""
    begin = time.monotonic()
    found = find([tree], merge_layers([read_layer(os.path.join(ROOT, "config", "builtin.toml"))]))
    seconds = time.monotonic() - begin
    truth = pack_functions(material.packs)
    # What a declaration in the source speaks of is known before anybody suggests it.
    built = frozenset(name for name in truth if name in found.known.functions and name not in found.known.known)
    said = frozenset(one.key for one in found.suggestions if one.confidence >= SURE) - set(LEFT_OUT)
    return Score(material.name, built, said & built, said - truth, built - said, seconds, found)


def _project(project: Project) -> Callable[[str], str]:
    def build(folder: str) -> str:
        made = project.tree(os.path.join(folder, "project"), ALLOCSCC)
        project.make(made)
        return made.tree

    return build


def _jq(folder: str) -> str:
    sdist = jqsource.fetch(os.path.join(ROOT, "build", "downloads"))
    made = jqsource.prepare(sdist, os.path.join(folder, "jq"), ALLOCSCC)
    with open(os.path.join(folder, "jq", "allocscc.toml"), "w", encoding="ascii"):
        pass  # its wrappers are not declared here
    made.configure()
    made.make()
    return made.tree


def _debian(package: str, *steps: tuple[str, ...]) -> Callable[[str], str]:
    """Sources of a Debian package, built by some commands; `{cc}` stands for the compiler."""

    def build(folder: str) -> str:
        from pathlib import Path

        import pytest

        from tests.realworld.libraries import source

        try:
            tree = str(source(package, Path(folder)))
        except pytest.skip.Exception as error:
            raise UnavailableError(str(error)) from None
        with open(os.path.join(folder, "allocscc.toml"), "w", encoding="ascii"):
            pass
        made = Build(tree, ALLOCSCC, os.path.join(folder, "cache"))
        for step in steps:
            made.step(*(word.replace("{cc}", ALLOCSCC) for word in step))
        return tree

    return build


_NO_GIT = tuple(f"NO_{what}=1" for what in ("OPENSSL", "CURL", "EXPAT", "GETTEXT", "TCLTK", "PERL", "PYTHON"))
MATERIAL = (
    Material("jq", ("jq",), _jq),
    Material("Lua", ("lua",), _project(LUA)),
    Material("SQLite", ("sqlite",), _project(SQLITE)),
    Material(
        "libuv",
        ("libuv",),
        _debian(
            "libuv1", ("cmake", "-B", "build", "-DCMAKE_C_COMPILER={cc}", "-DBUILD_TESTING=OFF"),
            ("make", "-C", "build", _JOBS),
        ),
    ),
    Material("Redis", ("redis", "lua"), _debian("redis", ("make", _JOBS, "MALLOC=libc", "CC={cc}"))),
    Material("git", ("git",), _debian("git", ("make", _JOBS, "CC={cc}", *_NO_GIT, "git"))),
    Material(
        "curl", ("curl",),
        _debian("curl", ("env", "CC={cc}", "./configure", "--without-ssl"), ("make", _JOBS)),
    ),
)  # fmt: skip


def line_of(score: Score) -> str:
    """One line of the table."""
    return (
        f"{score.name:<8} {len(score.truth):>6} {len(score.right):>6} {len(score.wrong):>6} {len(score.missed):>7}"
        f" {score.precision:>10.2f} {score.recall:>7.2f} {score.found.units:>8} {score.seconds:>8.1f}"
    )


def main(argv: list[str]) -> int:
    """Measure the projects named, or all, and print the table; status 1 if one is below the goal."""
    names = [word for word in argv if not word.startswith("-")]
    scores: list[Score] = []
    for material in MATERIAL:
        if names and material.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                scores.append(measure(material, material.build(folder)))
            except UnavailableError as error:
                print(f"{material.name}: {error}", file=sys.stderr)
                continue
        print(f"{material.name} is done", file=sys.stderr)
    print("project   truth  right  wrong  missed  precision  recall  sources  seconds")
    for score in scores:
        print(line_of(score))
    for score in scores:
        for what, functions in (("wrong", score.wrong), ("missed", score.missed)):
            if functions:
                print(f"{score.name}, {what}: {', '.join(sorted(functions))}")
    below: list[Any] = [score for score in scores if min(score.precision, score.recall) < GOAL]
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
