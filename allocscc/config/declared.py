"""Declarations from sources as the weakest layer: they never override what the config says (R5, DESIGN §3)."""

import re
from collections.abc import Iterable

from allocscc.config.functions import role_name
from allocscc.config.globs import glob_regex
from allocscc.config.model import ANY_PARENT, Allocator, Config, Entry, Sized, Wrapper, functions_of, merge, table
from allocscc.config.signature import Signature, parse_signature
from allocscc.errors import SignatureError
from allocscc.sidecar import Declaration, is_symbol
from allocscc.values import replace


def with_declarations(config: Config, declarations: Iterable[Declaration]) -> Config:
    """The config with what sources declare below it.

    A function that any entry of the config names, also by a glob or switched off, or that it removes, is left as the
    config has it.
    """
    spoken = [signature for entry in config.entries.values() for _, signature in functions_of(entry)]
    globs = [re.compile(glob_regex(signature.name)) for signature in spoken if signature.pattern]
    silenced = {*map(role_name, spoken), *(named.name for named in config.removed)}

    def is_spoken_of(name: str) -> bool:
        return name in silenced or any(glob.fullmatch(name) for glob in globs)

    layer = declared_layer(d for d in declarations if not is_spoken_of(_name(d.signature)))
    taken = {key for key in layer.entries if key in config.entries and not config.entries[key].disabled}
    orphans = {
        key: replace(entry, suballocates=ANY_PARENT)  # the runtime sees whose chunks they are
        for key, entry in layer.entries.items()
        if isinstance(entry, Allocator) and entry.suballocates and entry.suballocates not in config.allocators
    }
    layer = replace(layer, entries={**layer.entries, **orphans})
    if taken:  # an entry of the same name is another one: what the source declares keeps a name of its own
        renamed = (
            replace(entry, name=f"{entry.name} (declared)") for key, entry in layer.entries.items() if key in taken
        )
        kept = [entry for key, entry in layer.entries.items() if key not in taken]
        layer = replace(layer, entries=table([*kept, *renamed]))
    return merge(layer, config)


def declared_layer(declarations: Iterable[Declaration]) -> Config:
    """The entries that declarations amount to; of two that differ on one function, the first counts."""
    entries: dict[str, Entry] = {}
    seen: set[str] = set()
    for declaration in declarations:
        name = _name(declaration.signature)
        if name in seen:
            continue
        try:
            signature = parse_signature(declaration.signature)
            frees = tuple(parse_signature(text) for text in declaration.free)
        except SignatureError:  # a newer version's: this one does not know it
            continue
        if any(found.scope or not is_symbol(found.name) for found in (signature, *frees)):
            continue  # no compiler's: it would be code in a stub
        seen.add(name)
        key = f"{declaration.kind}.{declaration.entry}"
        entry = _extended(entries.get(key), declaration, signature, frees)
        if entry is not None:
            entries[key] = entry
    # A family whose key symbol nobody declared can have no instance.
    usable = (e for e in entries.values() if not isinstance(e, Allocator) or e.alloc)
    return Config(table(usable), on_error="", sidecar_file="")


def _name(signature: str) -> str:
    return signature.partition("(")[0]


def _extended(
    entry: Entry | None, declaration: Declaration, signature: Signature, frees: tuple[Signature, ...]
) -> Entry | None:
    """An entry with one more function."""
    origin = f"source {declaration.origin}"
    if declaration.kind == Sized.kind:
        return Sized(signature.name, signature, origin)
    field = declaration.list.replace("-", "_")
    if declaration.kind == Wrapper.kind:
        wrapper = entry if isinstance(entry, Wrapper) else Wrapper(declaration.entry, origin=origin)
        if field not in ("alloc", "resize", "free"):
            return entry
        known = (*wrapper.free, *(f for f in frees if f not in wrapper.free))
        return _appended(replace(wrapper, free=known), field, signature)
    lists = ("alloc", "resize", "free", "free_chain", "free_since", "free_all")
    if declaration.kind == Allocator.kind and field in lists:
        family = entry if isinstance(entry, Allocator) else Allocator(declaration.entry, (), origin=origin)
        parent = family.suballocates or declaration.suballocates
        return _appended(replace(family, suballocates=parent), field, signature)
    return entry


def _appended(entry: Allocator | Wrapper, field: str, signature: Signature) -> Entry:
    changed: Entry = replace(entry, **{field: (*getattr(entry, field), signature)})  # type: ignore[arg-type]
    return changed
