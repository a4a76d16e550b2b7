"""Allocation calls as the source has them: values only, so that matching needs no libclang."""

from dataclasses import dataclass

# What a source site of `new T` has as its callee; the machine's is a mangled operator new.
NEW = "operator new"


@dataclass(frozen=True)
class Sized:
    """What a size expression says: the element type's spelling, how it is known, whether several may follow."""

    type: str
    evidence: str
    array: bool = False


@dataclass(frozen=True)
class SourceSite:
    """A call as the source has it.

    Attributes:
        file: as the line markers name it.
        line: 1-based, of the call's first token.
        column: 1-based in the *preprocessed* line; right for the source only if `exact`.
        exact: whether the line holds no macro up to here, so that the column is the source's.
        callee: function called, or `NEW`.
        function: the enclosing function's name.
        sized: what the call allocates, or None.
    """

    file: str
    line: int
    column: int
    exact: bool
    callee: str
    function: str
    sized: Sized | None
