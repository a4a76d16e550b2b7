"""From a unit's assembly and source to assembly with records: the compile phase without its surroundings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from allocscc.backends import EMBEDDED, load_backend
from allocscc.compile.again import arrays_of, changes, compiled_again
from allocscc.compile.annotated import Annotated
from allocscc.compile.apart import Additions, Definition
from allocscc.compile.asm import MachineSite, called_functions, find_sites, global_definitions
from allocscc.compile.lto import encode_sources
from allocscc.compile.match import match_sites
from allocscc.compile.onstack import ALLOCA, calls_alloca, with_leaves
from allocscc.compile.onstack import SIGNATURE as ON_STACK
from allocscc.compile.outside import attribute_outside, needed_frames
from allocscc.compile.reading import Question, Reading, read_source
from allocscc.compile.records import add_records
from allocscc.compile.source import INDIRECT, NEW, SourceSite
from allocscc.compile.statics import expose, exposed_symbols, local_functions
from allocscc.config.globs import glob_regex
from allocscc.config.hooks import call_hook
from allocscc.config.roles import Roles
from allocscc.config.signature import Signature, parse_signature
from allocscc.config.statics import anywhere
from allocscc.sidecar import Declaration, Site, encode
from allocscc.values import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.backends.interface import OnStack, Records
    from allocscc.compile.expansion import Expansion, Preprocessed

# How clang writes the number of DW_AT_LLVM_alloc_type, and nothing else.
_ALLOC_TYPE = r'"\216|"'
_TAG = re.compile(r"^(?:struct|union|enum|class) ")


@dataclass(frozen=True)
class Unit:
    """One translation unit.

    Attributes:
        source: the input as the command line names it.
        text: its assembly.
        cwd: the compiler's working folder, as debug info has it (prefix maps).
        compiler: the driver, for the sidecar.
        declares: whether its files may declare functions by attributes.
        intermediate: whether the text is intermediate code: its machine code is made at the link (LTO).
        expansion: its preprocessed text.
        compile_apart: compiles again with these definitions kept apart from their callers (`allocscc.compile.apart`)
            and with additions to the text, and gives the assembly, or None.
        lined: gives the assembly of the last compile with line numbers, or None. For code beside intermediate code:
            asked for lines, the compiler would put debug info into the latter, too.
        on_stack: whether its files may call alloca.
        arrays: whether it may have arrays of variable length.
        begin_apart: begins `compile_apart` with the same arguments, which is then asked for, or not.
    """

    source: str
    text: str
    cwd: str
    compiler: str
    declares: bool
    intermediate: bool
    expansion: Expansion
    compile_apart: Callable[[list[Definition], Additions], str | None]
    lined: Callable[[], str | None] = lambda: None
    on_stack: bool = False
    arrays: bool = False
    begin_apart: Callable[[list[Definition], Additions], None] = lambda *_: None


def annotate(unit: Unit, roles: Roles) -> Annotated | None:
    """Add records for all allocation sites; None if the unit has none.

    Raises:
        ImportError: libclang is not installed where sites could have types.
    """
    signatures, scoped = _configured(unit, roles)
    declarations = _declared(unit, set(signatures) | set(roles.spoken)) if unit.declares else ()
    for declaration in declarations:
        if declaration.list in ("alloc", "resize", "sized"):
            signature = parse_signature(declaration.signature)
            signatures.setdefault(signature.name, signature)
    stubbed = {*signatures, *roles.entries, *scoped}
    stubbed |= {d.signature.partition("(")[0] for d in declarations if d.kind == "allocator"}
    on_stack = _with_alloca(unit, roles, signatures, stubbed)
    hook = on_stack.hook if on_stack is not None else ""
    text, calls, source = unit.text, find_sites(unit.text, stubbed, unit.cwd), list[SourceSite]()
    look = bool(calls or unit.intermediate or global_definitions(text) & stubbed or scoped)
    look = look or on_stack is not None or roles.candidates == "always"
    arrays = arrays_of(unit)
    if not (look or declarations or arrays):
        return None
    if unit.expansion.found is not None and look:
        reading = _read_source(unit, unit.expansion.found, stubbed, signatures, roles)
        source = reading.sites
        local = _local(unit, reading, {place.callee for place in calls} | set(scoped), roles)
        text = compiled_again(unit, local, on_stack)
        if text is not unit.text or any(site.candidate for site in source):
            calls = _machine_sites(text, stubbed, source, unit.cwd, hook)
    if unit.intermediate and calls and not any(place.line for place in calls):
        calls = _with_lines(calls, _machine_sites(unit.lined() or "", stubbed, source, unit.cwd, hook))
    source = [site for site in source if site.callee in signatures or site.callee == NEW or site.candidate]
    return _recorded(unit, text, signatures, calls, source, declarations, roles, scoped, arrays)


def read_ahead(unit: Unit, roles: Roles, is_free: Callable[[], bool]) -> None:
    """Do before a unit's assembly is there what `annotate` will most likely want done.

    Args:
        unit: without its text.
        roles: the config.
        is_free: whether it may be compiled, too, if it has to be compiled again.
    """
    if unit.expansion.found is not None:
        signatures, scoped = _configured(unit, roles)
        stubbed = {*signatures, *roles.entries, *scoped}
        on_stack = _with_alloca(unit, roles, signatures, stubbed)
        reading = _read_source(unit, unit.expansion.found, stubbed, signatures, roles)
        changed = changes(unit, _local(unit, reading, set(scoped), roles), on_stack)
        if changed is not None and is_free():
            unit.begin_apart(*changed)


def _local(unit: Unit, reading: Reading, called: set[str], roles: Roles) -> list[Definition]:
    """The definitions of functions of a role that the unit calls itself.

    Args:
        unit: the unit.
        reading: what its source says.
        called: functions that it calls as the assembly has it, and static ones of a role.
        roles: the config.
    """
    called |= {site.callee for site in reading.sites}
    called |= {name for name in roles.anywhere if _is_taken(unit.expansion.text, name)}
    return [found for found in reading.definitions if unit.intermediate or _is_called(found.symbol, called)]


def _with_alloca(unit: Unit, roles: Roles, signatures: dict[str, Signature], stubbed: set[str]) -> OnStack | None:
    """How alloca is observed, if the unit calls it: then it is among the functions of a role."""
    if not unit.on_stack or ALLOCA in roles.spoken or not calls_alloca(unit.expansion.text):
        return None
    on_stack = load_backend(roles.backend).on_stack()
    if on_stack is not None:
        signatures.setdefault(ALLOCA, ON_STACK)
        stubbed.add(ALLOCA)
    return on_stack


def _is_taken(text: bytes, name: str) -> bool:
    """Whether a source takes a function's address: the compiler may find out where a call through it leads."""
    return re.search(rb"(?<![\w$])%s(?![\w$])(?!\s*\()" % re.escape(name.encode()), text) is not None


