"""What a person should know of a config that is not wrong: which layer wins where two speak (R1)."""

import re
from collections.abc import Sequence

from allocscc.config.functions import ALLOCATING, Role, all_roles, outranks, role_name
from allocscc.config.globs import glob_regex
from allocscc.config.load import merge_layers
from allocscc.config.model import Allocator, Config, Entry, functions_of
from allocscc.config.names import cxx_symbols
from allocscc.errors import ConfigError
from allocscc.values import dataclass


@dataclass(frozen=True)
class Finding:
    """Something in a config that is probably not meant.

    Attributes:
        origin: where.
        text: what, and what follows.
    """

    origin: str
    text: str


@dataclass(frozen=True)
class Mention:
    """What one entry says of a function.

    Attributes:
        entry: the entry.
        list: its list that names the function.
        signature: as written there.
        wins: whether this is what counts.
        why: why it does or does not.
    """

    entry: Entry
    list: str
    signature: str
    wins: bool
    why: str


def findings(layers: Sequence[Config]) -> list[Finding]:
    """Conflicts between layers (the later wins), and entries that do nothing."""
    found: list[Finding] = []
    below = Config(on_error="", sidecar_file="")
    for layer in layers:
        found += [Finding("", warning) for warning in layer.warnings]
        found += _removals(below, layer)
        found += _replaced(below, layer)
        below = merge_layers([below, layer])
    merged = merge_layers(layers)
    return found + _claims(merged) + _resizing(merged) + _regions(merged)


def mentions(layers: Sequence[Config], name: str) -> list[Mention]:
    """Every entry of any layer that speaks of a function, weakest first, and which one counts.

    Args:
        layers: weakest first.
        name: the function: a symbol, a C++ name as people write it, or `file.c::name`.
    """
    symbols = _symbols(name)
    merged = merge_layers(layers)
    roles = [role for role in all_roles(merged) if _speaks(role.signature.name, role_name(role.signature), symbols)]
    winner = _winner(roles)
    found: list[Mention] = []
    for number, layer in enumerate(layers):
        for entry in layer.entries.values():
            for key, signature in functions_of(entry):
                if _speaks(signature.name, role_name(signature), symbols):
                    wins = winner is not None and _is(winner.entry, entry) and winner.list == key
                    why = _why(entry, key, number, layers, winner, {*symbols, signature.full_name, signature.name})
                    found.append(Mention(entry, key, str(signature), wins, why))
    return found


def _symbols(name: str) -> set[str]:
    if "(" not in name and "::" not in name and not name.startswith("operator"):
        return {name}
    scope = name.partition("::")[0]
    if "." in scope or "/" in scope:
        return {name}
    try:
        return {name, *cxx_symbols(name, name)}
    except ConfigError:
        return {name}


def _speaks(pattern: str, full: str, symbols: set[str]) -> bool:
    if full in symbols:
        return True
    if "*" in pattern or "?" in pattern:
        return any(re.fullmatch(glob_regex(pattern), symbol) for symbol in symbols)
    # A name without a parameter list was asked for: it stands for its overloads.
    return any(re.fullmatch(glob_regex(symbol), full) for symbol in symbols if "*" in symbol)


def _winner(roles: list[Role]) -> Role | None:
    """As `function_roles` decides: a written name before a glob, a role that is observed before one that is not."""
    winner: Role | None = None
    for role in [role for role in roles if not role.signature.pattern] or roles:
        if winner is None or outranks(role, winner):
            winner = role
    return winner


