"""The hot path's view of the config: function name → role, from a cache keyed by the identity of every layer.

Plain tuples and `marshal`, since `dataclasses` and `tomllib` cost 30 ms of import each: a hook that finds nothing of
interest imports neither. Everything else uses `allocscc.config.model`.
"""

from __future__ import annotations

import marshal
import os
import sys

from allocscc.places import cache_folder, data_folder, layer_files

_FORMAT = 3
_VARIABLES = ("ALLOC_FNS", "FREE_FNS", "ALLOCSZ_FNS", "SUBALLOC_FNS", "SUBFREE_FNS")

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself costs 20 ms of import
    from typing import Any

    _Fields = tuple[list[str], dict[str, tuple[str, bool, bool]], dict[str, str], str, str, dict[str, str]]


class Roles:
    """What a hook needs to know of the config.

    Attributes:
        wrappers: names of functions that are wrappers and allocate.
        entries: entry point name → (family name, whether it allocates, whether a preload may interpose it).
        on_error: what to do when our part fails, `"warn"` or `"stop"`.
        sidecar_file: when to write the sidecar file.
        hooks: hook name → path of the project's Python file.
        signatures: functions whose calls are allocation sites → their signatures as text.
    """

    __slots__ = ("entries", "hooks", "on_error", "sidecar_file", "signatures", "wrappers")

    def __init__(self, fields: _Fields) -> None:
        self.wrappers, self.entries, self.signatures, self.on_error, self.sidecar_file, self.hooks = fields


def load_roles(env: dict[str, str], cwd: str) -> Roles:
    """The roles for a process with this environment and working folder; `ConfigError` if a layer is wrong."""
    key = _identity(env, cwd)
    path = None
    try:
        folder = os.path.join(cache_folder(env), "roles")
        path = os.path.join(folder, f"{hash_text(repr(key)):016x}")
        with open(path, "rb") as file:
            stored_key, fields = marshal.load(file)
        if stored_key == key:
            return Roles(fields)
    except (OSError, ValueError, EOFError, TypeError, MemoryError):  # damaged: make it again
        pass
    fields = _fields(env, cwd)
    if path is not None:
        _store(path, (key, fields))
    return Roles(fields)


def hash_text(text: str) -> int:
    """A 64-bit FNV-1a of the text: names a cache file (the stored key is compared, so a collision only misses)."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def _identity(env: dict[str, str], cwd: str) -> tuple[object, ...]:
    files = []
    for path in [os.path.join(data_folder("config"), "builtin.toml"), *layer_files(env, cwd)]:
        try:
            status = os.stat(path)
            files.append((path, status.st_size, status.st_mtime_ns, status.st_ino))
        except OSError:
            files.append((path, -1, 0, 0))
    variables = tuple(env.get(f"LIBALLOCS_{name}", "") for name in _VARIABLES)
    return (_FORMAT, sys.version_info[:2], tuple(files), variables)


def _fields(env: dict[str, str], cwd: str) -> _Fields:
    from allocscc.config.load import load_config

    config = load_config(env, cwd)
    wrappers = sorted({s.name for w in config.wrappers.values() for s in w.alloc})
    entries = {}
    for family in config.allocators.values():
        preload = family.interpose == "preload"
        for signature in family.free:
            entries[signature.name] = (family.name, False, preload)
        for signature in family.alloc:
            entries[signature.name] = (family.name, True, preload)
    listed = [family.alloc for family in config.allocators.values()]
    listed += [wrapper.alloc for wrapper in config.wrappers.values()]
    signatures = {s.name: str(s) for group in (config.sized, *listed) for s in group}
    return (wrappers, entries, signatures, config.on_error, config.sidecar_file, config.hooks)


def _store(path: str, value: Any) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "wb") as file:
            marshal.dump(value, file)
        os.replace(temporary, path)
    except OSError:
        pass  # a read-only home: the next process merges again
