"""Allocation calls as the source has them: values only, so that matching needs no libclang."""

from allocscc.values import dataclass, field

# What a source site of `new T` has as its callee; the machine's is a mangled operator new.
NEW = "operator new"
# The callee of a call through a pointer.
INDIRECT = "(indirect)"


@dataclass(frozen=True)
class Sized:
    """What a call says of its chunk.

    Attributes:
        type: the element type's spelling.
        evidence: how it is known.
        array: whether several may follow.
        size: of the type, in bytes; 0 when unknown. Not part of the value: another unit may not know the same type's.
        members: as for `allocscc.sidecar.Site`.
    """

    type: str
    evidence: str
    array: bool = False
    size: int = field(default=0, compare=False)
    members: str = field(default="", compare=False)


@dataclass(frozen=True)
class SourceSite:
    """A call as the source has it.

    Attributes:
        file: as the line markers name it.
        line: 1-based, of the call's first token.
        column: 1-based; the source's if `exact`, else that in the preprocessed line.
        exact: whether the source's columns are known: no macro up to here, or one that was seen through.
        callee: function called, or `NEW`.
        function: the enclosing function, in C++ qualified.
        sized: what the call allocates, or None; in a template perhaps in terms of its parameters.
        places: `LINE:COLUMN …`, where compilers may say that the call is; column 0 where that is not known. This and
            what follows are text since they travel in sidecars (`allocscc.compile.lto`).
        outer: the same of the calls that it is an argument of, and of its function: gcc gives these to inner calls.
        scopes: of a site in a template, the enclosing templates, outermost first: `NAME<PARAMETER,…>`, parameters that
            can't be told from their position left blank.
        candidate: whether it calls no function of a role, but with a `sizeof` something that gives a pointer.
    """

    file: str
    line: int
    column: int
    exact: bool
    callee: str
    function: str
    sized: Sized | None
    places: str = ""
    outer: str = ""
    scopes: str = ""
    candidate: bool = False
