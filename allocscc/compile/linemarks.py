"""Where preprocessed text comes from: the file and line of each of its bytes, by the line markers in it."""

from __future__ import annotations

import re
from bisect import bisect_right

from allocscc.compile.asm import unescape

# cpp manual, "Preprocessor Output"; #line where text was not made by a preprocessor alone.
_MARK = re.compile(rb'^[ \t]*#[ \t]*(?:line[ \t]+)?(\d+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?[^\n]*$', re.M)


class LineMarks:
    """The line markers of a text.

    Args:
        text: preprocessed.
        path: the name of what stands in front of the first marker.
    """

    def __init__(self, text: bytes, path: str) -> None:
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", text))]
        self._starts = [-1]
        self._marks = [(path, 1, 0)]  # file, line of what follows, and its physical line (from 0)
        for match in _MARK.finditer(text):
            name = self._marks[-1][0]
            if match[2] is not None:
                name = unescape(match[2].decode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
            self._starts.append(match.start())
            self._marks.append((name, int(match[1]), self.physical(match.start()) + 1))

    def physical(self, offset: int) -> int:
        """The number of a byte's line in the text, from 0."""
        return bisect_right(self._lines, offset) - 1

    def line_start(self, offset: int) -> int:
        """The offset of the first byte of the line that holds a byte."""
        return self._lines[self.physical(offset)]

    def place(self, offset: int) -> tuple[str, int, int]:
        """File, line and column of a byte; the column is that in the preprocessed line."""
        file, line, first = self._marks[bisect_right(self._starts, offset) - 1]
        physical = self.physical(offset)
        return file, line + physical - first, offset - self._lines[physical] + 1
