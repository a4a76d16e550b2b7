"""The merged description of a project's allocators and wrappers, as frozen values (R1).

A config is one ordered table of entries, weakest first. An entry's key (`wrapper.xmalloc`) is its identity: a stronger
layer's entry of the same key replaces it whole, and `remove` and `disable` name it.
"""

from __future__ import annotations

from allocscc.config.signature import Signature
from allocscc.values import dataclass, field, replace

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` takes 8 ms of import
    from collections.abc import Iterable, Iterator, Mapping
    from typing import ClassVar

# A suballocator that does not say whose chunks it carves up; the runtime sees it.
ANY_PARENT = "*"
# The backends that come with allocscc; a module of `allocscc.backends` each.
BACKENDS = ("embedded", "liballocs", "none")


@dataclass(frozen=True)
class Allocator:
    """A family: code that manages memory and hands out chunks through entry points.

    Attributes:
        name: key in the config.
        alloc: entry points that allocate; the first one's name is the key symbol (R7) unless `key` names another.
        free: entry points that free one chunk.
        usable_size: the meta function that tells a chunk's usable size, if there is one.
        suballocates: name of the family whose chunks this one carves up, `ANY_PARENT`, or "" for top level.
        interpose: `"preload"` where a preloaded library's definition would win (R8), else "".
        origin: file:line, variable or source declaration that the entry comes from; not part of its value.
        resize: entry points that free a chunk and allocate another one in its stead.
        free_all: entry points that free all chunks of a region; the first `p` of `alloc` is then the region. Without a
            pointer: all chunks of the instance.
        meta: other functions of the family, which only ask or tune.
        key: the key symbol where it is not the first of `alloc`, else "".
        disabled: whether the entry is switched off.
        free_chain: entry points that free a list of chunks, linked by a pointer at the offset that the first `z` behind
            the `P` gives, or at their begin.
        free_since: entry points that free a chunk and all that its region handed out after it.
    """

    kind: ClassVar[str] = "allocator"

    name: str
    alloc: tuple[Signature, ...]
    free: tuple[Signature, ...] = ()
    usable_size: Signature | None = None
    suballocates: str = ""
    interpose: str = ""
    origin: str = field(default="", compare=False)
    resize: tuple[Signature, ...] = ()
    free_all: tuple[Signature, ...] = ()
    meta: tuple[Signature, ...] = ()
    key: str = ""
    disabled: bool = False
    free_chain: tuple[Signature, ...] = ()
    free_since: tuple[Signature, ...] = ()

    @property
    def key_symbol(self) -> str:
        """The symbol whose definition makes an instance (R7)."""
        return self.key or self.alloc[0].name

    def chunk_of(self, signature: Signature) -> int | None:
        """Index of the chunk that an allocating entry point of this family resizes, or None.

        A capital `P` always is one. So is the first `p` of a `resize` function, and of an allocating function of a
        top-level family, where old descriptions write `(pZ)p`: a pointer that is no chunk of the family is none.
        """
        if signature.chunk_arg is not None:
            return signature.chunk_arg
        traditional = not self.suballocates and not self.free_all and not self.free_since and signature.size_args
        return signature.first_pointer if signature in self.resize or traditional else None


@dataclass(frozen=True)
class Wrapper:
    """Functions that only pass memory on from an allocator or another wrapper.

    Attributes:
        name: key in the config.
        alloc: functions that allocate.
        free: functions that free what these allocated.
        origin: as in `Allocator`.
        resize: functions that free a chunk and allocate another one in its stead.
        disabled: whether the entry is switched off.
    """

    kind: ClassVar[str] = "wrapper"

    name: str
    alloc: tuple[Signature, ...] = ()
    free: tuple[Signature, ...] = ()
    origin: str = field(default="", compare=False)
    resize: tuple[Signature, ...] = ()
    disabled: bool = False


@dataclass(frozen=True)
class Sized:
    """An ALLOCSZ function: it only carries an element size to inner allocations.

    Attributes:
        name: the function's symbol, with the scope of a static one in front.
        signature: its signature; the capital is the element size.
        origin: as in `Allocator`.
        disabled: whether the entry is switched off.
    """

    kind: ClassVar[str] = "sized"

    name: str
    signature: Signature
    origin: str = field(default="", compare=False)
    disabled: bool = False


@dataclass(frozen=True)
class Override:
    """Calls of one function inside another allocate another type than they say.

    Attributes:
        name: key in the config.
        function: the calling function.
        callee: the function called.
        says: the type that the call says it allocates; "" for whatever it says.
        type: the type that it allocates.
        origin: as in `Allocator`.
        disabled: whether the entry is switched off.
    """

    kind: ClassVar[str] = "override"

    name: str
    function: str
    callee: str
    says: str
    type: str
    origin: str = field(default="", compare=False)
    disabled: bool = False


Entry = Allocator | Wrapper | Sized | Override
KINDS = (Allocator.kind, Wrapper.kind, Sized.kind, Override.kind)


@dataclass(frozen=True)
class Named:
    """Something that a layer names, and where: a pack in `use`, an entry or function in `remove`, a file."""

    name: str
    origin: str = field(default="", compare=False)


@dataclass(frozen=True)
class Config:
    """Any number of layers merged; see `allocscc.config.load`.

    Attributes:
        entries: all entries by key (`wrapper.xmalloc`), weakest first, disabled ones included.
        removed: what these layers take out of weaker ones: keys of entries, or plain names of functions.
        on_error: `"warn"` (build as the plain compiler would) or `"stop"`.
        candidates: which units have calls recorded that only may be allocations: `"always"` (all), `"never"` (none), or
            `"auto"`, the same as "" (those with allocation sites).
        sidecar_file: `"auto"` (only where the object cannot carry the record), `"always"` or `"never"`.
        observe: how wrappers are observed: `"unwind"` (R16), or `"stubs"`, the same as "".
        hooks: hook name to the Python file that implements it (R2).
        backend: for whom stubs and records are made: one of `BACKENDS`, or the path of a Python file of the project; ""
            is the same as `"embedded"`.
        includes: C headers of the project that every stub file includes first (R2).
        uses: packs and files that the layers ask for.
        origins: the layers that were read, weakest first.
        warnings: what is wrong in layers that are not the project's; such a layer is left out.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    removed: tuple[Named, ...] = ()
    on_error: str = "warn"
    sidecar_file: str = "auto"
    hooks: Mapping[str, Named] = field(default_factory=dict)
    includes: tuple[Named, ...] = ()
    uses: tuple[Named, ...] = ()
    origins: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    candidates: str = ""
    observe: str = ""
    backend: str = ""

    @property
    def allocators(self) -> dict[str, Allocator]:
        """Families by name, without the disabled ones."""
        return {e.name: e for e in self.entries.values() if isinstance(e, Allocator) and not e.disabled}

    @property
    def wrappers(self) -> dict[str, Wrapper]:
        """Wrappers by name, without the disabled ones."""
        return {e.name: e for e in self.entries.values() if isinstance(e, Wrapper) and not e.disabled}

    @property
    def sized(self) -> dict[str, Sized]:
        """ALLOCSZ functions by name, without the disabled ones."""
        return {e.name: e for e in self.entries.values() if isinstance(e, Sized) and not e.disabled}

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Allocation-site overrides, strongest last, without the disabled ones."""
        return tuple(e for e in self.entries.values() if isinstance(e, Override) and not e.disabled)


def gives_chunk(signature: Signature) -> bool:
    """Whether an allocating function says where its chunk is: a pointer as result, or one that it is stored through."""
    return signature.out_arg is not None or signature.ret in ("p", "z", "l")


def table(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Entries by their keys; of two with the same key the later one."""
    found: dict[str, Entry] = {}
    for entry in entries:
        key = f"{entry.kind}.{entry.name}"
        found.pop(key, None)
        found[key] = entry
    return found


def functions_of(entry: Entry) -> Iterator[tuple[str, Signature]]:
    """Every function that an entry lists, with the key of the list (`alloc`, `free-all` …)."""
    if isinstance(entry, Sized):
        yield "sized", entry.signature
        return
    if isinstance(entry, Override):
        return
    lists = [("alloc", entry.alloc), ("resize", entry.resize), ("free", entry.free)]
    if isinstance(entry, Allocator):
        usable = (entry.usable_size,) if entry.usable_size else ()
        lists += [("free-chain", entry.free_chain), ("free-since", entry.free_since), ("free-all", entry.free_all)]
        lists += [("usable-size", usable), ("meta", entry.meta)]
    for key, signatures in lists:
        for signature in signatures:
            yield key, signature


def merge(weak: Config, strong: Config) -> Config:
    """Lay `strong` over `weak`: what it removes goes, entries of the same key are replaced, options override.

    Associative, so layers can be merged in any grouping.
    """
    removed = {named.name for named in strong.removed}
    kept = (_without(entry, removed) for key, entry in weak.entries.items() if key not in strong.entries)
    entries = {f"{entry.kind}.{entry.name}": entry for entry in kept if entry is not None}
    return Config(
        entries={**entries, **strong.entries},
        removed=_unique(weak.removed + strong.removed),
        on_error=strong.on_error or weak.on_error,
        sidecar_file=strong.sidecar_file or weak.sidecar_file,
        candidates=strong.candidates or weak.candidates,
        observe=strong.observe or weak.observe,
        backend=strong.backend or weak.backend,
        hooks={**weak.hooks, **strong.hooks},
        includes=_unique(weak.includes + strong.includes),
        uses=_unique(weak.uses + strong.uses),
        origins=weak.origins + strong.origins,
        warnings=weak.warnings + strong.warnings,
    )


def _unique(named: tuple[Named, ...]) -> tuple[Named, ...]:
    return tuple(dict.fromkeys(named))


def _without(entry: Entry, removed: set[str]) -> Entry | None:
    """What is left of an entry when these entries and functions are taken out; None if it goes as a whole.

    An entry whose functions are all taken out stays, switched off: it still stands for the weaker ones of its key that
    it has replaced.
    """
    if not removed:
        return entry
    if f"{entry.kind}.{entry.name}" in removed:
        return None
    if isinstance(entry, Override) or entry.disabled:
        return entry
    if isinstance(entry, Sized):  # its name says all that this depends on
        return None if entry.name in removed or entry.signature.name in removed else entry

    def kept(signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        return tuple(s for s in signatures if s.full_name not in removed and s.name not in removed)

    alloc, resize, free = kept(entry.alloc), kept(entry.resize), kept(entry.free)
    if isinstance(entry, Wrapper):
        if not (alloc or resize or free):
            return Wrapper(entry.name, origin=entry.origin, disabled=True)
        return replace(entry, alloc=alloc, resize=resize, free=free)
    if not alloc:
        return Allocator(entry.name, (), origin=entry.origin, disabled=True)
    usable = entry.usable_size if entry.usable_size is None or kept((entry.usable_size,)) else None
    key = "" if entry.key in removed else entry.key
    return replace(
        entry, alloc=alloc, resize=resize, free=free, free_all=kept(entry.free_all), meta=kept(entry.meta),
        usable_size=usable, key=key, free_chain=kept(entry.free_chain), free_since=kept(entry.free_since),
    )  # fmt: skip
