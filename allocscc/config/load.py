"""Reads and merges the config layers, weakest first (DESIGN §3, R1).

`config/builtin.toml` → `/etc/allocscc.toml` → the user's → the project's `allocscc.toml` (from the working folder
upwards) → files in `ALLOCSCC_CONFIG` → `LIBALLOCS_*`. A later entry of the same name replaces an earlier one whole.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from allocscc.config.model import Allocator, Config, Wrapper
from allocscc.config.signature import Signature, parse_signature
from allocscc.errors import ConfigError
from allocscc.places import data_folder, layer_files

_TOP_KEYS = {"allocator", "wrapper", "sized", "on-error", "sidecar", "hooks"}
_ALLOCATOR_KEYS = {"alloc", "free", "usable-size", "suballocates", "interpose"}
_WRAPPER_KEYS = {"alloc", "free"}
_CHOICES = {"on-error": ("warn", "stop"), "sidecar.file": ("auto", "always", "never"), "interpose": ("preload",)}
# A suballocator from a variable does not say whose chunks it carves up; the runtime sees it.
ANY_PARENT = "*"


def load_config(env: Mapping[str, str], cwd: str) -> Config:
    """Merge every layer that exists.

    Args:
        env: the process environment.
        cwd: folder where the search for the project's file starts.

    Raises:
        ConfigError: a layer is unreadable or wrong; the message names file and key.
    """
    config = Config()
    for path in [os.path.join(data_folder("config"), "builtin.toml"), *layer_files(dict(env), cwd)]:
        config = merge(config, _read_file(path))
    return merge(config, from_variables(env))


def merge(weak: Config, strong: Config) -> Config:
    """Lay `strong` over `weak`: entries of the same name are replaced, options override where they are set."""
    return Config(
        allocators={**weak.allocators, **strong.allocators},
        wrappers={**weak.wrappers, **strong.wrappers},
        sized=weak.sized + strong.sized,
        on_error=strong.on_error or weak.on_error,
        sidecar_file=strong.sidecar_file or weak.sidecar_file,
        hooks={**weak.hooks, **strong.hooks},
        origins=weak.origins + strong.origins,
    )


def from_variables(env: Mapping[str, str]) -> Config:
    """The `LIBALLOCS_*` variables as a config layer (R17); entries are separated by any white space."""

    def signatures(variable: str) -> tuple[Signature, ...]:
        words = env.get(variable, "").split()
        return tuple(parse_signature(word, f"variable {variable}") for word in words)

    alloc = signatures("LIBALLOCS_ALLOC_FNS")
    free = signatures("LIBALLOCS_FREE_FNS")
    subfree = signatures("LIBALLOCS_SUBFREE_FNS")
    wrappers = {}
    if alloc or free:
        name = "LIBALLOCS_ALLOC_FNS" if alloc else "LIBALLOCS_FREE_FNS"
        wrappers[name] = Wrapper(name, alloc, free, f"variable {name}")
    allocators = {}
    for signature in signatures("LIBALLOCS_SUBALLOC_FNS"):
        frees = tuple(f for f in subfree if f.undoes == signature.name)
        allocators[signature.name] = Allocator(
            signature.name, (signature,), frees, suballocates=ANY_PARENT, origin="variable LIBALLOCS_SUBALLOC_FNS"
        )
    used = ("ALLOC_FNS", "FREE_FNS", "SUBALLOC_FNS", "SUBFREE_FNS", "ALLOCSZ_FNS")
    origins = tuple(f"LIBALLOCS_{v}" for v in used if env.get(f"LIBALLOCS_{v}", "").strip())
    sized = signatures("LIBALLOCS_ALLOCSZ_FNS")
    return Config(allocators, wrappers, sized, on_error="", sidecar_file="", origins=origins)


def _read_file(path: str) -> Config:
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = raw.decode()
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    return _Layer(path, text).config(table)


class _Layer:
    """One TOML file on its way into a `Config`; knows where each key stands for messages and origins."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def config(self, table: dict[str, Any]) -> Config:
        self._check_keys(table, _TOP_KEYS, "")
        sidecar = self._table(table.get("sidecar", {}), "sidecar")
        self._check_keys(sidecar, {"file"}, "sidecar.")
        hooks = self._table(table.get("hooks", {}), "hooks")
        self._check_keys(hooks, {"sites"}, "hooks.")
        folder = os.path.dirname(self._path)
        return Config(
            allocators={name: self._allocator(name, body) for name, body in self._entries(table, "allocator")},
            wrappers={name: self._wrapper(name, body) for name, body in self._entries(table, "wrapper")},
            sized=self._signatures(table, "sized", ""),
            on_error=self._choice(table, "on-error", "on-error"),
            sidecar_file=self._choice(sidecar, "file", "sidecar.file"),
            hooks={key: os.path.join(folder, self._text(hooks, key, "hooks.")) for key in hooks},
            origins=(self._path,),
        )

    def _entries(self, table: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, body in self._table(table.get(kind, {}), kind).items():
            yield name, self._table(body, f"{kind}.{name}")

    def _allocator(self, name: str, body: dict[str, Any]) -> Allocator:
        key = f"allocator.{name}."
        self._check_keys(body, _ALLOCATOR_KEYS, key)
        usable = self._text(body, "usable-size", key)
        return Allocator(
            name,
            self._required_alloc(body, key),
            self._signatures(body, "free", key),
            parse_signature(usable, self._where("usable-size", key)) if usable else None,
            self._text(body, "suballocates", key),
            self._choice(body, "interpose", "interpose"),
            self._where(name, key),
        )

    def _wrapper(self, name: str, body: dict[str, Any]) -> Wrapper:
        key = f"wrapper.{name}."
        self._check_keys(body, _WRAPPER_KEYS, key)
        alloc, free = self._required_alloc(body, key), self._signatures(body, "free", key)
        return Wrapper(name, alloc, free, self._where(name, key))

    def _required_alloc(self, body: dict[str, Any], key: str) -> tuple[Signature, ...]:
        signatures = self._signatures(body, "alloc", key)
        if not signatures:
            raise ConfigError(f"{self._where('', key)}: {key}alloc must list at least one signature")
        return signatures

    def _signatures(self, body: dict[str, Any], name: str, key: str) -> tuple[Signature, ...]:
        value = body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            where = self._where(name, key)
            raise ConfigError(f'{where}: {key}{name} must be a list of signatures, e.g. ["xmalloc(Z)p"]')
        return tuple(parse_signature(item, self._where(name, key)) for item in value)

    def _choice(self, body: dict[str, Any], name: str, choices: str) -> str:
        value = body.get(name, "")
        if name in body and value not in _CHOICES[choices]:
            allowed = ", ".join(f'"{choice}"' for choice in _CHOICES[choices])
            raise ConfigError(f"{self._where(name, '')}: {choices} is {value!r}; allowed: {allowed}")
        return str(value)

    def _text(self, body: dict[str, Any], name: str, key: str) -> str:
        value = body.get(name, "")
        if not isinstance(value, str):
            raise ConfigError(f"{self._where(name, key)}: {key}{name} is {value!r}; it must be a string")
        return value

    def _table(self, value: object, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            table, _, name = key.rpartition(".")
            raise ConfigError(f"{self._where(name, table)}: {key} must be a table, e.g. [{key}.NAME]")
        return value

    def _check_keys(self, table: Iterable[str], allowed: set[str], key: str) -> None:
        for name in table:
            if name not in allowed:
                near = get_close_matches(name, allowed, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(sorted(allowed))}"
                raise ConfigError(f"{self._where(name, key)}: unknown key '{key}{name}'; {hint}")

    def _where(self, name: str, key: str) -> str:
        """`file:line` of key `name` in table `key`; of the table if it has no line of its own; else of the file."""
        table = [part for part in key.rstrip(".").split(".", 1) if part]
        start = self._header([*table, name]) if name else None
        if start is None:
            start = self._header(table) if table else 0
        for number in range(start or 0, len(self._lines)):
            if number > (start or 0) and self._lines[number].lstrip().startswith("[") and table:
                break
            if name and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", self._lines[number]):
                return f"{self._path}:{number + 1}"
        return f"{self._path}:{(start or 0) + 1}"

    def _header(self, table: list[str]) -> int | None:
        """The line of `[table]`, or of the first `[table.…]`."""
        path = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in table)
        for number, line in enumerate(self._lines):
            if re.match(rf"\s*\[\s*{path}\s*[\].]", line):
                return number
        return None
