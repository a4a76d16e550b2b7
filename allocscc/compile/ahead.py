"""Reads a unit's source while gcc is still at work on it, where a processor is free for that.

What the source says of its allocations does not depend on the assembly. So a process of ours has it preprocessed and
reads it, waits for the compiler, and then does what it would have begun with otherwise. A compile by itself takes
less time by that; a build that keeps all processors busy would only need more memory.
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
    wish = os.environ.get("ALLOCSCC_AHEAD", "")
    if wish == "never" or not command.c_family or not interest.is_rereadable(command.source, command.args):
        return False
    return interest.may_name(command.source, command.language(), roles) and (wish == "always" or _has_free_processor())


def _has_free_processor() -> bool:
    """Whether no more is running than there are processors, the compiler and we among it."""
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
        from allocscc.compile.gcc import expansion_of, recorded

        return recorded(command, text, folder, needs, roles, expansion_of(command, folder))

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
        """Start it."""
        ended, running = os.pipe()
        if not self._command.preprocessed:
            os.set_inheritable(running, True)  # closed by the preprocessor's end
            words = self._command.preprocess_command(self._folder.file(EXPANDED))
            self._preprocessor = toolchain.start(words, quiet=True)
        os.set_inheritable(running, False)

        def work() -> Annotated | None:
            os.close(self._tell)
            os.close(running)
            return self._read(ended)

        self._reader = Isolated(work)
        os.close(ended)
        os.close(running)

    def _read(self, ended: int) -> Annotated | None:
        """What the process does: read, wait for what is needed, and then record."""
        from allocscc.compile.gcc import expansion_of, recorded, unit_of
        from allocscc.compile.unit import read_ahead

        os.read(ended, 1)
        expansion = expansion_of(self._command, self._folder, made=True)
        likely = Needs(on_stack=interest.mentions_alloca([self._command.source]))
        try:
            read_ahead(unit_of(self._command, "", self._folder, likely, expansion), self._roles)
        except Exception:  # what is needed is asked for again, and fails where it can be told
            pass
        needs = os.read(self._told, 3)
        if not needs:
            return None
        return recorded(self._command, self._text(), self._folder, Needs(*map(bool, needs)), self._roles, expansion)

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
