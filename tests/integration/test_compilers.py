"""Compilers and ways to compile: link-time optimisation, other languages, other machines."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, need, one
from tests.integration.test_wrappers import check_answers

LTO_MAIN = """#include <stdlib.h>
struct node { int a; };
void *get(size_t);
void *volatile keep;
int main(void) { keep = get(sizeof(struct node)); void *p = malloc(3 * sizeof(long)); keep = p; return !keep; }
"""
LTO_GET = "#include <stdlib.h>\nvoid *get(size_t n) { return malloc(n * 2); }\n"


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O2", "-g"), ("-O1", "-flto-partition=none"), ("-O2", "-ffat-lto-objects")]
)
def test_link_time_optimisation(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R4, R6: sites appear when lto1 makes code, with the types that the sources' sidecars bring; archives, too."""
    box.write("main.c", LTO_MAIN)
    box.write("get.c", LTO_GET)
    box.allocscc("-flto", *flags, "-c", "main.c", "get.c")
    box.run("gcc-ar", "rcs", "libget.a", "get.o")
    box.allocscc("-flto", *flags, "main.o", "libget.a", "-o", "prog")
    sites = box.sites("prog")
    assert {(site["line"], site["column"], site["callee"], site["type"]) for site in sites} == {
        (5, 61, "malloc", "long"), (2, 30, "malloc", None),
    }  # fmt: skip
    rows = box.profile("prog")
    assert one(rows, type="long")["live_bytes"] == 24


def test_fortran(box: Toolbox) -> None:
    """R4: allocations in code that gfortran generates have their lines."""
    need("gfortran")
    source = "program p\nreal(8), allocatable :: a(:)\nallocate(a(10))\na(1) = 1\nprint *, size(a)\nend program\n"
    box.write("f.f90", source)
    box.allocscc("-O2", "f.f90", "-o", "prog", env={"ALLOCSCC_CC": "gfortran"})
    rows = [row for row in box.profile("prog") if row["file"]]
    assert [(row["line"], row["callee"], row["live_bytes"]) for row in rows] == [(3, "malloc", 80)]


def test_cross_compiler(box: Toolbox) -> None:
    """R3, R4, R6: another machine's compiler, assembler and linker (HAZARDS 16); the program runs in an emulator."""
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    env = {**WRAPPERS, "ALLOCSCC_CC": "aarch64-linux-gnu-gcc"}
    box.allocscc("-O2", PROGRAMS / "wrapped.c", PROGRAMS / "xmalloc.c", "-o", "prog", env=env)
    done = box.run("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", box.folder / "prog")
    check_answers([json.loads(line) for line in done.stdout.splitlines()])


USER = """#include <stdlib.h>
#include <stdio.h>
struct node { int a; };
struct node *volatile keep;
int main(void)
{
	struct node *p = malloc(3 * sizeof *p);
	keep = p;
	if (p) p->a = 1;
	printf("%d\\n", p ? p->a : 0);
	return 0;
}
"""


