"""`allocs doctor`: what is here, what would be used, and what is missing."""

import sys

from plumbum import cli

from allocscc.cli.application import Verb
from allocscc.cli.checks import Check, all_checks
from allocscc.cli.output import print_json, terminal
from allocscc.cli.progress import working
from allocscc.errors import UsageError

_STYLES = {"ok": "green", "missing": "yellow", "wrong": "red"}


class Doctor(Verb):
    """Say what is installed, what would be used here, and what is missing for what.

    Compilers, linkers, libraries, whether the runtime builds, the cache, the config layers of this folder, and the
    launchers. Exit status 1 if something is missing that nothing works without.

    Example: allocs doctor --json
    """

    ARGUMENTS = ""
    json = cli.Flag("--json", help="print a JSON array, one object a check")

    def main(self, *words: str) -> int:
        """Look, and print."""
        if words:
            raise UsageError("doctor takes no arguments")
        with working("looking"):
            checks = all_checks()
        if self.json:
            print_json([check.as_json() for check in checks])
        else:
            sys.stdout.write(_table(checks))
        return 1 if any(check.fatal for check in checks) else 0


def _table(checks: list[Check]) -> str:
    import io

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width, color = terminal(sys.stdout)
    out = io.StringIO()
    console = Console(
        file=out, width=width or 1000, force_terminal=color, color_system="standard" if color else None,
        highlight=False, emoji=False, markup=False,
    )  # fmt: skip
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found, or what it is for", overflow="fold")
    for check in checks:
        state = Text(check.state, _STYLES[check.state] + (" bold" if check.fatal else ""))
        text = check.found if check.state == "ok" else "; ".join(filter(None, (check.found, f"for: {check.purpose}")))
        table.add_row(check.name, state, Text(text))
    console.print(table)
    bad = [check.name for check in checks if check.fatal]
    console.print(f"\nNothing works without: {', '.join(bad)}" if bad else "\nAll that is necessary is here.")
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
