"""Compiles the C of stubs, and keeps the objects by content: builds link the same stubs again and again."""

import os

from allocscc import toolchain
from allocscc.backends.interface import Backend
from allocscc.backends.runtime import compile_c, compiler
from allocscc.cache import tidy
from allocscc.config.model import Config
from allocscc.digest import digest
from allocscc.errors import ToolError
from allocscc.link.objects import MOST
from allocscc.places import cache_folder, data_folder

_FLAGS = ("-ffunction-sections", "-fexceptions", "-Wno-builtin-declaration-mismatch")


class StubCompiler:
    """Compiles stubs for one backend."""

    def __init__(self, backend: Backend) -> None:
        self._options = ("-I", os.path.dirname(backend.stub_header()), *backend.stub_options())
        known = (backend.name, self._options, compiler(), [_state(path) for path in backend.stub_files()])
        self._key = repr(known)

    def object(self, source: str, config: Config, keep: bool = True) -> str:
        """The path of the object compiled from a stub file's text.

        Args:
            source: the text.
            config: the merged config.
            keep: whether the text is to be kept if it does not compile; the message says where.

        Raises:
            ToolError: it does not compile; the compiler's words say why.
        """
        name, folder = self._name(source), _folder()
        os.makedirs(folder, exist_ok=True)
        extra = (*self._options, *_FLAGS)
        work = os.path.join(folder, f"new-{os.getpid()}-{name}")
        base = os.path.join(work, "allocs-stub")  # a name that every output has as a symbol: always the same
        path = os.path.join(folder, f"{name}.o")
        if os.path.exists(path) and not config.includes:
            return path
        try:
            os.makedirs(work, exist_ok=True)
            with open(f"{base}.c", "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(source)
            if config.includes:  # what such a header includes, and its macros, only the preprocessor knows
                text = toolchain.run([compiler(), "-E", "-P", *extra, f"{base}.c"])
                path = os.path.join(folder, f"{self._name(source + text)}.o")
                if os.path.exists(path):
                    return path
            compile_c(f"{base}.c", f"{base}.o", extra)
            os.replace(f"{base}.o", path)
            tidy(folder, MOST)
        except ToolError as error:
            raise (_with_source_kept(error, f"{base}.c", config) if keep else error) from error
        finally:
            for leftover in (f"{base}.c", f"{base}.o"):
                if os.path.exists(leftover):
                    os.unlink(leftover)
            if os.path.isdir(work):
                os.rmdir(work)
        return path

    def is_cached(self, source: str, config: Config) -> bool:
        """Whether `object` has nothing to compile; what headers of the project's say is not known before."""
        path = os.path.join(_folder(), f"{self._name(source)}.o")
        return not config.includes and os.path.exists(path)

    def _name(self, source: str) -> str:
        """The name of all that a stub's object depends on but headers of the project's."""
        return digest(f"{self._key}\0{source}".encode("utf-8", "surrogateescape"))


def _state(path: str) -> bytes:
    """What tells one state of a file from another: the contents of our own headers, size and time of a tree's many."""
    if os.path.dirname(path) == data_folder("stubgen"):
        with open(path, "rb") as file:
            return file.read()
    status = os.stat(path)
    return repr((path, status.st_size, status.st_mtime_ns)).encode("utf-8", "surrogateescape")


def _folder() -> str:
    return os.path.join(cache_folder(dict(os.environ)), "stubs")


def _with_source_kept(error: ToolError, source: str, config: Config) -> ToolError:
    """The error, with the stub's source in a place where a person can look at it, compile it, and send it to us."""
    folder = os.path.join(cache_folder(dict(os.environ)), "failed")
    os.makedirs(folder, exist_ok=True)
    kept = os.path.join(folder, os.path.basename(os.path.dirname(source)).rpartition("-")[2] + ".c")
    os.replace(source, kept)
    whose = ""
    if config.includes:
        origins = ", ".join(dict.fromkeys(header.origin for header in config.includes))
        whose = f" with the headers of [stubgen] include ({origins})"
    return ToolError(f"a stub does not compile{whose}; its source is kept in {kept}:\n{error}".replace(source, kept))
