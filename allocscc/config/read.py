"""One TOML file, checked key by key, as a config layer (R1)."""

import os
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from reprlib import repr as shown
from typing import Any

from allocscc.config.functions import ALLOCATING, role_name
from allocscc.config.lines import Lines
from allocscc.config.model import (
    BACKENDS,
    KINDS,
    Allocator,
    Config,
    Entry,
    Named,
    Override,
    Sized,
    Wrapper,
    functions_of,
    gives_chunk,
    table,
)
from allocscc.config.names import as_symbols, cxx_symbols
from allocscc.config.signature import Signature, is_readable, parse_signature, split_scope
from allocscc.errors import ConfigError

_TOP_KEYS = {
    "allocator", "wrapper", "override", "sized", "use", "remove", "on-error", "observe", "sidecar", "hooks", "stubgen",
    "runtime",
}  # fmt: skip
_ALLOCATOR_KEYS = {
    "alloc", "resize", "free", "free-chain", "free-since", "free-all", "usable-size", "meta", "key", "suballocates",
    "interpose", "disable",
}  # fmt: skip
_WRAPPER_KEYS = {"alloc", "resize", "free", "disable"}
_OVERRIDE_KEYS = {"function", "callee", "says", "type", "disable"}
_CHOICES = {
    "on-error": ("warn", "stop"), "observe": ("stubs", "unwind"), "sidecar.file": ("auto", "always", "never"),
    "interpose": ("preload",),
}  # fmt: skip
_CHOICES["sidecar.candidates"] = _CHOICES["sidecar.file"]
_NAMES = ", ".join(f'"{name}"' for name in BACKENDS)
BACKEND_WORDS = f"allowed: {_NAMES}, or a Python file (FILE.py)"
# tomllib takes a second for a megabyte; descriptions have a few kilobytes.
MAX_BYTES = 1 << 20


def read_layer(path: str) -> Config:
    """One file as a layer.

    Raises:
        ConfigError: it cannot be read or is wrong; the message names file, line and key and says what is allowed.
    """
    raw = _read(path)
    try:
        return read_text(path, raw.decode())
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from error


def read_text(path: str, text: str) -> Config:
    """As `read_layer`, of text that is, or is about to be, the contents of the file."""
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # tomllib's own, or Python's on a number of thousands of digits
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not TOML: nested too deeply") from error
    return _File(path, text).layer(content)


