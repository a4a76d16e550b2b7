"""`allocs explain PROG`: what the link phase decided when it linked this, and why (R15)."""

import json
import sys
from typing import Any

from plumbum import cli

from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from allocscc.link.record import decode_plan
from allocscc.sidecar_names import PLAN_SECTION


class Explain(cli.Application):
    """Print the decisions of a link from its output: each with its rule and the config entry that caused it.

    Example: allocs explain ./prog
    """

    json = cli.Flag("--json", help="print the plan as JSON")

    def main(self, path: str) -> int:
        """Read section .allocs.plan and print it."""
        with open(path, "rb") as file:
            elf = ElfObject(file.read(), path)
        section = elf.section(PLAN_SECTION.encode())
        if section is None:
            raise FormatError(
                f"{path}: holds no plan: it was not linked by allocscc, or the link had no function of a role"
                " and got only the runtime"
            )
        plans = decode_plan(elf.contents(section), path)
        if self.json:
            json.dump(plans, sys.stdout, indent=1)
            print()
            return 0
        for plan in plans:
            _print_plan(plan)
        return 0


def _print_plan(plan: dict[str, Any]) -> None:
    print(f"link of {plan.get('output', '?')}")
    print(f"  runtime: {'linked in' if plan.get('runtime') else 'none (found in the executable at run time)'}")
    for note in plan.get("notes", ()):
        print(f"  {note}")
    for d in plan["decisions"]:
        print(f"  {d['symbol']}: {d['action']} ({d['rule']})")
        print(f"    {d['reason']}\n    because of {d['entry']}, {d['origin']}")
