"""Does while gcc is still at work on a unit what does not need its assembly.

That is to have the source preprocessed, to read it, and to compile it again where that says so; then a process of ours
waits for the compiler, and does what it would have begun with otherwise. A compile by itself takes less time by that;
a build that keeps all processors busy takes as long as before.
"""

from __future__ import annotations

import os

from allocscc import toolchain
from allocscc.compile import interest
from allocscc.compile.command import EXPANDED
from allocscc.compile.interest import Needs
from allocscc.compile.isolate import Isolated, isolated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from allocscc.compile.annotated import Annotated
    from allocscc.compile.command import CompilerCommand
    from allocscc.config.roles import Roles

_PROCESSORS = "/proc/loadavg"  # proc(5): its fourth word begins with the number of what runs, or could


def is_worth_it(command: CompilerCommand, roles: Roles) -> bool:
    """Whether to read a unit's source ahead: there is most likely something to find, a processor free, and no pipe."""
    if not command.c_family or not interest.is_rereadable(command.source, command.args):
        return False
    return interest.may_name(command.source, command.language(), roles) and _is_wanted()


def _is_wanted() -> bool:
    """Whether a processor is free: no more is running than there are, the compiler and we among it.

    Where all are busy there is nothing to win, and jq's build took longer (1.41 times gcc's time, 1.34 like this).
    `ALLOCSCC_AHEAD` decides for us.
    """
    wish = os.environ.get("ALLOCSCC_AHEAD", "")
    if wish in ("always", "never"):
        return wish == "always"
    try:
        with open(_PROCESSORS, encoding="ascii") as file:
            running = int(file.read().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return False
    return running <= len(os.sched_getaffinity(0))


def read_behind(
    command: CompilerCommand, text: str, folder: toolchain.TemporaryFolder, needs: Needs, roles: Roles
) -> Annotated | None:
    """The unit with records, its source read only now.

    Args:
        command: the compile, which has ended.
        text: the assembly that it made.
        folder: for temporary files.
        needs: what is to be looked for.
        roles: the config.

    Raises:
        FailedError: as `Isolated.result`.
    """

    def work() -> Annotated | None:
        from allocscc.compile.gcc import Again, expansion_of, recorded, unit_of

        unit = unit_of(command, text, needs, expansion_of(command, folder), Again(command, folder))
        return recorded(unit, roles, command)

    return isolated(work)


class Ahead:
    """A process that reads a unit's source.

    Args:
        command: the compile that is under way.
        folder: for temporary files.
        roles: the config.
        text: gives the assembly when it is there.
    """

    def __init__(
        self, command: CompilerCommand, folder: toolchain.TemporaryFolder, roles: Roles, text: Callable[[], str]
    ) -> None:
        self._command, self._folder, self._roles, self._text = command, folder, roles, text
        self._told, self._tell = os.pipe()
        self._preprocessor = 0
        self._reader: Isolated | None = None

    def begin(self) -> None:
        """Start it; a signal that comes meanwhile waits until `end` knows what there is to end."""
        import _signal

        signals = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, signals)
        try:
            self._begin()
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _begin(self) -> None:
        ended, running = os.pipe()
        if not self._command.preprocessed:
            os.set_inheritable(running, True)  # closed by the preprocessor's end
            words = self._command.preprocess_command(self._folder.file(EXPANDED))
            self._preprocessor = toolchain.start(words, quiet=True)
        os.set_inheritable(running, False)

        def work() -> Annotated | None:
            os.setpgid(0, 0)  # `end` takes along what is compiled ahead
            os.close(self._tell)
            os.close(running)
            return self._read(ended)

        self._reader = Isolated(work)
        os.close(ended)
        os.close(running)

    def _read(self, ended: int) -> Annotated | None:
        """What the process does: read, wait for what is needed, and then record."""
        from allocscc.compile.gcc import Again, expansion_of, recorded, unit_of
        from allocscc.compile.unit import read_ahead

        command, again = self._command, Again(self._command, self._folder)
        os.read(ended, 1)
        expansion = expansion_of(command, self._folder, made=True)
        likely = Needs(on_stack=interest.mentions_alloca([command.source]))
        try:
            read_ahead(unit_of(command, "", likely, expansion, again), self._roles, _is_wanted)
        except Exception:  # what is needed is asked for again, and fails where it can be told
            pass
        needs = os.read(self._told, 3)
        if not needs:
            again.end()
            return None
        unit = unit_of(command, self._text(), Needs(*map(bool, needs)), expansion, again)
        return recorded(unit, self._roles, command)

    def finish(self, needs: Needs) -> Annotated | None:
        """The unit with records, now that its assembly is there; None if there are none.

        Args:
            needs: what is to be looked for.

        Raises:
            FailedError: as `Isolated.result`.
        """
        process, self._preprocessor = self._preprocessor, 0
        if self._reader is None or (process and toolchain.wait_for(process) != 0):
            return read_behind(self._command, self._text(), self._folder, needs, self._roles)
        os.write(self._tell, bytes((needs.declares, needs.on_stack, needs.arrays)))
        return self._reader.result()

    def end(self) -> None:
        """End what still runs of it."""
        for descriptor in (self._told, self._tell):
            os.close(descriptor)
        if self._preprocessor:
            toolchain.end(self._preprocessor)
        if self._reader is not None:
            self._reader.end()
