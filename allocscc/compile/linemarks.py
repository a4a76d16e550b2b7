"""Where preprocessed text comes from: the file and line of each of its bytes, by the line markers in it."""

from __future__ import annotations

import re
from bisect import bisect_right

from allocscc.compile.asm import unescape
from allocscc.compile.textlines import TextLines

# cpp manual, "Preprocessor Output"; #line where text was not made by a preprocessor.
_MARK = re.compile(rb'\n#(?:line)?[ \t]+(\d+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?')


class LineMarks:
    """The line markers of a text.

    Args:
        text: preprocessed.
        path: the name of what stands in front of the first marker.
    """

    def __init__(self, text: bytes, path: str) -> None:
        self.lines = TextLines(text)
        self._starts = [-1]
        self._marks = [(path, 1, 0)]  # file, line of what follows, and its physical line (from 0)
        names: dict[bytes, str] = {}
        first = _MARK.match(b"\n" + text[: text.find(b"\n") + 1])
        for match in [*([first] if first else []), *_MARK.finditer(text)]:
            name = self._marks[-1][0]
            if match[2] is not None:
                if match[2] not in names:
                    raw = unescape(match[2].decode("utf-8", "surrogateescape"))
                    names[match[2]] = raw.decode("utf-8", "surrogateescape")
                name = names[match[2]]
            start = 0 if match is first else match.start() + 1
            self._starts.append(start)
            self._marks.append((name, int(match[1]), self.lines.number(start) + 1))

    def place(self, offset: int) -> tuple[str, int, int]:
        """File, line and column of a byte; the column is that in the preprocessed line."""
        file, line, first = self._marks[bisect_right(self._starts, offset) - 1]
        return file, line + self.lines.number(offset) - first, offset - self.lines.start(offset) + 1