def _is_called(symbol: str, called: set[str]) -> bool:
    """Whether a function is among those called; a `new` does not say which operator new it calls."""
    return symbol in called or (NEW in called and symbol.startswith(("_Znw", "_Zna")))


def _read_source(
    unit: Unit, found: Preprocessed, stubbed: set[str], signatures: dict[str, Signature], roles: Roles
) -> Reading:
    """What the source says of the unit's allocations."""
    text, path = unit.expansion.text, found.path if found.path == unit.source else ""
    candidates, arguments = roles.candidates != "never", "clang version" in unit.text
    question = Question(
        text, path, found.language, found.standard, stubbed, signatures, candidates, arguments, found.compiled
    )
    return read_source(question, lambda: unit.expansion.parsed, dict(os.environ))


def _machine_sites(
    text: str, callees: set[str], source: list[SourceSite], cwd: str, hook: str = ""
) -> list[MachineSite]:
    """The calls of these functions, and those that the candidates in the source may be."""
    candidates = {site.callee for site in source if site.candidate}
    if hook:
        candidates.add(hook)
    found = find_sites(text, callees | candidates, cwd, indirect=INDIRECT in candidates)
    return [replace(place, callee=ALLOCA) if place.callee == hook and not place.tail else place for place in found]


def _with_lines(calls: list[MachineSite], lined: list[MachineSite]) -> list[MachineSite]:
    """The calls with the places of the same calls in the same code with line numbers."""
    shapes = [[(place.callee, place.function, place.tail) for place in places] for places in (calls, lined)]
    if shapes[0] != shapes[1]:
        return calls
    return [replace(a, file=b.file, line=b.line, column=b.column) for a, b in zip(calls, lined, strict=True)]


def annotate_generated(unit: Unit, source: list[SourceSite], roles: Roles) -> Annotated | None:
    """Add records to assembly that has no source text of its own: what LTO makes at the link, or Fortran.

    Args:
        unit: the assembly.
        source: calls in the sources that it was made from, where they are known.
        roles: the config.
    """
    signatures, _ = _configured(unit, roles)
    plain = {site.callee for site in source if not site.candidate}
    signatures |= {s: Signature(s, (), "p") for s in plain if s not in signatures}
    text, on_stack = unit.text, load_backend(roles.backend).on_stack() if ALLOCA in signatures else None
    if on_stack is not None and on_stack.leaves:
        text = with_leaves(text, on_stack.hook)
    calls = _machine_sites(text, set(signatures), source, unit.cwd, on_stack.hook if on_stack is not None else "")
    return _recorded(unit, text, signatures, calls, source, (), roles, {})


