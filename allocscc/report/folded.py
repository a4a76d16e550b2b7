"""A profile as folded stacks, `a;b;c N` a line, as flamegraph.pl, inferno and speedscope read them."""

from allocscc.report.frames import frames, outermost, printable, suballocated
from allocscc.report.profile import Profile

_SUBALLOCATED = "suballocated_"


def render(profile: Profile, *, count: str = "peak_bytes") -> str:
    """One line a stack, the root first: program, site, wrappers as they call each other, allocator, type.

    Args:
        profile: the profile.
        count: a field of `Counts`. With `suballocated_` before it, the rows of suballocators: a flame graph adds
            everything up, and their bytes lie in their parents', so they never stand beside them.

    Raises:
        ValueError: there is no such count.
    """
    field = count.removeprefix(_SUBALLOCATED)
    rows = suballocated(profile.rows) if field != count else outermost(profile.rows)
    program = printable(profile.program) or "unknown program"
    sums: dict[tuple[str, ...], int] = {}
    for row in rows:
        *calls, kind = (frame.label() for frame in frames(row))
        stack = (program, *reversed(calls), kind)
        try:
            number = getattr(row.counts, field)
        except AttributeError:
            raise ValueError(f"{count}: no count of a profile") from None
        sums[stack] = sums.get(stack, 0) + number
    lines = sorted(f"{';'.join(map(_field, stack))} {number}\n" for stack, number in sums.items() if number)
    return "".join(lines)


def _field(name: str) -> str:
    """A semicolon would begin the next frame."""
    return name.replace(";", ",") or "?"
