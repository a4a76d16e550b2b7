"""What allocscc costs the builds of Lua and SQLite, and one compile: wall time as a ratio to plain gcc, from one run.

Run it with `.venv/bin/python3 -m benchmarks.builds`. Rounds are interleaved; a round gives one ratio a variant.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.jqsource import ALLOCSCC, UnavailableError
from benchmarks.projects import LUA, SQLITE, Project

GOAL = 1.2
COUNTS = (1_000, 3_000, 10_000, 30_000, 100_000)


def build_seconds(project: Project, folder: str, cc: str, *, described: bool) -> float:
    """Seconds of one build in a fresh tree; the runtime is in the cache already."""
    build = project.tree(folder, cc, described=described)
    one = os.path.join(folder, "one.c")
    with open(one, "w", encoding="ascii") as file:
        file.write("int main(void) { return 0; }\n")
    subprocess.run([cc, one, "-o", one[:-2]], env=build.environment(), cwd=folder, check=True)
    start = time.perf_counter()
    project.make(build)
    return time.perf_counter() - start


def bench_builds(folder: str, rounds: int) -> None:
    """A line for each project and description."""
    print(f"{'make -j2':<28} {'gcc':>8} {'allocscc':>9} {'ratio':>6} {'goal':>6}")
    for project in (LUA, SQLITE):
        for described in (False, True):
            plain, ours = [], []
            for _ in range(rounds):
                plain.append(build_seconds(project, os.path.join(folder, "tree"), "/usr/bin/gcc", described=False))
                ours.append(build_seconds(project, os.path.join(folder, "tree"), ALLOCSCC, described=described))
            ratio = statistics.median(b / a for a, b in zip(plain, ours, strict=True))
            name = f"{project.name}{', its pack used' if described else ''}"
            print(
                f"{name:<28} {statistics.median(plain):7.1f}s {statistics.median(ours):8.1f}s {ratio:6.2f} {GOAL:6.2f}",
                flush=True,
            )


def bench_sites(folder: str) -> None:
    """How time and memory grow with the number of sites."""
    print(f"\n{'sites in one unit':<28} {'gcc':>8} {'allocscc':>9} {'a site':>9} {'memory':>8}")
    for count in COUNTS:
        source = os.path.join(folder, "sites.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("#include <stdlib.h>\n")
            file.writelines(f"void *f{i}(int n) {{ return malloc(n * sizeof(long)); }}\n" for i in range(count))
        taken = {}
        for cc in ("/usr/bin/gcc", ALLOCSCC):
            start = time.perf_counter()
            process = subprocess.Popen([cc, "-O1", "-g", "-c", source, "-o", os.path.join(folder, "sites.o")])
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                sys.exit(f"benchmarks/builds.py: {cc} failed")
            taken[cc] = time.perf_counter() - start, usage.ru_maxrss
        (plain, _), (ours, memory) = taken.values()
        per_site = f"{1e6 * (ours - plain) / count:6.0f} us"
        print(f"{count:<28} {plain:7.1f}s {ours:8.1f}s {per_site:>9} {memory >> 10:4} MiB", flush=True)


SCAN = """
import resource, sys
from allocscc.compile.columns import SourceLines
from allocscc.compile.scan import parse, scan
from allocscc.config.signature import parse_signature
with open(sys.argv[1], "rb") as file:
    text = file.read()
names = {name: parse_signature(name + "(Z)p") for name in ("malloc", "realloc", "sqlite3_malloc64", "sqlite3Malloc")}
sites = scan(parse(sys.argv[1], text, "c", []), names, SourceLines(), candidates=True)
print(f"{len(sites)} sites and candidates, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
"""


def bench_scan(folder: str) -> None:
    """Memory of the scan of SQLite's amalgamation, without the compiler."""
    tree = SQLITE.unpack(folder)
    text = os.path.join(folder, "sqlite3.i")
    subprocess.run(["gcc", "-E", "-O2", "sqlite3.c", "-o", text], cwd=tree, check=True)
    done = subprocess.run([sys.executable, "-c", SCAN, text], cwd=tree, check=True, capture_output=True, text=True)
    print(f"\nscan of sqlite3.c: {done.stdout.strip()} (goal 300 MB)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="builds of Lua and SQLite with allocscc, against plain gcc")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each build (default: 1)")
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="allocscc-bench-") as folder:
        bench_sites(folder)
        try:
            bench_scan(folder)
            bench_builds(folder, rounds)
        except UnavailableError as error:
            sys.exit(f"benchmarks/builds.py: {error}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(
        f"\nlargest process of all: {peak} MiB; {os.cpu_count()} processors; load average when this began: {load:.1f}"
    )


if __name__ == "__main__":
    main()
