"""What the proof of a link looks at, and what comes of it (R15)."""

from allocscc.elf.edit import IDENTITY_PREFIX, OWN_PREFIX
from allocscc.link.difference import Line
from allocscc.link.outcome import ObjectFacts, Outcome
from allocscc.link.plan import MARK, REDIRECT, REPLACE, WRAP, Decision, LinkPlan
from allocscc.values import dataclass

# Why an input is only in our link, as far as its path tells; "" for everything else.
RUNTIME, INTERPOSE, REGISTER, KEPT_PLAN, STUB, OTHER = "runtime", "interpose", "register", "plan", "stub", ""
# An object that refers to a function of a library, so that this stays needed.
KEEP = "keep"
# Not new at all: an input of both links with records, under gold's or mold's --gc-sections.
KEPT_ALIVE = "kept alive"


@dataclass(frozen=True)
class NewInput:
    """An input that only our link has.

    Attributes:
        path: as in `Outcome.inputs`.
        role: by its path.
        facts: what it holds.
        family: for `INTERPOSE`: whose functions it defines; for `KEEP`: the function that it refers to.
    """

    path: str
    role: str
    facts: ObjectFacts = ObjectFacts()
    family: str = ""


@dataclass(frozen=True)
class EditedInput:
    """A changed copy of an input, and what it stands for.

    Attributes:
        path: the copy; of an archive without a member.
        original: the input of the vanilla link.
        symbols: the functions that it was changed for.
        word: the option that named the original (`-lx`), or "".
        holders: for each function the object or archive member that defines it, as in `Outcome.inputs`.
    """

    path: str
    original: str
    symbols: tuple[str, ...]
    word: str = ""
    holders: tuple[str, ...] = ()


@dataclass(frozen=True)
class TwoLinks:
    """All that the proof looks at.

    Attributes:
        vanilla: the link without us.
        ours: the link with us.
        plan: the decisions.
        new: inputs that only our link has, other than changed copies.
        edited: changed copies of inputs.
        headers: where the project asks for headers of its own in stubs, which may define what they like.
        exports: path of the dynamic list of the runtime.
        problems: what was found wrong before: a changed copy that differs where it should not.
        lto: whether this link makes machine code, and we have records put into it.
        written_out: lines (sign, kind, name) that come from linker scripts whose words our link has in their places.
    """

    vanilla: Outcome
    ours: Outcome
    plan: LinkPlan = LinkPlan()
    new: tuple[NewInput, ...] = ()
    edited: tuple[EditedInput, ...] = ()
    headers: tuple[str, ...] = ()
    exports: str = ""
    problems: tuple[str, ...] = ()
    lto: bool = False
    written_out: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True)
class Explained:
    """A line and the decision that caused it."""

    line: Line
    cause: str


@dataclass(frozen=True)
class Verdict:
    """What came of it.

    Attributes:
        explained: lines with their causes.
        unexplained: lines that nothing of the plan caused.
        traceless: decisions, and parts of the plan, of which the output shows nothing.
        problems: see `TwoLinks`.
        idle: decisions that had nothing to do: what they are about is not in the vanilla output either.
    """

    explained: tuple[Explained, ...] = ()
    unexplained: tuple[Line, ...] = ()
    traceless: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether nothing is left unexplained."""
        return not (self.unexplained or self.traceless or self.problems)


def title(decision: Decision) -> str:
    """A decision as a cause: what, by which rule, because of which entry."""
    return f"{decision.symbol}: {decision.action} ({decision.rule}), because of {decision.entry}, {decision.origin}"


def stub_name(decision: Decision) -> str:
    """The symbol that a decision's stub defines; of a mark, which has none, the wrapper's identity."""
    prefix = {REPLACE: "", MARK: IDENTITY_PREFIX}.get(decision.action, "__wrap_")
    return prefix + decision.symbol


def own_names(decision: Decision) -> dict[str, str]:
    """The further names that real definitions got → the names that they have; none without a definition here."""
    if decision.action == MARK:
        names = () if decision.place is None else (decision.symbol, *decision.parts)
        return {OWN_PREFIX + name: name for name in names}
    prefix = {REPLACE: "__real_", REDIRECT: OWN_PREFIX}.get(decision.action)
    return {} if prefix is None else {prefix + decision.symbol: decision.symbol}


def is_imported(decision: Decision) -> bool:
    """Whether a decision is about a wrapper that no input of the link defines."""
    return decision.action == WRAP or (decision.action == MARK and decision.place is None)
