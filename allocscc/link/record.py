"""The plan as it is kept in the output's section `.allocs.plan` (JSON, non-alloc; survives `strip`)."""

from __future__ import annotations

from allocscc.errors import FormatError
from allocscc.jsontext import dump_json
from allocscc.link.plan import CALLER, MARK, REPLACE, LinkPlan
from allocscc.sidecar import load_json
from allocscc.values import asdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1


def encode_plan(plan: LinkPlan, output: str) -> bytes:
    """The plan as a section's contents."""
    decisions = [
        {key: value for key, value in asdict(d).items() if key not in ("signature", "place", "references", "parts")}
        | ({"signature": str(d.signature)} if d.signature else {})
        for d in plan.decisions
    ]
    body = {
        "allocscc_plan": VERSION,
        "output": output,
        "runtime": plan.runtime,
        "interpose": plan.interpose,
        "notes": plan.notes,
        "decisions": decisions,
    }
    return dump_json(body).encode("ascii") + b"\n"


def decode_plan(data: bytes, where: str) -> list[dict[str, Any]]:
    """All plans in a section (objects that are linked again bring theirs along), as plain tables.

    Raises:
        FormatError: the section holds something else.
    """
    try:
        plans = [load_json(line) for line in data.replace(b"\0", b"").splitlines() if line]
        if not all(_is_plan(plan) for plan in plans):
            raise ValueError("no list of decisions")
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: section .allocs.plan is not a plan: {error}") from error
    return plans  # type: ignore[return-value]  # _is_plan has seen them


def _is_plan(plan: object) -> bool:
    keys = ("symbol", "action", "stub", "entry", "origin", "rule", "reason")
    if not isinstance(plan, dict) or not isinstance(plan.get("decisions"), list):
        return False
    notes = plan.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(text, str) for text in (plan.get("output", ""), *notes)):
        return False
    return all(isinstance(d, dict) and all(isinstance(d.get(key), str) for key in keys) for d in plan["decisions"])


def identified_wrappers(data: bytes, where: str) -> set[str]:
    """The wrappers that the output with this section identifies by its own stubs."""
    names: set[str] = set()
    for plan in decode_plan(data, where):
        names |= {d["symbol"] for d in plan["decisions"] if d["stub"] == CALLER and d["action"] in (REPLACE, MARK)}
    return names
