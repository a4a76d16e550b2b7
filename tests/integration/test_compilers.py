"""Compilers and ways to compile: link-time optimisation, other languages, other machines."""

import json

import pytest

from tests.integration.conftest import PROGRAMS, WRAPPERS, Toolbox, need, one
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
