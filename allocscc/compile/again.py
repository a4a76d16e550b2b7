"""What a unit is compiled again for, and the arrays of variable length that it has."""

from __future__ import annotations

from allocscc.compile.apart import NOTHING, Additions, Definition
from allocscc.compile.onstack import with_leaves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.backends.interface import OnStack
    from allocscc.compile.unit import Unit
    from allocscc.sidecar import Site


def changes(unit: Unit, local: list[Definition], on_stack: OnStack | None) -> tuple[list[Definition], Additions] | None:
    """What to compile a unit again with, for `Unit.compile_apart`; None if it can stay as it is.

    Args:
        unit: the unit.
        local: definitions of functions of a role that it calls itself.
        on_stack: how alloca is observed, if the unit calls it.
    """
    if on_stack is not None:
        frames = _frames(unit) if on_stack.frame else ()
        return local, Additions(on_stack.prelude, on_stack.frame, frames)
    return (local, NOTHING) if local else None


def compiled_again(unit: Unit, local: list[Definition], on_stack: OnStack | None) -> str:
    """The assembly with these functions kept apart, and with alloca observed; what cannot be had is left out.

    Arguments are those of `changes`.
    """
    changed = changes(unit, local, on_stack)
    text = unit.compile_apart(*changed) if changed is not None else None
    if on_stack is not None:
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
