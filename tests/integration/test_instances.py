"""Instances: one definition of a family's key symbol in one object is one allocator (R7, R10, R12, R13)."""

from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, Toolbox, lines_of, need, one

CONFIG = """
[allocator.pool]
alloc = ["pool_get(Z)p"]
free = ["pool_put(P)"]
meta = ["pool_size(p)z"]

[allocator.heap]
suballocates = "malloc"
alloc = ["heap_get(Z)p"]

[wrapper.lib]
alloc = ["lib_alloc(Z)p"]
"""
SOURCE = PROGRAMS / "private.c"


@pytest.fixture
def libraries(box: Toolbox) -> Toolbox:
    """`one.so` and `two.so`, both with a private copy of the allocators, and `prog`, which loads libraries."""
    box.write("allocscc.toml", CONFIG)
    for name in ("one", "two"):
        box.allocscc("-O1", "-fPIC", "-shared", SOURCE, "-o", f"{name}.so")
    box.allocscc("-O1", PROGRAMS / "instances.c", "-o", "prog")
    return box


def names(answer: dict[str, object]) -> set[str]:
    """The names of an enumeration's instances."""
    return {row[0] for row in answer["instances"]}  # type: ignore[attr-defined]


def test_one_library(libraries: Toolbox) -> None:
    """R10: the only instance of a family has the family's name, and is known before it is used."""
    answers = libraries.answers("prog", "./one.so")
    assert one(answers, name="none")["instances"] == []
    assert names(one(answers, name="loaded")) == {"pool", "heap"}
    pool, heap, wrapped = (one(answers, name=name) for name in ("pool", "heap", "wrapped"))
    assert (pool["allocator"], pool["parent"], pool["type"], pool["size"]) == ("pool", None, "struct thing", 20)
    assert pool["line"] == lines_of(SOURCE, "/* thing */")
    assert (heap["allocator"], heap["parent"], heap["type"]) == ("heap", "malloc", "long")
    assert (wrapped["wrapper"], wrapped["type"]) == ("lib_alloc", "double")
    used = one(answers, name="used")["instances"]
    assert sorted(used) == [["heap", "one.so", 1, 1], ["pool", "one.so", 2, 1]]  # type: ignore[call-overload]


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_two_libraries(libraries: Toolbox, linker: str) -> None:
    """R10: two private copies are two instances; their names carry their objects'."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker])
    if linker != "bfd":
        for name in ("one", "two"):
            libraries.allocscc("-O1", "-fPIC", "-shared", f"-fuse-ld={linker}", SOURCE, "-o", f"{name}.so")
        libraries.allocscc("-O1", f"-fuse-ld={linker}", PROGRAMS / "instances.c", "-o", "prog")
    answers = libraries.answers("prog", "./one.so", "./two.so")
    expected = {"pool@one.so", "heap@one.so", "pool@two.so", "heap@two.so"}
    assert names([a for a in answers if a["name"] == "loaded"][1]) == expected
    for name in ("pool", "heap"):
        found = [answer["allocator"] for answer in answers if answer["name"] == name]
        assert found == [f"{name}@one.so", f"{name}@two.so"]
    assert {row[0]: row[3] for row in one(answers, name="used")["instances"]} == dict.fromkeys(expected, 1)  # type: ignore[attr-defined]
    assert one(answers, name="heap stays")["allocator"] == "heap@one.so"
    assert one(answers, name="pool gone")["allocator"] is None


def test_unloaded(libraries: Toolbox) -> None:
    """R10, R12: nothing points into an object that is gone; what it left on the heap keeps its name, type and site."""
    answers = libraries.answers("prog", "./one.so", "./two.so")
    assert one(answers, name="pool gone")["allocator"] is None  # its memory was the library's own
    heap, wrapped = one(answers, name="heap stays"), one(answers, name="wrapped stays")
    assert (heap["allocator"], heap["parent"], heap["type"]) == ("heap@one.so", "malloc", "long")
    assert heap["line"] == lines_of(SOURCE, "/* longs */")
    assert (wrapped["wrapper"], wrapped["observed"], wrapped["type"]) == ("lib_alloc", "malloc", "double")
    assert names(one(answers, name="unloaded")) == {"heap@one.so", "pool@two.so", "heap@two.so"}
    assert one(answers, name="wrappers") == {"name": "wrappers", "number": 1, "free": 95}  # ENOTSUP
    assert one(answers, name="heap gone")["allocator"] is None


def test_loaded_again(libraries: Toolbox) -> None:
    """R10: a new instance, with its own count; however often."""
    answers = libraries.answers("prog", "./one.so", "./two.so")
    again = one(answers, name="again")
    assert (again["allocator"], again["type"], again["size"]) == ("pool@one.so", "struct thing", 20)
    assert one(answers, name="free")["status"] == 0
    assert one(answers, name="again freed")["allocator"] is None
    listed = one(answers, name="loaded again")["instances"]
    assert ["pool@one.so", "one.so", 2, 1] in listed  # type: ignore[operator]
    often = {row[0]: row[3] for row in one(answers, name="often")["instances"]}  # type: ignore[attr-defined]
    assert often["pool"] == 1, often
    assert "pool" not in names(one(answers, name="all unloaded"))


def test_profile_of_unloaded_libraries(libraries: Toolbox) -> None:
    """R13: what they allocated is in the profile, under their names."""
    path = libraries.folder / "heap.json"
    libraries.run(libraries.folder / "prog", "./one.so", "./two.so", env={"ALLOCS_OPTIONS": f"profile={path}"})
    rows = libraries.report(path)
    line = lines_of(SOURCE, "/* longs */")
    assert {row["allocator"] for row in rows if row["line"] == line} == {"heap@one.so", "heap@two.so"}
    assert all(row["file"] == str(SOURCE) for row in rows if str(row["allocator"]).startswith(("pool", "heap")))


def test_executable_and_library(box: Toolbox) -> None:
    """R10: the executable's instance keeps the plain name."""
    box.write("allocscc.toml", CONFIG)
    box.allocscc("-O1", "-fPIC", "-shared", SOURCE, "-o", "one.so")
    box.write("extra.c", (PROGRAMS / "private.c").read_text().replace("lib_", "our_"))
    box.allocscc("-O1", PROGRAMS / "instances.c", "extra.c", "-o", "prog")
    answers = box.answers("prog", "./one.so")
    assert names(one(answers, name="none")) == {"pool", "heap"}
    assert names(one(answers, name="loaded")) == {"pool", "heap", "pool@one.so", "heap@one.so"}