def _why(
    entry: Entry,
    key: str,
    number: int,
    layers: Sequence[Config],
    winner: Role | None,
    symbols: set[str],
) -> str:
    name = f"{entry.kind}.{entry.name}"
    if entry.disabled:
        return "disabled"
    for later in layers[number + 1 :]:
        if name in later.entries:
            verb = "disabled" if later.entries[name].disabled else "replaced"
            return f"{verb} by {later.entries[name].origin}"
        for removed in later.removed:
            if removed.name == name or removed.name in symbols:
                return f"removed by {removed.origin}"
    if winner is None:
        return "nothing of it is left"
    if _is(winner.entry, entry) and winner.list != key:
        return f"counts in the entry's list {winner.list}"
    if _is(winner.entry, entry):
        return "counts: " + ("a glob, and no entry names the function itself" if winner.signature.pattern else
                             "the strongest entry that names the function")  # fmt: skip
    by = f"{winner.entry.kind}.{winner.entry.name}, {winner.entry.origin}"
    if key not in ALLOCATING and not isinstance(entry, Allocator):
        return f"how a chunk of {name} is freed; it claims nothing"
    return f"outranked by {by}"


def _is(one: Entry, other: Entry) -> bool:
    """Whether they are the same entry of the same layer, though functions may have been removed from one."""
    return (one.kind, one.name, one.origin) == (other.kind, other.name, other.origin)


def _removals(below: Config, layer: Config) -> list[Finding]:
    found = []
    names = {role.signature.full_name for role in all_roles(below)} | {role.signature.name for role in all_roles(below)}
    names.add("alloca")  # compilers know it, no layer names it
    for named in layer.removed:
        if named.name not in below.entries and named.name not in names:
            found.append(Finding(named.origin, f"remove: no weaker layer has {named.name}"))
    return found


def _replaced(below: Config, layer: Config) -> list[Finding]:
    found = []
    for key, entry in layer.entries.items():
        weaker = below.entries.get(key)
        if weaker is None and entry.disabled:
            found.append(Finding(entry.origin, f"{key} is disabled, but no weaker layer has it"))
        elif weaker is not None and not entry.disabled and weaker != entry:
            lost = {role_name(s) for _, s in functions_of(weaker)} - {role_name(s) for _, s in functions_of(entry)}
            says = f"; no longer named: {', '.join(sorted(lost))}" if lost else ""
            found.append(Finding(entry.origin, f"{key} replaces the entry from {weaker.origin} as a whole{says}"))
    return found


def _claims(merged: Config) -> list[Finding]:
    """Functions that two entries claim."""
    claimed: dict[str, Role] = {}
    found = []
    for role in all_roles(merged):
        if not role.observed:
            continue
        name = role_name(role.signature)
        other = claimed.get(name)
        shared = other is not None and role.list == other.list == "free-all"  # each family's chunks go
        if other is not None and other.entry is not role.entry and not shared:
            found.append(
                Finding(
                    role.entry.origin,
                    f"{role.entry.kind}.{role.entry.name} claims {role.signature.full_name}, which"
                    f" {other.entry.kind}.{other.entry.name} ({other.entry.origin}) claims, too; the later wins",
                )
            )
        claimed[name] = role
    return found


def _again(name: str, at: int) -> str:
    """A function's name without the `re` at an offset; "" if there is none."""
    return name[:at] + name[at + 2 :] if name.startswith("re", at) else ""


def _resizing(merged: Config) -> list[Finding]:
    """Suballocators' functions that take a chunk like those of `resize`, where a plain `p` is no chunk."""
    found = []
    for family in merged.allocators.values():
        names = {signature.name for signature in family.alloc}
        for signature in family.alloc:
            looks = any(_again(signature.name, at) in names for at in range(len(signature.name)))
            if looks and family.chunk_of(signature) is None and signature.first_pointer is not None:
                text = f"{signature} looks as if it resized a chunk; if it does, list it in resize"
                found.append(Finding(family.origin, f"allocator.{family.name}.alloc: {text}"))
    return found


def _regions(merged: Config) -> list[Finding]:
    """Families whose regions are freed, but whose entry points do not say to which one a chunk belongs."""
    found = []
    for family in merged.allocators.values():
        freeing = [s for s in family.free_all if s.first_pointer is not None]
        told = [s for s in (*family.alloc, *family.resize) if "p" in s.args]
        if freeing and not told:
            text = f"{freeing[0]} frees a region, but no function of alloc takes one (p)"
            text += ": chunks go with their parent only"
            found.append(Finding(family.origin, f"allocator.{family.name}.free-all: {text}"))
    return found
