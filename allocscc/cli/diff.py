"""`allocs diff A B`: what grew."""

import sys
from dataclasses import replace

from plumbum import cli

from allocscc.cli.output import print_json
from allocscc.cli.progress import working
from allocscc.cli.shown import Shown
from allocscc.errors import UsageError
from allocscc.report import diff
from allocscc.report.amounts import human_bytes, parse_size
from allocscc.report.demangle import readable
from allocscc.report.profile import read_profile


class Diff(Shown):
    """Show what grew from one profile to another, the largest growth first.

    The profiles may be of two builds: a site is then its file, function, callee and type, whatever its line is. With
    --lines, or --by site, lines count, too. --sort names the measure that is compared; --min speaks of the growth.

    Examples: allocs diff before.json after.json
              allocs diff --by type --sort live heap-0001.json heap-0009.json
              allocs diff --fail-above 5% main.json branch.json
    """

    lines = cli.Flag("--lines", help="tell sites apart by their line: for two profiles of the same build")
    fail_above = cli.SwitchAttr(
        "--fail-above", str, argname="SIZE",
        help="exit with status 1 if all that is shown grew by more than this: 1M, or 5% of what it was",
    )  # fmt: skip

    def main(self, before: str, after: str) -> int:
        """Compare and print."""
        limit = parse_size(str(self.fail_above)) if self.fail_above else None
        with working("comparing the profiles"):
            old, new = read_profile(before), read_profile(after)
            measure = self.measure(counted=old.counted and new.counted)
            if measure != "live" and not (old.counted and new.counted):
                raise UsageError(f"diff: {measure} was not counted in one of these profiles; use --sort live")
            view = replace(self.view(0, sys.stdout), signed=True)
            lines = bool(self.lines) or "site" in view.by
            shown = (old, new) if self.json else (readable(old), readable(new))
            found = diff.difference(*shown, measure, self.filters, by_line=lines)
            if not self.json:
                text = diff.render(found, view)
        if self.json:
            print_json(diff.as_json(found, view))
        else:
            sys.stdout.write(text)
        growth, before_all, _ = found.total
        if limit is None or growth.bytes <= limit.of(before_all.bytes):
            return 0
        sys.stdout.flush()
        print(f"allocs: {measure} grew by {human_bytes(growth.bytes)}, more than {self.fail_above}", file=sys.stderr)
        return 1
