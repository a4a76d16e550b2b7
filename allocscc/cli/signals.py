"""Waiting for a program as if nobody stood between it and the terminal."""

import os
import select
import signal
from types import FrameType

from allocscc import toolchain

# The terminal sends these to the program, too; they are its business.
_ITS_OWN = (signal.SIGINT, signal.SIGQUIT)
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
# Python ignores them; what we start must not inherit that.
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)


class Patience:
    """A context in which a program is started and waited for; signals are treated accordingly meanwhile.

    Python runs a handler only when the interpreter is at work, so a signal that comes just before a blocking call would
    be noticed after it. Here each signal, also that of the program's end, puts a byte into a pipe (`set_wakeup_fd`),
    and that pipe is what is waited for.
    """

    def __init__(self) -> None:
        self._pid = 0
        self._early: list[int] = []
        self._before: dict[int, object] = {}
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waker_before = -1

    def __enter__(self) -> "Patience":
        self._waker_before = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in _DEFAULT:
            self._before[number] = signal.signal(number, signal.SIG_DFL)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _stay)
        for number in (*_ITS_OWN, *_PASSED_ON):
            if signal.getsignal(number) != signal.SIG_IGN:
                handler = _stay if number in _ITS_OWN else self._pass_on
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number, old in self._before.items():
            signal.signal(number, old)  # type: ignore[arg-type]  # what `signal` gave
        signal.set_wakeup_fd(self._waker_before)
        os.close(self._woken)
        os.close(self._waker)

    def wait(self, pid: int) -> int:
        """The exit status of the program that was started, or the number of the signal that it died of, negative."""
        self._pid = pid
        for number in self._early:
            os.kill(pid, number)
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            select.select([self._woken], [], [])
            os.read(self._woken, 512)
        return toolchain.wait_for(pid)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._pid:
            os.kill(self._pid, number)
        else:
            self._early.append(number)


def _stay(_number: int, _frame: FrameType | None) -> None:
    """A handler, which a program that is started does not inherit, as it would what is ignored."""
