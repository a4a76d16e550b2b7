"""What the shared libraries of a link define of that which the runtime interposes: C++'s operators, and malloc (R11).

An executable of ours defines these itself. With `--as-needed`, some linkers then drop the library whose functions they
are, although the runtime looks for them behind its own; it has to stay needed by something else.
"""

from __future__ import annotations

import os

from allocscc.elf.intermediate import ir_symbols
from allocscc.elf.object import SHT_DYNSYM, SHT_SYMTAB, STB_WEAK, ElfObject
from allocscc.errors import FormatError
from allocscc.link.glances import IR_SYMBOLS
from allocscc.link.job import DSO, OBJECT, OTHER, LinkJob, file_kind, library_name, read_file
from allocscc.link.runtime import KEEPABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Itanium C++ ABI, LP64: operator new and new[], plain, nothrow, aligned, and both.
_SHAPES = ("", "RKSt9nothrow_t", "St11align_val_t", "St11align_val_tRKSt9nothrow_t")
OPERATORS = frozenset(f"_Zn{plural}m{shape}" for plural in "wa" for shape in _SHAPES)
_DELETES = [f"_Zd{plural}Pv{shape}" for plural in "la" for shape in (*_SHAPES, "m", "mSt11align_val_t")]
_MALLOC = frozenset((
    "malloc", "calloc", "realloc", "reallocarray", "free", "memalign", "aligned_alloc", "posix_memalign", "valloc",
    "pvalloc", "malloc_usable_size",
))  # fmt: skip
_INTERPOSED = {name.encode() for name in (*OPERATORS, *_DELETES, *_MALLOC)}
_ON, _OFF = ("--as-needed", "-as-needed"), ("--no-as-needed", "-no-as-needed")
_PUSH, _POP = ("--push-state", "-push-state"), ("--pop-state", "-pop-state")


class Library:
    """A shared library that is the first of its link to define something that the runtime interposes.

    Attributes:
        path: the file.
        operators: whether that is an operator new.
        kept: a function of it that has to stay undefined in the program, so that the library is needed as without us;
            "" where it is needed anyway.
        lost: whether it has operators and might not be needed any more: it is not known whether it is without us (only
            members of archives refer to it), or it has no function by which it could be kept.
    """

    __slots__ = ("kept", "lost", "operators", "path")

    def __init__(self, path: str, operators: bool, kept: str, lost: bool) -> None:
        self.path, self.operators, self.kept, self.lost = path, operators, kept, lost


def interposed_libraries(job: LinkJob) -> list[Library]:
    """The libraries of a link before whose functions the runtime's will stand, in the link's order; not libc."""
    return _look_at(job, list(_libraries(job)))


def kept_functions(job: LinkJob) -> tuple[str, ...]:
    """Functions by which libraries stay needed; it is all that a link without any function of a role has to know."""
    libraries = list(_libraries(job))
    if not any(as_needed for _, as_needed in libraries):
        return ()
    return tuple(one.kept for one in _look_at(job, libraries) if one.kept)


def _look_at(job: LinkJob, libraries: list[tuple[str, bool]]) -> list[Library]:
    seen, found = set[bytes](), list[Library]()
    references: set[bytes] | None = None
    for path, as_needed in libraries:
        defined = _defined_in(path)
        first = (defined & _INTERPOSED) - seen
        seen |= first
        if not first:
            continue
        operators, kept = any(name.encode() in first for name in OPERATORS), ""
        if as_needed:
            references = _references(job) if references is None else references
            if first & references:
                kept = next((name for name in KEEPABLE if name.encode() in defined), "")
        found.append(Library(path, operators, kept, as_needed and operators and not kept))
    return found


def _libraries(job: LinkJob) -> Iterator[tuple[str, bool]]:
    """Path of each shared library on the command line, and whether `--as-needed` is on there; libc is left out."""
    sources = {source.index: source for source in job.inputs if source.index != job.libc_at}
    states = [False]
    for index, word in enumerate(job.args):
        _follow(word, states)
        source = sources.get(index)
        if source is None:
            continue
        if source.kind == DSO:
            yield source.path, states[-1]
        elif source.kind == OTHER:
            yield from _in_script(job, source.path, [states[-1]])


def _follow(word: str, states: list[bool]) -> None:
    """What an option does to the states that `--push-state` keeps; the last one counts."""
    if word in _ON or word in _OFF:
        states[-1] = word in _ON
    elif word in _PUSH:
        states.append(states[-1])
    elif word in _POP and len(states) > 1:
        states.pop()


def _in_script(job: LinkJob, path: str, states: list[bool]) -> Iterator[tuple[str, bool]]:
    """The same of a linker script (`libc++.so` is one)."""
    from allocscc.link.script import script_words

    try:
        words = script_words(read_file(path)) or []
    except OSError:
        return
    for word in words:
        _follow(word, states)
        name = library_name(word, [])
        beside = os.path.join(os.path.dirname(path), word)
        places = [job.find(name, False)[0]] if name else [word, beside]
        place = next((one for one in places if one and file_kind(one) == DSO), "")
        if place:
            yield place, states[-1]


def _defined_in(path: str) -> set[bytes]:
    """Of the names that matter, those that a shared library defines; none if it cannot be read."""
    try:
        elf = ElfObject(read_file(path), path)
        table = elf.table(SHT_DYNSYM)
        wanted = _INTERPOSED | {name.encode() for name in KEEPABLE}
        return {symbol.name for symbol in elf.symbols(table, wanted) if symbol.defined} if table else set()
    except (OSError, FormatError):
        return set()


def _references(job: LinkJob) -> set[bytes]:
    """What the objects of a link refer to of that which is interposed; an archive's member may not be taken."""
    found = set[bytes]()
    for source in job.inputs:
        if source.kind != OBJECT:
            continue
        try:
            elf = ElfObject(read_file(source.path), source.path)
            table = elf.table(SHT_SYMTAB)
            symbols = elf.symbols(table, _INTERPOSED) if table else []
            found |= {one.name for one in symbols if not one.defined and one.binding != STB_WEAK}
            for section in elf.sections:
                if section.name.startswith(IR_SYMBOLS):
                    named = ir_symbols(elf.contents(section))
                    found |= {name for name, defined, weak, _ in named if not defined and not weak} & _INTERPOSED
        except (OSError, FormatError):
            continue  # the linker will say so
    return found
