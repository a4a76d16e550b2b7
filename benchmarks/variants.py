"""The columns of benchmarks/runtime.py: how a program is built and run in each, and which peers this machine has."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.figures import AGAIN, DHAT, HEAPTRACK, LSAN, PLAIN, PROFILE, STUB, UNWIND
from benchmarks.jqsource import ALLOCSCC, ROOT

ALLOCS = os.path.join(ROOT, "bin", "allocs")

PROFILE_NAME = "heap.json"
PROVING = {"ALLOCS_OPTIONS": f"profile={{out}}/{PROFILE_NAME}"}

# Spellings of the mode without caller stubs: the first one that the config accepts is taken.
_UNWIND_LINES = (
    'observe = "unwind"\n',
    '[link]\nobserve = "unwind"\n',
    '[wrappers]\nobserve = "unwind"\n',
    '[stubgen]\nobserve = "unwind"\n',
)


@dataclass(frozen=True)
class Variant:
    """One column.

    Attributes:
        name: its title.
        build: the build that it runs, PLAIN, LSAN, STUB or UNWIND.
        prefix: words before the program's own; `{out}` stands for a folder that is emptied after each run.
        environment: what only this variant has in its environment, `{out}` too.
        peer: whether it is another tool, which gets shorter runs.
    """

    name: str
    build: str
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    peer: bool = False


def compiler(build: str, folder: str) -> str:
    """The compiler of a build, an absolute path.

    Args:
        build: PLAIN, LSAN, STUB or UNWIND.
        folder: where a script can be put that adds an option, since configure takes CC apart at blanks.
    """
    gcc = shutil.which("gcc")
    if not gcc:
        raise SystemExit("benchmarks/runtime.py: gcc is not on PATH")
    if build != LSAN:
        return gcc if build == PLAIN else ALLOCSCC
    script = os.path.join(folder, "gcc-leak")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {gcc} -fsanitize=leak "$@"\n')
    os.chmod(script, 0o755)
    return script


def unwind_config(folder: str) -> str | None:
    """The text that puts a project's config into unwind mode; None if this allocscc has no such mode."""
    environment = {key: value for key, value in os.environ.items() if key != "ALLOCSCC_CONFIG"}
    for text in _UNWIND_LINES:
        with open(os.path.join(folder, "allocscc.toml"), "w", encoding="ascii") as file:
            file.write(text)
        done = subprocess.run([ALLOCS, "config", "check"], cwd=folder, env=environment, capture_output=True)
        if done.returncode == 0:
            return text
    return None


def ours(*, unwind: bool) -> list[Variant]:
    """Plain, plain once more (what differs between these two is noise), and ours."""
    return [
        Variant(PLAIN, PLAIN),
        Variant(AGAIN, PLAIN),
        Variant(STUB, STUB),
        *([Variant(UNWIND, UNWIND)] if unwind else []),
        Variant(PROFILE, STUB, environment=PROVING),
    ]


def _library(name: str) -> str | None:
    """The path of a shared library: of LD_LIBRARY_PATH, else of the loader's cache."""
    for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if folder and os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    known = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
    return next((line.split("=> ")[1] for line in known.splitlines() if line.split()[:1] == [name]), None)


def _heaptrack() -> Variant | str:
    if not shutil.which("heaptrack"):
        return "not installed (Debian: heaptrack)"
    usage = subprocess.run(["heaptrack", "--help"], capture_output=True, text=True).stdout
    quiet = ("--record-only",) if "--record-only" in usage else ()
    return Variant(HEAPTRACK, PLAIN, ("heaptrack", *quiet, "-o", "{out}/heaptrack"), peer=True)


def _dhat() -> Variant | str:
    if not shutil.which("valgrind"):
        return "not installed (Debian: valgrind)"
    return Variant(DHAT, PLAIN, ("valgrind", "--tool=dhat", "--dhat-out-file={out}/dhat"), peer=True)


def _lsan() -> Variant | str:
    path = subprocess.run(["gcc", "-print-file-name=liblsan.so"], capture_output=True, text=True).stdout.strip()
    if not os.path.isabs(path):
        return "this gcc has no liblsan.so"
    return Variant(LSAN, LSAN, environment={"LSAN_OPTIONS": "exitcode=0"}, peer=True)


def _jemalloc() -> Variant | str:
    path = _library("libjemalloc.so.2")
    if not path:
        return "not installed (Debian: libjemalloc2)"
    settings = {"LD_PRELOAD": path, "MALLOC_CONF": "prof:true,lg_prof_sample:0,prof_final:true,prof_prefix:{out}/je"}
    said = subprocess.run(["/bin/true"], env={"LD_PRELOAD": path, "MALLOC_CONF": "prof:true"}, capture_output=True)
    if b"Invalid conf" in said.stdout + said.stderr:
        return f"{path} was built without its heap profiler"
    return Variant("jemalloc", PLAIN, environment=settings, peer=True)


def _tcmalloc() -> Variant | str:
    path = _library("libtcmalloc.so.4")
    if not path:
        return "libtcmalloc.so.4 is not installed (Debian: libgoogle-perftools4; the minimal one has no profiler)"
    return Variant("tcmalloc", PLAIN, environment={"LD_PRELOAD": path, "HEAPPROFILE": "{out}/tc"}, peer=True)


_PEERS: dict[str, Callable[[], Variant | str]] = {
    HEAPTRACK: _heaptrack,
    DHAT: _dhat,
    LSAN: _lsan,
    "jemalloc": _jemalloc,
    "tcmalloc": _tcmalloc,
}


def peers() -> tuple[list[Variant], dict[str, str]]:
    """The peers that are here, and why the others are not."""
    found = {name: look() for name, look in _PEERS.items()}
    return (
        [each for each in found.values() if isinstance(each, Variant)],
        {name: each for name, each in found.items() if isinstance(each, str)},
    )
