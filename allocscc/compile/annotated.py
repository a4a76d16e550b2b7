"""What the compile phase makes of a unit; by itself, since who only hands it on has no use for what makes it."""

from allocscc.values import dataclass


@dataclass(frozen=True)
class Annotated:
    """A unit's assembly with records, and its sidecar record."""

    text: str
    sidecar: bytes
