"""Which entry speaks for a function: of all that name it, the strongest (R1)."""

from allocscc.config.model import Allocator, Config, Entry, Override, functions_of
from allocscc.config.signature import Signature
from allocscc.values import dataclass

# Lists whose functions allocate; the others' only free, ask or tune.
ALLOCATING = ("alloc", "resize", "sized")
_OBSERVED = (*ALLOCATING, "free", "free-chain", "free-since", "free-all")


@dataclass(frozen=True)
class Role:
    """What a function is.

    Attributes:
        entry: the config entry that speaks for it.
        list: the entry's list that has it: `alloc`, `resize`, `free`, `free-chain`, `free-since`, `free-all`,
            `usable-size`, `meta` or `sized`.
        signature: the function's signature there.
    """

    entry: Entry
    list: str
    signature: Signature

    @property
    def allocates(self) -> bool:
        """Whether a call of the function is an allocation site."""
        return self.list in ALLOCATING

    @property
    def observed(self) -> bool:
        """Whether the link phase may put a stub before the function."""
        return self.list in _OBSERVED and (self.allocates or isinstance(self.entry, Allocator))


def function_roles(config: Config) -> dict[str, Role]:
    """The role of every function by its name (with scope, `util.c::xmalloc`); globs stand under themselves.

    A wrapper's free functions and a family's meta functions claim nothing that another entry allocates or frees with.
    """
    roles: dict[str, Role] = {}
    for role in all_roles(config):
        name = role_name(role.signature)
        known = roles.get(name)
        if known is None or outranks(role, known):
            roles[name] = role
    return roles


def outranks(role: Role, weaker: Role) -> bool:
    """Whether a role counts, and not one of the same function that was mentioned before it.

    A function that one entry lists as one that allocates and as one that frees does both: what allocates counts.
    """
    if role.entry is weaker.entry and weaker.allocates:
        return False
    return role.observed or not weaker.observed


def all_roles(config: Config) -> list[Role]:
    """Every mention of a function by an enabled entry, weakest entry first."""
    return [
        Role(entry, key, signature)
        for entry in config.entries.values()
        if not entry.disabled and not isinstance(entry, Override)
        for key, signature in functions_of(entry)
    ]


def role_name(signature: Signature) -> str:
    """The name under which a function is known: its symbol, with the scope of a static one in front."""
    return f"{signature.scope}::{signature.name}" if signature.scope else signature.name


def is_wrapper(role: Role) -> bool:
    """Whether calls of the function pass through a caller stub."""
    return role.allocates and not isinstance(role.entry, Allocator)
