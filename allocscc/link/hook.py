"""The project's own word on a plan: `[hooks] plan` (R2)."""

from allocscc.config.hooks import call_hook
from allocscc.config.model import Config
from allocscc.errors import HookError
from allocscc.link.plan import CALLER, LEAVE, MARK, REDIRECT, REPLACE, WRAP, Decision, LinkFacts, LinkPlan


def changed_plan(path: str, config: Config, plan: LinkPlan, facts: LinkFacts) -> LinkPlan:
    """What the hook's function `plan(config, plan)` makes of a plan.

    Args:
        path: the hook file.
        config: the merged config, globs resolved, with what the sources declare.
        plan: the plan as `make_plan` has it.
        facts: what it was made from.

    Raises:
        HookError: the hook failed, or gave something that cannot be carried out.
    """
    changed = call_hook(path, "plan", config, plan)
    if not isinstance(changed, LinkPlan):
        raise HookError(f"{path}: plan() must give an allocscc.link.plan.LinkPlan, not {type(changed).__name__}")
    known = {fact.symbol: fact for fact in facts.functions}
    decided: set[str] = set()
    for decision in changed.decisions:
        if not isinstance(decision, Decision):
            raise HookError(f"{path}: plan() gave {type(decision).__name__} among the decisions of its plan")
        if decision.symbol in decided:
            raise HookError(f"{path}: plan() gave two decisions on {decision.symbol}")
        decided.add(decision.symbol)
        problem = _problem(decision, config, known[decision.symbol].place) if decision.symbol in known else (
            "the link has no function of a role by this name"
        )  # fmt: skip
        if problem:
            raise HookError(
                f"{path}: plan() gave a decision on {decision.symbol} that cannot be carried out: {problem}"
            )
    return changed


def _problem(decision: Decision, config: Config, place: tuple[int, int] | None) -> str:
    """Why a decision cannot be carried out, or ""."""
    if decision.action == LEAVE:
        return ""
    if decision.action not in (REPLACE, REDIRECT, WRAP, MARK):
        allowed = ", ".join(map(repr, (REPLACE, REDIRECT, WRAP, MARK, LEAVE)))
        return f"its action is {decision.action!r}; allowed: {allowed}"
    if decision.signature is None:
        return "it has no signature"
    if decision.action in (REPLACE, REDIRECT) and (place is None or decision.place != place):
        return "it replaces a definition that is not there"
    if decision.action == MARK and (decision.place != place or decision.stub != CALLER):
        return "it marks what is no wrapper, or a definition that is not there"
    if decision.signature.variadic and decision.action != MARK:
        return "a variadic function cannot be forwarded by a stub"
    names = {*config.allocators, *config.wrappers, *config.sized}
    if decision.entry not in names:
        return f"no entry of the config is named {decision.entry!r}"
    return ""
