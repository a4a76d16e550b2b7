"""Globs in the config become the functions that are there (R1)."""

from __future__ import annotations

from allocscc.config.functions import ALLOCATING, function_roles, role_name
from allocscc.config.model import Allocator, Config, Entry, Override, Sized, Wrapper, functions_of, table
from allocscc.config.signature import Signature
from allocscc.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    _Capture = tuple[str, ...]


def glob_regex(pattern: str) -> str:
    """A regular expression for a glob's symbols; a group for each `*` (any text) and `?` (one character)."""
    groups = {"*": "(.*)", "?": "(.)"}
    return "".join(groups.get(char, char if char.isalnum() or char == "_" else f"\\{char}") for char in pattern)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A glob's regular expression."""
    import re  # only links of projects with globs pay for it

    return re.compile(glob_regex(pattern))


def concrete(config: Config, symbols: Iterable[str]) -> Config:
    """The config with every glob replaced by the symbols that it matches.

    Globs leave alone a name that is written out anywhere, or removed; of two globs the stronger layer's wins. An entry
    whose globs matched several texts (`je` and `mi` for `*_malloc`) becomes one entry for each: they are different
    allocators.
    """
    if not any(s.pattern for entry in config.entries.values() for _, s in functions_of(entry)):
        return config
    roles = function_roles(config)
    taken = {name for name, role in roles.items() if not role.signature.pattern}
    taken |= {named.name for named in config.removed}
    symbols = list(symbols)
    entries: list[Entry] = []
    for entry in reversed(list(config.entries.values())):
        free = [symbol for symbol in symbols if symbol not in taken]
        found = [] if entry.disabled else _concrete_entries(entry, free)
        if entry.disabled or not any(s.pattern for _, s in functions_of(entry)):
            found = [entry]
        taken |= {s.name for e in found for key, s in functions_of(e) if key in ALLOCATING}
        known = {*config.entries, *table(entries)} - {f"{entry.kind}.{entry.name}"}
        # An entry that got its name from a glob does not push out the one that has it.
        found = [replace(e, name=f"{e.name} ({entry.name})") if known & table([e]).keys() else e for e in found]
        entries = [*found, *entries]
    return replace(config, entries=table(entries))


def _concrete_entries(entry: Entry, symbols: list[str]) -> list[Entry]:
    if isinstance(entry, Override):
        return [entry]
    if isinstance(entry, Sized):
        regex = _compiled(entry.signature.name)
        named = (replace(entry.signature, name=s, written="") for s in symbols if regex.fullmatch(s))
        return [Sized(role_name(s), s, entry.origin) for s in named]
    entry = _overloads(entry, symbols)
    captures: dict[_Capture, None] = {}
    for signature in (*entry.alloc, *entry.resize):
        if signature.pattern:
            regex = _compiled(signature.name)
            captures.update((m.groups(), None) for m in map(regex.fullmatch, sorted(symbols)) if m)
    present = set(symbols)
    found: list[Entry] = []
    fixed = [s for s in (*entry.alloc, *entry.resize) if not s.pattern]
    if fixed or not captures:
        rest = _filled(entry, entry.name, (), present)
        found += [rest] if rest is not None else []
    for capture in captures:
        name = _filled_name(entry.name, capture) or f"{entry.name}:{'-'.join(capture)}"
        several = len(captures) > 1 or fixed or "*" in entry.name
        one = _filled(entry, name if several else entry.name, capture, present)
        found += [one] if one is not None else []
    return found


def _overloads(entry: Allocator | Wrapper, symbols: list[str]) -> Allocator | Wrapper:
    """The entry with every C++ name that was written without parameters replaced by its overloads."""

    def expanded(signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        result: list[Signature] = []
        for signature in signatures:
            if not (signature.pattern and signature.written):
                result.append(signature)
                continue
            regex = _compiled(signature.name)
            result += [replace(signature, name=s, written="") for s in sorted(symbols) if regex.fullmatch(s)]
        return tuple(result)

    changed = replace(entry, alloc=expanded(entry.alloc), resize=expanded(entry.resize), free=expanded(entry.free))
    if isinstance(changed, Allocator):
        return replace(
            changed, free_all=expanded(changed.free_all), meta=expanded(changed.meta),
            free_chain=expanded(changed.free_chain), free_since=expanded(changed.free_since),
        )  # fmt: skip
    return changed


def _filled(entry: Allocator | Wrapper, name: str, capture: _Capture, present: set[str]) -> Entry | None:
    """The entry for one captured text; functions that allocate must be there, others may be anywhere."""

    def filled(signatures: tuple[Signature, ...], *, allocating: bool = False) -> tuple[Signature, ...]:
        result = []
        for signature in signatures:
            if not signature.pattern:
                # Written out, an allocating function belongs to the entry without a capture.
                result += [] if allocating and capture else [signature]
                continue
            symbol = _filled_name(signature.name, capture)
            if symbol and (symbol in present or not allocating):
                result.append(replace(signature, name=symbol, written=""))
        return tuple(result)

    alloc, resize = filled(entry.alloc, allocating=True), filled(entry.resize, allocating=True)
    free = filled(entry.free)
    if isinstance(entry, Wrapper):
        if not (alloc or resize or (free and not capture)):
            return None
        return replace(entry, name=name, alloc=alloc, resize=resize, free=free)
    if not alloc:
        return None
    usable = filled((entry.usable_size,)) if entry.usable_size else ()
    key = _filled_name(entry.key, capture) if "*" in entry.key or "?" in entry.key else entry.key
    if key not in {s.name for s in (*alloc, *resize)}:
        key = ""
    return replace(
        entry, name=name, alloc=alloc, resize=resize, free=free, free_all=filled(entry.free_all),
        meta=filled(entry.meta), usable_size=usable[0] if usable else None, key=key or "",
        free_chain=filled(entry.free_chain), free_since=filled(entry.free_since),
    )  # fmt: skip


def _filled_name(pattern: str, capture: _Capture) -> str | None:
    """The glob with its wildcards replaced by the captured texts; None if their numbers differ."""
    parts = pattern.replace("?", "*").split("*")
    if len(parts) - 1 != len(capture) or not capture:
        return None
    return "".join(part + text for part, text in zip(parts, (*capture, ""), strict=True))
