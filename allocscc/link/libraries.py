"""What the shared libraries of a link define of that which the runtime interposes: C++'s operators, and malloc (R11).

An executable of ours defines these itself. With `--as-needed`, some linkers then drop the library whose functions they
are, although the runtime looks for them behind its own; it has to stay needed by something else.
"""

from __future__ import annotations

import os

from allocscc.backends.runtime import KEEPABLE, Interposed
from allocscc.elf.intermediate import ir_symbols
from allocscc.elf.object import SHT_DYNSYM, SHT_SYMTAB, STB_WEAK, ElfObject
from allocscc.errors import FormatError
from allocscc.link.glances import IR_SYMBOLS
from allocscc.link.job import DSO, OBJECT, OTHER, LinkJob, file_kind, library_name, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What nearly every object of C++ has of its library, so that this is needed anyway (Itanium C++ ABI).
_COMMON = {
    b"__gxx_personality_v0", b"__cxa_begin_catch", b"_ZTVN10__cxxabiv117__class_type_infoE",
    b"_ZTVN10__cxxabiv120__si_class_type_infoE", b"_ZNSt8ios_base4InitC1Ev", b"_ZSt4cout",
}  # fmt: skip
# Objects that are looked at for what is common after one that refers to what is interposed.
_MORE = 20
# Why a library is needed.
ANYWAY, INTERPOSED_ONLY, UNKNOWN = "anyway", "interposed only", "unknown"
_ON, _OFF = ("--as-needed", "-as-needed"), ("--no-as-needed", "-no-as-needed")
_PUSH, _POP = ("--push-state", "-push-state"), ("--pop-state", "-pop-state")


class Library:
    """A shared library that is the first of its link to define something that the runtime interposes.

    Attributes:
        path: the file.
        operators: whether that is an operator new.
        known_by: a function of it by which it can be kept needed, or "".
        need: why it is needed without us: `ANYWAY`, `INTERPOSED_ONLY`; `UNKNOWN` where only archives may refer to it.
    """

    __slots__ = ("known_by", "need", "operators", "path")

    def __init__(self, path: str, operators: bool, known_by: str, need: str) -> None:
        self.path, self.operators, self.known_by, self.need = path, operators, known_by, need

    @property
    def kept(self) -> str:
        """The function that the program has to refer to, so that the library is needed as without us; or ""."""
        return self.known_by if self.need == INTERPOSED_ONLY else ""

    @property
    def lost(self) -> bool:
        """Whether it has operators and might not be needed any more."""
        return self.operators and not self.kept and self.need != ANYWAY


def interposed_libraries(job: LinkJob, interposed: Interposed) -> list[Library]:
    """The libraries of a link before whose functions the runtime's will stand, in the link's order; not libc."""
    names = {name.encode() for name in interposed.names}
    seen, found = set[bytes](), list[Library]()
    for path, as_needed in shared_libraries(job):
        defined = _defined_in(path, names | _COMMON)
        first = defined - seen
        seen |= first
        if not first & names:
            continue
        operators = any(name.encode() in first for name in interposed.operators)
        known_by = next((name for name in KEEPABLE if name.encode() in defined), "")
        need = _need(job, first & names, first & _COMMON) if as_needed else ANYWAY
        found.append(Library(path, operators, known_by, need))
    return found


def shared_libraries(job: LinkJob) -> Iterator[tuple[str, bool]]:
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
        elif source.kind == OTHER and source.word != "-lm":  # glibc's is a script, and `re` takes 8 ms to import
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


def _defined_in(path: str, names: set[bytes]) -> set[bytes]:
    """Of some names and of `KEEPABLE`, those that a shared library defines; none if it cannot be read."""
    try:
        elf = ElfObject(read_file(path), path)
        table = elf.table(SHT_DYNSYM)
        wanted = names | {name.encode() for name in KEEPABLE}
        return {symbol.name for symbol in elf.symbols(table, wanted) if symbol.defined} if table else set()
    except (OSError, FormatError):
        return set()


def _need(job: LinkJob, interposed: set[bytes], common: set[bytes]) -> str:
    """Why the objects of a link need a library: `ANYWAY`, `INTERPOSED_ONLY`, or `UNKNOWN` if they do not.

    Members of archives do not count: they may not be taken.

    Args:
        job: the link.
        interposed: what the library is the first to define of that which is interposed.
        common: the same of `_COMMON`.
    """
    need, left = UNKNOWN, _MORE
    for source in job.inputs:
        if source.kind != OBJECT or not left:
            continue
        names = _references(source.path, interposed | common)
        if names & common:
            return ANYWAY
        if names:
            need = INTERPOSED_ONLY
        left -= need == INTERPOSED_ONLY
    return need


def _references(path: str, wanted: set[bytes]) -> set[bytes]:
    """Of the wanted names, those that an object refers to, strongly."""
    try:
        elf = ElfObject(read_file(path), path)
        table = elf.table(SHT_SYMTAB)
        symbols = elf.symbols(table, wanted) if table else []
        found = {one.name for one in symbols if not one.defined and one.binding != STB_WEAK}
        for section in elf.sections:
            if section.name.startswith(IR_SYMBOLS):
                named = ir_symbols(elf.contents(section))
                found |= {name for name, defined, weak, _ in named if not defined and not weak} & wanted
        return found
    except (OSError, FormatError):
        return set()  # the linker will say so
