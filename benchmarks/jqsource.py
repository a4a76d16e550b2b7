"""jq 1.8.2 as material: its source, its build and its input; shared by tests/realworld and benchmarks/jq.py.

The source comes from PyPI's source package of the Python binding, whose `deps/` holds jq's release archive.
"""

import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOCSCC = os.path.join(ROOT, "bin", "allocscc")

REQUIREMENT = "jq==1.13.0"
PACKAGE = "jq-1.13.0"
RELEASE = "jq-1.8.2"

CONFIGURE = ("./configure", "--disable-docs", "--with-oniguruma=builtin")
MAKE = ("make", "-j2")

ALLOC = (
    "jv_mem_alloc(Z)p",
    "jv_mem_alloc_unguarded(Z)p",
    "jv_mem_calloc(zZ)p",
    "jv_mem_calloc_unguarded(zZ)p",
    "jv_mem_realloc(pZ)p",
    "jv_mem_strdup(p)p",
    "jv_mem_strdup_unguarded(p)p",
)
FREE = ("jv_mem_free(P)",)
WRAPPERS = frozenset(signature.partition("(")[0] for signature in ALLOC)

_OURS = ("ALLOCS_", "ALLOCSCC_", "LIBALLOCS_")
_COMPILER = ("CC", "CFLAGS", "CPP", "CPPFLAGS", "LDFLAGS", "LIBS", "COMPILER_PATH", "CONFIG_SITE")
_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "GNUMAKEFLAGS")
_LOADER = ("LD_LIBRARY_PATH", "LD_PRELOAD")
_FOREIGN = frozenset((*_COMPILER, *_MAKE, *_LOADER))


class UnavailableError(Exception):
    """jq's source cannot be had here; the message says why."""


class StepFailedError(Exception):
    """A step of jq's build failed; the message has the end of its output."""


@dataclass(frozen=True)
class Build:
    """A tree of jq and the compiler it is built with.

    Attributes:
        tree: the unpacked source, where it is also built.
        cc: absolute path of the compiler driver.
        cache: allocscc's cache folder for this build, so that nothing depends on the user's.
    """

    tree: str
    cc: str
    cache: str

    @property
    def program(self) -> str:
        """The program itself, not libtool's script around it."""
        return os.path.join(self.tree, ".libs", "jq")

    def log(self, step: str) -> str:
        """Where the output of a step (its first word) is kept: beside the tree, not in it."""
        return f"{self.tree}.{os.path.basename(step)}.log"

    def environment(self, **extra: str) -> dict[str, str]:
        """An environment for building and running: nothing of the caller's settings, plus `extra`."""
        kept = {k: v for k, v in os.environ.items() if k not in _FOREIGN and not k.startswith(_OURS)}
        libraries = os.path.join(self.tree, ".libs")
        return {**kept, "LC_ALL": "C.UTF-8", "ALLOCSCC_CACHE": self.cache, "LD_LIBRARY_PATH": libraries, **extra}

    def step(self, *command: str, log: str = "", check: bool = True) -> None:
        """Run a command in the tree; its output goes to the log of that step.

        Raises:
            StepFailedError: the command failed and `check` is set.
        """
        path = log or self.log(command[0])
        environment = self.environment()
        del environment["LD_LIBRARY_PATH"]
        with open(path, "wb") as file:
            none = subprocess.DEVNULL
            done = subprocess.run(
                command, cwd=self.tree, env=environment, stdin=none, stdout=file, stderr=file, timeout=1200
            )
        if check and done.returncode:
            with open(path, encoding="utf-8", errors="replace") as file:
                end = "".join(file.readlines()[-30:])
            raise StepFailedError(f"{' '.join(command)} in {self.tree} gave {done.returncode}:\n{end}")

    def configure(self) -> None:
        """`CC=… ./configure`, as a user types it."""
        self.step("env", f"CC={self.cc}", *CONFIGURE, log=self.log("configure"))

    def make(self) -> None:
        """`make -j2`."""
        self.step(*MAKE)


def prepare(sdist: str, folder: str, cc: str, cache: str = "") -> Build:
    """Unpack jq into `folder` and declare its wrappers there: in the parent of the tree, which stays as it is."""
    os.makedirs(folder, exist_ok=True)
    if " " in cc:  # configure takes CC apart at blanks, whoever's compiler it is
        link = os.path.join(folder, os.path.basename(cc))
        os.symlink(cc, link)
        cc = link
    with open(os.path.join(folder, "allocscc.toml"), "w", encoding="ascii") as file:
        file.write(f"[wrapper.jv_mem]\nalloc = {json.dumps(ALLOC)}\nfree = {json.dumps(FREE)}\n")
    return Build(unpack(sdist, folder), cc, cache or os.path.join(folder, "cache"))


def fetch(folder: str) -> str:
    """The path of the source package; downloaded unless `folder`, or ALLOCSCC_TEST_DOWNLOADS, has it.

    Raises:
        UnavailableError: it could not be downloaded.
    """
    folder = os.environ.get("ALLOCSCC_TEST_DOWNLOADS") or folder
    path = os.path.join(folder, f"{PACKAGE}.tar.gz")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        command = [sys.executable, "-m", "unearth", REQUIREMENT, "--no-binary", "--download", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"no answer from the package index for {REQUIREMENT} in 120 s") from None
        if done.returncode or not os.path.exists(path):
            reason = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()[-1]
            raise UnavailableError(f"cannot download {REQUIREMENT} with unearth (offline?): {reason}")
    return path


def unpack(sdist: str, folder: str) -> str:
    """Unpack jq's release archive, which lies in the source package, into `folder`; the path of its tree."""
    with tarfile.open(sdist) as outer:
        inner = outer.extractfile(f"{PACKAGE}/deps/{RELEASE}.tar.gz")
        if inner is None:
            raise UnavailableError(f"{sdist} does not hold deps/{RELEASE}.tar.gz")
        with inner, tarfile.open(fileobj=inner) as archive:
            options: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(folder, **options)
    return os.path.join(folder, RELEASE)


def generate(path: str, size: int) -> str:
    """Write a JSON array of about `size` bytes, the same bytes each time; the path again."""
    with open(path, "w", encoding="utf-8") as file:
        written = file.write("[")
        for record in _records():
            text = json.dumps(record, ensure_ascii=record["id"] % 2 == 0)
            if written + len(text) + 4 > size:
                break
            written += file.write(text if written == 1 else ",\n" + text)
        file.write("]\n")
    return path


def _records() -> Iterator[dict[str, Any]]:
    """Records with every kind of JSON value: objects, arrays (empty too), strings, numbers, literals."""
    rng = random.Random(182)
    words = ("alpha", "naïve", 'quo"ted', "line\nbreak", "Ωmega", "back\\slash", "tab\t", "")
    for number in range(1 << 30):
        yield {
            "id": number,
            "name": f"user{rng.randrange(1000000)}",
            "active": rng.random() < 0.5,
            "score": rng.random() * 100,
            "balance": rng.randrange(-(10**12), 10**12),
            "parent": None if number % 3 else number // 3,
            "tags": [rng.choice(words) for _ in range(rng.randrange(5))],
            "nested": {
                "point": [rng.random() for _ in range(3)],
                "text": "x" * rng.randrange(40),
                "deep": {"list": [[], [number], {}], f"key{number % 97}": 1e-7 * number},
            },
        }
