"""What a unit is compiled again for, and the arrays of variable length that it has."""

from __future__ import annotations

from allocscc.compile.apart import NOTHING, Additions, Definition
from allocscc.compile.onstack import with_leaves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.backends.interface import OnStack
    from allocscc.compile.unit import Unit
    from allocscc.sidecar import Site


def compiled_again(unit: Unit, local: list[Definition], on_stack: OnStack | None) -> str:
    """The assembly with these functions kept apart, and with alloca observed; what cannot be had is left out.

    Args:
        unit: as it was compiled.
        local: definitions of functions of a role.
        on_stack: how alloca is observed, if the unit calls it.
    """
    if on_stack is not None:
        frames = _frames(unit) if on_stack.frame else ()
        text = unit.compile_apart(local, Additions(on_stack.prelude, on_stack.frame, frames))
        if text is not None and (unit.intermediate or on_stack.hook in text or local):
            return with_leaves(text, on_stack.hook) if on_stack.leaves else text
    text = unit.compile_apart(local, NOTHING) if local else None
    return unit.text if text is None else text


def _frames(unit: Unit) -> tuple[tuple[str, int, int], ...]:
    """Where the bodies of functions that call alloca begin."""
    if unit.expansion.parsed is None:
        return ()
    from allocscc.compile.bodies import bodies_with_alloca

    return bodies_with_alloca(unit.expansion.parsed)


def arrays_of(unit: Unit) -> tuple[Site, ...]:
    """The sites of arrays of variable length."""
    if not unit.arrays or unit.expansion.parsed is None:
        return ()
    from allocscc.compile.arrays import array_sites

    return array_sites(unit.expansion.parsed, unit.cwd)
