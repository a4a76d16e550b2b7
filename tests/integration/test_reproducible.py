"""Nothing else changes, and the same again gives the same (R3, R4)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, need

ALLOCSCC = ROOT / "bin" / "allocscc"
OURS = (
    "allocs_sites",
    ".allocs.sidecar",
    ".allocs.command",
    ".rodata.allocs.str1.1",
    ".relaallocs_sites",
    ".rela.allocs_sites",
)
FLAGS = [("-O0",), ("-O2",), ("-O2", "-g"), ("-O3", "-g3", "-ffunction-sections"), ("-O2", "-gdwarf-4", "-fPIC")]


def objects(box: Toolbox, build: Callable[[str], list[str | Path]]) -> list[bytes]:
    """Two compiles in different temporary folders."""
    made = []
    for number in range(2):
        temporary = box.folder / f"tmp{number}"
        temporary.mkdir(exist_ok=True)
        done = box.run(*build(f"x{number}.o"), env={"TMPDIR": str(temporary), **WRAPPERS})
        assert done.stderr == ""
        assert list(temporary.iterdir()) == []
        made.append((box.folder / f"x{number}.o").read_bytes())
    return made


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("source", ["xmalloc.c", "apart.c", "statics.c"])
def test_the_same_again(box: Toolbox, source: str, flags: tuple[str, ...], compiler: str) -> None:
    """R3: byte for byte, whatever the temporary folder is called, compiled again from other text or not."""
    need(compiler)
    box.env["ALLOCSCC_CC"] = compiler
    box.write("allocscc.toml", '[wrapper.s]\nalloc = ["statics.c::xmalloc(Z)p", "nested(Z)p", "small(Z)p"]\n')
    # clang names its assembly file in the object where it is asked for no debug info: plain clang does so, too
    first, second = objects(box, lambda out: [ALLOCSCC, *box.include, *flags, "-c", PROGRAMS / source, "-o", out])
    assert first == second


@pytest.mark.parametrize("flags", FLAGS)
def test_a_unit_without_allocations(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R3: the object is the plain compiler's, byte for byte."""
    box.write("x.c", '#include <stdio.h>\nint f(int x) { printf("%d\\n", x); return x * 3; }\n')
    box.run("gcc", *flags, "-c", "x.c", "-o", "plain.o")
    box.run(ALLOCSCC, *flags, "-c", "x.c", "-o", "ours.o")
    assert (box.folder / "plain.o").read_bytes() == (box.folder / "ours.o").read_bytes()


