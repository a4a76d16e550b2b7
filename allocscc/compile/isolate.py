"""Runs a part of ours in a process of its own: libclang may crash on what gcc compiles, and must not take it along."""

from __future__ import annotations

import marshal
import os
import sys
import time

from allocscc import toolchain

# Bytes; a deeply nested expression takes a kilobyte a level. Only what is used counts.
_STACK = 1 << 29

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from allocscc.compile.annotated import Annotated


class FailedError(Exception):
    """The part failed; the message says how, as a person has to see it."""


class Isolated:
    """Work that has begun in a process of its own.

    Args:
        work: what to do there.
    """

    def __init__(self, work: Callable[[], Annotated | None]) -> None:
        self._channel = toolchain.MemoryFile()
        self._process = os.fork()
        if self._process == 0:
            _run_child(work, self._channel.descriptor)

    def result(self) -> Annotated | None:
        """What the work gives, once.

        Raises:
            FailedError: it raised an exception, or its process died.
        """
        process, self._process = self._process, 0
        status = toolchain.wait_for(process)
        if status < 0:
            raise FailedError(f"it died of signal {-status}")
        with open(self._channel.descriptor, "rb") as file:
            file.seek(0)
            outcome = marshal.load(file) if status == 0 else "it could not hand on its result"
        if isinstance(outcome, str):
            raise FailedError(outcome)
        if outcome is None:
            return None
        from allocscc.compile.annotated import Annotated

        return Annotated(*outcome)

    def end(self) -> None:
        """End it, if nobody has asked for its result."""
        if self._process:
            toolchain.end(self._process)
            self._process = 0


def isolated(work: Callable[[], Annotated | None]) -> Annotated | None:
    """What `work` gives; errors as for `Isolated.result`."""
    return Isolated(work).result()


def _run_child(work: Callable[[], Annotated | None], channel: int) -> NoReturn:
    """Do the work on a large stack, and end the process."""
    import _signal
    import _thread

    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, _signal.SIG_DFL)  # the parent tidies up

    def main() -> None:
        status = 1
        try:
            with open(channel, "wb") as file:
                marshal.dump(_outcome(work), file)
            status = 0
        finally:
            os._exit(status)

    os.environ["LIBCLANG_NOTHREADS"] = "1"  # libclang's own thread has 8 MB of stack
    _thread.stack_size(_STACK)
    _thread.start_new_thread(main, ())
    while True:
        time.sleep(3600)


def _outcome(work: Callable[[], Annotated | None]) -> tuple[str, bytes] | str | None:
    """The result's fields, or what went wrong."""
    from allocscc.errors import AllocsError

    try:
        result = work()
    except Exception as error:
        what = str(error) if isinstance(error, AllocsError) else f"{type(error).__name__}: {error}"
        if isinstance(error, ImportError):
            what += f"; run 'make setup', or '{sys.executable} -m pip install libclang'"
        return what
    return None if result is None else (result.text, result.sidecar)
