"""The liballocs runtime (github.com/stephenrkell/liballocs): records and stubs in its terms, its additions to a link.

`LIBALLOCS` names the tree. What its tools and headers are called is in shared/docs/LIBALLOCS-ABI.md; nothing of them is
copied here: stubs include the tree's own headers.
"""

from __future__ import annotations

import os

from allocscc.backends.interface import Additions, Backend, Link, OnStack, Records
from allocscc.errors import ConfigError
from allocscc.places import data_folder, is_liballocs_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocscc.sidecar import Site

# Its tools read DWARF 4, and give up on a program in which it lacks a type that something is allocated of; frame
# pointers are for its stack walker; a section a function gives each reference to an allocator a relocation.
_DEBUG_INFO = ["-gdwarf-4", "-gstrict-dwarf", "-fno-eliminate-unused-debug-types"]
_FLAGS = [*_DEBUG_INFO, "-fno-omit-frame-pointer", "-ffunction-sections"]
_GCC_FLAGS = ["-fvar-tracking-assignments"]
# Where the headers of its parts are, unless a variable says so.
_PARTS = (
    ("LIBALLOCSTOOL", "contrib/liballocstool"),
    ("LIBRUNT", "contrib/libsystrap/contrib/librunt"),
    ("LIBMALLOCHOOKS", "contrib/libmallochooks"),
)


class Liballocs(Backend):
    """Programs whose heap liballocs knows."""

    name = "liballocs"
    type_sizes = True
    measures = True

    def __init__(self) -> None:
        self._tree = os.environ.get("LIBALLOCS", "")

    @property
    def tree(self) -> str:
        """The tree's path.

        Raises:
            ConfigError: `LIBALLOCS` names none.
        """
        if not is_liballocs_tree(self._tree):
            where = repr(self._tree) if self._tree else "nothing"
            raise ConfigError(
                f"the backend is liballocs, but the variable LIBALLOCS names {where}; set it to a built liballocs tree"
                " (one with tools/Makefile.meta), or choose another backend"
            )
        return os.path.abspath(self._tree)

    def compile_flags(self, family: str) -> list[str]:
        """See `Backend`."""
        return [*_FLAGS, *(_GCC_FLAGS if family == "gcc" else [])]

    def on_stack(self) -> OnStack:
        """See `Backend`."""
        from allocscc.backends.liballocsstack import FRAME, HOOK, PRELUDE

        return OnStack(PRELUDE, HOOK, frame=FRAME)

    def records(self, text: str, sites: Sequence[Site]) -> Records | None:
        """See `Backend`."""
        from allocscc.backends.srcrecords import source_records

        return source_records(text, sites)

    def wraps(self, family: str, suballocates: bool) -> bool:  # noqa: ARG002
        """Suballocators that a shared library defines are indexed by those who call them (see `Backend`)."""
        return suballocates

    def refuses(self, link: Link, family: str, suballocates: bool, measured: bool) -> str:  # noqa: ARG002
        """See `Backend`."""
        if suballocates:
            return ""
        if link.static:
            return "a static program has liballocs' own archive"
        if not measured:
            return (
                "liballocs keeps what it knows at the end of a chunk: a family that is linked in needs its usable-size"
                " function linked in with it, and a size argument in all that allocates"
            )
        return ""

    def stub_header(self) -> str:
        """See `Backend`."""
        return os.path.join(data_folder("stubgen"), "stubgen-liballocs.h")

    def stub_options(self) -> list[str]:
        """See `Backend`."""
        return ["-D_GNU_SOURCE", *(f"-I{folder}" for folder in self._headers())]

    def stub_files(self) -> list[str]:
        """See `Backend`."""
        found = [self.stub_header()]
        for folder in self._headers():
            found += [entry.path for entry in os.scandir(folder) if entry.name.endswith(".h")]
        return sorted(found)

    def additions(self, link: Link) -> Additions:
        """See `Backend`."""
        from allocscc.backends.liballocslink import link_additions

        return link_additions(link, self.tree, self.header_options())

    def finish(self, link: Link, signatures: dict[str, str], suballocators: Sequence[str]) -> None:
        """See `Backend`."""
        from allocscc.backends.metadata import make_metadata

        make_metadata(link.output, self.tree, signatures, suballocators)

    def header_options(self) -> list[str]:
        """The options by which a compiler finds the tree's headers."""
        return [f"-I{folder}" for folder in self._headers()]

    def _headers(self) -> list[str]:
        """The folders with the tree's headers that are there."""
        tree = self.tree
        parts = [os.environ.get(variable) or os.path.join(tree, part) for variable, part in _PARTS]
        folders = [os.path.join(part, "include") for part in (tree, *parts)]
        return [folder for folder in (*folders, os.path.join(tree, "tools")) if os.path.isdir(folder)]
