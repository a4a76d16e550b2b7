"""Adds entries to a config file and keeps what people wrote in it (`allocs config add`)."""

import os
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from allocscc.config.read import read_text
from allocscc.errors import ConfigError


def added(path: str, text: str, kind: str, name: str, values: dict[str, list[str] | str]) -> str:
    """The text of a config file with functions added to an entry, which is made if it is not there.

    Args:
        path: the file's name, for messages.
        text: its contents; comments, order and layout are kept.
        kind: `wrapper` or `allocator`.
        name: the entry's name.
        values: key of the entry → signatures to add, or a text to set.

    Raises:
        ConfigError: the text, or what it would become, is not a valid config.
    """
    read_text(path, text)
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    entry = _entry(document, kind, name)
    for key, value in values.items():
        if isinstance(value, str):
            entry[key] = value
            continue
        if key not in entry:
            entry[key] = tomlkit.array()
        present = entry[key]
        present.extend(signature for signature in value if signature not in present)
    changed = tomlkit.dumps(document)
    read_text(path, changed)
    return changed


def write_file(path: str, text: str) -> None:
    """Replace a file in one step, with the same permissions; through a symbolic link."""
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _entry(document: TOMLDocument, kind: str, name: str) -> Any:
    """The entry's table, made if need be, in the style of what is around it."""
    if kind not in document:
        document[kind] = tomlkit.table(is_super_table=True)
    kinds: Any = document[kind]  # a table, an inline one, or what tomlkit has for a table that is cut in parts
    if name not in kinds:
        kinds[name] = tomlkit.inline_table() if isinstance(kinds, InlineTable) else tomlkit.table()
    return kinds[name]
