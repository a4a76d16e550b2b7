"""Suggestions as entries of a config file, with the reason for each in a comment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from allocscc.config.model import Allocator, Config, Wrapper, functions_of
from allocscc.config.signature import parse_signature
from allocscc.config.write import printable
from allocscc.suggest.judge import Suggestion
from allocscc.values import dataclass

_LISTS = ("alloc", "resize", "free", "free-all")


@dataclass(frozen=True)
class Group:
    """Suggestions that make one entry.

    Attributes:
        kind: `wrapper` or `allocator`.
        name: the entry's name.
        members: surest first.
        freed_by: a signature for `free` where no member frees, or "".
    """

    kind: str
    name: str
    members: tuple[Suggestion, ...]
    freed_by: str = ""


def group(suggestions: Sequence[Suggestion], taken: Config) -> list[Group]:
    """The entries that suggestions make, surest first: what one source file has goes together.

    Args:
        suggestions: surest first.
        taken: the config that there is, whose entries keep their names.
    """
    files: dict[tuple[str, str], list[Suggestion]] = {}
    pools = {(one.file, _region(one)) for one in suggestions if one.kind == "allocator" and one.list == "alloc"}
    for one in suggestions:
        key = (one.file, "")
        if one.kind == "allocator" or (one.list == "free" and (one.file, _region(one)) in pools and _region(one)):
            key = (one.file, _region(one) or "*")
            if key[1] == "*" and one.list != "alloc":
                key = (one.file, "")
        files.setdefault(key, []).append(one)
    names = {name.partition(".")[2] for name in taken.entries}
    groups = []
    for (_, region), members in files.items():
        kind = "allocator" if region and any(one.list == "alloc" for one in members) else "wrapper"
        if not any(one.list in ("alloc", "resize") for one in members) and len(files) > 1 and kind == "allocator":
            continue
        first = next((one for one in members if one.list != "free"), members[0])
        name = _unique(parse_signature(first.signature).name, names)
        names.add(name)
        frees = any(one.list == "free" for one in members)
        freed_by = "" if frees or kind != Wrapper.kind else _freed_by(members, taken)
        groups.append(Group(kind, name, tuple(members), freed_by))
    return groups


def to_text(groups: Iterable[Group], folder: str) -> str:
    """The entries as TOML.

    Args:
        groups: the entries.
        folder: paths are told from here where they lie below it.
    """
    return "\n".join(_entry(one, folder) for one in groups)


def _entry(one: Group, folder: str) -> str:
    lines = [f"[{one.kind}.{_key(one.name)}]"]
    if one.kind == "allocator":
        lines.append('suballocates = "*"')
    for name in _LISTS:
        members = [member for member in one.members if member.list == name]
        if name == "free-all" and one.kind != "allocator":
            continue
        if members:
            lines.append(f"{name} = [")
            for member in members:
                lines.append(f'    "{member.signature}",  # {reason(member, folder)}')
            lines.append("]")
        elif name == "free" and one.freed_by:
            lines.append(f'free = ["{one.freed_by}"]')
    return "\n".join(lines) + "\n"


def reason(one: Suggestion, folder: str) -> str:
    """Why a function is suggested, in one line."""
    path = os.path.relpath(one.file, folder) if os.path.isabs(one.file) else one.file
    path = one.file if path.startswith("..") else path
    calls = f"{one.callers} call{'' if one.callers == 1 else 's'}"
    text = f"{one.confidence:.2f}: {one.why} ({path}:{one.line}; {calls})"
    return printable(text)


def _freed_by(members: Sequence[Suggestion], config: Config) -> str:
    """What frees memory of a declared entry that all members have theirs from: the first of its functions that does."""
    found = set()
    for one in members:
        entries = [
            entry
            for entry in config.entries.values()
            if isinstance(entry, Allocator | Wrapper) and not entry.disabled
            for key, signature in functions_of(entry)
            if key in ("alloc", "resize") and signature.name in one.via
        ]
        found.add(str(entries[0].free[0]) if entries and entries[0].free else "")
    return found.pop() if len(found) == 1 else ""


def _region(one: Suggestion) -> str:
    """Where a function of a family takes pieces from: the type of its first parameter."""
    return one.region


def _unique(name: str, names: set[str]) -> str:
    number, found = 2, name
    while found in names:
        found, number = f"{name}_{number}", number + 1
    return found


def _key(name: str) -> str:
    return name if all((char.isalnum() and char.isascii()) or char in "_-" for char in name) else f'"{name}"'
