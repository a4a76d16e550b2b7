"""How a unit is preprocessed again, as its object says: section `.allocs.command` (docs/sidecar.md).

A unit that calls a function of a role has one, also where it only takes its address (for a table of functions), and so
has no sidecar: `allocs suggest` reads the sources of functions that nobody has declared yet. A record is texts that end
in NUL, and an empty one at its end: the compiler's working folder, the source, then the command line without outputs.
Imports nothing: it is on the path of every compile.
"""

from collections.abc import Iterator

COMMAND_SECTION = ".allocs.command"
_ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


class Command:
    """The command line that preprocesses a unit.

    Attributes:
        folder: the compiler's working folder, after its prefix maps.
        source: the unit's source, as the words have it.
        words: the command line, without outputs; paths in it after the prefix maps, whose options are left out.
    """

    __slots__ = ("folder", "source", "words")

    def __init__(self, folder: str, source: str, words: tuple[str, ...]) -> None:
        self.folder, self.source, self.words = folder, source, words

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Command) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.folder, self.source, self.words

    def assembly(self) -> str:
        """The record as assembler text."""
        texts = [text.translate(_ESCAPES) for text in (self.folder, self.source, *self.words)]
        if not all(texts):  # an empty one would end the record
            return ""
        lines = "".join(f'\t.asciz "{text}"\n' for text in texts)
        return f'\t.pushsection {COMMAND_SECTION},"e",@progbits\n{lines}\t.byte 0\n\t.popsection\n'


def decode_commands(data: bytes) -> Iterator[Command]:
    """The records of a section; one that is cut short is left out."""
    texts: list[str] = []
    for part in data.split(b"\0"):
        if part:
            texts.append(part.decode("utf-8", "surrogateescape"))
            continue
        if len(texts) > 2:
            yield Command(texts[0], texts[1], tuple(texts[2:]))
        texts = []
