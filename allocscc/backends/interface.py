"""What a backend is: all that the phases ask of it (docs/backends.md says how to write one).

Plain slotted classes: every link pays for this import.
"""

from __future__ import annotations

import os

from allocscc.places import data_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocscc.sidecar import Site


class Link:
    """A link as a backend sees it.

    Attributes:
        output: path of the output, as the command line has it.
        shared: whether it is a shared object, not an executable.
        static: whether no shared library may take part.
        args: the linker's arguments, response files expanded.
        gc_sections: whether `--gc-sections` is on.
        linker: path of the real linker.
        objects: paths of the objects among the inputs, in order.
        archives: paths of the archives.
        has_sites: whether any input has site records.
        interpose: families that are nowhere defined in the link and that the config has interposed.
        keep: functions of shared libraries that must stay needed, for what else is used of them is interposed.
    """

    __slots__ = (
        "archives", "args", "gc_sections", "has_sites", "interpose", "keep", "linker", "objects", "output",
        "shared", "static",
    )  # fmt: skip

    def __init__(
        self, output: str, args: list[str], linker: str, *, shared: bool = False, static: bool = False,
        gc_sections: bool = False, objects: Sequence[str] = (), archives: Sequence[str] = (), has_sites: bool = False,
        interpose: Sequence[str] = (), keep: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.output, self.args, self.linker = output, args, linker
        self.shared, self.static, self.gc_sections, self.has_sites = shared, static, gc_sections, has_sites
        self.objects, self.archives = list(objects), list(archives)
        self.interpose, self.keep = list(interpose), list(keep)


class Additions:
    """What a link gets: `words` in front of its libc, `options` in front of everything, both in the linker's spelling.

    `late` words stand behind everything: where the last of several options counts.
    """

    __slots__ = ("late", "options", "words")

    def __init__(self, words: Sequence[str] = (), options: Sequence[str] = (), late: Sequence[str] = ()) -> None:
        self.words, self.options, self.late = list(words), list(options), list(late)


class Records:
    """What a unit's assembly gets beside the records of its sites.

    Attributes:
        before: number of a site → lines of assembly in front of its call.
        behind: lines behind the whole text.
    """

    __slots__ = ("before", "behind")

    def __init__(self, before: dict[int, str], behind: str) -> None:
        self.before, self.behind = before, behind


class OnStack:
    """How a backend has calls of alloca observed: a unit that has some is compiled again from text with additions.

    Attributes:
        prelude: lines in front of the text, which make a macro of `__builtin_alloca`.
        hook: the symbol that the macro calls, once for each call of alloca: that call's place is the site.
        frame: a declaration at the begin of each function that calls alloca, or b"".
        leaves: whether the function that `allocscc.compile.onstack` names is called before each return.
    """

    __slots__ = ("frame", "hook", "leaves", "prelude")

    def __init__(self, prelude: bytes, hook: str, *, frame: bytes = b"", leaves: bool = False) -> None:
        self.prelude, self.hook, self.frame, self.leaves = prelude, hook, frame, leaves


class Backend:
    """The interface, with the answers of a backend that wants nothing.

    Attributes:
        name: what messages call it.
        embeds: whether the embedded runtime is linked in.
        walks: whether wrappers can be observed by unwinding (`observe`).
        type_sizes: whether stubs of typed primitives have to know the size of their type.
        measures: whether stubs ask an allocator's own usable-size function, which has to be linked in, then.
    """

    name = ""
    embeds = False
    walks = False
    type_sizes = False
    measures = False

    def compile_flags(self, family: str) -> list[str]:  # noqa: ARG002
        """Options for the compiler (`gcc` or `clang`), weaker than the user's own."""
        return []

    def on_stack(self) -> OnStack | None:
        """How calls of alloca are observed; None: they are not."""
        return None

    def records(self, text: str, sites: Sequence[Site]) -> Records | None:  # noqa: ARG002
        """What the assembly of a unit gets.

        Args:
            text: the assembly.
            sites: its allocation sites, in text order.
        """
        return None

    def obstacle(self) -> str:
        """Why a link is made as without us, or ""."""
        return ""

    def wraps(self, family: str, suballocates: bool) -> bool:  # noqa: ARG002
        """Whether entry points of a family that only a shared library defines get stubs by `--wrap`."""
        return False

    def refuses(self, link: Link, family: str, suballocates: bool, measured: bool) -> str:  # noqa: ARG002
        """Why no entry point of a family gets a stub, or "".

        Args:
            link: the link.
            family: the allocator's name.
            suballocates: whether it carves up another one's chunks.
            measured: whether its usable-size function is linked in, and all that allocates says how much.
        """
        return ""

    def stub_header(self) -> str:
        """Path of the C header with the macros that stubs are made of (docs/backends.md lists them)."""
        return os.path.join(data_folder("stubgen"), "stubgen.h")

    def stub_options(self) -> list[str]:
        """Compiler options for stubs: `-I`, `-D` and the like."""
        return []

    def stub_files(self) -> list[str]:
        """All files that a compiled stub depends on, the header among them: part of the cache's key."""
        return [self.stub_header()]

    def additions(self, link: Link) -> Additions:  # noqa: ARG002
        """What a link gets.

        Raises:
            AllocsError: it cannot be had; the link is then made as without us, or stopped (`on-error`).
        """
        return Additions()

    def finish(self, link: Link, signatures: dict[str, str], suballocators: Sequence[str]) -> None:
        """Do what is to be done when the output is there.

        Args:
            link: the link.
            signatures: functions whose calls are allocation sites → their signatures (`xmalloc` → `xmalloc(Z)p`).
            suballocators: those of them that carve up chunks of others.

        Raises:
            AllocsError: it failed; told as a warning, or the link fails (`on-error`).
        """
