"""`allocs report FILE…`: who owns the heap, or what leaked."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TextIO

from allocscc.cli.exports import Exporting
from allocscc.cli.output import print_json
from allocscc.cli.progress import working
from allocscc.errors import UsageError
from allocscc.report import leaks, table
from allocscc.report.demangle import readable, readable_rows
from allocscc.report.entries import MEASURES
from allocscc.report.merge import merged
from allocscc.report.profile import Profile, profile_of, read_body


class Report(Exporting):
    """Show a profile: bytes and chunks by allocator, wrappers, site and type; or leaks.

    FILE is what a program wrote that was run with ALLOCS_OPTIONS=profile=FILE or leaks=FILE. Several profiles, such as
    those of the processes of one run, are added up. A row is read from the allocator outwards: malloc < xmalloc < main
    main.c:3 is a call of xmalloc in main. With --html, --pprof, --folded, --dhat or --massif a file for another viewer
    is written instead of the table; filters count for it, too.

    Examples: allocs report heap.json
              allocs report --by wrapper,type --min 1% heap.json
              allocs report --type 'struct jv*' --sort live --source heap.json
              allocs report --html heap.html heap-*.json
    """

    ARGUMENTS = "FILE..."

    def main(self, *files: str) -> int:
        """Read the files and print them."""
        if not files:
            raise UsageError("report: which profile? See 'allocs report --help'")
        self.check()
        with working("reading the profile"):
            profiles, lost = read_files(files)
        if lost and profiles:
            raise UsageError("report: some of these files are profiles, some leaks; show them one after the other")
        if lost:
            if self.exports:
                raise UsageError("report: leaks can be shown as a table or --json; the other formats are for profiles")
            show_leaks(self, lost, sys.stdout)
            return 0
        show(self, profiles, sys.stdout)
        return 0


def read_files(files: Sequence[str]) -> tuple[list[Profile], list[leaks.Leaks]]:
    """Profiles and leaks from files.

    Raises:
        FormatError: a file is neither.
        OSError: it cannot be read.
    """
    profiles, lost = [], []
    for path in files:
        body = read_body(path)
        if "allocscc_leaks" in body:
            lost.append(leaks.leaks_of(body, path))
        else:
            profiles.append(profile_of(body, path))
    return profiles, lost


def show(asked: Exporting, profiles: Sequence[Profile], stream: TextIO) -> None:
    """Print or export profiles as one, as the options of a verb say."""
    profile = merged(profiles)
    filters = asked.filters
    measure = asked.measure(counted=profile.counted)
    columns = asked.chosen_columns
    view = asked.view(MEASURES.index(measure), stream, columns, source=bool(asked.source))
    if asked.json:
        print_json(table.as_json(profile, view, filters), stream)
        return
    with working("making the report"):
        shown = readable(profile)
        if asked.exports:
            asked.export(replace(shown, rows=tuple(filter(filters.match, shown.rows))))
            return
        text = table.render(shown, view, filters, len(profiles))
    stream.write(text)


def show_leaks(asked: Exporting, lost: Sequence[leaks.Leaks], stream: TextIO) -> None:
    """Print leaks, as the options of a verb say."""
    found = leaks.merged_leaks(lost)
    view = asked.view(0, stream, source=bool(asked.source))
    if asked.json:
        print_json(leaks.as_json(found, view, asked.filters), stream)
        return
    found = leaks.renamed(found, readable_rows(entry.row for entry in found.entries))
    stream.write(leaks.render(found, view, asked.filters))
