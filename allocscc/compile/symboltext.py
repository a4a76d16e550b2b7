"""The text of a mangled C++ symbol, and how far it has been read."""

from allocscc.compile.cxxtypes import Spelling

# No symbol of a person's program has as many levels or as long a type; a made-up one may.
_DEPTH = 100
_LENGTH = 20000
_DIGITS = frozenset("0123456789")


class UnreadableError(Exception):
    """The symbol is none, or holds what is not read."""


class SymbolText:
    """A symbol, the place in it, and its substitution candidates so far (Itanium C++ ABI, 5.1.10).

    Attributes:
        text: the symbol.
        at: offset of what has not been read yet.
        known: substitution candidates.
    """

    def __init__(self, symbol: str, at: int) -> None:
        self.text, self.at, self._depth = symbol, at, 0
        self.known: list[Spelling] = []

    def peek(self, count: int = 1) -> str:
        """The next characters."""
        return self.text[self.at : self.at + count]

    def take(self, word: str) -> bool:
        """Read a word, if it comes next."""
        if not self.text.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def expect(self, word: str) -> None:
        """Read a word that must come next."""
        if not self.take(word):
            raise UnreadableError

    def enter(self) -> None:
        """One level deeper."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise UnreadableError

    def leave(self) -> None:
        """One level up again."""
        self._depth -= 1

    def remember(self, found: Spelling) -> None:
        """Add a substitution candidate."""
        if len(found[0]) + len(found[1]) > _LENGTH:
            raise UnreadableError
        self.known.append(found)

    def number(self) -> int:
        """A decimal <number> without a sign, of at most six digits; 0 if there is none."""
        start = self.at
        while self.peek() in _DIGITS and self.at - start < 6:
            self.at += 1
        return int(self.text[start : self.at] or "0")

    def sequence(self, base: int) -> int:
        """The number that a <seq-id> and `_` stand for: the first has no digits."""
        end = self.text.find("_", self.at)
        digits = self.text[self.at : end]
        self.at = end + 1
        if end < 0 or len(digits) > 4 or (digits and not (digits.isalnum() and digits.isascii())):
            raise UnreadableError
        try:
            return int(digits, base) + 1 if digits else 0
        except ValueError:
            raise UnreadableError from None

    def source_name(self) -> str:
        """A <source-name>: its length and itself."""
        length = self.number()
        if length < 1 or self.at + length > len(self.text):
            raise UnreadableError
        self.at += length
        name = self.text[self.at - length : self.at]
        return "(anonymous namespace)" if name.startswith("_GLOBAL__N") else name
