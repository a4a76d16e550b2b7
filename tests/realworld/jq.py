"""What test_jq.py asks of a build of jq, of our report, of config.log and of valgrind's DHAT."""

import hashlib
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from benchmarks.jqsource import ROOT, WRAPPERS, Build

Row = dict[str, Any]
Place = tuple[str, int]

ALLOCS = os.path.join(ROOT, "bin", "allocs")

# libc's functions that only pass on what malloc gives: what calls them is the allocation site
_LIBC_WRAPPERS = frozenset(("strdup", "strndup"))
_SKIPPED = WRAPPERS | _LIBC_WRAPPERS | {"malloc", "calloc", "realloc"}
_REALLOC = frozenset(("realloc", "jv_mem_realloc"))

_RESULT = re.compile(r"^(PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): .*$", re.MULTILINE)
_DECISION = re.compile(r"^configure:\d+: result: .*$", re.MULTILINE)
_CACHED = re.compile(r"^\w*_cv_\w+=.*$", re.MULTILINE)
_FRAME = re.compile(r"0x[0-9A-Fa-f]+: (?P<function>\S+) \((?P<file>.*?)(?::(?P<line>\d+))?\)$")


def read(path: str) -> str:
    """A text file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# running it


def run(build: Build, words: Iterable[str], prefix: Iterable[str] = (), **environment: str) -> bytes:
    """The output of the built jq itself (not of libtool's script), called with `words` behind `prefix`."""
    command = [*prefix, build.program, *words]
    done = subprocess.run(command, env=build.environment(**environment), capture_output=True, timeout=600)
    assert done.returncode == 0, f"{command} gave {done.returncode}: {done.stderr[-2000:].decode(errors='replace')}"
    return done.stdout


def digest(output: bytes) -> tuple[int, str]:
    """Size and hash: what a failing test can print, 20 MB it cannot."""
    return len(output), hashlib.sha256(output).hexdigest()


def profile(build: Build, words: Iterable[str], path: str) -> list[Row]:
    """Run jq with a profile and return our report of it."""
    run(build, words, ALLOCS_OPTIONS=f"profile={path}")
    return report(path)


def report(path: str) -> list[Row]:
    """The rows of `allocs report --json`."""
    done = subprocess.run([ALLOCS, "report", "--json", path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows: list[Row] = json.loads(done.stdout)
    return rows


def check(build: Build) -> list[str]:
    """The sorted verdicts of `make check`, jq's and oniguruma's."""
    log = build.log("check")
    build.step("make", "-k", "-j2", "check", log=log, check=False)
    return sorted(match[0].strip() for match in _RESULT.finditer(read(log)))


# what configure decided


def decisions(build: Build, folder: str) -> list[str]:
    """Each answer and each cached variable in a folder's config.log, compiler and tree given neutral names."""
    text = read(os.path.join(build.tree, folder, "config.log"))
    text = text.replace(build.cc, "$CC").replace(os.path.dirname(build.tree), "$TOP")
    cache = text.partition("## Cache variables. ##")[2].partition("## Output variables. ##")[0]
    return [match[0] for match in (*_DECISION.finditer(text), *_CACHED.finditer(cache))]


def after_distclean(build: Build, copy: str) -> set[str]:
    """Every path, relative to the tree, that `make distclean` leaves in a copy of the built tree."""
    subprocess.run(["cp", "-a", build.tree, copy], check=True)
    Build(copy, build.cc, build.cache).step("make", "distclean", log=f"{copy}.distclean.log")
    return {
        os.path.relpath(os.path.join(folder, name), copy)
        for folder, folders, files in os.walk(copy)
        for name in (*folders, *files)
    }


# our rows


def in_source(row: Row, build: Build) -> bool:
    """Whether the outermost site is a known line of jq's source outside its wrappers."""
    file = row["file"]
    return bool(file) and row["line"] > 0 and file.startswith(build.tree + "/") and not _in_wrapper(row["function"])


def _in_wrapper(function: str | None) -> bool:
    return function is None or function.startswith("jv_mem_")


def share_at_peak(rows: list[Row], build: Build) -> float:
    """The part of the bytes live at the peak that belongs to rows in jq's source."""
    owned = sum(row["peak_bytes"] for row in rows if in_source(row, build))
    return float(owned / sum(row["peak_bytes"] for row in rows))


def call_text(row: Row) -> str:
    """The row's call as it is written: from the name before the parenthesis (it may be a macro) to its end."""
    text = "\n".join(read(row["file"]).splitlines()[row["line"] - 1 :])
    start = max(row["column"] - 1, 0)
    if not re.match(r"\w+\s*\(", text[start:]):
        start = max(text.find(row["callee"]), 0)
    depth = 0
    for at in range(text.find("(", start), len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[start : at + 1]
    return text[start:]


def understood(row: Row, call: str) -> bool:
    """Whether the row's evidence is the sizeof in its call; if that is `sizeof(struct x)`, the type is `struct x`."""
    operand = re.sub(r"\s+", " ", call.partition("sizeof(")[2].partition(")")[0]).strip()
    named = operand if re.fullmatch(r"struct \w+[ *]*", operand) else row["type"]
    same = bool(row["type"]) and named.replace(" ", "") == row["type"].replace(" ", "")
    return same and row["evidence"] in ("sizeof", "flow")


def place(row: Row) -> Place:
    """Where the outermost site is."""
    return os.path.normpath(row["file"]), row["line"]


def totals(rows: list[Row]) -> Counter[Place]:
    """All chunks ever allocated, by the place of the outermost site."""
    counts: Counter[Place] = Counter()
    for row in rows:
        if row["file"]:
            counts[place(row)] += row["total_chunks"]
    return counts


# DHAT


class Frame(NamedTuple):
    """One line of a backtrace."""

    function: str
    file: str
    line: int


class Point(NamedTuple):
    """A DHAT program point: a backtrace (innermost first) and what was allocated there."""

    frames: list[Frame]
    blocks: int
    peak_bytes: int


def dhat(build: Build, words: Iterable[str], path: str) -> list[Point]:
    """Run jq under DHAT; `--fullpath-after=` makes it print whole paths."""
    run(build, words, ("valgrind", "-q", "--tool=dhat", "--fullpath-after=", f"--dhat-out-file={path}"))
    data = json.loads(read(path))
    frames = [_frame(text) for text in data["ftbl"]]
    return [Point([frames[i] for i in point["fs"]], point["tbk"], point["gb"]) for point in data["pps"]]


def _frame(text: str) -> Frame:
    match = _FRAME.match(text)
    return (
        Frame(match["function"], os.path.normpath(match["file"]), int(match["line"] or 0))
        if match
        else Frame("", "", 0)
    )


def _passes_on(frame: Frame, build: Build) -> bool:
    """Whether a frame is malloc, a wrapper or a stub of ours (its source lies in the cache folder)."""
    name = frame.function.removeprefix("__wrap_").removeprefix("__real_")
    return name in _SKIPPED or frame.file.startswith(build.cache + "/")


def witness(points: list[Point], build: Build) -> Counter[Place]:
    """Blocks by the first frame outside wrappers, where that is in jq's source and it is not a realloc.

    DHAT leaves a block that is resized with the place that allocated it first, so realloc cannot be compared.
    """
    counts: Counter[Place] = Counter()
    for point in points:
        outside = next((i for i, frame in enumerate(point.frames) if not _passes_on(frame, build)), None)
        if outside is None or not point.frames[outside].file.startswith(build.tree + "/"):
            continue
        inside = {frame.function.removeprefix("__real_") for frame in point.frames[:outside]}
        if not inside & _REALLOC:
            counts[point.frames[outside].file, point.frames[outside].line] += point.blocks
    return counts