@pytest.mark.parametrize("flags", FLAGS)
def test_only_our_sections_are_added(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R3: without tail calls and functions of a role, every section but ours is as it would be."""
    box.write(
        "x.c",
        "#include <stdlib.h>\nint *f(int n) { int *p = malloc(n * sizeof *p); if (p) p[0] = n; return p; }\n"
        "int *g(int n) { int *p = calloc(n, sizeof *p); if (p) p[0] = n; return p; }\n",
    )
    box.run("gcc", *flags, "-c", "x.c", "-o", "plain.o")
    box.run(ALLOCSCC, *flags, "-c", "x.c", "-o", "ours.o")

    def sections(name: str) -> dict[str, str]:
        table = box.run("readelf", "-SW", name).stdout.splitlines()
        names = [line.partition("] ")[2].split()[0] for line in table if "PROGBITS" in line]
        return {n: box.run("objdump", "-s", "-j", n, name, check=False).stdout.partition("\n\n")[2] for n in names}

    ours, plain = sections("ours.o"), sections("plain.o")
    assert {name: text for name, text in ours.items() if name not in OURS} == plain
    assert set(ours) - set(plain) == {"allocs_sites", ".allocs.sidecar", ".allocs.command", ".rodata.allocs.str1.1"}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [("-O2",), ("-O2", "-g"), ("-O2", "-gdwarf-4")])
@pytest.mark.parametrize(
    ("option", "file"),
    [
        ("-ffile-prefix-map={folder}=.", "x.c"), ("-fdebug-prefix-map={folder}=/usr/src/p", "/usr/src/p/x.c"),
        ("-fmacro-prefix-map={folder}=.", "{folder}/x.c"),
    ],
)  # fmt: skip
def test_prefix_maps(box: Toolbox, option: str, file: str, flags: tuple[str, ...], compiler: str) -> None:
    """R4: records tell paths as debug info does, and a mapped folder's name is nowhere in the object."""
    need(compiler)
    box.write("x.c", "#include <stdlib.h>\nvoid *f(int n) { return malloc(n * sizeof(int)); }\n")
    option = option.replace("{folder}", str(box.folder))
    box.run(ALLOCSCC, *flags, option, "-c", "x.c", env={"ALLOCSCC_CC": compiler})
    (site,) = box.sites("x.o")
    assert (site["file"], site["type"]) == (file.replace("{folder}", str(box.folder)), "int")
    assert (str(box.folder).encode() in (box.folder / "x.o").read_bytes()) == option.startswith("-fmacro")


def test_the_same_in_two_folders(box: Toolbox) -> None:
    """R3: with -ffile-prefix-map the same source in another folder gives the same object."""
    made = []
    for name in ("one", "another"):
        folder = box.folder / name
        folder.mkdir()
        (folder / "x.c").write_text("#include <stdlib.h>\nvoid *f(int n) { return malloc(n * sizeof(int)); }\n")
        box.run("sh", "-c", f"cd {name} && '{ALLOCSCC}' -O2 -g -ffile-prefix-map='{folder}'=. -c x.c")
        made.append((folder / "x.o").read_bytes())
    assert made[0] == made[1]


def test_debug_info_still_fits(box: Toolbox) -> None:
    """R3: gdb shows the same lines for every function, in a unit that was compiled apart from resolved text."""
    need("gdb")
    box.write("allocscc.toml", '[wrapper.own]\nalloc = ["flagged(pi)p", "nested(Z)p", "small(Z)p"]\n')
    source = PROGRAMS / "apart.c"
    box.run("gcc", *box.include, "-g", "-O0", "-c", source, "-o", "plain.o")
    box.allocscc("-g", "-O0", "-c", source, "-o", "ours.o")
    functions = ("main", "pool_get", "flagged", "nested", "small", "used", "tell")
    shown = []
    for name in ("plain.o", "ours.o"):
        script = [
            word for function in functions for word in ("-ex", f"info line {function}", "-ex", f"list {function}")
        ]
        text = box.run("gdb", "-batch", *script, "-ex", "info scope main", name).stdout
        shown.append([re.sub(r" (?:starts at|is at|and ends at) .*", "", line) for line in text.splitlines()])
    assert sum(line.startswith("Line ") for line in shown[0]) == len(functions)
    assert shown[0] == shown[1]


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
@pytest.mark.parametrize("output", [(), ("-shared",), ("-static",)], ids=["program", "shared", "static"])
def test_the_same_link_again(box: Toolbox, tmp_path: Path, output: tuple[str, ...], linker: str) -> None:
    """R6: byte for byte, whatever the folders for temporaries and for the cache are called, and in a second link."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker])
    box.write("pool.c", "static char a[99]; void *pool_get(unsigned long n) { return a + n; }\n")
    config = '[allocator.pool]\nsuballocates = "*"\nalloc = ["pool_get(Z)p"]\n'
    box.write("allocscc.toml", config)
    flags = ("-O1", "-g", "-fPIC")
    box.allocscc(*flags, "-c", PROGRAMS / "xmalloc.c", PROGRAMS / "wrapped.c", "pool.c", env=WRAPPERS)
    made = []
    for number in range(2):
        folders = {name: str(tmp_path / f"{name}{number}") for name in ("ALLOCSCC_CACHE", "TMPDIR")}
        for folder in folders.values():
            Path(folder).mkdir()
        for _ in range(2 - number):
            words = ("xmalloc.o", "wrapped.o", "pool.o", "-o", "out")
            box.allocscc(f"-fuse-ld={linker}", *output, *words, env={**WRAPPERS, **folders})
            made.append((box.folder / "out").read_bytes())
    assert made[0] == made[1] == made[2]
