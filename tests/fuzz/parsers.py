"""Everything of ours that reads foreign bytes, in this process: errors of ours and nothing else, in bounded time."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from allocscc.compile.lto import source_sites
from allocscc.config.declared import declared_layer
from allocscc.elf import archive
from allocscc.elf.edit import replace_definitions
from allocscc.elf.intermediate import ir_symbols
from allocscc.elf.object import SHT_DYNSYM, SHT_SYMTAB, STB_LOCAL, ElfObject
from allocscc.errors import AllocsError, FormatError
from allocscc.link.facts import link_facts
from allocscc.link.findings import Wanted
from allocscc.link.job import LinkJob
from allocscc.link.record import decode_plan, identified_wrappers
from allocscc.link.survey import survey
from allocscc.sidecar import decode, decode_declarations, decode_sources, decode_statics
from tests.fuzz.corpus import SUFFIX, Corpus, Specimen

SECONDS = 2
_MEMORY = 1 << 30
_NAMES = {b"xmalloc", b"xfree", b"carve", b"pool_get", b"malloc", b"free", b"own_get"}
_WRAPPERS, _ENTRIES = ["xmalloc", "pool_get", "own_get"], ["malloc", "free", "carve", "uncarve", "xfree"]


class TooSlowError(Exception):
    """An input took longer than `SECONDS`."""


def check(specimen: Specimen, data: bytes, corpus: Corpus) -> None:
    """Read an input with all readers.

    Raises:
        Exception: whatever is not an error of ours; that is a finding.
    """
    with _bounded():
        for reader in (_object, _archive, _sidecar, _plan):
            try:
                reader(data)
            except FormatError as error:
                _readable(error)
        _look_through(specimen, data, corpus)


@contextmanager
def _bounded() -> Iterator[None]:
    """Let the block take `SECONDS` and a GiB more than there is."""

    def interrupt(*_: object) -> None:
        raise TooSlowError(f"longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    _, hard = limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, before)


def _readable(error: AllocsError) -> None:
    """A message can be printed, and is no book."""
    text = str(error)
    text.encode("utf-8", "surrogateescape")
    assert len(text) < 2000, f"a message of {len(text)} characters: {text[:200]}"


def _object(data: bytes) -> None:
    elf = ElfObject(data, "x.o")
    total = sum(len(section.name) for section in elf.sections)
    assert total <= 65536 * (len(elf.sections) + 1)
    for kind in (SHT_SYMTAB, SHT_DYNSYM):
        table = elf.table(kind)
        if table is None:
            continue
        found = elf.symbols(table, _NAMES)
        names = [s.name.decode() for s in found if s.defined and s.binding != STB_LOCAL]
        if kind == SHT_SYMTAB and names:
            _replaced(data, sorted(set(names)))
    for section in elf.sections:
        contents = elf.contents(section)
        if section.name.startswith(b".gnu.lto_.symtab"):
            assert sum(len(name) for name, *_ in ir_symbols(contents)) <= len(contents)


def _replaced(data: bytes, names: list[str]) -> None:
    """A changed object reads as before, and has the new names."""
    changed = ElfObject(replace_definitions(data, names, "x.o"), "x.o")
    table = changed.table(SHT_SYMTAB)
    assert table is not None
    real = {b"__real_" + name.encode() for name in names}
    assert {s.name for s in changed.symbols(table, real) if s.defined} == real
    assert real.isdisjoint(s.name for s in changed.symbols(table, {n.encode() for n in names}) if not s.defined)


def _archive(data: bytes) -> None:
    if data[:8] not in (archive.MAGIC, archive.THIN_MAGIC):
        return
    names = archive.index_names(data, "x.a")
    assert len(names) <= len(data)
    for member in archive.members(data, "x.a", "/nowhere"):
        member.name.encode("utf-8", "surrogateescape")
        assert len(member.data) <= len(data)
    if data.startswith(archive.MAGIC):
        found = [(m.offset, m.data) for m in archive.members(data, "x.a", "/nowhere")]
        places = archive.places(data, "x.a") or []
        assert [(header, data[start:end]) for _, header, start, end in places] == found
        assert archive.defining(data, "x.a", _NAMES) <= {place[1] for place in places}


def _sidecar(data: bytes) -> None:
    """Each part of a record is read by itself; a bad one hides no other."""
    trouble = None
    for reader in (_sites, _declarations, _statics, _sources):
        try:
            reader(data)
        except FormatError as error:
            trouble = error
    if trouble is not None:
        raise trouble


def _sites(data: bytes) -> None:
    for site in decode(data, "x.o"):
        assert site.flags >= 0
        for text in (site.file, site.function, site.callee, site.type):
            text.encode("utf-8", "surrogateescape")


def _declarations(data: bytes) -> None:
    layer = declared_layer(decode_declarations(data, "x.o"))
    for entry in layer.entries.values():
        entry.name.encode("utf-8", "surrogateescape")


def _statics(data: bytes) -> None:
    for unit in decode_statics(data, "x.o"):
        for name, symbol in unit.items():
            f"{name}{symbol}".encode("utf-8", "surrogateescape")


def _sources(data: bytes) -> None:
    source_sites(decode_sources(data, "x.o"))


def _plan(data: bytes) -> None:
    for plan in decode_plan(data, "x.so"):
        for text in (plan.get("output", ""), *plan.get("notes", ()), *(d["symbol"] for d in plan["decisions"])):
            text.encode("utf-8", "surrogateescape")
    identified_wrappers(data, "x.so")


def _look_through(specimen: Specimen, data: bytes, corpus: Corpus) -> None:
    """The survey of a link with it: no exception at all, and what it cannot read it names."""
    path = corpus.folder / f"mutant{SUFFIX[specimen.kind]}"
    path.write_bytes(data)
    job = LinkJob(["-o", "out", "main.o", path.name, "-lc"], str(corpus.folder))
    globs = [(r"f[0-9]|.*alloc.*", True)] if len(data) % 2 else None
    found = survey(job, Wanted(list(_WRAPPERS), list(_ENTRIES), globs))
    facts = link_facts(job, found, frozenset())
    assert all("mutant" in message or "thin" in message for message in facts.unreadable), facts.unreadable
