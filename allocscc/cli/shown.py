"""Options that `report`, `diff` and `run` share: which rows, in which groups, in which order."""

from dataclasses import fields
from typing import TextIO

from plumbum import cli

from allocscc.cli.application import Verb, nearest, words
from allocscc.cli.output import terminal
from allocscc.errors import UsageError
from allocscc.report.amounts import Threshold, parse_size
from allocscc.report.entries import KEYS, MEASURES, Filters
from allocscc.report.view import SHARE, View


def _listed(option: str, allowed: tuple[str, ...], text: str) -> tuple[str, ...]:
    found = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in found:
        if word not in allowed:
            hint = nearest(word, allowed) or f"; allowed: {', '.join(allowed)}"
            raise UsageError(f"{option}: there is no '{word}'{hint}")
    if len(set(found)) < len(found):
        raise UsageError(f"{option} {text}: each only once")
    return found


def _glob(name: str, what: str) -> "cli.SwitchAttr[str]":
    return cli.SwitchAttr(f"--{name}", str, list=True, argname="GLOB", group="Rows", help=what)


class Shown(Verb):
    """The options, for verbs to inherit."""

    json = cli.Flag("--json", help="print JSON instead of a table (docs/reference.md says what is in it)")
    by = cli.SwitchAttr(
        "--by", str, argname="KEYS",
        help=f"group by these, outermost first, separated by commas: {', '.join(KEYS)}",
    )  # fmt: skip
    sort = cli.SwitchAttr(
        "--sort", cli.Set(*MEASURES), argname="MEASURE",
        help="what to sort by and select on: peak (as default), live, or total; live where nothing was counted",
    )  # fmt: skip
    top = cli.SwitchAttr(
        "--top", cli.Range(0, 10**9), argname="N", help="how many rows to show (of each group); 0 shows all"
    )
    least = cli.SwitchAttr(
        "--min", str, argname="SIZE", help="leave out what is smaller: 10K, 1.5M, 2MiB, or a share of all: 3%"
    )
    allocator = _glob("allocator", "only of these allocators")
    wrapper = _glob("wrapper", "only what went through one of these wrappers; '' for what went through none")
    site = _glob("site", "only from these sites: a function, or file:line")
    type = _glob("type", "only of these types, e.g. 'struct jv*'; '' for unknown ones")
    function = _glob("function", "only from these functions")
    file = _glob("file", "only from these sources; '' for code without records")
    object = _glob("object", "only from these objects that were not built by allocscc, e.g. 'libc.so*'")

    @property
    def filters(self) -> Filters:
        """The rows that were asked for."""
        return Filters(**{field.name: words(getattr(self, field.name)) for field in fields(Filters)})

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys to group by.

        Raises:
            UsageError: there is no such key.
        """
        return _listed("--by", KEYS, str(self.by)) if self.by else ()

    @property
    def threshold(self) -> Threshold:
        """What `--min` says.

        Raises:
            UsageError: it is no size.
        """
        return parse_size(str(self.least)) if self.least else Threshold()

    @property
    def most(self) -> int | None:
        """What `--top` says, or None."""
        return None if self.top is None else int(str(self.top))

    def measure(self, *, counted: bool) -> str:
        """What to sort by: as asked, or the peak where there is one."""
        return str(self.sort) if self.sort else "peak" if counted else "live"

    def view(self, sort: int, stream: TextIO, columns: tuple[str, ...] = (), *, source: bool = False) -> View:
        """How to show a table on a stream, sorted by the measure of this index."""
        width, color = terminal(stream)
        return View(
            sort=sort, by=self.keys, top=self.most, least=self.threshold, columns=columns, source=source, width=width,
            color=color,
        )  # fmt: skip


class Pictured(Shown):
    """Options for how one profile is shown, in the terminal or as a file for another viewer."""

    columns = cli.SwitchAttr(
        "--columns", str, argname="NAMES", help=f"which columns, separated by commas: {', '.join((*MEASURES, SHARE))}"
    )
    source = cli.Flag("--source", help="quote the line of the source under each site")

    @property
    def chosen_columns(self) -> tuple[str, ...]:
        """What `--columns` says.

        Raises:
            UsageError: there is no such column.
        """
        return _listed("--columns", (*MEASURES, SHARE), str(self.columns)) if self.columns else ()

    def check(self) -> None:
        """Find mistakes in the options before anything else happens.

        Raises:
            UsageError: there is one.
        """
        for value in (self.keys, self.threshold, self.chosen_columns, self.filters):
            assert value is not None
