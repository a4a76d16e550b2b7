"""What was expected, and what came out."""

import pytest

from allocscc.rebuild.judge import judge
from allocscc.rebuild.model import Ended, Expected, Job, Role, Step

STEPS = (Step(Role.BUILD, ("make", "x"), "/"), Step(Role.RUN, ("./x",), "/"))
BUILT = Ended(Role.BUILD, 0, 1.0)


def summary(heap, site, alloca, stack, static):
    """What liballocs' runtime prints at exit, as its src/counters.c has it."""
    rule, line = "=" * 52, "-" * 52
    counts = (("unindexed heap", heap), ("unknown heap allocsite", site), ("unindexed alloca", alloca),
              ("unknown stackframes", stack), ("unknown static obj", static))  # fmt: skip
    rows = "".join(f"queries aborted for {name}:   {count}\n" for name, count in counts)
    return (
        f"noise\n{rule}\nliballocs summary: \n{line}\nqueries aborted for unknown storage:  7\n{line}\n{rows}{rule}\n"
    )


@pytest.mark.parametrize(
    ("expected", "status", "reason"),
    [
        (Expected.PASS, 0, ""),
        (Expected.PASS, 3, "it exited with 3"),
        (Expected.PASS, -11, "it was ended by SIGSEGV"),
        (Expected.FAIL, 0, "it was expected to fail and exited with 0"),
        (Expected.FAIL, 1, ""),
        (Expected.FAIL, -6, "it was expected to exit with a status other than 0 and was ended by SIGABRT"),
        (Expected.ABORT, -6, ""),
        (Expected.ABORT, 1, ""),
        (Expected.ABORT, 0, "it was expected to fail and exited with 0"),
        (Expected.PASS, None, "running took more than 5 seconds"),
        (Expected.ABORT, None, "running took more than 5 seconds"),
    ],
)
def test_runs(expected, status, reason):
    """R17: a time-out is never what was expected."""
    assert judge(Job("x", expected, STEPS), [BUILT, Ended(Role.RUN, status, 1.0)], "", 5.0) == reason


@pytest.mark.parametrize("expected", list(Expected))
def test_builds(expected):
    """R17: what is expected to fail has to be built first."""
    job = Job("x", expected, STEPS)
    assert judge(job, [Ended(Role.BUILD, 2, 1.0)], "", 5.0) == "it was not built: make exited with 2"
    assert judge(job, [Ended(Role.BUILD, None, 5.0)], "", 5.0) == "building took more than 5 seconds"


def test_a_build_is_enough():
    """R17: of a tree whose tests were not asked for."""
    assert judge(Job("x", Expected.BUILD, STEPS[:1]), [BUILT], "", 0) == ""


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((0, 0, 0, 0, 0), ""),
        ((9, 0, 0, 0, 0), ""),  # tests/Makefile does not ask for these either
        ((0, 2, 0, 0, 1), "liballocs aborted queries: 2 for unknown heap allocsite, 1 for unknown static obj"),
    ],
)
def test_liballocs_summary(counts, reason):
    """R17: liballocs' tests ask its runtime's counters, too."""
    ended = [BUILT, Ended(Role.RUN, 0, 1.0)]
    assert judge(Job("x", Expected.PASS, STEPS), ended, summary(*counts), 5.0) == reason
