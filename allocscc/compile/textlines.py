"""The lines of a large text, by number and by offset, without cutting it up."""

from bisect import bisect_left

# Line ends are counted ahead at each block (bytes), from there on when they are asked for.
_BLOCK = 2048


class TextLines:
    """Line numbers of a text; they begin at 0."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._counts = [0]
        for block in range(0, len(text), _BLOCK):
            self._counts.append(self._counts[-1] + text.count(b"\n", block, block + _BLOCK))

    def number(self, offset: int) -> int:
        """The number of the line that holds a byte."""
        block = offset // _BLOCK
        return self._counts[block] + self.text.count(b"\n", block * _BLOCK, offset)

    def start(self, offset: int) -> int:
        """The offset of the first byte of the line that holds a byte."""
        return self.text.rfind(b"\n", 0, max(offset, 0)) + 1

    def line(self, number: int, count: int = 1) -> bytes:
        """Some lines from a number on, without the last one's end; nothing where there are none."""
        if not 0 <= number <= self._counts[-1]:
            return b""
        start = self._behind(number)
        end = self._behind(min(number + count, self._counts[-1] + 1))
        return self.text[start : end - 1] if end <= len(self.text) else self.text[start:]

    def _behind(self, ends: int) -> int:
        """The offset behind that many line ends; behind the text and one more if there are not so many."""
        if ends > self._counts[-1]:
            return len(self.text) + 1
        block = max(bisect_left(self._counts, ends) - 1, 0)
        at = block * _BLOCK
        for _ in range(ends - self._counts[block]):
            at = self.text.index(b"\n", at) + 1
        return at
