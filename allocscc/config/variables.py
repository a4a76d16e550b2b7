"""The traditional `LIBALLOCS_*` variables as a config layer (R17, shared/docs/SIGNATURES.md)."""

from collections.abc import Mapping

from allocscc.config.model import ANY_PARENT, Allocator, Config, Entry, Override, Sized, Wrapper, gives_chunk, table
from allocscc.config.signature import Signature, parse_signature
from allocscc.errors import ConfigError

_PREFIX = "LIBALLOCS_"
ALLOC, FREE, SIZED = _PREFIX + "ALLOC_FNS", _PREFIX + "FREE_FNS", _PREFIX + "ALLOCSZ_FNS"
SUBALLOC, SUBFREE = _PREFIX + "SUBALLOC_FNS", _PREFIX + "SUBFREE_FNS"
OVERRIDE = _PREFIX + "ALLOCSITE_OVERRIDE"
# Order matters to nobody but the person who reads `config show`.
VARIABLES = (ALLOC, FREE, SIZED, SUBALLOC, SUBFREE, OVERRIDE)
# Functions by name: entry points of one suballocator that allocate, and those that free.
_Group = tuple[dict[str, Signature], dict[str, Signature]]


def from_variables(env: Mapping[str, str]) -> Config:
    """The layer that the variables describe; entries are separated by any white space.

    A function that several variables name has the role that the most special one gives it; the others warn.

    Raises:
        ConfigError: an entry does not parse, or frees and takes no chunk; the message names the variable.
    """
    claimed: dict[str, str] = {}
    warnings: list[str] = []
    groups = _groups(_signatures(env, SUBALLOC), _signatures(env, SUBFREE), warnings)
    for allocating, freeing in groups:
        claimed |= dict.fromkeys(freeing, SUBFREE) | dict.fromkeys(allocating, SUBALLOC)
    sized = _unclaimed(_signatures(env, SIZED), SIZED, claimed, warnings)
    alloc = _unclaimed(_signatures(env, ALLOC), ALLOC, claimed, warnings)
    free = tuple({signature.full_name: signature for signature in _signatures(env, FREE)}.values())
    entries: list[Entry] = []
    if alloc or free:
        name = ALLOC if alloc else FREE
        entries.append(Wrapper(name, alloc, free, f"variable {name}"))
    entries += [Sized(signature.full_name, signature, f"variable {SIZED}") for signature in sized]
    entries += [_family(*group) for group in groups]
    entries += [_override(word) for word in env.get(OVERRIDE, "").split()]
    origins = tuple(name for name in VARIABLES if env.get(name, "").strip())
    return Config(table(entries), on_error="", sidecar_file="", origins=origins, warnings=tuple(warnings))


def _signatures(env: Mapping[str, str], variable: str) -> list[Signature]:
    """The functions of a variable; builds append to variables, so of one function the last word counts."""
    found: dict[str, Signature] = {}
    for word in env.get(variable, "").split():
        signature = parse_signature(word, f"variable {variable}")
        if signature.readable:
            raise ConfigError(f"variable {variable}: {word}: C++ names need a config file; here, write the symbol")
        if variable in (FREE, SUBFREE) and signature.first_pointer is None:
            raise ConfigError(f"variable {variable}: {word} names no chunk; write P for that argument")
        if variable == SUBALLOC and not gives_chunk(signature):
            how = "it must return a pointer (p), or store it (P*)"
            raise ConfigError(f"variable {variable}: {word} gives no chunk; {how}")
        key = str(signature) if signature.undoes else signature.full_name
        found.pop(key, None)
        found[key] = signature
    return list(found.values())


def _unclaimed(
    found: list[Signature], variable: str, claimed: dict[str, str], warnings: list[str]
) -> tuple[Signature, ...]:
    """The functions that no other variable has claimed; each that one has gets a warning."""
    kept: dict[str, Signature] = {}
    for signature in found:
        winner = claimed.setdefault(signature.full_name, variable)
        if winner == variable:
            kept[signature.full_name] = signature
        else:
            warnings.append(f"variable {variable}: {signature} is left out: {winner} names that function, too")
    return tuple(kept.values())


def _groups(alloc: list[Signature], free: list[Signature], warnings: list[str]) -> list[_Group]:
    """Suballocators: entry points with what frees their chunks; those that share such a function are one.

    The variables do not say which entry points belong together. One that nothing undoes belongs to those that share
    its name's words before the last underscore (`g_slice_alloc0`, `g_slice_alloc`).
    """
    loose: dict[str, _Group] = {signature.full_name: ({signature.full_name: signature}, {}) for signature in alloc}
    for signature in free:
        target = signature.undoes or (next(iter(loose)) if len(loose) == 1 else "")
        if not target:
            raise ConfigError(
                f"variable {SUBFREE}: {signature} does not say which function it undoes; write"
                f" {signature.full_name}{signature.letters}->FUNCTION"
            )
        if target in loose:
            loose[target][1][signature.full_name] = signature
        else:
            warnings.append(
                f"variable {SUBFREE}: {signature} undoes {target}, which {SUBALLOC} does not name; it is left out"
            )
    groups: list[_Group] = []
    for group in sorted(loose.values(), key=lambda group: not group[1]):  # what has a free leads
        kin = [other for other in groups if _names(group) & _names(other)]
        if not kin and not group[1]:
            kin = [other for other in groups if other[1] and _stems(group) & _stems(other)][:1]
        place = groups.index(kin[0]) if kin else len(groups)
        groups = [other for other in groups if other not in kin]
        joined: _Group = ({}, {})
        for allocating, freeing in (*kin, group):
            joined[0].update(allocating)
            joined[1].update(freeing)
        groups.insert(place, joined)
    return groups


def _family(allocating: dict[str, Signature], freeing: dict[str, Signature]) -> Allocator:
    """The entry of a group, named by its first entry point; what allocates and frees is a resize function."""
    first = next(iter(allocating))
    resizing = [
        name for name, s in allocating.items() if name in freeing and name != first and s.first_pointer is not None
    ]
    alloc, resize = ([s for n, s in allocating.items() if (n in resizing) == which] for which in (False, True))
    free = tuple(signature for name, signature in freeing.items() if name not in resizing)
    origin = f"variable {SUBALLOC}"
    return Allocator(first, tuple(alloc), free, suballocates=ANY_PARENT, origin=origin, resize=tuple(resize))


def _names(group: _Group) -> set[str]:
    return {*group[0], *group[1]}


def _stems(group: _Group) -> set[str]:
    return {stem for name in group[0] if (stem := name.rpartition("_")[0])}


def _override(word: str) -> Override:
    parts = word.split(",")
    if len(parts) != 4 or not (parts[0] and parts[1] and parts[3]) or not word.isprintable():
        raise ConfigError(
            f"variable {OVERRIDE}: {word!r} must be FUNCTION,CALLEE,TYPE-IT-SAYS,TYPE-IT-IS, e.g. f,xmalloc,char,node"
        )
    function, callee, says, kind = parts
    return Override(",".join(parts[:3]), function, callee, says, kind, f"variable {OVERRIDE}")
