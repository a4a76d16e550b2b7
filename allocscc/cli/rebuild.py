"""`allocs rebuild DIR`: a tree, or a folder of cases, built again with our compilers (R17)."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plumbum import cli

from allocscc import toolchain
from allocscc.cli.application import Verb, words
from allocscc.cli.output import print_json, write_output
from allocscc.errors import ToolError, UsageError
from allocscc.rebuild.execute import Execution
from allocscc.rebuild.junit import junit
from allocscc.rebuild.look import built_by_us, look, one_case
from allocscc.rebuild.model import Kind, Outcome, Wishes
from allocscc.rebuild.plan import BUILD_FOLDER, build_folder, jobs_of, kind_of
from allocscc.rebuild.results import as_json, last_lines, table

_SHOWN = 20  # lines of a log
_CASE_SECONDS = 300.0


class Rebuild(Verb):
    """Build a tree again with our compilers, or a folder of cases one by one, and tell what came out.

    DIR is a tree of configure, CMake, Meson or make, or a folder of cases like liballocs' tests: a folder NAME for
    each, with NAME.c and, where it has to set variables such as LIBALLOCS_ALLOC_FNS, a piece of makefile mk.inc. What
    stands behind DIR is for the tool that comes first: options of configure, cmake or meson setup, targets and
    variables of make.

    Makefiles and configure build in DIR, as they do otherwise: what was built there is built again, and configure
    gets the arguments of before. CMake and Meson build in DIR/build-allocscc. --copy leaves DIR alone.

    A case has to exit with 0; one named fail-... with another status; one named abort-... with another status or a
    signal. The exit status is 0 if all is as expected, otherwise 1.

    Examples: allocs rebuild ~/src/jq --check
              allocs rebuild --keep-going -j4 --junit tests.xml $LIBALLOCS/tests
              allocs rebuild ~/src/lua -- linux MYCFLAGS=-g
    """

    ARGUMENTS = "DIR [WORDS...]"

    backend = cli.SwitchAttr("--backend", str, argname="NAME", help="what programs are built for (ALLOCSCC_BACKEND)")
    build_dir = cli.SwitchAttr("--build-dir", str, argname="FOLDER", help="build there (configure, CMake, Meson)")
    check_too = cli.Flag("--check", help="run the tree's own tests, too: make check, ctest, meson test")
    copy = cli.SwitchAttr("--copy", str, argname="FOLDER", help="copy DIR to this new folder, and build there")
    jobs = cli.SwitchAttr(
        ["-j", "--jobs"], cli.Range(1, 4096), argname="N", help="jobs at once; cases: so many of them (default: 1)"
    )
    json = cli.Flag("--json", help="print a JSON object")
    junit = cli.SwitchAttr("--junit", str, argname="FILE", help="write JUnit's XML there, too")
    keep_going = cli.Flag(["-k", "--keep-going"], help="go on behind a case that is not as expected")
    kind = cli.SwitchAttr("--kind", cli.Set(*Kind), argname="KIND", help="how DIR is built; default: by its files")
    log_dir = cli.SwitchAttr("--log-dir", str, argname="FOLDER", help="keep the logs there, NAME.log for each")
    only = cli.SwitchAttr("--only", str, list=True, argname="GLOB", help="only cases with such names")
    timeout = cli.SwitchAttr(
        "--timeout", cli.Range(1, 10**6), argname="SECONDS",
        help="end a step that takes longer; default: a case's 300, a tree's none",
    )  # fmt: skip

    def main(self, directory: str, *for_the_tool: str) -> int:
        """Rebuild it; when a signal ends us, what was started ends, too."""
        return toolchain.interruptible(lambda: self._rebuild(directory, for_the_tool))

    def _rebuild(self, directory: str, for_the_tool: tuple[str, ...]) -> int:
        folder = os.path.abspath(directory)
        only = words(self.only)
        if not os.path.isdir(folder):
            raise UsageError(f"rebuild: {directory}: there is no such folder")
        if not only and not self.copy and self.kind is None and one_case(folder):
            folder, only = os.path.dirname(folder), (os.path.basename(folder),)
        if self.copy:
            folder = _copied(folder, os.path.abspath(str(self.copy)))
        with tempfile.TemporaryDirectory(prefix="allocs-rebuild-") as scratch:
            wishes = self._wishes(scratch, for_the_tool, only)
            facts = look(folder, wishes)
            jobs = jobs_of(facts, wishes)
            kind = wishes.kind or kind_of(facts)
            logs = os.path.abspath(str(self.log_dir)) if self.log_dir else scratch
            os.makedirs(logs, exist_ok=True)
            cases = kind == Kind.CASES
            timeout = float(self.timeout or (_CASE_SECONDS if cases else 0))
            env = {"ALLOCSCC_BACKEND": str(self.backend)} if self.backend else {}
            start = time.time()
            with _progress(len(jobs)) as tell:
                execution = Execution(logs, env, timeout, keep_going=bool(self.keep_going), tell=tell)
                outcomes = execution.run(jobs, int(self.jobs or 1) if cases else 1)
            if not cases and outcomes[0].built:
                _warn_of_others(*built_by_us(build_folder(facts, wishes, kind), start), folder)
            self._show(folder, kind, outcomes)
        return 0 if all(outcome.met for outcome in outcomes) else 1

    def _wishes(self, scratch: str, for_the_tool: tuple[str, ...], only: tuple[str, ...]) -> Wishes:
        cc, cxx = (toolchain.find_launcher(name) for name in ("allocscc", "allocsc++"))
        for path in (cc, cxx):
            if "/" not in path:
                raise ToolError(f"{path}: not found beside this toolkit, nor on PATH")
        return Wishes(
            cc,
            cxx,
            scratch,
            kind=Kind(str(self.kind)) if self.kind else None,
            build_folder=os.path.abspath(str(self.build_dir)) if self.build_dir else "",
            jobs=int(self.jobs or 0),
            check=bool(self.check_too),
            words=for_the_tool,
            only=only,
        )

    def _show(self, folder: str, kind: Kind, outcomes: list[Outcome]) -> None:
        if self.junit:
            write_output(str(self.junit), junit(os.path.basename(folder), outcomes, _SHOWN))
        if self.json:
            rows = [as_json(outcome, _SHOWN) for outcome in outcomes]
            met = all(outcome.met for outcome in outcomes)
            print_json({"tree": folder, "kind": str(kind), "met": met, "cases": rows})
            return
        for outcome in outcomes:
            if outcome.reason:
                where = os.path.join(str(self.log_dir), f"{outcome.job.name}.log") if self.log_dir else ""
                print(last_lines(outcome, _SHOWN, where))
        sys.stdout.write(table(outcomes))


def _copied(source: str, target: str) -> str:
    if target.startswith(f"{source}/") or target == source:
        raise UsageError(f"rebuild --copy {target}: a copy cannot be inside of what is copied")
    if os.path.exists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise UsageError(f"rebuild --copy {target}: it is there already; name a new folder")
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(BUILD_FOLDER))
    return target


def _warn_of_others(ours: int, others: int, folder: str) -> None:
    """A build that sets its own compiler is the usual reason for a program without any records."""
    if others and not ours:
        print(
            f"allocs: warning: {folder}: none of the {others} programs and libraries that were built has records of"
            " allocscc; does the build set its own compiler, or no runtime (--backend none)?",
            file=sys.stderr,
        )


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Gives what is to be called with each outcome; on a terminal it says how far things are."""
    if not sys.stderr.isatty():
        yield lambda _outcome: None
        return
    from rich.console import Console
    from rich.markup import escape

    done = 0
    with Console(stderr=True).status("building") as status:

        def tell(outcome: Outcome) -> None:
            nonlocal done
            done += 1
            status.update(f"{done} of {total}: {escape(outcome.job.name)} {'done' if outcome.met else 'FAILED'}")

        yield tell
