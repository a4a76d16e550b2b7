"""`allocs report FILE`: who owns the heap."""

import json
import shutil
import sys

from plumbum import cli

from allocscc.report.demangle import readable
from allocscc.report.profile import read_profile
from allocscc.report.table import SORT_KEYS, TableOptions, render


class Report(cli.Application):
    """Show a profile: bytes and chunks by allocator, wrapper, site and type.

    Example: ALLOCS_OPTIONS=profile=heap.json ./prog && allocs report heap.json
    """

    json = cli.Flag("--json", help="print a JSON array, one object a row, instead of the table")
    sort = cli.SwitchAttr("--sort", cli.Set(*SORT_KEYS), default="peak", help="the column to sort by")
    top = cli.SwitchAttr("--top", cli.Range(0, 10**9), default=25, help="how many rows to show; 0 shows all")

    def main(self, profile: str) -> int:
        """Read the profile and print it."""
        found = read_profile(profile)
        if self.json:
            rows = sorted(found.rows, key=lambda row: -getattr(row.counts, f"{self.sort}_bytes"))
            json.dump([row.as_json() for row in rows], sys.stdout, indent=1)
            print()
            return 0
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
        sys.stdout.write(render(readable(found), TableOptions(str(self.sort), int(str(self.top)), width)))
        return 0
