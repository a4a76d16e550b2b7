"""The proof of a link: every difference from the vanilla link is a decision's doing, and every decision left its trace.

Pure: two outcomes, the plan and the objects that only our link has go in; explained and unexplained lines come out
(R15).
"""

from allocscc.link.causes import Causes
from allocscc.link.claims import Claims
from allocscc.link.difference import difference
from allocscc.link.plan import REDIRECT, Decision
from allocscc.link.twolinks import (
    KEPT_PLAN,
    REGISTER,
    RUNTIME,
    Explained,
    TwoLinks,
    Verdict,
    is_imported,
    own_names,
    stub_name,
    title,
)


def verify(links: TwoLinks) -> Verdict:
    """Find the differences of two links, and who caused each."""
    lines = difference(links.vanilla, links.ours)
    claims = Claims(links)
    causes = Causes(claims, lines)
    found = [(line, causes.cause(line)) for line in lines]
    traceless, idle = traces(claims)
    return Verdict(
        tuple(Explained(line, cause) for line, cause in found if cause),
        tuple(line for line, cause in found if not cause),
        tuple(traceless),
        links.problems,
        tuple(idle),
    )


def traces(claims: Claims) -> tuple[list[str], list[str]]:
    """What of the plan left no trace; and which decisions had nothing to do."""
    links, missing, idle = claims.links, list[str](), list[str]()
    names = {fact.name for fact in links.ours.symbols if fact.defined}
    roles = {one.role for one in links.new if one.path in claims.inputs}
    families = {one.family for one in links.new if one.path in claims.inputs}
    for decision in claims.acting:
        lost = [own for own in own_names(decision) if own not in names]
        if not _is_concerned(links, decision):
            idle.append(f"{title(decision)}: not in the vanilla output either")
        elif lost:
            missing.append(f"{title(decision)}: no {lost[0]} in the output")
        elif decision.symbol not in claims.stubs or stub_name(decision) not in names:
            without = f"{title(decision)}: no stub {stub_name(decision)} in the output"
            (idle if decision.action == REDIRECT else missing).append(without)
    if links.plan.runtime and (RUNTIME not in roles or "__allocs_runtime" not in names):
        missing.append("runtime: no __allocs_runtime in the output")
    if links.plan.register and REGISTER not in roles:
        missing.append("register: nothing tells the runtime of the output's sites")
    if links.plan.decisions and KEPT_PLAN not in roles:
        missing.append("plan: not kept in the output")
    missing += [f"runtime-interposes: nothing of family {f}" for f in links.plan.interpose if f not in families]
    missing += [f"kept-needed: nothing of ours refers to {name}" for name in links.plan.keep if name not in families]
    return missing, idle


def _is_concerned(links: TwoLinks, decision: Decision) -> bool:
    """Whether the vanilla output has what a decision is about: an archive's member may not have been taken."""
    vanilla = links.vanilla
    found = [fact for fact in (*vanilla.symbols, *vanilla.dynamic) if fact.name == decision.symbol]
    if is_imported(decision):
        return bool(found)
    # mold makes everything local that is not exported: a symbol's binding does not tell it from another of its name
    holders = [
        holder
        for one in links.edited
        for symbol, holder in zip(one.symbols, one.holders, strict=True)
        if symbol == decision.symbol
    ]
    is_linked = not holders or any(holder in vanilla.inputs for holder in holders)
    return is_linked and any(fact.defined for fact in found)
