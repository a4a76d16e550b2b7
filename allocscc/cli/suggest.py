"""`allocs suggest`: which functions look like allocators or wrappers and are not declared (R15)."""

import json
import os
import sys
import time

from plumbum import cli

from allocscc.cli.application import Verb
from allocscc.cli.config import project_file
from allocscc.config.edit import write_file
from allocscc.config.load import load_config, load_layers, merge_layers, validate
from allocscc.config.read import read_text
from allocscc.config.write import printable
from allocscc.errors import UsageError
from allocscc.report.profile import read_profile
from allocscc.suggest.entries import group, to_text
from allocscc.suggest.profiled import strengthened, untyped
from allocscc.suggest.run import Found, find
from allocscc.values import asdict

_SURE = 0.6


class Suggest(Verb):
    """Say which functions of a build look like allocators or wrappers and are not declared, as TOML for allocscc.toml.

    Reads the objects below the folders named (default: this one) and their sources. Each function has a comment: how
    sure it is, what it was seen to do, where, and how many calls would get its callers as their place.

    Example: allocs suggest --profile heap.json build/
    """

    profiles = cli.SwitchAttr("--profile", list=True, help="a profile of the program: adds to what the sources show")
    write = cli.Flag("--write", help="append the entries to the project's allocscc.toml (a new one here if none)")
    json = cli.Flag("--json", help="print a JSON array, one object a function, surest first")
    least = cli.SwitchAttr(
        "--min-confidence", argtype=float, default=_SURE, help="leave out what is less sure, from 0 to 1"
    )

    def main(self, *paths: str) -> int:
        """Look, and print or write."""
        if not 0 <= self.least <= 1:
            raise UsageError(f"suggest: --min-confidence is {self.least}, allowed: 0 to 1")
        config = load_config(os.environ, os.getcwd())
        for warning in config.warnings:
            _tell(f"warning: {warning}")
        rows = [row for path in self.profiles for row in read_profile(str(path)).rows]
        found = find(paths or ["."], config, _Progress())
        suggestions, unread = strengthened(found.suggestions, untyped(rows), found.known)
        chosen = [one for one in suggestions if one.confidence >= self.least]
        _tell_problems(found)
        for one in unread:
            _tell(
                f"{one.file}:{one.line}: all {one.bytes} bytes of {one.function} have no type; its source was not read:"
                " name the folder of its object"
            )
        if self.json:
            json.dump([asdict(one) for one in chosen], sys.stdout, indent=1)
            print()
            return 0
        text = to_text(group(chosen, config), os.getcwd())
        if self.write:
            return _append(text, len(chosen))
        sys.stdout.write(text)
        if not chosen:
            _tell(f"nothing to suggest in {found.units} sources")
        return 0


def _append(text: str, count: int) -> int:
    """Put the entries at the end of the project's file."""
    if not count:
        _tell("nothing to suggest: nothing was written")
        return 0
    path = project_file()
    before = ""
    if os.path.lexists(path):
        with open(path, encoding="utf-8", newline="") as file:
            before = file.read()
    changed = f"{before.rstrip()}\n\n{text}" if before.strip() else text
    layer = read_text(path, changed)
    validate(merge_layers([*load_layers(os.environ, os.getcwd()), layer]))
    write_file(path, changed)
    _tell(f"{path}: {count} functions added; look through them, then build everything again, since objects know the")
    _tell("sites of those functions only that were declared when they were compiled")
    return 0


def _tell_problems(found: Found) -> None:
    if not found.objects:
        _tell("no objects here: name the folder that the build leaves its .o files in")
    elif not found.units and not found.problems:
        _tell("no object here says how it was compiled: build them with this allocscc")
    for problem in found.problems[:5]:
        _tell(problem)
    if len(found.problems) > 5:
        _tell(f"… and {len(found.problems) - 5} more")


class _Progress:
    """A line on a terminal, for what takes longer than a second."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Some sources have been read."""
        if sys.stderr.isatty() and time.monotonic() - self._begin > 1:
            end = "\r\033[K" if done == total else ""
            sys.stderr.write(f"\rreading sources: {done} of {total}{end}")
            sys.stderr.flush()


def _tell(text: str) -> None:
    print(f"allocs: {printable(text)}", file=sys.stderr)
