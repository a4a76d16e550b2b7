"""Whether a job ended as it was expected to."""

import re
import signal
from collections.abc import Sequence

from allocscc.rebuild.model import Ended, Expected, Job, Role

# What liballocs' runtime prints at exit: lines "queries aborted for REASON: COUNT" between lines of "=".
_SUMMARY = re.compile(r"^liballocs summary:.*?^={10,}$", re.M | re.S)
_ABORTED = re.compile(r"^queries aborted for (.*?): *(\d+)\s*$", re.M)
# Its own tests ask for zero in the last four of these.
_ASKED = 4


def judge(job: Job, ended: Sequence[Ended], said: str, timeout: float) -> str:
    """Why a job is not as expected, or "" if it is.

    Args:
        job: the job.
        ended: its steps, as far as they were run: the last is the one that failed, if one did.
        said: what its run printed.
        timeout: after how many seconds a step was ended.
    """
    last = ended[-1]
    if last.status is None:
        return f"{'building' if last.role == Role.BUILD else 'running'} took more than {timeout:g} seconds"
    if last.role == Role.BUILD:
        return f"it was not built: {job.steps[len(ended) - 1].argv[0]} {how(last)}" if last.status else ""
    if job.expected == Expected.PASS:
        return f"it {how(last)}" if last.status else _aborted_queries(said)
    if job.expected == Expected.FAIL and last.status < 0:
        return f"it was expected to exit with a status other than 0 and {how(last)}"
    return "" if last.status else "it was expected to fail and exited with 0"


def how(ended: Ended) -> str:
    """How a step ended, behind a subject."""
    if ended.status is None:
        return "took too long"
    return f"was ended by {signal_name(-ended.status)}" if ended.status < 0 else f"exited with {ended.status}"


def signal_name(number: int) -> str:
    """The name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _aborted_queries(said: str) -> str:
    summaries = _SUMMARY.findall(said)
    counts = _ABORTED.findall(summaries[-1])[-_ASKED:] if summaries else []
    bad = [f"{count} for {reason}" for reason, count in counts if int(count)]
    return f"liballocs aborted queries: {', '.join(bad)}" if bad else ""
