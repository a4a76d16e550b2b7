"""What `allocs doctor` looks at."""

import importlib
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from allocscc import toolchain
from allocscc.backends.runtime import ensure_preload, ensure_runtime
from allocscc.cli.program import compiler_name, own_compiler
from allocscc.config.load import load_config
from allocscc.errors import AllocsError
from allocscc.places import cache_folder, data_folder, layer_files
from allocscc.report.amounts import human_bytes

_LEAST_PYTHON = (3, 11)
# Program, what it is for. Those of `_NEEDED` are asked for by name; without these nothing links.
_TOOLS = (
    ("g++", "C++ programs (allocsc++)"),
    ("clang", "building with clang (ALLOCSCC_CC=clang)"),
    ("ld", "linking"),
    ("ld.gold", "-fuse-ld=gold"),
    ("ld.lld", "-fuse-ld=lld"),
    ("mold", "-fuse-ld=mold"),
    ("ar", "building the runtime"),
    ("objcopy", "building the runtime"),
    ("c++filt", "readable C++ names in reports"),
    ("gdb", "allocs-gdb.py: what a pointer is, in a debugger"),
    ("ccache", "faster builds (ALLOCSCC_CC='ccache gcc')"),
)
_NEEDED = ("ld", "ar", "objcopy")
_MODULES = (
    ("clang.cindex", "libclang", "types of allocations", True),
    ("plumbum", "plumbum", "running tools", True),
    ("tomlkit", "tomlkit", "allocs config", False),
    ("rich", "rich", "tables on a terminal", False),
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: `ok`, `missing`, or `wrong` (there, but not as it has to be).
        found: where it is, its version, or what is wrong.
        purpose: what it is needed for.
        necessary: whether nothing works without.
    """

    name: str
    state: str
    found: str
    purpose: str
    necessary: bool = False

    @property
    def fatal(self) -> bool:
        """Whether nothing works as things are."""
        return self.necessary and self.state != "ok"

    def as_json(self) -> dict[str, object]:
        """The object of `allocs doctor --json`."""
        return asdict(self)


def all_checks() -> list[Check]:
    """Look at everything."""
    return [
        _python(),
        *(_module(*one) for one in _MODULES),
        _compiler(),
        *(_tool(name, purpose) for name, purpose in _TOOLS),
        _built("runtime", "every link", lambda: os.path.dirname(ensure_runtime().archive), necessary=True),
        _built("runtime for LD_PRELOAD", "allocs run of programs that were not built by allocscc", ensure_preload),
        _data("allocs.h", "asking from inside a program: compile with -I of its folder"),
        _data("allocs-gdb.py", "asking in gdb: source it"),
        _cache(),
        _config(),
        *(_launcher(name) for name in ("allocscc", "allocsc++", "allocsld", "allocs")),
    ]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    state = "ok" if sys.version_info >= _LEAST_PYTHON else "wrong"
    return Check("python3", state, f"{sys.executable} {version}", "all of allocscc (3.11 or newer)", True)


def _module(module: str, package: str, purpose: str, necessary: bool) -> Check:
    try:
        if module == "clang.cindex":
            importlib.import_module("allocscc.libclang")  # loads the library, too
        importlib.import_module(module)
    except Exception as error:  # a library may fail in any way when it is loaded
        state = "missing" if isinstance(error, ModuleNotFoundError) else "wrong"
        return Check(package, state, f"{error}; pip install {package}", purpose, necessary)
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        version = "(no version)"
    where = os.path.dirname(str(getattr(importlib.import_module(module.partition(".")[0]), "__file__", None) or ""))
    return Check(package, "ok", f"{where} {version}".strip(), purpose, necessary)


def _compiler() -> Check:
    name = compiler_name(os.environ)
    variable = " (from ALLOCSCC_CC)" if "ALLOCSCC_CC" in os.environ else ""
    path = toolchain.find_program(name)
    purpose = "compiling; ALLOCSCC_CC names another compiler"
    if "/" not in path or not os.path.exists(path):
        return Check("compiler", "missing", f"{name}{variable} is not on PATH", purpose, True)
    return Check("compiler", "ok", f"{path} {_version(path)}{variable}", purpose, True)


def _tool(name: str, purpose: str) -> Check:
    path = toolchain.find_program(name)
    necessary = name in _NEEDED
    if "/" not in path:
        return Check(name, "missing", "", purpose, necessary)
    return Check(name, "ok", f"{path} {_version(path)}", purpose, necessary)


def _version(path: str) -> str:
    """The last word with a digit in the first line of `--version`, or ""."""
    try:
        lines = toolchain.run([path, "--version"]).splitlines()
    except AllocsError:
        return ""
    words = (lines[0] if lines else "").replace("(compatible with GNU ld)", "").split()
    found = [word.strip("(),") for word in words if word[:1].isdigit() and "." in word]
    return found[-1] if found else ""


def _built(name: str, purpose: str, build: Callable[[], str], *, necessary: bool = False) -> Check:
    try:
        with own_compiler():
            return Check(name, "ok", build(), purpose, necessary)
    except (AllocsError, OSError) as error:
        return Check(name, "wrong", f"cannot be built: {error}", purpose, necessary)


def _data(name: str, purpose: str) -> Check:
    path = os.path.join(data_folder("stubgen"), name)
    return Check(name, "ok" if os.path.isfile(path) else "missing", path, purpose)


def _cache() -> Check:
    purpose = "the built runtime and stubs (ALLOCSCC_CACHE names another place)"
    try:
        folder = cache_folder(dict(os.environ))
    except OSError as error:
        return Check("cache", "wrong", str(error), purpose, True)
    size = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(at, name)).st_size
            except OSError:  # gone meanwhile
                continue
    return Check("cache", "ok", f"{folder} ({human_bytes(size)})", purpose, True)


def _config() -> Check:
    purpose = "what is an allocator, what a wrapper (allocs config show --origin)"
    try:
        config = load_config(os.environ, os.getcwd())
    except AllocsError as error:
        return Check("config", "wrong", str(error), purpose, True)
    files = [path for path, _ in layer_files(dict(os.environ), os.getcwd())]
    layers = ", ".join(config.origins)
    own = "" if files else "; no allocscc.toml here or above"
    warned = "".join(f"; {warning}" for warning in config.warnings)
    state = "wrong" if config.warnings else "ok"
    return Check("config", state, f"{len(config.entries)} entries from {layers}{own}{warned}", purpose)


def _launcher(name: str) -> Check:
    purpose = "CC=allocscc, and this command"
    path = shutil.which(name)
    if path:
        return Check(name, "ok", path, purpose)
    beside = os.path.join(os.path.dirname(data_folder("stubgen")), "bin", name)
    if os.access(beside, os.X_OK):
        return Check(name, "ok", f"{beside} (not on PATH)", purpose)
    return Check(name, "missing", "not on PATH", purpose)
