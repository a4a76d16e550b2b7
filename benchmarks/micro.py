"""The small figures of benchmarks/runtime.py: a query, the start of a program, the writing of a large profile."""

import os
import statistics
import subprocess
from collections.abc import Sequence

from benchmarks.children import RunFailedError, Stopwatch
from benchmarks.figures import PLAIN, PROFILE, STUB, UNWIND, Goal
from benchmarks.jqsource import ROOT, Build
from benchmarks.variants import PROFILE_NAME, Variant
from benchmarks.workloads import Builder

_INCLUDE = f"-I{os.path.join(ROOT, 'stubgen')}"
_CHUNKS = 1_000_000
_STARTS = 20


def queries(builder: Builder, scale: float) -> tuple[list[str], list[Goal]]:
    """The lines of programs/query.c, and the slowest question by base and by interior pointer."""
    made = builder.own("query", STUB, _INCLUDE)
    command = [os.path.join(made.tree, "query"), str(max(100, int(20_000 * scale)))]
    done = subprocess.run(command, env=made.environment(), capture_output=True, text=True)
    if done.returncode:
        return [f"query gave {done.returncode}: {done.stderr.strip()}"], query_goals([])
    return [f"{'nanoseconds':<20} {'base':>6} {'inside':>6}", *done.stdout.splitlines()], query_goals(
        done.stdout.splitlines()
    )


def query_goals(lines: Sequence[str]) -> list[Goal]:
    """What the slowest of the questions takes, by the lines `name base interior`."""
    found = [line.split() for line in lines]
    goals = []
    for column, name, limit in ((1, "base", 5), (2, "interior", 40)):
        value, about = max(((float(words[column]), words[0]) for words in found), default=(None, ""))
        goals.append(Goal(f"a query by {name} pointer, the slowest", value, limit, " ns", about=about))
    return goals


def startup(builder: Builder, stopwatch: Stopwatch, variants: Sequence[Variant], rounds: int) -> list[Goal]:
    """What a program that does nothing takes more than plain, in milliseconds."""
    wanted = [variant for variant in variants if variant.name in (PLAIN, STUB, UNWIND, PROFILE)]
    trees = {variant.build: builder.own("empty", variant.build) for variant in wanted}
    for build in {variant.build for variant in wanted} - {PLAIN}:
        _prove(trees[build], build)
    taken: dict[str, list[float]] = {variant.name: [] for variant in wanted}
    out = os.path.join(builder.folder, "start")
    os.makedirs(out, exist_ok=True)
    for turn in range(rounds + 1):
        for variant in wanted if turn % 2 else reversed(wanted):
            made = trees[variant.build]
            extra = {key: value.replace("{out}", out) for key, value in variant.environment.items()}
            program = os.path.join(made.tree, "empty")
            samples = stopwatch.run([program], made.environment(), extra=extra, count=_STARTS)
            taken[variant.name] += [sample.seconds for sample in samples] if turn else []
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return [
        Goal(
            f"start-up, {name}",
            1e3 * (seconds - medians[PLAIN]),
            1,
            " ms",
            about=f"plain {1e3 * medians[PLAIN]:.2f} ms",
        )
        for name, seconds in medians.items()
        if name != PLAIN
    ]


def _prove(made: Build, build: str) -> None:
    """A build that went wrong falls back to plain and starts as fast."""
    profile = os.path.join(made.tree, PROFILE_NAME)
    environment = made.environment(ALLOCS_OPTIONS=f"profile={profile}")
    subprocess.run([os.path.join(made.tree, "empty")], env=environment, check=True)
    if not os.path.exists(profile):
        raise RunFailedError(f"nothing was observed in the {build} build: what did it warn of?")


def large_profile(builder: Builder, scale: float) -> list[Goal]:
    """What writing the profile of a million live chunks takes, in a program that counts and in one that does not."""
    made = builder.own("live", STUB, _INCLUDE)
    chunks = max(1000, int(_CHUNKS * scale))
    path = os.path.join(builder.folder, "live.json")
    command = [os.path.join(made.tree, "live"), path, str(chunks)]
    goals = []
    for counting, options in (("", ""), (", counted", f"profile={path}.exit")):
        environment = made.environment(ALLOCS_OPTIONS=options)
        name = f"a profile of {chunks:,} live chunks{counting}"
        done = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(3)]
        if any(each.returncode for each in done):
            goals.append(
                Goal(name, None, 1000, " ms", about=f"live gave {done[0].returncode}: {done[0].stderr.strip()}")
            )
            continue
        taken = statistics.median(float(each.stdout) for each in done)
        goals.append(Goal(name, taken, 1000, " ms", about=f"{os.path.getsize(path) / 1e6:.1f} MB"))
    return goals
