"""What a survey looks for and what it finds.

Plain slotted classes, as all that a link without any function of a role needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

    from allocscc.link.job import Input


VERSION = b"@@"  # in front of a definition's default version (gas manual, ".symver")


class Definition:
    """One function of a role, defined in an input.

    Attributes:
        name: symbol.
        input: the input that holds it.
        member: archive member's place in the archive, or -1 for an object.
        weak: whether the binding is weak.
        visibility: st_other visibility (ELF gABI: 0 default, 1 internal, 2 hidden, 3 protected).
        parts: local functions that the compiler split off it.
        unwindable: whether its object has unwind tables.
    """

    __slots__ = ("input", "member", "name", "parts", "unwindable", "visibility", "weak")

    def __init__(
        self, name: str, source: Input, member: int, weak: bool, visibility: int, parts: tuple[str, ...] = (),
        *, unwindable: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.input, self.member, self.weak, self.visibility = name, source, member, weak, visibility
        self.parts, self.unwindable = parts, unwindable


class Survey:
    """What the inputs hold.

    Attributes:
        definitions: functions of a role that objects or archive members define.
        references: wrapper → inputs that refer to it strongly without defining it.
        identified: wrappers that a shared library built by us defines and identifies.
        has_sites: whether any input brings site records.
        sidecars: contents of the sidecar sections that tell of functions of a role: declarations of their sources, and
            static functions.
        sources: contents of the sidecar sections of objects whose machine code is made in this link (LTO).
        intermediate: functions of a role that an object defines both as machine code and as LTO's intermediate code.
        unreadable: messages about inputs that could not be looked into.
        versioned: functions of a role that an object defines under a symbol version.
        unscanned: archives with so many members that only their index was looked at.
    """

    __slots__ = (
        "definitions",
        "has_sites",
        "identified",
        "intermediate",
        "references",
        "sidecars",
        "sources",
        "unreadable",
        "unscanned",
        "versioned",
    )

    def __init__(self) -> None:
        self.definitions: list[Definition] = []
        self.references: dict[str, list[Input]] = {}
        self.identified: set[str] = set()
        self.has_sites = False
        self.intermediate: set[str] = set()
        self.unreadable: list[str] = []
        self.sidecars: list[bytes] = []
        self.sources: list[bytes] = []
        self.unscanned: list[Input] = []
        self.versioned: dict[str, Input] = {}


class Wanted:
    """The functions that a survey looks for.

    Attributes:
        names: all of them.
        wrapping: those that get a caller stub, so that references count.
        globs: regular expressions over symbols, each with whether its matches get a caller stub; of names that are not
            written out, the first one that fits counts.
    """

    __slots__ = ("_terminated", "_versioned", "globs", "names", "wrapping")

    def __init__(self, wrappers: list[str], entries: list[str], globs: list[tuple[str, bool]] | None = None) -> None:
        self.names = {name.encode() for name in (*wrappers, *entries)}
        self.wrapping = {name.encode() for name in wrappers}
        self.globs: list[tuple[re.Pattern[bytes], bool]] = []
        if globs:
            self.globs = _compiled(globs)
        self._terminated = [name + b"\0" for name in self.names]
        self._versioned = {name + VERSION: name for name in self.names}

    def may_be_in(self, strings: bytes) -> bool:
        """Whether a string table has one of the names, perhaps as the end of another one."""
        if self.globs:
            return True
        return any(name in strings for name in self._terminated) or bool(self.versioned(strings))

    def versioned(self, strings: bytes) -> list[bytes]:
        """The names that a string table has with a default version behind them (`.symver f, xmalloc@@V1`)."""
        if VERSION not in strings:
            return []
        return [name for text, name in self._versioned.items() if text in strings]

    def add_matches(self, strings: bytes) -> None:
        """Add the names in a string table that the globs match."""
        for name in strings.split(b"\0"):
            if name and name not in self.names:
                wraps = next((wraps for regex, wraps in self.globs if regex.fullmatch(name)), None)
                if wraps is not None and _is_symbol(name):
                    self.names.add(name)
                    self.wrapping |= {name} if wraps else set()


def _is_symbol(name: bytes) -> bool:
    """Whether a name can stand in a stub: damaged files have others, and those of compilers are all like this."""
    return name.translate(None, b"._$").decode("utf-8", "replace").isalnum()


def _compiled(globs: list[tuple[str, bool]]) -> list[tuple[re.Pattern[bytes], bool]]:
    import re  # only projects with globs pay for it

    return [(re.compile(pattern.encode()), wraps) for pattern, wraps in globs]
