"""From a unit's assembly and source to assembly with records: the compile phase without its surroundings."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from allocscc.compile.asm import MachineSite, find_sites
from allocscc.compile.match import match_sites
from allocscc.compile.records import add_records
from allocscc.config.roles import Roles
from allocscc.config.signature import Signature, parse_signature
from allocscc.sidecar import Site, encode


@dataclass(frozen=True)
class Preprocessed:
    """Preprocessed text in a file, and how libclang has to read it (`c` or `c++`, the `-std=` option if any)."""

    path: str
    language: str
    standard: list[str]


@dataclass(frozen=True)
class Unit:
    """One translation unit.

    Attributes:
        source: the input as the command line names it.
        text: its assembly.
        cwd: the compiler's working folder.
        compiler: the driver, for the sidecar.
        preprocess: gives the preprocessed text, or None where it cannot be had.
        compile_apart: compiles again with these functions kept out of line and gives the assembly, or None.
    """

    source: str
    text: str
    cwd: str
    compiler: str
    preprocess: Callable[[], Preprocessed | None]
    compile_apart: Callable[[list[str]], str | None]


@dataclass(frozen=True)
class Annotated:
    """A unit's assembly with records, and its sidecar record."""

    text: str
    sidecar: bytes


def annotate(unit: Unit, roles: Roles) -> Annotated | None:
    """Add records for all allocation sites; None if the unit has none.

    Raises:
        ImportError: libclang is not installed where sites could have types.
    """
    callees = set(roles.signatures)
    own = _own_definitions(unit.text, callees | set(roles.entries))
    calls = find_sites(unit.text, callees | own, unit.cwd)
    if not calls and not own:
        return None
    text = unit.text
    source = []
    preprocessed = unit.preprocess()
    if preprocessed is not None:
        from allocscc.compile.scan import scan

        signatures = {name: parse_signature(signature) for name, signature in roles.signatures.items()}
        signatures |= {name: Signature(name, (), "v") for name in own if name not in signatures}
        source = scan(preprocessed.path, preprocessed.language, preprocessed.standard, signatures)
        present = {(os.path.basename(place.file), place.line, place.callee) for place in calls}
        lost = {
            site.callee
            for site in source
            if site.callee in own and (os.path.basename(site.file), site.line, site.callee) not in present
        }
        apart = unit.compile_apart(sorted(lost)) if lost else None
        if apart is not None:
            text, calls = apart, find_sites(apart, callees, unit.cwd)
    machine = [place for place in calls if place.callee in callees]
    if not machine:
        return None
    sites = match_sites(machine, [site for site in source if site.callee in callees or site.callee not in own])
    if "sites" in roles.hooks:
        sites = _run_hook(roles.hooks["sites"], sites)
    return _with_records(unit, text, machine, sites)


def _with_records(unit: Unit, text: str, machine: list[MachineSite], sites: tuple[Site, ...]) -> Annotated:
    record = encode(unit.source, unit.compiler, sites)
    return Annotated(add_records(text, machine, sites, record), record)


def _own_definitions(text: str, names: set[str]) -> set[str]:
    """Global functions of a role that the unit itself defines; inlined into their callers, they make no call."""
    return {name for name in re.findall(r"\t\.globl\t([\w.$]+)\n", text) if name in names and f"\n{name}:" in text}


def _run_hook(path: str, sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """The project's `[hooks] sites` file: its function `sites(sites)` gives the sites to record (R2)."""
    with open(path, encoding="utf-8") as file:
        code = compile(file.read(), path, "exec")
    namespace: dict[str, object] = {"__file__": path, "__name__": "allocs_hooks"}
    exec(code, namespace)
    function = namespace.get("sites")
    if not callable(function):
        raise TypeError(f"{path}: defines no function sites(sites)")
    changed = tuple(function(sites))
    if len(changed) != len(sites):
        raise ValueError(f"{path}: sites() gave {len(changed)} sites for {len(sites)}")
    return changed
