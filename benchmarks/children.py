"""Programs run and measured from outside: wall time, and the peak memory that the kernel counts (wait4's ru_maxrss)."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from benchmarks.figures import Sample

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
PATIENCE = 900.0


class RunFailedError(Exception):
    """A program did not end well; the message says how."""


class Stopwatch:
    """programs/timed.c, built, which starts what is measured.

    Attributes:
        folder: where it and what it writes are.
    """

    def __init__(self, folder: str):
        self.folder = folder
        self._program = os.path.join(folder, "timed")
        self._times = os.path.join(folder, "times")
        source = os.path.join(PROGRAMS, "timed.c")
        subprocess.run(["gcc", "-O2", source, "-o", self._program], check=True)

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        extra: Mapping[str, str] | None = None,
        output: str = os.devnull,
        count: int = 1,
    ) -> list[Sample]:
        """Run a command some times.

        Args:
            command: the program and its arguments.
            environment: of the stopwatch itself and the program.
            extra: what only the program has in its environment, such as LD_PRELOAD.
            output: a file for its stdout.
            count: how many times.

        Raises:
            RunFailedError: it gave another status than 0, or took longer than PATIENCE.
        """
        words = [self._program, self._times, str(count), *(f"{k}={v}" for k, v in (extra or {}).items()), *command]
        errors = os.path.join(self.folder, "errors")
        if os.path.exists(self._times):
            os.remove(self._times)
        with open(output, "wb") as out, open(errors, "wb") as err:
            process = subprocess.Popen(
                words, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(PATIENCE * count)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise RunFailedError(f"took longer than {PATIENCE:g} s") from None
                raise
        if status:
            raise RunFailedError(f"the stopwatch gave {status}")
        samples = []
        with open(self._times, encoding="ascii") as file:
            for line in file:
                nanoseconds, kib, status = (int(word) for word in line.split())
                if status:
                    raise RunFailedError(f"{_ending(status)}: {_tail(errors)}")
                samples.append(Sample(nanoseconds / 1e9, kib))
        return samples


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit status {code}" if code >= 0 else f"killed by signal {-code}"


def _tail(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().strip().splitlines()
    return lines[-1] if lines else "no message"
