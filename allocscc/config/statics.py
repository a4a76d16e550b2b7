"""Static functions in the config become the symbols that objects have for them (R1, R8)."""

from collections.abc import Iterable, Mapping

from allocscc.config.model import Allocator, Config, Entry, Override, Sized, Wrapper, functions_of, table
from allocscc.config.signature import Signature
from allocscc.values import replace


def with_statics(config: Config, units: Iterable[Mapping[str, str]]) -> Config:
    """The config with every `util.c::xmalloc` replaced by the symbols of the units that define it.

    A family is one allocator for each unit that has its key symbol; of a wrapper all are one entry.

    Args:
        config: the merged config.
        units: for each unit, scoped name → symbol.
    """
    known = [unit for unit in units if unit]
    if not known:
        return config
    entries: list[Entry] = []
    for entry in config.entries.values():
        scoped = any(s.scope or _is_anywhere(entry, s, known) for _, s in functions_of(entry))
        entries += _named(entry, known) if scoped and not entry.disabled else [entry]
    return replace(config, entries=table(entries))


def anywhere(name: str) -> str:
    """The scoped name of a function that is meant in whatever file it is static: liballocs' variables have no files."""
    return f"*::{name}"


def _is_anywhere(entry: Entry, signature: Signature, units: list[Mapping[str, str]]) -> bool:
    return isinstance(entry, Sized | Wrapper) and any(anywhere(signature.name) in unit for unit in units)


def _named(entry: Entry, units: list[Mapping[str, str]]) -> list[Entry]:
    if isinstance(entry, Override):
        return [entry]
    if isinstance(entry, Sized):
        found = _symbols((entry.signature,), units)
        return [replace(entry, name=s.name if len(found) > 1 else entry.name, signature=s) for s in found]
    if isinstance(entry, Wrapper):
        return [
            replace(
                entry,
                alloc=_symbols(entry.alloc, units),
                resize=_symbols(entry.resize, units),
                free=_symbols(entry.free, units),
            )
        ]
    key = next((s for s in (*entry.alloc, *entry.resize) if s.name == entry.key_symbol), entry.alloc[0])
    own = [unit for unit in units if not key.scope or key.full_name in unit] or [{}]
    return [
        _family(entry, entry.name if len(own) == 1 else f"{entry.name}:{number}", [unit])
        for number, unit in enumerate(own, 1)
    ]


def _family(entry: Allocator, name: str, units: list[Mapping[str, str]]) -> Allocator:
    usable = _symbols((entry.usable_size,), units) if entry.usable_size else ()
    key = next((s for s in (*entry.alloc, *entry.resize) if s.name == entry.key), None)
    found = _symbols((key,), units) if key else ()
    return replace(
        entry, name=name, alloc=_symbols(entry.alloc, units), resize=_symbols(entry.resize, units),
        free=_symbols(entry.free, units), free_all=_symbols(entry.free_all, units), meta=_symbols(entry.meta, units),
        usable_size=usable[0] if usable else None, key=found[0].name if found else entry.key,
        free_chain=_symbols(entry.free_chain, units), free_since=_symbols(entry.free_since, units),
    )  # fmt: skip


def _symbols(signatures: Iterable[Signature], units: list[Mapping[str, str]]) -> tuple[Signature, ...]:
    """The signatures with symbols for scoped names; one that no unit defines stays as it is."""
    found: list[Signature] = []
    for signature in signatures:
        full = signature.full_name if signature.scope else anywhere(signature.name)
        symbols = dict.fromkeys(unit[full] for unit in units if full in unit)
        named = signature.full_name
        found += [replace(signature, name=symbol, scope="", written=named) for symbol in symbols]
        if not (symbols and signature.scope):  # a function of this name may be global elsewhere
            found.append(signature)
    return tuple(found)
