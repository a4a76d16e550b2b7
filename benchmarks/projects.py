"""Lua and SQLite as material beside jq: their sources come in source packages of bindings, as jq's does."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.jqsource import ROOT, Build, UnavailableError

DOWNLOADS = os.path.join(ROOT, "build", "downloads")
_LUA, _SQLITE = "lupa-2.8", "sqlite3-6.0.1"


@dataclass(frozen=True)
class Project:
    """A C project that can be built.

    Attributes:
        name: what it is called in tables.
        pack: the pack that describes its allocators, or "".
        unpack: puts its source into a folder and gives the path of the tree.
        prepare: commands before the build proper, `{cc}` for the compiler.
        build: the build proper.
    """

    name: str
    pack: str
    unpack: Callable[[str], str]
    prepare: tuple[tuple[str, ...], ...]
    build: tuple[str, ...]

    def tree(self, folder: str, cc: str, *, described: bool = False) -> Build:
        """A fresh tree in a folder, ready for `build`.

        Args:
            folder: made if it is not there; emptied if it is.
            cc: absolute path of the compiler.
            described: whether the project's config uses its pack.
        """
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(os.path.join(folder, "allocscc.toml"), "w", encoding="ascii") as file:
            file.write(f'use = ["{self.pack}"]\n' if described and self.pack else "")
        build = Build(self.unpack(folder), cc, os.path.join(folder, "cache"))
        for command in self.prepare:
            build.step(*(word.replace("{cc}", cc) for word in command))
        return build

    def make(self, build: Build) -> None:
        """The build proper."""
        build.step(*(word.replace("{cc}", build.cc) for word in self.build))


def _lua(folder: str) -> str:
    package = os.path.join(_folder(), f"{_LUA}.tar.gz")
    if not os.path.exists(package):
        _run([sys.executable, "-m", "unearth", "lupa==2.8", "--no-binary", "--download", _folder()], package)
    _extract(package, folder)
    return os.path.join(folder, _LUA, "third-party", "lua54")


def _sqlite(folder: str) -> str:
    package = os.path.join(_folder(), f"{_SQLITE}.tgz")
    if not os.path.exists(package):
        _run(["npm", "pack", "--silent", "sqlite3@6.0.1", "--pack-destination", _folder()], package)
    _extract(package, folder)
    inner = os.path.join(folder, "package", "deps")
    archive = next(name for name in os.listdir(inner) if name.startswith("sqlite-autoconf-"))
    _extract(os.path.join(inner, archive), folder)
    return os.path.join(folder, archive.removesuffix(".tar.gz"))


LUA = Project(
    "Lua 5.4", "lua", _lua, (),
    ("make", "-j2", "CC={cc}", "CFLAGS=-O2 -g -std=c99 -DLUA_USE_LINUX", "MYLDFLAGS=-Wl,-E", "MYLIBS=-ldl"),
)  # fmt: skip
SQLITE = Project(
    "SQLite", "sqlite", _sqlite, (("env", "CC={cc}", "CFLAGS=-O2 -g", "./configure", "--disable-readline"),),
    ("make", "-j2"),
)  # fmt: skip


def _folder() -> str:
    folder = os.environ.get("ALLOCSCC_TEST_DOWNLOADS") or DOWNLOADS
    os.makedirs(folder, exist_ok=True)
    return folder


def _run(command: list[str], wanted: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"cannot download {os.path.basename(wanted)}: {error}") from None
    if done.returncode or not os.path.exists(wanted):
        reason = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()[-1]
        raise UnavailableError(f"cannot download {os.path.basename(wanted)} (offline?): {reason}")


def _extract(path: str, folder: str) -> None:
    with tarfile.open(path) as archive:
        options: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder, **options)
