"""The merged description of a project's allocators and wrappers, as frozen values (R1)."""

from dataclasses import dataclass, field

from allocscc.config.signature import Signature


@dataclass(frozen=True)
class Allocator:
    """A family: code that manages memory and hands out chunks through entry points.

    Attributes:
        name: key in the config, e.g. `malloc`.
        alloc: entry points that allocate or resize; the first one's name is the key symbol (R7).
        free: entry points that free.
        usable_size: the meta function that tells a chunk's usable size, if there is one.
        suballocates: name of the family whose chunks this one carves up, or "".
        interpose: `"preload"` where a preloaded library's definition would win (R8), else "".
        origin: file:line, file or variable that the entry comes from.
    """

    name: str
    alloc: tuple[Signature, ...]
    free: tuple[Signature, ...] = ()
    usable_size: Signature | None = None
    suballocates: str = ""
    interpose: str = ""
    origin: str = ""

    @property
    def key_symbol(self) -> str:
        """The symbol whose definition makes an instance (R7)."""
        return self.alloc[0].name


@dataclass(frozen=True)
class Wrapper:
    """Functions that only pass memory on from an allocator or another wrapper."""

    name: str
    alloc: tuple[Signature, ...]
    free: tuple[Signature, ...] = ()
    origin: str = ""


@dataclass(frozen=True)
class Config:
    """All layers merged; see `allocscc.config.load`.

    Attributes:
        allocators: families by name, builtin ones included.
        wrappers: wrappers by name.
        sized: ALLOCSZ functions, which only carry an element size to inner allocations.
        on_error: `"warn"` (build as the plain compiler would) or `"stop"`.
        sidecar_file: `"auto"` (only where the object cannot carry the record), `"always"` or `"never"`.
        hooks: hook name to the Python file that implements it (R2).
        origins: the layers that were read, weakest first.
    """

    allocators: dict[str, Allocator] = field(default_factory=dict)
    wrappers: dict[str, Wrapper] = field(default_factory=dict)
    sized: tuple[Signature, ...] = ()
    on_error: str = "warn"
    sidecar_file: str = "auto"
    hooks: dict[str, str] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
