"""`allocs run PROG ARGS`: a program's report when it ends."""

import errno
import os
import sys
import tempfile
from typing import Any

from plumbum import cli

from allocscc import toolchain
from allocscc.cli.exports import Exporting
from allocscc.cli.program import Program, examine, own_compiler
from allocscc.cli.progress import working
from allocscc.cli.report import read_files, show, show_leaks
from allocscc.cli.signals import Patience
from allocscc.errors import AllocsError, UsageError
from allocscc.report.leaks import Leaks
from allocscc.report.profile import Profile

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as of a shell
# The launcher's own; a program that builds with allocscc gets them again.
_OURS = ("ALLOCSCC_HOME", "ALLOCSCC_PATH")


class Run(Exporting):
    """Run a program and show who owned its heap when it has ended.

    Options of allocs come before PROG; all behind it is the program's. Its input and output are left alone: the report
    goes to standard error, or where --output says. The exit status is the program's own, 128 and the signal's number if
    one ended it; 127: not found, 126: cannot be run. Every process that is built by allocscc counts, also those that
    PROG, a script for example, starts; they are added up. A program that was not built by allocscc gets the runtime
    by LD_PRELOAD: then sizes and calling functions are known, no types, wrappers and source lines.

    Examples: allocs run ./prog --its-option
              allocs run --by type --top 10 -- ./prog args
              allocs run --leaks --html heap.html -- make check
    """

    ARGUMENTS = "PROG [ARGS...]"

    leaks = cli.Flag("--leaks", help="show, too, what nothing could reach any more at the end")
    keep = cli.SwitchAttr("--keep", str, argname="FILE", help="keep the profile; with %p in it one for each process")
    output = cli.SwitchAttr(
        ["-o", "--output"], str, argname="FILE", help="write the report there; '-' is standard output"
    )
    interval = cli.SwitchAttr(
        "--interval", str, argname="SECONDS",
        help="write a profile every so often: for a time line, and for programs that are killed",
    )  # fmt: skip
    preload = cli.SwitchAttr(
        "--preload", cli.Set("auto", "always", "never"), default="auto", argname="WHEN",
        help="give programs the runtime by LD_PRELOAD: auto (if PROG is no script and not built by allocscc)",
    )  # fmt: skip

    def _parse_args(self, argv: list[str]) -> Any:
        return super()._parse_args(self._separated(argv))

    def main(self, *command: str) -> int:
        """Run it, then show."""
        if not command:
            raise UsageError("run: which program? See 'allocs run --help'")
        program = examine(command[0])
        if program.path is None:
            hint = f"; did you mean ./{command[0]}?" if os.access(command[0], os.X_OK) else ""
            _tell(f"{command[0]}: not found{hint}")
            return _NOT_FOUND
        self.check()
        folder = tempfile.mkdtemp(prefix="allocs-run-", dir="/tmp" if ":" in tempfile.gettempdir() else None)
        try:
            status = self._run(program, list(command), folder)
            if status is None:
                return _NOT_EXECUTABLE
            try:
                self._report(program, status, folder)
            except AllocsError as error:  # the program's status counts
                _tell(str(error))
            except OSError as error:
                _tell(f"{error.filename or 'error'}: {error.strerror}")
        finally:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)
        return 128 - status if status < 0 else status

    def _separated(self, argv: list[str]) -> list[str]:
        """The arguments with `--` before the program: what follows is not ours to read."""
        at = 0
        while at < len(argv) and argv[at].startswith("-") and len(argv[at]) > 1:
            if argv[at] == "--":
                return argv
            name, equals, _ = argv[at].lstrip("-").partition("=")
            known = self._switches_by_name.get(name)
            at += 2 if known is not None and known.argtype and not equals else 1
        return [*argv[:at], "--", *argv[at:]]

    def _run(self, program: Program, command: list[str], folder: str) -> int | None:
        """The program's exit status, or its signal, negative; None if it cannot be run, of which was told."""
        env = {name: value for name, value in os.environ.items() if name not in _OURS}
        env["ALLOCS_OPTIONS"] = self._options(env.get("ALLOCS_OPTIONS", ""), folder)
        if self.preload == "always" or (self.preload == "auto" and program.wants_preload):
            from allocscc.backends.runtime import ensure_preload

            with working("building the runtime for LD_PRELOAD (once)"), own_compiler():
                runtime = ensure_preload()
            env["LD_PRELOAD"] = " ".join(filter(None, (runtime, env.get("LD_PRELOAD"))))
            if program.wants_preload:
                _tell(f"{command[0]} was not built by allocscc: of it only sizes and calling functions are known, no"
                      " types, wrappers and lines; build it with CC=allocscc to have them")  # fmt: skip
        sys.stdout.flush()
        sys.stderr.flush()
        with Patience() as patience:
            try:
                pid = toolchain.start(command, env, path=program.path)
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    _tell(f"{command[0]}: {error.strerror}")
                    return None
                pid = toolchain.start(
                    ["/bin/sh", program.path or "", *command[1:]], env
                )  # a script without #!, as a shell would run it
            return patience.wait(pid)

    def _options(self, given: str, folder: str) -> str:
        """`ALLOCS_OPTIONS` with our files; what the user set otherwise stays."""
        inside = folder.replace("%", "%%")
        options = [one for one in given.split(":") if one and not one.startswith("profile=")]
        options.append(f"profile={inside}/%p.json")
        if self.interval:
            options.append(f"interval={self.interval}")
        if self.leaks:
            options = [one for one in options if not one.startswith("leaks=")]
            options.append(f"leaks={inside}/%p.leaks")
        return ":".join(options)

    def _report(self, program: Program, status: int, folder: str) -> None:
        names = sorted(os.listdir(folder), key=lambda name: (len(name), name))
        profiles, _ = _readable(folder, [name for name in names if name.endswith(".json")])
        _, lost = _readable(folder, [name for name in names if name.endswith(".leaks")])
        if not profiles:
            _tell(f"no profile was written: {program.why_none(status, preload=str(self.preload))}")
            return
        if self.keep:
            self._keep(folder, [name for name in names if name.endswith(".json")])
        if self.output in (None, "-"):
            self._show(profiles, lost, sys.stderr if self.output is None else sys.stdout)
            return
        import io

        from allocscc.cli.output import write_output

        text = io.StringIO()
        self._show(profiles, lost, text)
        write_output(str(self.output), text.getvalue())

    def _show(self, profiles: list[Profile], lost: list[Leaks], stream: Any) -> None:
        show(self, profiles, stream)
        if self.exports and not self.json:
            written = (getattr(self, name) for name in ("html", "pprof", "folded", "dhat", "massif"))
            _tell(f"wrote {', '.join(str(path) for path in written if path and path != '-')}")
        if lost:
            if not self.json:
                stream.write("\n")
            show_leaks(self, lost, stream)

    def _keep(self, folder: str, names: list[str]) -> None:
        import shutil

        several = "%p" in str(self.keep)
        if not several and len(names) > 1:
            _tell(f"kept the largest of {len(names)} profiles, one a process; a name with %p in it keeps all")
            names = [max(names, key=lambda name: os.path.getsize(os.path.join(folder, name)))]
        for name in names:
            path = str(self.keep).replace("%p", name.removesuffix(".json"))
            shutil.copyfile(os.path.join(folder, name), f"{path}.tmp")
            os.replace(f"{path}.tmp", path)


def _readable(folder: str, names: list[str]) -> tuple[list[Profile], list[Leaks]]:
    """What can be read of these files; a process that was killed while it wrote may have left a part."""
    profiles, lost = list[Profile](), list[Leaks]()
    for name in names:
        try:
            found = read_files([os.path.join(folder, name)])
        except AllocsError as error:
            _tell(f"left out: {error}")
            continue
        profiles += found[0]
        lost += found[1]
    return profiles, lost


def _tell(text: str) -> None:
    print(f"allocs: {text}", file=sys.stderr)
