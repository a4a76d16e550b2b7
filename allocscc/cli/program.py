"""What a program is to us: built by allocscc, a script, or one that needs the runtime by LD_PRELOAD."""

import os
import signal
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from allocscc import toolchain
from allocscc.backends.runtime import CACHES
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from allocscc.sidecar_names import PLAN_SECTION, SITES_SECTION

_PT_INTERP = 3
_RUNTIME = b"__allocs_runtime"


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes:
        path: where it is; None: it is not found.
        kind: `ours`, `script`, `dynamic`, `static`, `musl`, or `other` (no ELF file of this machine's).
    """

    path: str | None
    kind: str = "other"

    @property
    def wants_preload(self) -> bool:
        """Whether LD_PRELOAD is the way to see its heap."""
        return self.kind == "dynamic"

    def why_none(self, status: int, *, preload: str) -> str:
        """Why there is no profile, most likely, and what to do.

        Args:
            status: the exit status, or the signal, negative.
            preload: what was asked for: `auto`, `always` or `never`.
        """
        name = os.path.basename(self.path or "")
        if status < 0:
            return (
                f"{name} was ended by {_signal_name(-status)}, and a profile is written at exit; --interval 1 writes"
                " one every second"
            )
        if self.kind == "static":
            return f"{name} is linked statically and was not built by allocscc; build it with CC=allocscc"
        if self.kind == "musl":
            return f"{name} uses musl, which the runtime for LD_PRELOAD is not made for; build it with CC=allocscc"
        if self.kind == "dynamic" and preload == "never":
            return f"{name} was not built by allocscc; leave out --preload never, or build it with CC=allocscc"
        if self.kind in ("script", "other"):
            return (
                f"{name} started no program that was built by allocscc and ended by exit; --preload always shows"
                " others, as far as that goes"
            )
        return (
            f"{name} ended without running its exit handlers (_exit, quick_exit, exec), or has set-user-ID, or a"
            " sanitizer; --interval 1 writes a profile every second"
        )


def compiler_name(env: Mapping[str, str]) -> str:
    """The compiler that `allocscc` runs: of the words of `ALLOCSCC_CC` the first that is no cache."""
    words = [word for word in env.get("ALLOCSCC_CC", "").split() if not word.startswith("-")]
    return next((word for word in words if os.path.basename(word) not in CACHES), "gcc")


@contextmanager
def own_compiler() -> Iterator[None]:
    """While the body runs, what is built is built by the compiler that `allocscc` would run."""
    before = os.environ.get("ALLOCSCC_REAL")
    os.environ["ALLOCSCC_REAL"] = compiler_name(os.environ)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ALLOCSCC_REAL"]
        else:
            os.environ["ALLOCSCC_REAL"] = before


def examine(name: str) -> Program:
    """Look for a program as a shell would, and at what it is."""
    path = name if "/" in name else toolchain.find_program(name)
    if "/" not in path or not os.path.exists(path):
        return Program(None)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:  # may be run, but not read
        return Program(path, "dynamic" if os.access(path, os.X_OK) else "other")
    if data[:4] != b"\x7fELF":
        return Program(path, "script" if data[:2] == b"#!" else "other")
    return Program(path, _kind(data, path))


def _kind(data: bytes, path: str) -> str:
    try:
        elf = ElfObject(data, path)
        if any(elf.section(name.encode()) is not None for name in (PLAN_SECTION, SITES_SECTION)):
            return "ours"
    except FormatError:
        pass
    if _RUNTIME in data:  # stripped of its sections, or a probe of configure's with nothing but the runtime
        return "ours"
    interpreter = _interpreter(data)
    if interpreter is None:
        return "static"
    return "musl" if b"musl" in interpreter else "dynamic"


def _interpreter(data: bytes) -> bytes | None:
    """The dynamic loader that a 64-bit file names, or None."""
    if len(data) < 64 or data[4] != 2:
        return b""
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for at in range(offset, offset + size * count, size):
        if len(data) < at + 56:
            break
        kind, _, begin, _, _, length = struct.unpack_from("<IIQQQQ", data, at)
        if kind == _PT_INTERP:
            return data[begin : begin + length].rstrip(b"\0")
    return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
