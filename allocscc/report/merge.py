"""Several profiles as one: of the processes of one run, or of several runs."""

from collections.abc import Sequence
from dataclasses import replace

from allocscc.report.profile import Profile, merge_rows


def merged(profiles: Sequence[Profile]) -> Profile:
    """One profile with the rows of all, named after the program with the largest peak.

    Peaks are added, though they may have been at different times. A time line is kept only where there is one profile.
    """
    if len(profiles) == 1:
        return profiles[0]
    largest = max(profiles, key=lambda one: sum(row.counts.peak_bytes for row in one.rows if row.parent is None))
    reasons = {one.reason for one in profiles}
    return replace(
        largest,
        counted=all(one.counted for one in profiles),
        rows=merge_rows(row for one in profiles for row in one.rows),
        reason="exit" if reasons <= {"exit"} else next(iter(sorted(reasons - {"exit"}))),
        ms=max(one.ms for one in profiles),
        timeline=(),
    )
