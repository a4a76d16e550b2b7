"""What allocscc costs jq: wall time of configure, make and a run, as a ratio to plain gcc, all from one run.

Rounds are interleaved: within a round each variant runs once, and every other round in reverse order. A round
gives one ratio a variant; the table has their median, smallest and largest.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jqsource
from jqsource import Build

FILTER = ("-c", ".")
BIG, SMALL = 20_000_000, 2_000_000

Variants = dict[str, Callable[[], float]]


@dataclass
class Step:
    """One part of the table: seconds of each variant, by round; the first variant is what others are held to.

    Attributes:
        name: what is measured.
        goals: the ratio that is aimed at, by variant.
        seconds: the measurements.
    """

    name: str
    goals: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def rows(self) -> list[str]:
        """The lines of the table."""
        base, *_ = self.seconds.values()
        lines = []
        for variant, times in self.seconds.items():
            line = f"{self.name:<11} {variant:<20} {statistics.median(times):8.2f}"
            if times is not base:
                ratios = [ours / plain for ours, plain in zip(times, base, strict=True)]
                line += f" {statistics.median(ratios):7.2f} {min(ratios):6.2f} {max(ratios):6.2f}"
                line += f" {self.goals[variant]:6.2f}" if variant in self.goals else ""
            lines.append(line)
        return lines


def interleave(
    steps: Sequence[Step], rounds: int, measure: Callable[[int, str], Sequence[float]], names: list[str]
) -> None:
    """Measure every variant in every round; `measure` gives the seconds of each of the steps."""
    for step in steps:
        step.seconds = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            note(f"{' and '.join(step.name for step in steps)}, round {number + 1} of {rounds}: {name}")
            for step, seconds in zip(steps, measure(number, name), strict=True):
                step.seconds[name].append(seconds)


def note(text: str) -> None:
    """Say what goes on, on stderr: stdout is for the table."""
    print(f"  {text}", file=sys.stderr, flush=True)


def clock(action: Callable[[], object]) -> float:
    """The wall time of an action in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def first_link(build: Build, folder: str) -> float:
    """Seconds of a build's first link on a machine: it compiles the runtime into the (empty) cache."""
    source = os.path.join(folder, "one.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("int main(void) { return 0; }\n")
    command = [build.cc, source, "-o", os.path.join(folder, "one")]
    return clock(lambda: subprocess.run(command, env=build.environment(), cwd=folder, check=True))


def bench_builds(sdist: str, folder: str, rounds: int) -> tuple[list[Step], float, dict[str, Build]]:
    """Configure and make, each time in a fresh tree with a fresh cache that holds the runtime only."""
    gcc = shutil.which("gcc")
    if not gcc:
        sys.exit("benchmarks/jq.py: gcc is not on PATH")
    compilers = {"gcc": gcc, "allocscc": jqsource.ALLOCSCC}
    builds: dict[str, Build] = {}
    first = []

    def measure(_: int, name: str) -> tuple[float, float]:
        place = os.path.join(folder, name)
        shutil.rmtree(place, ignore_errors=True)
        build = builds[name] = jqsource.prepare(sdist, place, compilers[name])
        warm = first_link(build, place)
        if name == "allocscc":
            first.append(warm)
        return clock(build.configure), clock(build.make)

    steps = [Step("configure", {"allocscc": 1.25}), Step("make -j2", {"allocscc": 1.2})]
    interleave(steps, rounds, measure, list(compilers))
    return steps, statistics.median(first), builds


def run(build: Build, path: str, prefix: Sequence[str] = (), options: str = "") -> float:
    """Seconds of one run of the program itself, its output thrown away."""
    environment = build.environment(**({"ALLOCS_OPTIONS": options} if options else {}))
    command = [*prefix, build.program, *FILTER, path]

    def action() -> None:
        none = subprocess.DEVNULL
        subprocess.run(command, env=environment, stdin=none, stdout=none, stderr=none, check=True)

    return clock(action)


def bench_run(builds: dict[str, Build], folder: str, rounds: int) -> Step:
    """The run itself, on 20 MB."""
    path = jqsource.generate(os.path.join(folder, "big.json"), BIG)
    options = f"profile={os.path.join(folder, 'profile.json')}"
    variants: Variants = {
        "gcc": lambda: run(builds["gcc"], path),
        "allocscc": lambda: run(builds["allocscc"], path),
        "allocscc, profile": lambda: run(builds["allocscc"], path, options=options),
    }
    step = Step("run 20 MB", {"allocscc": 1.3})
    for variant in variants.values():
        variant()  # the files get into the page cache
    interleave([step], rounds, lambda _, name: [variants[name]()], list(variants))
    return step


def heaptrack_command(out: str) -> list[str]:
    """The heaptrack command that records and interprets, and opens no window where a version can be told so."""
    usage = subprocess.run(["heaptrack", "--help"], capture_output=True, text=True).stdout
    return ["heaptrack", *(["--record-only"] if "--record-only" in usage else []), "-o", out]


def bench_peers(builds: dict[str, Build], folder: str, rounds: int) -> Step | None:
    """Other heap profilers on jq as gcc built it, on a smaller input; None if none is installed."""
    path = jqsource.generate(os.path.join(folder, "small.json"), SMALL)
    plain, ours = builds["gcc"], builds["allocscc"]
    out = os.path.join(folder, "peer")
    peers: Variants = {}
    if shutil.which("heaptrack"):
        heaptrack = heaptrack_command(out)
        peers["heaptrack"] = lambda: run(plain, path, heaptrack)
    if shutil.which("valgrind"):
        peers["valgrind dhat"] = lambda: run(plain, path, ["valgrind", "--tool=dhat", f"--dhat-out-file={out}"])
    for name in {"heaptrack", "valgrind dhat"} - set(peers):
        note(f"{name}: not installed, left out")
    if not peers:
        return None
    variants: Variants = {
        "gcc": lambda: run(plain, path),
        "allocscc, profile": lambda: run(ours, path, options=f"profile={out}.json"),
        **peers,
    }
    step = Step("run 2 MB")
    interleave([step], rounds, lambda _, name: [variants[name]()], list(variants))
    return step


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="jq's configure, make and run with allocscc, against plain gcc")
    parser.add_argument("--rounds", type=int, help="rounds of each part (default: 3 for builds and peers, 7 for runs)")
    rounds = parser.parse_args().rounds
    if rounds is not None and rounds < 1:
        parser.error("--rounds needs at least 1")
    kept = os.path.join(jqsource.ROOT, "build", "downloads")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="allocscc-bench-") as folder:
        try:
            sdist = jqsource.fetch(kept)
        except jqsource.UnavailableError as error:
            sys.exit(f"benchmarks/jq.py: {error}")
        builds_steps, first, builds = bench_builds(sdist, folder, rounds or 3)
        steps = [*builds_steps, bench_run(builds, folder, rounds or 7)]
        peers = bench_peers(builds, folder, rounds or 3)
    print(f"{jqsource.RELEASE}: wall time; ratio to gcc in the same round\n")
    print(f"{'step':<11} {'variant':<20} {'seconds':>8} {'ratio':>7} {'min':>6} {'max':>6} {'goal':>6}")
    for step in [*steps, *([peers] if peers else [])]:
        print("\n".join(step.rows()))
    print(f"\nonce on a machine: the first link builds the runtime, {first:.2f} s (not in the ratios)")
    print(f"{os.cpu_count()} processors; load average when this began: {load:.1f} (above 0.5 the figures are noisy)")


if __name__ == "__main__":
    main()