def _recorded(
    unit: Unit, text: str, signatures: dict[str, Signature], calls: list[MachineSite], source: list[SourceSite],
    declarations: tuple[Declaration, ...], roles: Roles, scoped: dict[str, str], arrays: tuple[Site, ...] = (),
) -> Annotated | None:  # fmt: skip
    """The text with records of those calls that are allocation sites; None if there is nothing to record."""
    wanted = {*signatures, *(site.callee for site in source if site.candidate)}
    machine = [place for place in calls if place.callee in wanted]
    kept = source if unit.intermediate else []
    scoped = {**{name: anywhere(name) for name in roles.anywhere}, **scoped}
    symbols = exposed_symbols(text, local_functions(text, set(scoped)))
    if not (machine or declarations or kept or symbols or arrays):
        return None
    frames = needed_frames(text, machine, source, unit.cwd)
    functions = [chain[0].function.symbol if chain else "" for chain in frames]
    sites = match_sites(machine, source, functions, text)
    sites = attribute_outside(machine, sites, frames)
    if _ALLOC_TYPE in text and not all(site.type for site in sites):
        from allocscc.compile.alloctypes import add_dwarf_types  # clang 21 and later

        sites = add_dwarf_types(text, machine, sites)
    # A call through a pointer may have become one of a function that has a role.
    sites = tuple(replace(s, candidate=False) if s.callee in signatures else s for s in sites)
    pairs = [(m, s) for m, s in zip(machine, sites, strict=True) if s.candidate or s.callee in signatures]
    machine = [place for place, _ in pairs]
    sites = tuple(_overridden(site, roles) for _, site in pairs)
    if "sites" in roles.hooks:
        sites = _run_hook(roles.hooks["sites"], sites)
    extra = _backend_records(text, sites, roles)
    statics = {scoped[name]: symbol for name, symbol in symbols.items()}
    record = encode(unit.source, unit.compiler, sites + arrays, declarations, encode_sources(kept), statics)
    return Annotated(expose(add_records(text, machine, sites, record, extra), symbols), record)


def _backend_records(text: str, sites: tuple[Site, ...], roles: Roles) -> Records | None:
    """What the backend adds to the assembly; most builds have one that adds nothing."""
    if roles.backend == EMBEDDED:
        return None
    return load_backend(roles.backend).records(text, sites)


def _configured(unit: Unit, roles: Roles) -> tuple[dict[str, Signature], dict[str, str]]:
    """The functions whose calls are allocation sites in this unit, as the config has them; and its static functions.

    Returns:
        Symbol → signature, and name of a static function → its scoped name.
    """
    found = {name: parse_signature(text) for name, text in roles.signatures.items()}
    if roles.patterns:
        wild = [(re.compile(glob_regex(pattern)), letters) for pattern, letters, _ in roles.patterns]
        for name in _functions_of(unit.text):
            letters = next((letters for regex, letters in wild if regex.fullmatch(name)), None)
            if letters is not None and name not in found and name not in roles.spoken:
                found[name] = parse_signature(name + letters)
    scoped = {}
    path = f"/{os.path.normpath(os.path.join(unit.cwd, unit.source))}"
    for scope, name, letters, allocates in roles.scoped:
        if path.endswith(f"/{scope}") or f'/{scope}"' in unit.text or f'"{scope}"' in unit.text:
            scoped[name] = f"{scope}::{name}"
            if allocates:
                found[name] = parse_signature(name + letters)
    return found, scoped


def _declared(unit: Unit, spoken: set[str]) -> tuple[Declaration, ...]:
    """What the source declares of functions that the unit calls or defines and the config does not speak of."""
    names = _functions_of(unit.text) - spoken
    if not names or unit.expansion.found is None:
        return ()
    from allocscc.compile.declarations import read_declarations, statements
    from allocscc.compile.scan import identifiers

    words = {word for name in names for word in identifiers(name)[-1:]}
    found = statements(unit.expansion.text.decode("latin-1"), words)
    if not found or unit.expansion.parsed is None:
        return ()
    declarations = read_declarations(unit.expansion.parsed, found)
    return tuple(d for d in declarations if d.signature.partition("(")[0] in names)


def _functions_of(text: str) -> set[str]:
    """Functions that the assembly calls or defines for others."""
    return called_functions(text) | global_definitions(text)


def _overridden(site: Site, roles: Roles) -> Site:
    """The site with the type that an override gives it."""
    for function, callee, says, kind in roles.overrides:
        fits = not says or _TAG.sub("", says) == _TAG.sub("", site.type)
        if fits and function == site.function and callee == site.callee:
            return replace(site, type=kind, evidence="override", size=0, members="")
    return site


def _run_hook(path: str, sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """The project's `[hooks] sites` file: its function `sites(sites)` gives the sites to record (R2)."""
    changed = call_hook(path, "sites", sites)
    if not isinstance(changed, list | tuple) or not all(isinstance(site, Site) for site in changed):
        raise TypeError(f"{path}: sites() must give a list of allocscc.sidecar.Site")
    if len(changed) != len(sites):
        raise ValueError(f"{path}: sites() gave {len(changed)} sites for {len(sites)}")
    # The size goes with the type, and a hook may know of the type alone.
    pairs = zip(sites, changed, strict=True)
    return tuple(replace(b, size=0, members="") if b.type != a.type and b.size == a.size else b for a, b in pairs)
