"""What the liballocs backend's own part costs, against plain gcc: compiles, and links without the metadata step.

Run it with `.venv/bin/python3 -m benchmarks.backend`. The tree is the contract's (tests/contract/tree), and `make`,
which the metadata step runs, makes an empty file. Medians of the ratios of interleaved runs: by gcc, by gcc with the
options that the backend adds (debug info for liballocs' tools, frame pointers), which are liballocs' own price and not
ours, and by the embedded backend: what the two have in common, the scan of a source and the plan of a link, is not this
one's own part. The files are Lua's where its source package can be had, and programs of ours.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from allocscc.backends.liballocs import Liballocs
from benchmarks.jqsource import ALLOCSCC, ROOT, UnavailableError
from benchmarks.projects import LUA

Run = tuple[list[str], dict[str, str]]
GOAL_COMPILE, GOAL_LINK = 1.3, 3.0
_PROGRAMS = os.path.join(ROOT, "benchmarks", "programs")
_LUA_FILES = ("lauxlib.c", "lapi.c", "lparser.c", "lstrlib.c")


def environment(folder: str) -> dict[str, str]:
    """The environment of a build for the contract's tree, which is built here."""
    tree, tools = os.path.join(folder, "tree"), os.path.join(folder, "bin")
    shutil.copytree(os.path.join(ROOT, "tests", "contract", "tree"), tree)
    subprocess.run(["make", "-s", "-C", tree], check=True, stderr=subprocess.DEVNULL)
    os.mkdir(tools)
    make = os.path.join(tools, "make")
    with open(make, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\nfor word; do case $word in *-meta.so) : >"$word" ;; esac; done\n')
    os.chmod(make, 0o755)
    return {
        **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LIBALLOCS": tree,
        "META_BASE": os.path.join(folder, "meta"),
        "ALLOCSCC_CACHE": os.path.join(folder, "cache"),
    }  # fmt: skip


def ratios(runs: list[Run], folder: str, rounds: int, fresh: str = "") -> list[list[float]]:
    """Medians of the ratios of each run's wall time to each one's: `[a][b]` is a's by b's.

    Args:
        runs: commands with their environments, to be run by turns; the first round warms up and does not count.
        folder: where.
        rounds: how often.
        fresh: a folder to empty before each run, so that nothing that a compile keeps is found again.
    """
    taken: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + 1):
        for times, (command, env) in zip(taken, runs, strict=True):
            if fresh:
                shutil.rmtree(fresh, ignore_errors=True)
            start = time.perf_counter()
            subprocess.run(command, cwd=folder, env=env, check=True)
            times += [time.perf_counter() - start] if turn else []
    return [[statistics.median(a / b for a, b in zip(one, other, strict=True)) for other in taken] for one in taken]


def bench_compiles(folder: str, env: dict[str, str], rounds: int) -> None:
    """One line for each file."""
    flags = Liballocs().compile_flags("gcc")
    readings = os.path.join(env["ALLOCSCC_CACHE"], "readings")
    embedded = {**env, "ALLOCSCC_BACKEND": "embedded"}
    print(f"{'compile -O2 -g':<26} {'by gcc':>8} {'with its flags':>15} {'by embedded':>12} {'goal':>6}")
    for path in _sources(folder):
        words = ["-O2", "-g", "-w", "-I", os.path.dirname(path), "-c", path, "-o", "x.o"]
        runs: list[Run] = [
            ([ALLOCSCC, *words], env), (["gcc", *words], env), (["gcc", *flags, *words], env),
            ([ALLOCSCC, *words], embedded),
        ]  # fmt: skip
        _, plain, flagged, common = ratios(runs, folder, rounds, readings)[0]
        row = f"{os.path.basename(path):<26} {plain:>8.2f} {flagged:>15.2f} {common:>12.2f} {GOAL_COMPILE:>6}"
        print(row, flush=True)


def _sources(folder: str) -> list[str]:
    found = [os.path.join(_PROGRAMS, name) for name in ("ast.c", "json.c")]
    try:
        tree = LUA.unpack(os.path.join(folder, "lua"))
    except (UnavailableError, OSError) as error:
        print(f"no Lua: {error}")
        return found
    for where, _, names in os.walk(tree):
        found += [os.path.join(where, name) for name in names if name in _LUA_FILES]
    return found


def bench_links(folder: str, env: dict[str, str], rounds: int) -> None:
    """A small program without wrappers, and one with a wrapper and a suballocator."""
    print(f"\n{'link':<26} {'by gcc':>8} {'':>15} {'by embedded':>12} {'goal':>6}")
    rich = {**env, "LIBALLOCS_ALLOC_FNS": "xmalloc(Z)p", "LIBALLOCS_SUBALLOC_FNS": "get(Z)p"}
    programs = {
        "small": (env, "int main(void) { return !malloc(3); }\n"),
        "wrapper and suballocator": (
            rich,
            "void *xmalloc(size_t n) { return malloc(n); }\n"
            "static char pool[99];\nvoid *get(size_t n) { return pool + n; }\n"
            "int main(void) { return !xmalloc(sizeof(int)) + !get(sizeof(long)); }\n",
        ),
    }  # fmt: skip
    for name, (around, text) in programs.items():
        source = os.path.join(folder, "link.c")
        with open(source, "w", encoding="ascii") as file:
            file.write(f"#include <stdlib.h>\n{text}")
        subprocess.run([ALLOCSCC, "-O2", "-g", "-c", source, "-o", "link.o"], cwd=folder, env=around, check=True)
        runs: list[Run] = [
            ([ALLOCSCC, "link.o", "-o", "a"], around), (["gcc", "link.o", "-o", "b"], around),
            ([ALLOCSCC, "link.o", "-o", "c"], {**around, "ALLOCSCC_BACKEND": "embedded"}),
        ]  # fmt: skip
        _, plain, common = ratios(runs, folder, rounds)[0]
        print(f"{name:<26} {plain:>8.2f} {'':>15} {common:>12.2f} {GOAL_LINK:>6}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the liballocs backend's own part, against plain gcc")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="allocscc-bench-", dir="/var/tmp") as folder:
        env = environment(folder)
        bench_compiles(folder, env, given.rounds)
        bench_links(folder, env, given.rounds)


if __name__ == "__main__":
    main()
