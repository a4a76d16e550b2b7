"""The liballocs runtime."""

from allocscc.backends.interface import Backend


class Liballocs(Backend):
    """Programs whose heap liballocs knows."""

    name = "liballocs"