def test_debugger(libraries: Toolbox) -> None:
    """R10: an instance is found under a readable name, with its functions."""
    need("gdb")
    commands = ("-ex", "set breakpoint pending on", "-ex", "break lib_pool", "-ex", "run ./one.so", "-ex", "finish",
                "-ex", "info symbol &pool_allocator", "-ex", "p *(char **)&pool_allocator", "-ex", "kill")  # fmt: skip
    shown = libraries.run("gdb", "-nx", "-batch", *commands, libraries.folder / "prog", check=False).stdout
    assert "pool_allocator in section .data" in shown
    assert '"pool"' in shown


def test_libraries_of_one_name(libraries: Toolbox) -> None:
    """R10: in two folders; a number tells them apart."""
    for name in ("a", "b"):
        folder = Path(libraries.folder / name)
        folder.mkdir()
        (folder / "lib.so").write_bytes((libraries.folder / "one.so").read_bytes())
    answers = libraries.answers("prog", "a/lib.so", "b/lib.so")
    assert {"pool@lib.so", "pool@lib.so#2"} <= names(one(answers, name="used"))


def test_unloaded_while_others_work(libraries: Toolbox) -> None:
    """R10: threads that look through all instances meet none whose object is gone."""
    with (libraries.folder / "allocscc.toml").open("a") as file:
        file.write('[allocator.arena]\nsuballocates = "malloc"\nalloc = ["arena_get(pz)p"]\n')
    libraries.allocscc("-O1", "-pthread", PROGRAMS / "unloader.c", "-o", "unloader")
    for _ in range(2):
        assert libraries.run(libraries.folder / "unloader", "./one.so").stdout == "all hold\n"
