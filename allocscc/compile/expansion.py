"""A unit's preprocessed text, and the same as libclang sees it: each made when it is first asked for."""

from __future__ import annotations

from functools import cached_property

from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from allocscc.compile.tree import Parsed


@dataclass(frozen=True)
class Preprocessed:
    """Preprocessed text in a file, and how libclang has to read it.

    Attributes:
        path: the file.
        language: `c` or `c++`.
        standard: the `-std=` option in a list, or an empty list.
        compiled: whether the compiler was given such text, too (`-save-temps`): then places are those in it.
    """

    path: str
    language: str
    standard: list[str]
    compiled: bool = False


@dataclass(frozen=True)
class Expansion:
    """What a unit's source becomes when it is preprocessed.

    Attributes:
        preprocess: gives the preprocessed text, or None where it cannot be had.
    """

    preprocess: Callable[[], Preprocessed | None]

    @cached_property
    def found(self) -> Preprocessed | None:
        """The preprocessed text's file."""
        return self.preprocess()

    @cached_property
    def text(self) -> bytes:
        """Its contents."""
        if self.found is None:
            return b""
        with open(self.found.path, "rb") as file:
            return file.read()

    @cached_property
    def parsed(self) -> Parsed | None:
        """The same as libclang sees it.

        Raises:
            ImportError: libclang is not installed.
        """
        if self.found is None:
            return None
        from allocscc.compile.scan import parse

        return parse(self.found.path, self.text, self.found.language, self.found.standard)
