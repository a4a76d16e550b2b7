"""The hot path's view of the config: function name → role, from a cache keyed by the identity of every layer.

Plain tuples and `marshal`, since `dataclasses` and `tomllib` cost 30 ms of import each: a hook that finds nothing of
interest imports neither. Everything else uses `allocscc.config.model`.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys

from allocscc.places import cache_folder, data_folder, is_liballocs_tree, layer_files

_FORMAT = 7
_VARIABLES = ("ALLOC_FNS", "FREE_FNS", "ALLOCSZ_FNS", "SUBALLOC_FNS", "SUBFREE_FNS", "ALLOCSITE_OVERRIDE")
_CHOICES = ("ALLOCSCC_OBSERVE", "ALLOCSCC_BACKEND")
# Files up to this size (bytes) are compared whole: an edit may keep size and, on a coarse clock, time.
_SMALL = 8192

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself costs 20 ms of import
    from collections.abc import Callable
    from typing import Any


class Roles:
    """What a hook needs to know of the config; functions by their symbols.

    Attributes:
        wrappers: functions that get a caller stub: wrappers that allocate, and ALLOCSZ functions.
        entries: entry point → (family name, whether it allocates, whether a preload may interpose it).
        signatures: functions whose calls are allocation sites → their signatures as text.
        patterns: (glob, signature as text, whether it is a wrapper), strongest first; a name written out outranks them.
        scoped: static functions: (source file, name, signature as text, whether it allocates).
        overrides: (calling function, callee, type it says or "", type it is), strongest first.
        spoken: functions that the config names, switches off or removes: what a source declares of them does not count.
        backend: for whom stubs and records are made, see `allocscc.backends`.
        suballocators: entry points of families that carve up chunks of others.
        usable_sizes: functions that tell the usable size of a family's chunk.
        anywhere: functions that are meant, too, where a file has a static one of that name.
        on_error: what to do when our part fails, `"warn"` or `"stop"`.
        candidates: which units have calls recorded that only may be allocations.
        sidecar_file: when to write the sidecar file.
        hooks: hook name → path of the project's Python file.
        warnings: what is wrong in config files that are not the project's.
    """

    __slots__ = (
        "anywhere", "backend", "candidates", "entries", "hooks", "on_error", "overrides", "patterns", "scoped",
        "sidecar_file", "signatures", "spoken", "suballocators", "usable_sizes", "warnings", "wrappers",
    )  # fmt: skip

    wrappers: list[str]
    entries: dict[str, tuple[str, bool, bool]]
    signatures: dict[str, str]
    patterns: list[tuple[str, str, bool]]
    scoped: list[tuple[str, str, str, bool]]
    overrides: list[tuple[str, str, str, str]]
    spoken: list[str]
    suballocators: list[str]
    usable_sizes: list[str]
    anywhere: list[str]
    backend: str
    on_error: str
    candidates: str
    sidecar_file: str
    hooks: dict[str, str]
    warnings: list[str]

    def __init__(self, fields: dict[str, Any]) -> None:
        for name in Roles.__slots__:
            setattr(self, name, fields[name])


def load_roles(env: dict[str, str], cwd: str) -> Roles:
    """The roles for a process with this environment and working folder; `ConfigError` if a layer is wrong."""
    try:
        return Roles(remembered("roles", env, cwd, _fields))
    except (KeyError, TypeError):  # a damaged cache
        return Roles(_fields(env, cwd)[0])


def remembered(
    kind: str, env: dict[str, str], cwd: str, make: Callable[[dict[str, str], str], tuple[Any, list[str]]]
) -> Any:
    """What is made of the config layers, from the cache as long as none of them has changed.

    Args:
        kind: names a folder of the cache.
        env: the process environment.
        cwd: folder where the search for the project's file starts.
        make: makes a value that `marshal` can write, and names the files that it is of.

    Raises:
        ConfigError: of `make`.
    """
    files = [os.path.join(data_folder("config"), "builtin.toml"), *(path for path, _ in layer_files(env, cwd))]
    variables = [env.get(name, "") for name in (*(f"LIBALLOCS_{name}" for name in _VARIABLES), *_CHOICES)]
    tree = env.get("LIBALLOCS", "")
    variables.append(tree if is_liballocs_tree(tree) else "")
    key = repr((_FORMAT, sys.version_info[:2], files, variables))
    path = None
    try:
        path = os.path.join(cache_folder(env), kind, f"{hash_text(key):016x}")
        with open(path, "rb") as file:
            stored_key, identities, value = marshal.load(file)
        if stored_key == key and all(_identity(name) == identity for name, identity in identities):
            return value
    except (OSError, ValueError, EOFError, TypeError, MemoryError):  # damaged: make it again
        pass
    before = {name: _identity(name) for name in files}
    value, read = make(env, cwd)
    if path is not None:
        # Files that changed while they were read get the older identity, so the next process reads them again.
        used = {name: _identity(name) for name in read if name not in before}
        _store(path, (key, list({**before, **used}.items()), value))
    return value


def hash_text(text: str) -> int:
    """A 64-bit FNV-1a of the text: names a cache file (the stored key is compared, so a collision only misses)."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def _identity(path: str) -> tuple[int, int, int, bytes]:
    """What tells one state of a file from another: size and time, the file's number, and a small one's contents."""
    try:
        status = os.stat(path)
        contents = b""
        if status.st_size <= _SMALL and stat.S_ISREG(status.st_mode):  # opening a pipe might wait forever
            with open(path, "rb", buffering=0) as file:
                contents = file.read(_SMALL)
    except (OSError, ValueError):
        return (-1, 0, 0, b"")
    return (status.st_size, status.st_mtime_ns, status.st_ino, contents)