def is_backend_file(value: str) -> bool:
    """Whether the value of `runtime.backend` names a Python file of the project."""
    return value.endswith(".py")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint for a name that does not exist."""
    names = sorted(allowed)
    near = get_close_matches(name, names, 1)
    return f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(names)}"


def _read(path: str) -> bytes:
    try:
        # A pipe would be empty for the next hook, and opening it may wait forever.
        if not stat.S_ISREG(os.stat(path).st_mode) and os.path.realpath(path) != os.devnull:
            raise ConfigError(f"{path}: cannot be read: not a regular file")
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path}: cannot be read: {what}") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES >> 20} MiB; is this the right file?")
    return raw


class _File:
    """One TOML file on its way into a `Config`."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = Lines(path, text)

    def layer(self, content: dict[str, Any]) -> Config:
        self._check_keys(content, _TOP_KEYS)
        sidecar = self._table(content, "sidecar")
        self._check_keys(sidecar, {"file", "candidates"}, "sidecar")
        hooks = self._table(content, "hooks")
        self._check_keys(hooks, {"sites", "plan"}, "hooks")
        stubgen = self._table(content, "stubgen")
        self._check_keys(stubgen, {"include"}, "stubgen")
        runtime = self._table(content, "runtime")
        self._check_keys(runtime, {"backend"}, "runtime")
        folder = os.path.dirname(os.path.abspath(self._path))
        entries = sorted(self._entries(content), key=lambda pair: pair[0])  # tables come grouped by kind
        config = Config(
            entries=table(entry for _, entry in entries),
            removed=self._removed(content),
            on_error=self._choice(content, "on-error", "on-error"),
            observe=self._choice(content, "observe", "observe"),
            backend=self._backend(runtime, folder),
            sidecar_file=self._choice(sidecar, "sidecar.file", "sidecar", "file"),
            candidates=self._choice(sidecar, "sidecar.candidates", "sidecar", "candidates"),
            hooks={
                key: Named(os.path.join(folder, self._text(hooks, "hooks", key)), self._lines.where("hooks", key))
                for key in hooks
            },
            includes=tuple(
                Named(os.path.join(folder, name), self._lines.where("stubgen", "include"))
                for name in self._strings(stubgen, "a list of C headers", "stubgen", "include")
            ),
            uses=self._uses(content),
            origins=(self._path,),
        )
        _check_once(config)
        return config

    def _entries(self, content: dict[str, Any]) -> Iterator[tuple[int, Entry]]:
        readers: dict[str, Callable[[str, dict[str, Any]], Entry]] = {
            "allocator": self._allocator,
            "wrapper": self._wrapper,
            "override": self._override,
        }
        for kind, reader in readers.items():
            for name in self._table(content, kind):
                body = self._table(content[kind], kind, name)
                if not name or not name.isprintable():
                    where = self._lines.where(kind, name)
                    raise ConfigError(f"{where}: the name of {kind}.{name!r} must be printable text")
                yield self._lines.number(kind, name), reader(name, body)
        sized: set[str] = set()
        for signature in self._signatures(content, "sized"):
            where = self._lines.where_item(signature.full_name, "sized")
            if role_name(signature) in sized:
                raise ConfigError(f"{where}: sized lists {signature.full_name} twice")
            sized.add(role_name(signature))
            yield self._lines.number("sized"), Sized(role_name(signature), signature, where)

    def _allocator(self, name: str, body: dict[str, Any]) -> Allocator:
        key = ("allocator", name)
        self._check_keys(body, _ALLOCATOR_KEYS, *key)
        usable = self._text(body, *key, "usable-size")
        where = self._lines.where(*key, "usable-size")
        usable_size = as_symbols(parse_signature(usable, where), where)[0] if usable else None
        alloc, resize = self._signatures(body, *key, "alloc"), self._signatures(body, *key, "resize")
        family = Allocator(
            name,
            alloc,
            self._signatures(body, *key, "free"),
            usable_size,
            self._text(body, *key, "suballocates"),
            self._choice(body, "interpose", *key, "interpose"),
            self._lines.where(*key),
            resize,
            self._signatures(body, *key, "free-all"),
            self._signatures(body, *key, "meta"),
            self._key(body, (*alloc, *resize), *key, "key"),
            self._flag(body, *key, "disable"),
            self._signatures(body, *key, "free-chain"),
            self._signatures(body, *key, "free-since"),
        )
        if not family.alloc and not family.disabled:
            raise ConfigError(f"{family.origin}: allocator.{name}.alloc must list at least one signature")
        for list_name in ("free", "free-chain", "free-since", "resize"):
            self._need_chunk(body, *key, list_name)
        for list_name in ("alloc", "resize"):
            self._need_result(body, *key, list_name)
        if usable_size is not None and (len(usable_size.args) != 1 or usable_size.first_pointer is None):
            raise ConfigError(f"{where}: {'.'.join(key)}.usable-size: {usable_size} must take the chunk alone, as (p)z")
        return family

    def _backend(self, body: dict[str, Any], folder: str) -> str:
        """The name of a backend, or the path of a Python file that makes one."""
        value = self._text(body, "runtime", "backend")
        if "backend" in body and value not in BACKENDS and not is_backend_file(value):
            where = self._lines.where("runtime", "backend")
            raise ConfigError(f"{where}: runtime.backend is {shown(value)}; {BACKEND_WORDS}")
        return os.path.join(folder, value) if is_backend_file(value) else value

    def _key(self, body: dict[str, Any], signatures: tuple[Signature, ...], *key: str) -> str:
        """The key symbol, by any of its names."""
        value = self._text(body, *key)
        symbols = {s.full_name: s.name for s in signatures} | {s.name: s.name for s in signatures}
        if value and signatures and value not in symbols:
            hint = nearest(value, symbols)
            raise ConfigError(f"{self._lines.where(*key)}: {'.'.join(key)} is '{value}', no function of alloc; {hint}")
        return symbols.get(value, "")

    def _wrapper(self, name: str, body: dict[str, Any]) -> Wrapper:
        key = ("wrapper", name)
        self._check_keys(body, _WRAPPER_KEYS, *key)
        alloc, free, resize = (self._signatures(body, *key, part) for part in ("alloc", "free", "resize"))
        wrapper = Wrapper(name, alloc, free, self._lines.where(*key), resize, self._flag(body, *key, "disable"))
        if not (alloc or free or resize or wrapper.disabled):
            raise ConfigError(f"{wrapper.origin}: wrapper.{name}.alloc must list at least one signature")
        self._need_chunk(body, *key, "free")
        self._need_chunk(body, *key, "resize")
        return wrapper

    def _override(self, name: str, body: dict[str, Any]) -> Override:
        key = ("override", name)
        self._check_keys(body, _OVERRIDE_KEYS, *key)
        disabled = self._flag(body, *key, "disable")
        function, callee, says, kind = (
            self._text(body, *key, part) for part in ("function", "callee", "says", "type")
        )  # fmt: skip
        for part, value in (("function", function), ("callee", callee), ("type", kind)):
            if not value and not disabled:
                raise ConfigError(f"{self._lines.where(*key)}: override.{name}.{part} is missing")
        return Override(name, function, callee, says, kind, self._lines.where(*key), disabled)

    def _need_chunk(self, body: dict[str, Any], *key: str) -> None:
        """A function that frees or resizes says which argument is the chunk."""
        for signature in self._signatures(body, *key):
            if signature.first_pointer is None:
                where = self._lines.where_item(signature.full_name, *key)
                raise ConfigError(f"{where}: {'.'.join(key)}: {signature} names no chunk; write P for that argument")

    def _need_result(self, body: dict[str, Any], *key: str) -> None:
        """An entry point that allocates says where the chunk is."""
        for signature in self._signatures(body, *key):
            if not gives_chunk(signature):
                where = self._lines.where_item(signature.full_name, *key)
                raise ConfigError(
                    f"{where}: {'.'.join(key)}: {signature} gives no chunk; it must return a pointer (p), or store it"
                    " through an argument (P*)"
                )

    def _removed(self, content: dict[str, Any]) -> tuple[Named, ...]:
        names = self._strings(content, 'a list such as ["wrapper.NAME", "function"]', "remove")
        for name in names:
            kind, dot, _ = name.partition(".")
            if dot and kind not in KINDS and "::" not in name and "(" not in name:
                where = self._lines.where_item(name, "remove")
                raise ConfigError(f"{where}: remove: there is no kind of entry '{kind}'; {nearest(kind, KINDS)}")
        found: list[Named] = []
        for name in names:
            where = self._lines.where_item(name, "remove")
            is_cxx = name.partition(".")[0] not in KINDS and not split_scope(name)[0] and is_readable(name)
            found += [Named(symbol, where) for symbol in (cxx_symbols(name, where) if is_cxx else [name])]
        return tuple(dict.fromkeys(found))

    def _uses(self, content: dict[str, Any]) -> tuple[Named, ...]:
        names = self._strings(content, 'a list of packs, e.g. ["glib"]', "use")
        return tuple(Named(name, self._lines.where_item(name, "use")) for name in names)

    def _signatures(self, body: dict[str, Any], *key: str) -> tuple[Signature, ...]:
        found: list[Signature] = []
        for item in self._strings(body, 'a list of signatures, e.g. ["xmalloc(Z)p"]', *key):
            where = self._lines.where_item(item, *key)
            found += as_symbols(parse_signature(item, where), where)
        return tuple(found)

    def _strings(self, body: dict[str, Any], what: str, *key: str) -> list[str]:
        value = body.get(key[-1], [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{self._lines.where(*key)}: {'.'.join(key)} must be {what}")
        return value

    def _choice(self, body: dict[str, Any], choices: str, *key: str) -> str:
        value = body.get(key[-1], "")
        if key[-1] in body and value not in _CHOICES[choices]:
            allowed = ", ".join(f'"{choice}"' for choice in _CHOICES[choices])
            raise ConfigError(f"{self._lines.where(*key)}: {'.'.join(key)} is {shown(value)}; allowed: {allowed}")
        return str(value)

    def _text(self, body: dict[str, Any], *key: str) -> str:
        value = body.get(key[-1], "")
        if not isinstance(value, str):
            raise ConfigError(f"{self._lines.where(*key)}: {'.'.join(key)} is {shown(value)}; it must be a string")
        return value

    def _flag(self, body: dict[str, Any], *key: str) -> bool:
        value = body.get(key[-1], False)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._lines.where(*key)}: {'.'.join(key)} is {shown(value)}; it must be true or false")
        return value

    def _table(self, body: dict[str, Any], *key: str) -> dict[str, Any]:
        value = body.get(key[-1], {})
        if not isinstance(value, dict):
            dotted = ".".join(key)
            example = f"{dotted}.NAME" if key[0] in KINDS and len(key) == 1 else dotted
            raise ConfigError(f"{self._lines.where(*key)}: {dotted} must be a table, e.g. [{example}]")
        return value

    def _check_keys(self, body: Iterable[str], allowed: set[str], *key: str) -> None:
        for name in body:
            if name not in allowed:
                dotted = ".".join((*key, name))
                where = self._lines.where(*key, name)
                raise ConfigError(f"{where}: unknown key '{dotted}'; {nearest(name, allowed)}")


def _check_once(config: Config) -> None:
    """One file says one thing of a function: no entry lists it twice, no two entries claim it."""
    claimed: dict[str, Entry] = {}
    for entry in config.entries.values():
        own: set[tuple[str, str]] = set()
        for key, signature in functions_of(entry):
            name = role_name(signature)
            if (key, name) in own:
                raise ConfigError(f"{entry.origin}: {entry.kind}.{entry.name}.{key} lists {signature.full_name} twice")
            own.add((key, name))
            if key not in ALLOCATING and not (key == "free" and isinstance(entry, Allocator)):
                continue
            other = claimed.setdefault(name, entry)
            if other is not entry or (key == "resize" and ("alloc", name) in own):
                raise ConfigError(
                    f"{entry.origin}: {entry.kind}.{entry.name} and {other.kind}.{other.name} ({other.origin}) both"
                    f" claim {signature.full_name}; a function has one role, say it once"
                )
