"""What observing costs at run time: programs of ours, jq, Lua and SQLite, plain, with ours, and with the peers' tools.

Run it with `make bench-runtime` or `.venv/bin/python3 -m benchmarks.runtime`. Rounds are interleaved: within a round
each variant runs once, and every other round in reverse order. Ratios are to plain in the same round; the table has
their medians. Peers record every allocation, which is so slow that they do a part of the work only, ours beside them.
"""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks import micro
from benchmarks.children import RunFailedError, Stopwatch
from benchmarks.figures import AGAIN, STUB, UNWIND, Row, Sample, Samples
from benchmarks.jqsource import ROOT, StepFailedError, UnavailableError
from benchmarks.report import Report, insert, load
from benchmarks.variants import PROFILE_NAME, PROVING, Variant, ours, peers, unwind_config
from benchmarks.workloads import NAMES, Builder, Work

RAW = os.path.join(ROOT, "build", "bench-runtime.json")
_LEAST_SHORT_ROUNDS = 3


class WrongOutputError(RunFailedError):
    """A variant's output is not that of plain."""


class Bench:
    """Runs the variants of one row after the other.

    Attributes:
        stopwatch: what starts the programs.
        rounds: of the full runs.
        peer_rounds: of the peers.
    """

    def __init__(self, stopwatch: Stopwatch, rounds: int, peer_rounds: int):
        self.stopwatch, self.rounds, self.peer_rounds = stopwatch, rounds, peer_rounds
        self._expected: bytes = b""

    def row(self, work: Work, variants: Sequence[Variant]) -> Row:
        """Measure all variants of one row."""
        row = Row(work.name, work.threads, work.heavy)
        mine = [variant for variant in variants if not variant.peer]
        others = [variant for variant in variants if variant.peer]
        self._warm(work, row, mine, 0)
        for number in range(self.rounds):
            self._round(work, row, mine, 0, number, row.full)
        if others:
            beside = [variant for variant in mine if variant.name != AGAIN]
            self._warm(work, row, beside, 1)
            for number in range(max(self.peer_rounds, _LEAST_SHORT_ROUNDS)):
                some = [*beside, *(others if number < self.peer_rounds else [])]
                self._round(work, row, some, 1, number, row.short)
        return row

    def _warm(self, work: Work, row: Row, variants: Sequence[Variant], length: int) -> None:
        """Run each once uncounted; plain's output is what all others have to give, and ours have to give a profile.

        A build that went wrong falls back to what the plain compiler would have made, which is fast.
        """
        self._expected = b""
        for variant in variants:
            self._once(work, row, variant, length, look=True, prove=variant.build in (STUB, UNWIND))

    def _round(
        self, work: Work, row: Row, variants: Sequence[Variant], length: int, number: int, samples: Samples
    ) -> None:
        note(f"{row.title}, {('full', 'short')[length]} round {number + 1}")
        for variant in variants if number % 2 == 0 else reversed(variants):
            look = not work.loud or (variant.peer and number == 0)
            sample = self._once(work, row, variant, length, look=look)
            if sample:
                samples.setdefault(variant.name, []).append(sample)

    def _once(
        self, work: Work, row: Row, variant: Variant, length: int, *, look: bool, prove: bool = False
    ) -> Sample | None:
        """One run; None, and an entry in `row.failed`, if it failed now or before."""
        if variant.name in row.failed:
            return None
        out = os.path.join(self.stopwatch.folder, "out")
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        words = [*variant.prefix, work.programs[variant.build], *work.arguments[length]]
        output = os.path.join(self.stopwatch.folder, "output") if look else os.devnull
        extra = {**variant.environment, **(PROVING if prove else {})}
        try:
            (sample,) = self.stopwatch.run(
                [word.replace("{out}", out) for word in words],
                work.environments[variant.build],
                extra={key: value.replace("{out}", out) for key, value in extra.items()},
                output=output,
            )
            if look:
                self._look(output)
            if prove and not os.path.exists(os.path.join(out, PROFILE_NAME)):
                raise RunFailedError("nothing was observed: what did its build warn of?")
        except RunFailedError as error:
            row.failed[variant.name] = str(error)
            note(f"{row.title}, {variant.name}: {error}")
            return None
        return sample

    def _look(self, path: str) -> None:
        """Some peers write lines of their own to stdout, so the program's output only has to be in it."""
        with open(path, "rb") as file:
            output = file.read()
        self._expected = self._expected or output
        if not output or self._expected not in output:
            raise WrongOutputError("another output than plain's")