def _fields(env: dict[str, str], cwd: str) -> tuple[dict[str, Any], list[str]]:
    from allocscc.config.functions import function_roles, is_wrapper, role_name
    from allocscc.config.load import files_of, load_config
    from allocscc.config.model import Allocator, functions_of

    config = load_config(env, cwd)
    roles = function_roles(config)
    plain = {n: r for n, r in roles.items() if not r.signature.pattern and not r.signature.scope}
    families = {n: r for n, r in plain.items() if isinstance(r.entry, Allocator) and r.observed}
    patterns = [r for r in roles.values() if r.signature.pattern and r.allocates]
    spoken = [signature for entry in config.entries.values() for _, signature in functions_of(entry)]
    scoped = [(r.signature, r.allocates) for r in roles.values() if r.signature.scope]
    fields = {
        "wrappers": sorted(name for name, role in plain.items() if is_wrapper(role)),
        "entries": {
            name: (role.entry.name, role.allocates, role.entry.interpose == "preload")
            for name, role in families.items()
            if isinstance(role.entry, Allocator)
        },
        "signatures": {n: n + r.signature.letters for n, r in plain.items() if r.allocates},
        "patterns": [(r.signature.name, r.signature.letters, is_wrapper(r)) for r in reversed(patterns)],
        "scoped": [(s.scope, s.name, s.letters, allocates) for s, allocates in scoped],
        "overrides": [(o.function, o.callee, o.says, o.type) for o in reversed(config.overrides)],
        "spoken": sorted({*map(role_name, spoken), *(named.name for named in config.removed)}),
        "suballocators": [n for n, r in families.items() if isinstance(r.entry, Allocator) and r.entry.suballocates],
        "usable_sizes": [f.usable_size.name for f in config.allocators.values() if f.usable_size is not None],
        "anywhere": _anywhere(plain) if config.backend == "liballocs" else [],
        "backend": config.backend or "embedded",
        "on_error": config.on_error,
        "candidates": config.candidates or "auto",
        "sidecar_file": config.sidecar_file,
        "hooks": {name: hook.name for name, hook in config.hooks.items()},
        "warnings": list(config.warnings),
    }
    return fields, files_of(config)


def _anywhere(plain: dict[str, Any]) -> list[str]:
    """Wrappers of liballocs' variables: what these name has no file, and its tools look at static functions, too."""
    from allocscc.config.functions import is_wrapper

    return [name for name, role in plain.items() if is_wrapper(role) and role.entry.origin.startswith("variable ")]


def _store(path: str, value: Any) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "wb") as file:
            marshal.dump(value, file)
        os.replace(temporary, path)
    except OSError:
        pass  # a read-only home: the next process merges again
