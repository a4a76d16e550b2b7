"""The same damaged inputs, linked by the plain compiler and by ours: the same status, messages, and kind of answer."""

import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from tests.fuzz.corpus import ALLOCSCC, ARCHIVE, OBJECT, SHARED, SUFFIX, Corpus, Specimen

KINDS = (OBJECT, ARCHIVE, SHARED)
_SECONDS = 20
# Symbols that linkers make where something refers to them.
_OF_THE_LINKER = (b"_end", b"__start_", b"__stop_")
# What differs from one plain link to the next: names that the driver makes up, addresses, sums of memory.
_VARYING = re.compile(r"/[^ :]*/cc[A-Za-z0-9]{6}[^ :]*|0x[0-9a-f]{8,}|after a total of [0-9]+ bytes")
_OURS = "allocscc: warning: "
# A library of ours whose damaged symbols are the runtime's: only then do they meet them.
_RUNTIME = "liballocsrt.a("
_CRASH = "terminated with signal"
# Known and accepted: the runtime defines these in the executable, so a reference that may not leave it is resolved.
_INTERPOSED = re.compile(r"'(?:malloc|calloc|realloc|free)'|`(?:malloc|calloc|realloc|free)'")
_UNRESOLVED = ("undefined reference to", "isn't defined", "collect2: error: ld returned 1 exit status")


@dataclass(frozen=True)
class Answer:
    """What a link said and did; `status` is None where it did not end, `symbols` are those that the output defines.

    With --gc-sections those do not count: of an object with a stub, the linker can drop more.
    """

    status: int | None
    stderr: tuple[str, ...]
    made: bool
    symbols: frozenset[bytes] = field(default=frozenset(), repr=False)


def difference(specimen: Specimen, data: bytes, corpus: Corpus, linkers: tuple[str, ...], rng: random.Random) -> str:
    """How ours differs from a plain link of an input; "" if it does not."""
    name = f"mutant{SUFFIX[specimen.kind]}"
    (corpus.folder / name).write_bytes(data)
    words = ["main.o", f"./{name}" if specimen.kind == SHARED else name]
    words += [] if rng.random() < 0.6 else ["plain.o"]
    words += ["-Wl,--gc-sections"] if rng.random() < 0.2 else []
    linker = rng.choice(linkers)
    words += [f"-fuse-ld={linker}"] if linker else []
    plain = _link(shutil.which("gcc") or "gcc", words, corpus)
    if plain.status is None:  # the linker itself hangs on it
        return ""
    ours = _link(str(ALLOCSCC), words, corpus)
    problem = _difference(plain, ours)
    left = [entry for entry in os.listdir(corpus.env["TMPDIR"]) if entry.startswith("allocscc-")]
    for entry in left:
        (Path(corpus.env["TMPDIR"]) / entry).rename(corpus.folder / entry)
    if left and not problem:
        problem = f"temporaries are left: {left}"
    return f"{' '.join(words)}: {problem}\n  plain: {plain}\n  ours:  {ours}" if problem else ""


def _link(driver: str, words: list[str], corpus: Corpus) -> Answer:
    output = corpus.folder / "out"
    output.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            [driver, *words, "-o", "out"], cwd=corpus.folder, env=corpus.env, capture_output=True, text=True,
            errors="replace", timeout=_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(None, (), output.exists())
    lines = tuple(_VARYING.sub("…", line) for line in (done.stdout + done.stderr).splitlines())
    made = output.exists()
    counts = made and done.returncode == 0 and "-Wl,--gc-sections" not in words
    return Answer(done.returncode, lines, made, _defined(output) if counts else frozenset())


def _defined(path: Path) -> frozenset[bytes]:
    try:
        return frozenset(ElfObject(path.read_bytes(), "out").definitions())
    except FormatError:  # what an output of such an input looks like is the linker's affair
        return frozenset()


def _difference(plain: Answer, ours: Answer) -> str:
    if plain.status == 1 and ours.status == 0 and _needs_the_runtime(plain.stderr):
        return ""
    if plain.status != ours.status:
        return f"status {ours.status}, not {plain.status}"
    if plain.made != ours.made:
        return f"an output {'exists' if ours.made else 'is missing'}"
    said = _without_warning(ours.stderr) if plain.status == 0 else ours.stderr
    crashed = any(_CRASH in line for line in plain.stderr)  # which may depend on where memory is
    pardoned = plain.status == 0 and any(_RUNTIME in line for line in said)
    if said != plain.stderr and not crashed and not pardoned:
        return "other words"
    lost = [name for name in plain.symbols - ours.symbols if not name.startswith(_OF_THE_LINKER)]
    if lost:
        return f"not linked: {sorted(lost)[:5]}"
    if any("Traceback" in line for line in ours.stderr):
        return "a traceback"
    return ""


def _needs_the_runtime(lines: tuple[str, ...]) -> bool:
    *errors, last = [line for line in lines if any(part in line for part in _UNRESOLVED)] or [""]
    return last in _UNRESOLVED and bool(errors) and all(_INTERPOSED.search(line) for line in errors)


def _without_warning(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines but for one warning of ours and its indented rest."""
    at = next((number for number, line in enumerate(lines) if line.startswith(_OURS)), None)
    if at is None:
        return lines
    end = at + 1
    while end < len(lines) and lines[end].startswith("  "):
        end += 1
    return lines[:at] + lines[end:]
