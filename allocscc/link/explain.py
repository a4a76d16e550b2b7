"""The plan of a link, for people: made from a command line without linking, or read from an output (R15)."""

import json
import os
import sys
from typing import Any

from allocscc import toolchain
from allocscc.backends import load_backend
from allocscc.config.roles import load_roles
from allocscc.errors import AllocsError, printable
from allocscc.link import phase
from allocscc.link.job import RELOCATABLE, LinkJob
from allocscc.link.plan import LinkFacts, LinkPlan, make_plan
from allocscc.link.record import decode_plan, encode_plan

_HELP = """\
usage: allocsld --explain [--json] LD-ARGUMENTS…
Print the plan of this link instead of linking: what is done about each function of a role, by which rule, and because
of which entry of the config. Example: allocsld --explain crt1.o main.o -lc -o prog
"""


def plan_of(job: LinkJob) -> tuple[LinkPlan, tuple[str, ...], bool]:
    """The plan that the link phase makes of a link.

    Returns:
        The plan; where the config asks for headers of its own in stubs; whether the link makes machine code (LTO).

    Raises:
        AllocsError: the config is wrong, or an input is damaged.
    """
    from allocscc.config.model import Config

    if job.mode == RELOCATABLE:
        return make_plan(LinkFacts(RELOCATABLE), Config()), (), False
    roles = load_roles(dict(os.environ), os.getcwd())
    backend = load_backend(roles.backend)
    obstacle = phase._obstacle(job) or backend.obstacle()
    if obstacle:
        return make_plan(LinkFacts(job.mode, obstacle=obstacle), Config()), (), False
    plan, config, found = phase.planned(job, phase.surveyed(job, roles, backend), backend)
    return plan, tuple(header.origin for header in config.includes), bool(found.sources)


def plan_text(plan: dict[str, Any]) -> str:
    """A plan, as section `.allocs.plan` keeps it, for people."""
    lines = [f"link of {plan.get('output', '?')}"]
    lines.append(f"  runtime: {'linked in' if plan.get('runtime') else 'none (found in the executable at run time)'}")
    lines += [f"  {note}" for note in plan.get("notes", ())]
    for d in plan["decisions"]:
        lines.append(f"  {d['symbol']}: {d['action']} ({d['rule']})")
        lines.append(f"    {d['reason']}\n    because of {d['entry']}, {d['origin']}")
    return printable("\n".join(lines)) + "\n"


def _linker(name: str) -> str:
    """The real linker, or "" where there is none: some plans need no question to it."""
    try:
        return toolchain.find_linker(name)
    except OSError:
        return ""


def main(name: str, argv: list[str]) -> int:
    """Stand before a linker that is asked for explanations: `--explain`, or `ALLOCSCC_EXPLAIN=FILE`.

    Returns:
        The exit status.
    """
    asked = "--explain" in argv
    if asked and "--help" in argv:
        sys.stdout.write(_HELP)
        return 0
    path = os.environ.get("ALLOCSCC_EXPLAIN", "")
    as_json = asked and "--json" in argv
    words = [word for word in argv if not asked or word not in ("--explain", "--json")]
    job = LinkJob(words, os.getcwd(), _linker(name))
    try:
        if asked or job.inputs:
            plans = decode_plan(encode_plan(plan_of(job)[0], job.output), job.output)
            text = json.dumps(plans, indent=1) + "\n" if as_json else "".join(plan_text(plan) for plan in plans)
            if asked:
                sys.stdout.write(text)
            else:
                with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(text)
    except (AllocsError, OSError) as error:
        sys.stderr.write(f"allocscc: {job.output}: no plan to explain: {error}\n")
        if asked:
            return error.status if isinstance(error, AllocsError) else 66
    return 0 if asked else phase.main(name, argv)