def brief(error: Exception) -> str:
    """The first line of a message that may quote a whole build, and the last one that is not make's."""
    first, *rest = str(error).strip().splitlines()
    said = [line.strip() for line in rest if line.strip() and not line.startswith("make")]
    return f"{first} {said[-1]}" if said else first


def note(text: str) -> None:
    """Say what goes on, on stderr: stdout is for the table."""
    print(f"  {text}", file=sys.stderr, flush=True)


def about(given: argparse.Namespace) -> list[str]:
    """When, where and how."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    gcc = subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return [
        f"{time.strftime('%Y-%m-%d')}; {os.cpu_count()} processors ({models[0] if models else platform.machine()}), "
        f"{gcc}, {' '.join(platform.libc_ver())}",
        f"load average when this began: {os.getloadavg()[0]:.1f} (above 0.5 the figures are noisy)",
        f"rounds: ours {given.rounds}, peers {given.peer_rounds}; "
        f"part of the work: ours {given.scale:g}, peers {given.peer_scale:g}",
    ]


def measure(given: argparse.Namespace, folder: str) -> Report:
    """The whole run; what there is so far is in RAW after each row."""
    unwind = unwind_config(folder)
    os.remove(os.path.join(folder, "allocscc.toml"))
    variants = ours(unwind=unwind is not None)
    others, missing = ([], {"peers": "not asked for"}) if given.no_peers else peers()
    if unwind is None:
        missing = {UNWIND: 'the config takes no observe = "unwind"', **missing}
    report = Report(about(given), [variant.name for variant in (*variants, *others)], missing=missing)
    for name, reason in missing.items():
        note(f"{name}: left out, {reason}")
    builds = list(dict.fromkeys(variant.build for variant in (*variants, *others)))
    builder = Builder(folder, builds, unwind or "", (given.scale, given.peer_scale))
    os.environ["LSAN_OPTIONS"] = "detect_leaks=0"  # not in the programs that configure runs
    stopwatch = Stopwatch(folder)
    bench = Bench(stopwatch, given.rounds, given.peer_rounds)
    for name in given.only or NAMES:
        note(f"{name}: building")
        try:
            works = builder.work(name)
        except (UnavailableError, StepFailedError) as error:
            report.missing[name] = brief(error)
            note(f"{name}: left out, {error}")
            continue
        for work in works:
            report.rows.append(bench.row(work, [*variants, *others]))
            report.save(RAW)
    if not given.no_micro:
        note("small figures")
        small(report, builder, stopwatch, variants, given)
        report.save(RAW)
    return report


def small(
    report: Report, builder: Builder, stopwatch: Stopwatch, variants: Sequence[Variant], given: argparse.Namespace
) -> None:
    """Queries, start-up and a large profile; one that fails is named among what is left out."""
    scale = min(1.0, given.scale)
    try:
        report.micro += micro.startup(builder, stopwatch, variants, given.rounds)
        report.micro += micro.large_profile(builder, scale)
        report.queries, goals = micro.queries(builder, scale)
        report.micro += goals
    except (StepFailedError, RunFailedError) as error:
        report.missing["small figures"] = brief(error)
        note(f"small figures: {error}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="what observing costs at run time, against plain glibc and other tools"
    )
    parser.add_argument("--rounds", type=int, default=12, help="rounds of ours against plain (default: 12)")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the work that these do (default: 1)")
    parser.add_argument("--peer-rounds", type=int, default=1, help="rounds of the peers (default: 1)")
    parser.add_argument("--peer-scale", type=float, help="part of the work beside the peers (default: 0.2 of --scale)")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="PROGRAM", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--no-peers", action="store_true", help="plain and ours only")
    parser.add_argument("--no-micro", action="store_true", help="no queries, start-up and large profile")
    parser.add_argument("--from", dest="kept", metavar="JSON", help=f"measure nothing, print such a file as {RAW}")
    parser.add_argument("--into", metavar="DOCUMENT", help="put the report between the marks of a document, too")
    given = parser.parse_args()
    if given.peer_scale is None:
        given.peer_scale = 0.2 * given.scale
    if given.rounds < 1 or given.peer_rounds < 1:
        parser.error("at least one round")
    return given


def main() -> None:
    """Measure and print."""
    given = arguments()
    if given.kept:
        report = load(given.kept)
    else:
        os.makedirs(os.path.dirname(RAW), exist_ok=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
        with tempfile.TemporaryDirectory(prefix="allocscc-bench-") as folder:
            report = measure(given, folder)
    text = report.text()
    print(text, end="")
    if given.into:
        insert(given.into, text, (".venv/bin/python3", "-m", "benchmarks.runtime", *sys.argv[1:]))


if __name__ == "__main__":
    main()
