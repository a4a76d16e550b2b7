"""A config as TOML text that reads back as the same config (`allocs config show`, `from-env`)."""

import re

import tomlkit
from tomlkit.items import Array, Table

from allocscc.config.functions import role_name
from allocscc.config.model import Allocator, Config, Entry, Override, Sized, Wrapper
from allocscc.config.signature import Signature

_WIDTH = 100
# TOML allows them in a string as they are; a terminal might obey them (C1, line ends, marks for right-to-left text).
_ESCAPED = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def to_toml(config: Config, *, origins: bool = False) -> str:
    """All entries and options of a config as TOML.

    Args:
        config: what to write; `use` is left out, since what it brings is written out.
        origins: whether to say in a comment where each entry comes from.
    """
    document = tomlkit.document()
    if config.removed:
        document.add("remove", _strings(named.name for named in config.removed))
    sized = [entry for entry in config.entries.values() if isinstance(entry, Sized) and not entry.disabled]
    if sized:
        document.add("sized", _strings(dict.fromkeys(str(entry.signature) for entry in sized)))
    if config.on_error:
        document.add("on-error", tomlkit.string(config.on_error))
    if config.observe:
        document.add("observe", tomlkit.string(config.observe))
    if config.backend:
        document.add("runtime", _table({"backend": config.backend}))
    sidecar = {"file": config.sidecar_file, "candidates": config.candidates}
    if any(sidecar.values()):
        document.add("sidecar", _table({key: value for key, value in sidecar.items() if value}))
    if config.hooks:
        document.add("hooks", _table({name: hook.name for name, hook in config.hooks.items()}))
    if config.includes:
        table = tomlkit.table()
        table.add("include", _strings(header.name for header in config.includes))
        document.add("stubgen", table)
    if origins:
        for entry in sized:
            document.add(tomlkit.comment(printable(f"{entry.signature.full_name}: {entry.origin}")))
    text = tomlkit.dumps(document)
    parts = [_entry(entry, origins) for entry in config.entries.values() if not isinstance(entry, Sized)]
    return _ESCAPED.sub(_escape, "\n".join([text, *parts] if text else parts))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _entry(entry: Entry, origins: bool) -> str:
    table = tomlkit.table()
    if isinstance(entry, Override):
        pairs = {"function": entry.function, "callee": entry.callee, "says": entry.says, "type": entry.type}
        for key, value in pairs.items():
            if value:
                table.add(key, tomlkit.string(value))
    elif isinstance(entry, Allocator | Wrapper):
        _add_functions(table, entry)
    if entry.disabled:
        table.add("disable", True)
    kinds = tomlkit.table(is_super_table=True)
    kinds.add(entry.name, table)
    document = tomlkit.document()
    document.add(entry.kind, kinds)
    comment = f"# {printable(entry.origin)}\n" if origins and entry.origin else ""
    return comment + tomlkit.dumps(document)


def _add_functions(table: Table, entry: Allocator | Wrapper) -> None:
    lists: dict[str, tuple[Signature, ...]] = {"alloc": entry.alloc, "resize": entry.resize, "free": entry.free}
    if isinstance(entry, Allocator):
        if entry.suballocates:
            table.add("suballocates", tomlkit.string(entry.suballocates))
        lists |= {
            "free-chain": entry.free_chain, "free-since": entry.free_since, "free-all": entry.free_all,
            "meta": entry.meta,
        }  # fmt: skip
    for key, signatures in lists.items():
        if signatures:
            table.add(key, _strings(dict.fromkeys(str(signature) for signature in signatures)))
    if isinstance(entry, Allocator):
        texts = {
            "usable-size": str(entry.usable_size or ""),
            "key": entry.key,
            "interpose": entry.interpose,
        }
        for key, text in texts.items():
            if text:
                table.add(key, tomlkit.string(text))


def _table(pairs: dict[str, str]) -> Table:
    table = tomlkit.table()
    for key, value in pairs.items():
        table.add(key, tomlkit.string(value))
    return table


def _strings(values) -> Array:  # type: ignore[no-untyped-def]
    array = tomlkit.array()
    array.extend(values)
    array.multiline(len(array.as_string()) > _WIDTH)
    return array


def printable(text: str) -> str:
    """The text in one line, without what a terminal would take for a command."""
    return "".join(char if char.isprintable() else "?" for char in text)


def to_json(config: Config) -> dict[str, object]:
    """All entries and options of a config as plain values, with origins; the contract of `config show --json`."""
    return {
        "entries": [_entry_json(entry) for entry in config.entries.values()],
        "removed": [{"name": named.name, "origin": named.origin} for named in config.removed],
        "on-error": config.on_error,
        "observe": config.observe or "stubs",
        "sidecar": {"file": config.sidecar_file, "candidates": config.candidates or "auto"},
        "hooks": {name: hook.name for name, hook in config.hooks.items()},
        "stubgen": {"include": [header.name for header in config.includes]},
        **({"runtime": {"backend": config.backend}} if config.backend else {}),
        "layers": list(config.origins),
        "warnings": list(config.warnings),
    }


def _entry_json(entry: Entry) -> dict[str, object]:
    common: dict[str, object] = {
        "kind": entry.kind, "name": entry.name, "origin": entry.origin, "disabled": entry.disabled,
    }  # fmt: skip
    if isinstance(entry, Override):
        return common | {
            "function": entry.function, "callee": entry.callee, "says": entry.says, "type": entry.type,
        }  # fmt: skip
    if isinstance(entry, Sized):
        return common | {"signature": str(entry.signature), "symbol": role_name(entry.signature)}
    lists = {"alloc": entry.alloc, "resize": entry.resize, "free": entry.free}
    if isinstance(entry, Allocator):
        lists |= {
            "free-chain": entry.free_chain, "free-since": entry.free_since, "free-all": entry.free_all,
            "meta": entry.meta,
        }  # fmt: skip
        common |= {
            "suballocates": entry.suballocates,
            "interpose": entry.interpose,
            "usable-size": str(entry.usable_size) if entry.usable_size else "",
            "key": "" if entry.disabled and not entry.alloc else entry.key_symbol,
        }
    return common | {key: [str(signature) for signature in signatures] for key, signatures in lists.items()}
