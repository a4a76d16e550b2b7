"""What a plan may claim of a link: the inputs that its decisions brought, and all that these hold (R15)."""

from allocscc.backends.runtime import OPERATORS
from allocscc.elf.edit import IDENTITY_PREFIX
from allocscc.link.outcome import SymbolFact
from allocscc.link.plan import CALLER, LEAVE, MARK, WRAP, Decision, LinkPlan
from allocscc.link.stubs import instance_symbol
from allocscc.link.trace import split_member
from allocscc.link.twolinks import (
    INTERPOSE,
    KEEP,
    KEPT_ALIVE,
    KEPT_PLAN,
    OTHER,
    REGISTER,
    RUNTIME,
    STUB,
    NewInput,
    TwoLinks,
    stub_name,
    title,
)

RUNTIME_CAUSE = "runtime: linked in, since the output is an executable"
REGISTER_CAUSE = "register: tells the runtime of the output's sites"
SCRIPT_CAUSE = "scripts: linker scripts that bring archives or objects stand written out in their places"
_ALIVE_CAUSE = "register: records keep what they tell of, where the linker's --gc-sections knows no better"
_PLAN_CAUSE = "plan: kept in the output's section .allocs.plan"


def interpose_cause(family: str) -> str:
    """The cause of what the runtime does for a family, or for C++'s operators."""
    if family == OPERATORS:
        return "runtime-interposes: C++'s operators, of a shared library of this link"
    return f"runtime-interposes: family {family} is not defined in this link"


def _stub_symbols(decision: Decision) -> set[str]:
    identity = IDENTITY_PREFIX + decision.symbol if decision.stub == CALLER else instance_symbol(decision.entry)
    return {stub_name(decision), identity}


def keep_cause(name: str) -> str:
    """The cause of a reference that keeps a library needed."""
    return f"kept-needed: by {name}, a library under --as-needed of which all else that is used is interposed"


class Claims:
    """Filled from the plan and the new inputs of a link.

    Attributes:
        acting: decisions that do something.
        by_symbol: the same by their symbols.
        inputs: new input that a decision explains → its cause.
        stubs: symbols of decisions whose stub was linked.
        pool: what these inputs define, each with its cause.
        defines: of that, what others can refer to, as far as the output has it.
        refers: what they refer to.
        was_defined: what the vanilla output defines.
    """

    def __init__(self, links: TwoLinks) -> None:
        self.links = links
        self.acting = [decision for decision in links.plan.decisions if decision.action != LEAVE]
        self.by_symbol = {decision.symbol: decision for decision in self.acting}
        self.marked = [one for one in self.acting if one.action == MARK and one.place is not None]
        self.inputs: dict[str, str] = {}
        self.stubs: set[str] = set()
        self.pool: list[tuple[SymbolFact, str]] = []
        self.refers: dict[str, str] = {}
        self.was_defined = {fact.name for fact in links.vanilla.symbols if fact.defined}
        for one in links.new:
            self._take(one)
        while any(self._pull(one) for one in links.new):
            pass
        self.defines: dict[str, str] = {}
        is_defined = {fact.name for fact in links.ours.symbols if fact.defined}
        for fact, cause in self.pool:
            if fact.binding != "local" and fact.name in is_defined:
                self.defines.setdefault(fact.name, cause)

    def _take(self, one: NewInput) -> None:
        """Claim an input whose role the plan explains, with all that it holds."""
        plan, cause = self.links.plan, ""
        if one.role == RUNTIME and plan.runtime:
            cause = RUNTIME_CAUSE
        elif one.role == INTERPOSE and one.family in plan.interpose:
            cause = interpose_cause(one.family)
        elif one.role == KEEP and one.family in plan.keep:
            cause = keep_cause(one.family)
        elif one.role == REGISTER and plan.register:
            cause = REGISTER_CAUSE
        elif one.role == KEPT_ALIVE and self.marked:
            cause = title(self.marked[0])
        elif one.role == KEPT_ALIVE and plan.register:
            cause = _ALIVE_CAUSE
        elif one.role == KEPT_PLAN and plan != LinkPlan():
            cause = _PLAN_CAUSE
        if cause:
            self._add(one, cause, {})
        elif one.role == STUB:
            self._take_stub(one)

    def _take_stub(self, one: NewInput) -> None:
        defined = {fact.name for fact in one.facts.symbols if fact.defined and fact.binding != "local"}
        decisions = [decision for decision in self.acting if stub_name(decision) in defined]
        if not decisions:
            return
        self.stubs |= {decision.symbol for decision in decisions}
        owners = {name: title(decision) for decision in reversed(decisions) for name in _stub_symbols(decision)}
        headers = f"[stubgen] include: {', '.join(self.links.headers)}" if self.links.headers else ""
        extra = {name: headers for name in defined if name not in owners}
        self._add(one, title(decisions[0]), owners | extra)

    def _add(self, one: NewInput, cause: str, owners: dict[str, str]) -> None:
        """Claim an input; `owners` say more exactly whose a symbol is, "" for nobody's."""
        self.inputs[one.path] = cause
        if one.role != KEPT_ALIVE:  # bfd names an object after its file where that has no name of its own
            archive, member = split_member(one.path)
            name = (member or archive).rpartition("/")[2]
            self.pool.append((SymbolFact(name, "ABS", "local", "file"), cause))
        for fact in one.facts.symbols:
            owner = owners.get(fact.name, cause)
            if fact.defined and owner:
                self.pool.append((fact, owner))
            elif not fact.defined:
                wrapped = self.by_symbol.get(fact.name.removeprefix("__real_"))
                is_real = wrapped is not None and wrapped.action == WRAP and fact.name != wrapped.symbol
                self.refers.setdefault(wrapped.symbol if wrapped is not None and is_real else fact.name, owner)

    def _pull(self, one: NewInput) -> bool:
        """Claim a library's member that the linker took since a new input refers to it."""
        if one.role != OTHER or one.path in self.inputs:
            return False
        for fact in one.facts.symbols:
            if fact.defined and fact.binding != "local" and fact.name in self.refers.keys() - self.was_defined:
                self._add(one, self.refers[fact.name], {})
                return True
        return False
