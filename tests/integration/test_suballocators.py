"""Suballocators: slices, regions, obstacks, typed primitives, and functions that only carry a size (R10, R12-R14)."""

import json

import pytest

from tests.integration.conftest import PROGRAMS, Toolbox, lines_of, need, one

FLAGS = [("-O0", "-g"), ("-O2",)]


@pytest.mark.parametrize("flags", FLAGS)
def test_slices(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R10, R14: a list of chunks is freed by one call; the count multiplies; the free function gets the size."""
    box.write(
        "allocscc.toml",
        '[allocator.slice]\nsuballocates = "malloc"\nalloc = ["slice_alloc(Z)p", "slice_array(zZ)p"]\n'
        'free = ["slice_free(zP)"]\nfree-chain = ["slice_free_chain(zPz)"]\n',
    )
    source = PROGRAMS / "slices.c"
    box.allocscc(*flags, source, "-o", "prog")
    answers = box.answers("prog")
    link, array = one(answers, name="link"), one(answers, name="array")
    assert (link["allocator"], link["parent"], link["type"], link["size"]) == ("slice", "malloc", "struct link", 16)
    assert link["line"] == lines_of(source, "/* link */")
    assert (array["type"], array["size"], array["offset"]) == ("double", 32, 24)
    assert array["line"] == lines_of(source, "/* array */")
    chained = [answer["allocator"] for answer in answers if answer["name"] == "chained"]
    assert chained == ["malloc"] * 3
    assert one(answers, name="single")["allocator"] == "slice"
    assert one(answers, name="freed")["allocator"] == "malloc"
    assert one(answers, name="free")["status"] == 0
    assert one(answers, name="array freed")["allocator"] == "malloc"


@pytest.mark.parametrize("flags", FLAGS)
def test_regions(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R10, R14: freeing a region frees its chunks and no other region's, also where blocks are shared and kept."""
    box.write(
        "allocscc.toml",
        '[allocator.region]\nsuballocates = "malloc"\nalloc = ["region_get(pZ)p"]\nfree-all = ["region_clear(P)i"]\n'
        '[allocator.text]\nsuballocates = "malloc"\nalloc = ["region_text(pZ)p"]\nfree-all = ["region_clear(P)i"]\n'
        '[allocator.scratch]\nalloc = ["scratch_get(Z)p"]\nfree-all = ["scratch_reset()"]\n',
    )
    source = PROGRAMS / "regions.c"
    box.allocscc(*flags, source, "-o", "prog")
    answers = box.answers("prog")
    mine, text = one(answers, name="mine"), one(answers, name="text")
    assert (mine["allocator"], mine["type"], mine["offset"]) == ("region", "struct word", 19)
    assert mine["line"] == lines_of(source, "/* word */")
    assert (text["allocator"], text["size"]) == ("text", 5)
    counted = {"name": "words", "before": 2000, "cleared": 1000, "both": 1, "after": 0}
    assert one(answers, name="words") == counted
    for name in ("mine", "other", "text", "kept", "again"):
        assert one(answers, name=f"{name} gone")["allocator"] == "malloc", name
    first = one(answers, name="first")
    assert (first["allocator"], first["parent"], first["type"]) == ("scratch", None, "int")
    for name in ("first gone", "second gone"):
        assert one(answers, name=name)["allocator"] is None
    assert one(answers, name="third")["line"] == lines_of(source, "/* third */")
    assert one(answers, name="block")["words"] == 0  # gone with their parent chunk
    rows = [row for row in box.profile("prog") if row["allocator"] in ("region", "text", "scratch")]
    assert sum(int(str(row["live_chunks"])) for row in rows) == 1  # `third`


@pytest.mark.parametrize("flags", FLAGS)
def test_obstack(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R14: freeing a chunk frees what is younger, in its block and in younger ones, and nothing else."""
    box.write(
        "allocscc.toml",
        '[allocator.stack]\nsuballocates = "malloc"\nalloc = ["stack_get(pZ)p"]\nfree-since = ["stack_free(pP)"]\n',
    )
    source = PROGRAMS / "stack.c"
    box.allocscc(*flags, source, "-o", "prog")
    answers = box.answers("prog")
    assert one(answers, name="live")["items"] == [1] * 6 + [0] * 6
    again = one(answers, name="again")
    assert (again["allocator"], again["type"], again["offset"]) == ("stack", "struct item", 236)
    assert one(answers, name="all gone")["allocator"] is None
    assert one(answers, name="apart")["allocator"] == "stack"


@pytest.mark.parametrize("flags", FLAGS)
def test_a_parent_that_is_resized(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R10: chunks stay where their parent does, as far as it reaches; they go where it goes."""
    box.write("allocscc.toml", '[allocator.arena]\nsuballocates = "malloc"\nalloc = ["arena_get(pz)p"]\n')
    box.allocscc(*flags, "-w", PROGRAMS / "grown.c", "-o", "prog")
    answers = box.answers("prog")
    found = {answer["name"] for answer in answers if answer["allocator"] == "arena"}
    assert found == {"first", "failed", "inside"}, answers


@pytest.mark.parametrize("options", ["", "profile=heap.json"])
def test_threads(box: Toolbox, options: str) -> None:
    """R14: regions of several threads in one family, cleared, destroyed and made again at the same addresses."""
    box.write(
        "allocscc.toml",
        '[allocator.arena]\nsuballocates = "malloc"\nalloc = ["arena_get(pZ)p"]\nfree-all = ["arena_reset(P)"]\n',
    )
    box.allocscc("-O2", "-pthread", PROGRAMS / "busy.c", "-o", "prog")
    for _ in range(5):
        done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": options} if options else None)
        assert (done.stdout, done.stderr) == ("all hold\n", "")


def test_another_processor(box: Toolbox) -> None:
    """R10, R14: aarch64 has the same regions; an emulator's page map is of other addresses, and not believed."""
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    box.write(
        "allocscc.toml",
        '[allocator.region]\nsuballocates = "malloc"\nalloc = ["region_get(pZ)p"]\nfree-all = ["region_clear(P)i"]\n',
    )
    box.allocscc("-O2", PROGRAMS / "regions.c", "-o", "prog", env={"ALLOCSCC_CC": "aarch64-linux-gnu-gcc"})
    done = box.run("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "./prog")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert one(answers, name="words") == {"name": "words", "before": 2000, "cleared": 1000, "both": 1, "after": 0}


def test_tree_of_regions(box: Toolbox) -> None:
    """R14: a chunk that is a region takes its chunks along, and they theirs."""
    box.write(
        "allocscc.toml",
        '[allocator.tree]\nsuballocates = "malloc"\nalloc = ["tree_get(pZ)p"]\nfree = ["tree_free(P)i"]\n'
        'free-all = ["tree_free(P)i"]\n',
    )
    box.allocscc("-O2", PROGRAMS / "tree.c", "-o", "prog")
    answers = box.answers("prog")
    assert (one(answers, name="grandchild")["allocator"], one(answers, name="grandchild")["size"]) == ("tree", 7)
    for name in ("root", "child", "grandchild"):
        assert one(answers, name=f"{name} gone")["allocator"] == "malloc", name
    for name in ("other", "apart"):
        assert one(answers, name=name)["allocator"] == "tree", name


@pytest.mark.parametrize("flags", FLAGS)
def test_typed_primitives(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R10, R13: the usable size where a function tells it; a chunk that is stored through an argument."""
    box.write(
        "allocscc.toml",
        '[allocator.node]\nsuballocates = "malloc"\nalloc = ["node_new(p)p"]\nusable-size = "node_size(p)z"\n'
        '[allocator.leaf]\nalloc = ["leaf_new(i)p"]\n[allocator.slot]\nalloc = ["slot_make(P*Z)"]\n',
    )
    source = PROGRAMS / "typed.c"
    box.allocscc(*flags, source, "-o", "prog")
    answers = box.answers("prog")
    node, leaf, slot = (one(answers, name=name) for name in ("node", "leaf", "slot"))
    assert (node["allocator"], node["type"], node["size"], node["offset"]) == ("node", "struct node", 24, 16)
    assert node["line"] == lines_of(source, "/* node */")
    assert (leaf["allocator"], leaf["type"], leaf["size"]) == ("leaf", "struct leaf", 6)
    assert leaf["line"] == lines_of(source, "/* leaf */")
    assert (slot["allocator"], slot["size"], slot["offset"], slot["type"]) == ("slot", 40, 39, "int")
    assert slot["line"] == lines_of(source, "/* slot */")
    assert one(answers, name="node gone")["allocator"] is None


@pytest.mark.parametrize(
    ("driver", "flags"),
    [
        ("gcc", ("-O0", "-g")),
        ("gcc", ("-O2",)),
        ("gcc", ("-O2", "-flto")),
        ("g++", ("-O2",)),
        ("g++", ("-O0", "-flto")),
        ("clang", ("-O2",)),
        ("clang++", ("-O0", "-g")),
    ],
    ids=str,
)
def test_sizes_of_types(box: Toolbox, driver: str, flags: tuple[str, ...]) -> None:
    """R4, R10: a typed primitive's chunk is as large as its type: the last byte is in it, the next one is not.

    What is unknown (an incomplete type, a template's parameter) or has no room in a record is one byte.
    """
    need(driver)
    names = [f"{name}_new(i)p" for name in ("leaf", "wide", "huge", "hidden", "raw")]
    box.write(
        "allocscc.toml",
        f'[allocator.pool]\nalloc = {json.dumps(names)}\n[wrapper.made]\nalloc = ["made()p", "wrapped(Z)p"]\n',
    )
    source, plus = PROGRAMS / "typesizes.c", "++" in driver
    env = {"ALLOCSCC_CC": driver, "ALLOCSCC_CXX": driver}
    box.allocscc("-O2", "-c", "-DPOOL", source, "-o", "pool.o")
    box.allocscc("-x", "c++" if plus else "c", *flags, "-c", source, "-o", "main.o", env=env)
    box.allocscc(*flags, "main.o", "pool.o", "-o", "prog", env=env)
    sizes = {"leaf": 6, "wide": 70001, "huge": 1, "hidden": 1, "cast": 70001, "made": 6, "wrapped": 6}
    if plus:
        sizes |= {"instance": 1, "same": 6}
    expected = [(name, offset, size) for name, size in sizes.items() for offset in (0, size - 1)]
    answers = box.answers("prog")
    found = [answer for answer in answers if answer["allocator"] == "pool"]
    assert [(answer["name"], answer["offset"], answer["size"]) for answer in found] == expected
    assert len(answers) == 3 * len(sizes)
    assert {answer["type"] for answer in found if answer["name"] == "cast"} == {"wide" if plus else "struct wide"}
    recorded = {"leaf_new": 6, "wide_new": 70001, "hidden_new": 0, "made": 6}
    linked = {site["callee"]: site["size"] for site in box.sites("prog")}
    assert {name: linked[name] for name in recorded} == recorded
    assert linked["huge_new"] == 0
    if "-flto" not in flags:  # intermediate code has no sites yet
        assert one(box.sites("main.o"), callee="huge_new")["size"] == 1 << 20


@pytest.mark.parametrize("flags", FLAGS)
def test_sized(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R13, R17: the caller of a function that carries a size says the type, not the allocation inside it."""
    source = PROGRAMS / "grid.c"
    box.allocscc(*flags, source, "-o", "prog", env={"LIBALLOCS_ALLOCSZ_FNS": "grid_new(iiI)p"})
    answers = box.answers("prog")
    for name, type_ in (("known", "struct cell"), ("unknown", None)):
        answer = one(answers, name=name)
        assert (answer["type"], answer["wrapper"], answer["size"]) == (type_, "grid_new", 72), answer
        assert answer["line"] == lines_of(source, f"/* {name} */")
    assert one(answers, name="converted")["type"] != "char"


def test_a_wrong_entry_point_stops_the_link(box: Toolbox) -> None:
    """R1: an allocator's function that does not say where its chunk is: file, line, key."""
    box.write("allocscc.toml", '[allocator.slot]\nalloc = [\n  "slot_get(Z)p",\n  "slot_make(pZ)",\n]\n')
    box.write("x.c", "int main(void) { return 0; }\n")
    done = box.run("gcc", "-c", "x.c")
    stderr = box.allocscc("x.o", "-o", "x", check=False)
    assert "allocscc.toml:4: allocator.slot.alloc: slot_make(pZ) gives no chunk" in stderr
    assert not (box.folder / "x").exists(), done


@pytest.mark.parametrize("flags", [(), ("-no-pie", "-fno-pie"), ("-fPIC", "-shared")], ids=" ".join)
@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_a_family_that_is_not_here(box: Toolbox, linker: str, flags: tuple[str, ...]) -> None:
    """R7, R10: a function that two families share works where only one of them is linked."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker])
    box.write(
        "allocscc.toml",
        '[allocator.other]\nalloc = ["other_get(pZ)p"]\nfree-all = ["drop(P)"]\n'
        '[allocator.own]\nalloc = ["get(pZ)p"]\nfree-all = ["drop(P)"]\n',
    )
    box.write(
        "own.c",
        '#include "tell.h"\nstatic _Alignas(16) char memory[64];\n'
        "void *get(void *r, size_t n) { return r && n ? memory : 0; }\nvoid drop(void *r) { *(char *)r = 0; }\n"
        'void use(void) { char r[1]; char *p = get(r, 9); tell("p", p); drop(r); tell("gone", p); }\n',
    )
    box.write("main.c", "void use(void);\nint main(void) { use(); return 0; }\n")
    box.allocscc(
        "-O1", f"-fuse-ld={linker}", *flags, "own.c", *([] if "-shared" in flags else ["main.c"]), "-o", "first"
    )
    if "-shared" in flags:
        box.allocscc("-O1", f"-fuse-ld={linker}", "main.c", "./first", "-o", "prog")
    answers = box.answers("prog" if "-shared" in flags else "first")
    assert [answer["allocator"] for answer in answers] == ["own", None]
