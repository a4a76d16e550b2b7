"""Outcomes as a table and as JSON."""

from collections.abc import Sequence

from allocscc.errors import printable
from allocscc.rebuild.judge import signal_name
from allocscc.rebuild.model import Outcome

_HEADINGS = ("case", "built", "ran", "expected", "met", "time")


def table(outcomes: Sequence[Outcome]) -> str:
    """A row for each job and a last line that counts; 80 columns, unless a name is very long."""
    rows = [_HEADINGS, *(_row(outcome) for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = []
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row[:-1], widths, strict=False)]
        lines.append("  ".join((*cells, row[-1].rjust(widths[-1]))))
    lines.insert(1, "-" * max(80, len(lines[0])))
    return "\n".join((*lines, "", _count(outcomes), ""))


def last_lines(outcome: Outcome, lines: int, where: str) -> str:
    """Why a job is not as expected, and the end of its log.

    Args:
        outcome: the job's.
        lines: how many.
        where: the log's path; "": it is not kept.
    """
    said = outcome.log.splitlines()
    shown = "".join(f"  {printable(line)}\n" for line in said[-lines:])
    more = f" (all of it: {where})" if where else ""
    return f"{outcome.job.name}: {outcome.reason}{more}\n{shown}"


def as_json(outcome: Outcome, lines: int) -> dict[str, object]:
    """The object of `allocs rebuild --json`."""
    ran = outcome.ran
    return {
        "name": outcome.job.name,
        "tried": outcome.tried,
        "built": outcome.built,
        "ran": _ran(outcome) if ran else None,
        "status": ran.status if ran else None,
        "expected": str(outcome.job.expected),
        "met": outcome.met,
        "reason": outcome.reason or None,
        "seconds": round(outcome.seconds, 3),
        "log": outcome.log.splitlines()[-lines:] if outcome.reason else [],
    }


def _row(outcome: Outcome) -> tuple[str, ...]:
    if not outcome.tried:
        return (printable(outcome.job.name), "-", "-", str(outcome.job.expected), "-", "-")
    built = "yes" if outcome.built else "no"
    met = "yes" if outcome.met else "NO"
    seconds = f"{outcome.seconds:.1f} s"
    return (printable(outcome.job.name), built, _ran(outcome), str(outcome.job.expected), met, seconds)


def _ran(outcome: Outcome) -> str:
    if outcome.ran is None:
        return "-"
    status = outcome.ran.status
    return "too long" if status is None else signal_name(-status) if status < 0 else f"exit {status}"


def _count(outcomes: Sequence[Outcome]) -> str:
    bad = [outcome.job.name for outcome in outcomes if outcome.reason]
    untried = sum(not outcome.tried for outcome in outcomes)
    good = len(outcomes) - len(bad) - untried
    text = f"{len(outcomes)} tried: " if not untried else f"{len(outcomes) - untried} of {len(outcomes)} tried: "
    text += f"{good} as expected" + (f", {len(bad)} not" if bad else "")
    return text + ("; --keep-going tries all" if untried else "")