@pytest.mark.parametrize("compiler", ["gcc", "gcc-11", "clang"])
@pytest.mark.parametrize(
    "flags",
    [
        ("-std=c89",), ("-std=gnu89",), ("-std=c99",), ("-std=c11",), ("-std=c17",), ("-std=c2x",), ("-pg",),
        ("-fopenmp",),
        ("--coverage",), ("-fcf-protection",), ("-fno-plt",), ("-ffunction-sections", "-fdata-sections"), ("-fPIC",),
        ("-g0",), ("-g1",), ("-g3",), ("-O3", "-g", "-gsplit-dwarf"), ("-Os",), ("-O1", "-fno-pie", "-no-pie"),
        ("-save-temps",), ("-pipe",), ("-fstack-protector-all",), ("-fno-asynchronous-unwind-tables",), ("-gz",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_ways_to_compile(box: Toolbox, flags: tuple[str, ...], compiler: str) -> None:
    """R3, R4: one site with its line and type, whatever else is asked of the compiler; the program works."""
    need(compiler)
    if compiler == "clang" and flags == ("--coverage",):
        flags = ("-fprofile-arcs", "-c")  # linking needs a library of clang's that Debian packs apart
    if compiler == "clang" and flags == ("-fopenmp",):
        flags = ("-fopenmp=libgomp",)
    source = box.write("x.c", USER)
    box.run(ROOT / "bin" / "allocscc", "-O2", *flags, "x.c", "-o", "prog", env={"ALLOCSCC_CC": compiler})
    sites = box.sites("prog")
    found = [(site["file"], site["line"], site["type"]) for site in sites]
    assert found == [(str(source), 7, "struct node")]
    if "-c" not in flags:
        assert box.run(box.folder / "prog").stdout == "1\n"


@pytest.mark.parametrize("compiler", ["g++", "g++-11", "clang++"])
@pytest.mark.parametrize("standard", ["c++11", "c++14", "c++17", "c++20", "c++2b"])
def test_standards_of_cplusplus(box: Toolbox, standard: str, compiler: str) -> None:
    """R4: each standard's `new`."""
    need(compiler)
    source = box.write(
        "x.cc", "struct node { int a; };\nnode *volatile p;\nint main() { p = new node[3]; return p == nullptr; }\n"
    )
    command = [ROOT / "bin" / "allocsc++", "-O2", f"-std={standard}", source, "-o", "prog"]
    done = box.run(*command, env={"ALLOCSCC_CXX": compiler})
    assert done.stderr == ""
    assert [(site["line"], site["type"]) for site in box.sites("prog")] == [(3, "node")]


@pytest.mark.parametrize("flags", [("-O2",), ("-O0",), ("-O2", "-g")], ids=" ".join)
def test_fat_objects_linked_without_lto(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R4: code beside intermediate code has lines, too; the object's debug info is as the user asked."""
    box.write("allocscc.toml", '[wrapper.get]\nalloc = ["get(Z)p"]\n')
    box.write("main.c", LTO_MAIN.replace("void *get(size_t);", "void *get(size_t n) { return malloc(n * 2); }"))
    box.allocscc("-flto", "-ffat-lto-objects", *flags, "-c", "main.c")
    box.allocscc("-fno-lto", "main.o", "-o", "prog")
    found = {(site["line"], site["callee"], site["type"]) for site in box.sites("prog")}
    assert found == {(3, "malloc", None), (5, "get", "struct node"), (5, "malloc", "long")}
    sections = box.run("readelf", "-SW", "main.o").stdout
    assert (".debug_line" in sections) == ("-g" in flags)


def test_types_from_debug_info(box: Toolbox) -> None:
    """R4: where the source cannot be read a second time, clang 21 and later still says what a `new` allocates."""
    need("clang++-22")
    source = "struct S { int a; S(); };\nS *f() { return new S; }\nnamespace n { struct T { long x; }; }\n"
    source += "void use(void *); n::T *g(int k) { n::T *p = new n::T[k]; use(p); return p; }\n"
    env = {"ALLOCSCC_CXX": "clang++-22"}
    box.run(ROOT / "bin" / "allocsc++", "-O2", "-g", "-x", "c++", "-c", "-", "-o", "x.o", env=env, stdin=source)
    assert [(site["line"], site["type"], site["evidence"]) for site in box.sites("x.o")] == [
        (2, "S", "dwarf"), (4, "n::T", "dwarf"),
    ]  # fmt: skip


def test_precompiled_header(box: Toolbox) -> None:
    """R3, R4: a header that gcc has compiled; the unit's sites are known all the same."""
    box.write("pre.h", "#include <stdlib.h>\nstruct node { int a; };\n")
    source = box.write("x.c", '#include "pre.h"\nvoid *f(int n) { return malloc(n * sizeof(struct node)); }\n')
    box.allocscc("-O2", "pre.h")
    assert (box.folder / "pre.h.gch").exists()
    box.allocscc("-O2", "-Winvalid-pch", "-c", "x.c")
    assert [(s["file"], s["line"], s["type"]) for s in box.sites("x.o")] == [(str(source), 2, "struct node")]


def test_assembly_and_preprocessed_inputs(box: Toolbox) -> None:
    """R3, R4: `.i`, `.s` and `.S` inputs; what was recorded into a `.s` is in the object."""
    box.write("x.c", "#include <stdlib.h>\nvoid *f(int n) { return malloc(n * sizeof(int)); }\n")
    box.run("gcc", "-O2", "-E", "x.c", "-o", "x.i")
    box.allocscc("-O2", "-c", "x.i", "-o", "i.o")
    box.allocscc("-O2", "-S", "x.c")
    box.allocscc("-c", "x.s", "-o", "s.o")
    box.run("cp", "x.s", "y.S")
    box.allocscc("-c", "y.S", "-o", "S.o")
    for name in ("i.o", "s.o", "S.o"):
        assert [(site["line"], site["type"]) for site in box.sites(name)] == [(2, "int")]


@pytest.fixture
def listed() -> Iterator[Path]:
    """A folder that the helper may read, which gives up the rights of root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_distcc_above_us(box: Toolbox, listed: Path) -> None:
    """R3, R4: `CC="distcc allocscc"` with a helper on this machine: the same sites as without."""
    need("distcc", "distccd")
    box.write("x.c", "#include <stdlib.h>\nvoid *f(int n) { return malloc(n * sizeof(int)); }\n")
    box.allocscc("-O2", "-g", "-c", "x.c", "-o", "here.o")
    # distcc's way to a helper is ssh; what stands for it here runs the helper on this machine.
    ssh = box.write("ssh", '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nshift\nTMPDIR=/tmp exec "$@"\n')
    ssh.chmod(0o755)
    allocscc = ROOT / "bin" / "allocscc"
    (box.folder / "distcc").mkdir()
    (listed / "list").write_text(f"{allocscc}\n")
    settings = {
        "PATH": f"{ROOT / 'bin'}:{os.environ['PATH']}", "DISTCC_SSH": str(ssh), "DISTCC_HOSTS": "@localhost",
        "DISTCC_FALLBACK": "0", "DISTCC_DIR": str(box.folder / "distcc"),
        "DISTCC_CMDLIST": str(listed / "list"), "ALLOCSCC_CACHE": "",
    }  # fmt: skip
    done = box.run("distcc", allocscc, "-O2", "-g", "-c", "x.c", "-o", "there.o", env=settings)
    assert done.stderr == ""
    here, there = box.sites("here.o"), box.sites("there.o")
    keys = ("line", "column", "callee", "function", "type", "evidence")
    assert [[site[key] for key in keys] for site in there] == [[site[key] for key in keys] for site in here]
