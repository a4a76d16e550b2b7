"""Backends: for whom a build's stubs and records are made (docs/backends.md). `load_backend` finds one by its name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.backends.interface import Backend

EMBEDDED = "embedded"  # what every link and compile has unless something asks for another one


def load_backend(name: str) -> Backend:
    """The backend of a name.

    Args:
        name: as `[runtime] backend` has it: a module of this package, or the absolute path of a Python file whose
            function `backend()` gives an `allocscc.backends.interface.Backend`.

    Raises:
        HookError: the file cannot be read, fails, or gives something else.
    """
    if name == EMBEDDED:
        from allocscc.backends.embedded import Embedded

        return Embedded()
    if name == "liballocs":
        from allocscc.backends.liballocs import Liballocs

        return Liballocs()
    if name == "none":
        from allocscc.backends.none import Nobody

        return Nobody()
    from allocscc.backends.interface import Backend
    from allocscc.config.hooks import call_hook
    from allocscc.errors import HookError

    made = call_hook(name, "backend")
    if not isinstance(made, Backend):
        raise HookError(
            f"{name}: backend() must give an allocscc.backends.interface.Backend, not {type(made).__name__}"
        )
    return made
