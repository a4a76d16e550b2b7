"""The heart of the link phase: facts in, decisions with reasons out; no I/O (DESIGN §4, R15)."""

from __future__ import annotations

from allocscc.backends.runtime import OPERATORS
from allocscc.config.functions import Role, function_roles
from allocscc.config.model import Allocator, Config, Entry
from allocscc.config.signature import Signature
from allocscc.elf.edit import OWN_PREFIX
from allocscc.link.job import EXECUTABLE, RELOCATABLE, SHARED
from allocscc.values import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# What is done about a function of a role.
REPLACE, REDIRECT, WRAP, MARK, LEAVE = "replace", "redirect", "wrap", "mark", "leave"
CALLER, ENTRY = "caller", "entry"
_DEFAULT, _PROTECTED = 0, 3


@dataclass(frozen=True)
class Fact:
    """One function of a role as the link's inputs have it.

    Attributes:
        symbol: its name.
        place: (index of the input's argument, archive member's number or -1) of the definition; None if not defined.
        weak: whether the definition is weak.
        visibility: st_other visibility of the definition.
        references: argument indexes of inputs that refer to it without defining it.
        identified: whether a shared library of the link brings its own identity for it.
        intermediate: whether the linker's plugin will take the definition from LTO's intermediate code.
        versioned: whether an input defines it under a symbol version (`xmalloc@@V1`).
        parts: local functions that the compiler split off the definition (`xmalloc.cold`).
        unwindable: whether the definition's object has unwind tables.
    """

    symbol: str
    place: tuple[int, int] | None = None
    weak: bool = False
    visibility: int = _DEFAULT
    references: tuple[int, ...] = ()
    identified: bool = False
    intermediate: bool = False
    versioned: bool = False
    parts: tuple[str, ...] = ()
    unwindable: bool = False


