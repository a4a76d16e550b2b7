"""Does the jobs: several at a time, each step with a limit of time, and all that they say in a log for each."""

import os
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from allocscc import toolchain
from allocscc.rebuild.judge import judge
from allocscc.rebuild.model import Ended, Job, Outcome, Role, Step

_NOT_FOUND = 127  # as of a shell
_OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKE_TERMOUT", "MAKE_TERMERR", "ALLOCSCC_PROBE")


class Execution:
    """A run of jobs.

    Args:
        logs: the folder for logs; each is named after its job.
        env: variables for all steps beside those of ours, such as `ALLOCSCC_BACKEND`.
        timeout: seconds for a step; 0: no limit.
        keep_going: whether to go on behind a job that is not as expected.
        tell: is called with an outcome as soon as there is one.
    """

    def __init__(
        self, logs: str, env: Mapping[str, str], timeout: float, *, keep_going: bool, tell: Callable[[Outcome], None]
    ) -> None:
        self._logs, self._timeout, self._keep_going, self._tell = logs, timeout, keep_going, tell
        self._env = {**toolchain.build_environment(), **env}
        self._lock, self._stopped, self._interrupted = threading.Lock(), False, False
        self._running: set[toolchain.Started] = set()

    def run(self, jobs: Sequence[Job], workers: int) -> list[Outcome]:
        """Do all jobs, `workers` at a time, and give their outcomes in the order of the jobs."""
        done: dict[str, Outcome] = {}
        with ThreadPoolExecutor(max(workers, 1)) as pool:
            waiting = [pool.submit(self._do, job) for job in jobs]
            try:
                for future in as_completed(waiting):
                    outcome = future.result()
                    done[outcome.job.name] = outcome
                    if outcome.tried:
                        self._tell(outcome)
            except BaseException:
                self._stop()
                pool.shutdown(cancel_futures=True)
                raise
        return [done[job.name] for job in jobs]

    def _do(self, job: Job) -> Outcome:
        if self._stopped:
            return Outcome(job)
        path = os.path.join(self._logs, f"{job.name}.log")
        ended: list[Ended] = []
        behind = 0
        log = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o666)
        try:
            for step in job.steps:
                begin = _end(log)
                if step.shown:
                    os.write(log, f"$ {shlex.join(step.argv)}\n".encode("utf-8", "surrogateescape"))
                behind = _end(log)
                ended.append(self._step(step, log))
                if ended[-1].status != 0 or self._interrupted:
                    break
                if not step.shown:  # what a question of ours made a makefile say, too
                    os.ftruncate(log, begin)
        finally:
            os.close(log)
        text = toolchain.read_text(path)
        with open(path, "rb") as whole:
            whole.seek(behind)
            said = whole.read().decode("utf-8", "surrogateescape")
        reason = judge(job, ended, said if ended[-1].role == Role.RUN else "", self._timeout)
        if reason and not self._keep_going:
            self._stopped = True
        return Outcome(job, tuple(ended), reason, text)

    def _step(self, step: Step, log: int) -> Ended:
        start = time.monotonic()
        status: int | None = _NOT_FOUND
        try:
            env = environment_of(step, self._env)
            os.makedirs(step.folder, exist_ok=True)
            with self._lock:
                started = toolchain.Started(list(step.argv), step.folder, env, log)
                self._running.add(started)
        except OSError as error:
            os.write(log, f"{error.filename or step.argv[0]}: {error.strerror}\n".encode("utf-8", "surrogateescape"))
        else:
            status = started.wait(self._timeout or None)
            with self._lock:
                self._running.discard(started)
        return Ended(step.role, status, time.monotonic() - start)

    def _stop(self) -> None:
        with self._lock:
            self._stopped = self._interrupted = True
            for started in self._running:
                started.kill()


def _end(log: int) -> int:
    """The size of a log; what is written next goes there."""
    return os.lseek(log, 0, os.SEEK_END)


def environment_of(step: Step, ours: Mapping[str, str]) -> dict[str, str]:
    """The environment of a step.

    Args:
        step: the step; a file that it names as source is read.
        ours: what counts where no makefile says anything.

    Raises:
        OSError: the earlier step did not write the file.
    """
    env = dict(ours)
    if step.source:
        text = toolchain.read_text(step.source)
        env = dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)
        env = {name: value for name, value in env.items() if name not in _OF_MAKE}
    env.update(step.env)
    if step.preloads:
        preload = " ".join(shlex.split(env.get("PRELOAD", "")))  # it is written for a shell
        if preload:
            env["LD_PRELOAD"] = preload
    return env
