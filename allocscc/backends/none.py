"""Nobody: sites are recorded, and the link is made as without us."""

from allocscc.backends.interface import Backend


class Nobody(Backend):
    """For who wants the records only (`allocs sites`), or to switch everything at the link off."""

    name = "none"

    def obstacle(self) -> str:
        """See `Backend`."""
        return "the backend is none"