@dataclass(frozen=True)
class LinkFacts:
    """All that `plan` may look at.

    Attributes:
        mode: `EXECUTABLE`, `SHARED` or `RELOCATABLE`.
        functions: functions of a role.
        obstacle: why nothing can be observed in this link, or "".
        interposable: families that the runtime can interpose.
        user_wrapped: symbols that the user's own `--wrap` names.
        user_defined: symbols that the user's own `--defsym` speaks of.
        has_sites: whether any input brings site records.
        intermediate: whether machine code is made in this link (LTO).
        unreadable: messages about inputs that could not be looked into.
        embeds: whether the backend links the embedded runtime in.
        walks: whether the backend can observe wrappers by unwinding.
        wrapped: families whose entry points the backend wraps where a shared library defines them.
        refused: families that the backend gives no stubs → why.
        operators: C++'s operators that the runtime can define, if a shared library of the link defines one of them.
        keep: functions by which shared libraries stay needed whose own the runtime interposes.
        lost: shared libraries that cannot be kept so.
    """

    mode: str
    functions: tuple[Fact, ...] = ()
    obstacle: str = ""
    interposable: frozenset[str] = frozenset()
    user_wrapped: frozenset[str] = frozenset()
    user_defined: frozenset[str] = frozenset()
    has_sites: bool = False
    intermediate: bool = False
    unreadable: tuple[str, ...] = ()
    embeds: bool = True
    walks: bool = True
    wrapped: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    operators: frozenset[str] = frozenset()
    keep: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What is done about one function, and why.

    Attributes:
        symbol: the function.
        action: `REPLACE` its definition, `REDIRECT` the output's own references to it (the definition stays for
            others), `WRAP` references to what is not defined here, `MARK` where its code is, or `LEAVE` it.
        stub: `CALLER`, `ENTRY`, or "" where there is none.
        entry: the config entry's name.
        origin: where the entry comes from.
        rule: the row of the table in docs/architecture.md that decided.
        reason: the same in words.
        signature: the function's signature; None where nothing is done.
        place: the definition's place, see `Fact`.
        references: see `Fact`.
        visibility: st_other visibility of the definition; the stub gets the same.
        weak: whether the definition is weak; the stub is then weak too.
        parts: see `Fact`.
    """

    symbol: str
    action: str
    stub: str
    entry: str
    origin: str
    rule: str
    reason: str
    signature: Signature | None = None
    place: tuple[int, int] | None = None
    references: tuple[int, ...] = ()
    visibility: int = _DEFAULT
    weak: bool = False
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class LinkPlan:
    """What is done about a link.

    Attributes:
        decisions: one for each function of a role that the link defines or refers to.
        runtime: whether the embedded runtime is linked in.
        interpose: families whose entry points the runtime interposes; and `OPERATORS`.
        register: whether the output tells the runtime of its sites when it is loaded.
        notes: decisions about the link as a whole, in words.
        keep: functions of shared libraries to which the output refers, so that these stay needed under `--as-needed`.
    """

    decisions: tuple[Decision, ...] = ()
    runtime: bool = False
    interpose: tuple[str, ...] = ()
    register: bool = False
    notes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


def make_plan(facts: LinkFacts, config: Config) -> LinkPlan:
    """Decide; every decision carries the rule and the config entry that caused it."""
    if facts.mode == RELOCATABLE:
        return LinkPlan(notes=("relocatable: a partial link gets nothing, its records travel on",))
    if facts.obstacle:
        return LinkPlan(notes=(f"not observed: {facts.obstacle}",))
    defined = {fact.symbol for fact in facts.functions if fact.place is not None}
    roles = {name: role for name, role in function_roles(config).items() if role.observed}
    unwind = config.observe == "unwind" and facts.walks
    decisions = tuple(
        _decide(fact, roles[fact.symbol], facts, defined, unwind) for fact in facts.functions if fact.symbol in roles
    )
    if facts.intermediate:
        decisions += tuple(_without_symbol(name, role) for name, role in roles.items() if role.signature.scope)
    runtime = facts.mode == EXECUTABLE and facts.embeds
    interpose = tuple(
        family.name
        for family in config.allocators.values()
        if runtime and family.name in facts.interposable - {OPERATORS} and family.key_symbol not in defined
    )
    notes = [f"not looked into: {message}" for message in facts.unreadable]
    notes += [f"runtime-interposes: family {name} is not defined in this link" for name in interpose]
    keep = facts.keep if interpose else ()
    notes += [f"kept-needed: under --as-needed, by {name}: what else is used of it is interposed" for name in keep]
    if interpose and facts.operators:
        obstacle = _operators_obstacle(facts, set(roles))
        if not obstacle:
            interpose = (*interpose, OPERATORS)
        notes.append(f"operators: {obstacle or 'of a shared library, interposed'}")
    return LinkPlan(decisions, runtime, interpose, facts.has_sites and facts.embeds, tuple(notes), keep)


def _operators_obstacle(facts: LinkFacts, observed: set[str]) -> str:
    """Why C++'s operators are not interposed, or "".

    Ours are strong definitions, since lld wraps no others: they must be the only ones.
    """
    functions = {fact.symbol: fact for fact in facts.functions if fact.symbol in facts.operators}
    defined = [name for name, fact in functions.items() if fact.place is not None or fact.versioned]
    spoken = facts.operators & (facts.user_wrapped | facts.user_defined)
    if facts.operators - observed:
        return "the config does not observe all of them; not interposed"
    if not any(fact.references for fact in functions.values()) and not defined:
        return "nothing in this link refers to one; not interposed"
    if defined:
        return f"{min(defined)} is defined in this link; not interposed"
    if spoken:
        return f"the command line has its own idea of {min(spoken)}; not interposed"
    identified = [name for name, fact in functions.items() if fact.identified]
    if identified:
        return f"a shared library built by us identifies {min(identified)} itself; not interposed"
    if facts.lost:
        return f"under --as-needed, {facts.lost[0]} might not be needed any more; not interposed"
    return ""


def _decide(fact: Fact, role: Role, facts: LinkFacts, defined: set[str], unwind: bool) -> Decision:
    owner = role.entry
    stub = ENTRY if isinstance(owner, Allocator) else CALLER

    def leave(rule: str, reason: str) -> Decision:
        return Decision(fact.symbol, LEAVE, "", owner.name, owner.origin, rule, reason)

    def act(action: str, rule: str, reason: str) -> Decision:
        return Decision(
            fact.symbol, action, stub, owner.name, owner.origin, rule, reason,
            role.signature, fact.place, fact.references, fact.visibility, fact.weak,
            fact.parts if action == MARK else (),
        )  # fmt: skip

    if fact.symbol in facts.user_wrapped:
        return leave("user-wraps", "the command line has its own --wrap for it")
    if fact.symbol in facts.user_defined:
        return leave("user-defines", "the command line's own --defsym speaks of it")
    if isinstance(owner, Allocator) and owner.name in facts.refused:
        return leave("backend", facts.refused[owner.name])
    walked = stub == CALLER and (unwind or (role.signature.variadic and facts.walks))
    walked = walked and (fact.place is None or fact.unwindable)
    if role.signature.variadic and not walked:
        return leave(
            "variadic",
            "a variadic function cannot be forwarded by a stub, and there are no unwind tables; not observed"
            if stub == CALLER
            else "a variadic entry point cannot be forwarded by a stub; not observed",
        )
    if fact.place is None:
        if fact.versioned and (stub == ENTRY or not fact.references):
            return leave("versioned", "defined here under a symbol version, where a stub cannot take its name")
        if stub == ENTRY and owner.name not in facts.wrapped:
            return leave("entry-elsewhere", "an entry point that another object defines is observed there")
        if fact.identified:
            return leave("identified-elsewhere", "a shared library built by us identifies it itself")
        if not fact.references:
            return leave("unused", "nothing in this link refers to it")
        if walked:
            return act(MARK, "wrapper-unwound", "not defined here: who calls it is found by walking out of its code")
        if stub == ENTRY:
            return act(WRAP, "entry-wrapped", "not defined here: references go to an entry stub by --wrap")
        return act(WRAP, "wrapper-imported", "not defined here: references go to a caller stub by --wrap")
    if fact.intermediate:
        return leave("lto", "the linker takes it from LTO's intermediate code; not observed")
    if isinstance(owner, Allocator) and owner.key_symbol not in defined and owner.name not in facts.wrapped:
        return leave("no-instance", f"no instance here: the key symbol {owner.key_symbol} is not defined")
    if stub == ENTRY and facts.mode == SHARED and _is_exported(fact) and _is_preload(owner):
        return act(
            REDIRECT,
            "preload-interposable",
            "in a shared object: a preload or the executable observes what others call by that name, if they see it;"
            f" the object's own references go to a hidden stub, which calls {OWN_PREFIX}{fact.symbol}",
        )
    if walked:
        return act(MARK, "wrapper-unwound", "defined here: who calls it is found by walking out of its code")
    kind = "wrapper-defined" if stub == CALLER else "entry-defined"
    return act(REPLACE, kind, f"defined here: the stub takes the name, the definition becomes __real_{fact.symbol}")


def _without_symbol(name: str, role: Role) -> Decision:
    """A static function that no object has a symbol for."""
    reason = "a static function of LTO's intermediate code has no symbol; not observed, if it is in this link"
    return Decision(name, LEAVE, "", role.entry.name, role.entry.origin, "lto", reason)


def _is_exported(fact: Fact) -> bool:
    return fact.visibility in (_DEFAULT, _PROTECTED)


def _is_preload(owner: Entry) -> bool:
    return isinstance(owner, Allocator) and owner.interpose == "preload"
