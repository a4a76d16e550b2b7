"""`python -m tests.fuzz`: many damaged inputs; those that find something are kept in build/fuzz/."""

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.fuzz.corpus import ROOT, SUFFIX, Corpus, Specimen, make_corpus
from tests.fuzz.links import KINDS, difference
from tests.fuzz.mutate import mutant
from tests.fuzz.parsers import check

KEPT = ROOT / "build" / "fuzz"


def main() -> int:
    """Run, print what was found and how to run it again."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many inputs (FUZZ_COUNT)")
    parser.add_argument("--links", type=int, default=-1, help="how many of them are linked; 3 %% of all if not given")
    parser.add_argument("--seed", type=int, default=0, help="0: a new one (FUZZ_SEED)")
    options = parser.parse_args()
    seed = options.seed or secrets.randbelow(1_000_000) + 1
    links = options.count * 3 // 100 if options.links < 0 else options.links
    print(f"seed {seed} (again: make fuzz FUZZ_SEED={seed} FUZZ_COUNT={options.count})")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        (folder := Path(place) / "work").mkdir()
        (cache := Path(place) / "cache").mkdir()
        corpus = make_corpus(folder, cache)
        found = _read_all(corpus, seed, options.count) + _link_all(corpus, seed, links)
    print(f"{options.count} inputs read, {links} linked, {found} found something")
    return 1 if found else 0


def linkers() -> tuple[str, ...]:
    """The linkers that are here, the default one mostly."""
    return ("", "", "", *(name for name in ("gold", "lld", "mold") if shutil.which(f"ld.{name}")))


def _read_all(corpus: Corpus, seed: int, count: int) -> int:
    specimens = list(corpus.specimens)
    found, start, slowest = 0, time.monotonic(), 0.0
    for number in range(count):
        specimen, data = mutant(seed, number, specimens)
        began = time.monotonic()
        try:
            check(specimen, data, corpus)
        except Exception:
            found += 1
            _keep(seed, number, specimen, data, traceback.format_exc())
        slowest = max(slowest, time.monotonic() - began)
    print(f"read in {time.monotonic() - start:.0f} s, the slowest in {slowest * 1000:.0f} ms")
    return found


def _link_all(corpus: Corpus, seed: int, count: int) -> int:
    specimens = list(corpus.specimens)
    found, start = 0, time.monotonic()
    for number in range(count):
        specimen, data = mutant(seed, -1 - number, specimens, KINDS)
        problem = difference(specimen, data, corpus, linkers(), random.Random(f"{seed}:link:{number}"))
        if problem:
            found += 1
            _keep(seed, -1 - number, specimen, data, problem)
    print(f"linked in {time.monotonic() - start:.0f} s")
    return found


def _keep(seed: int, number: int, specimen: Specimen, data: bytes, problem: str) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{seed}-{number}{SUFFIX[specimen.kind]}"
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(f"made from {specimen.name}\n{problem}\n")
    print(f"{path} (from {specimen.name}):\n  {problem.strip().splitlines()[-1]}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
