"""Where each key of a TOML file stands, which `tomllib` does not tell: for messages and origins."""

import re

# One part of a dotted key (TOML 1.0, "Keys"): bare, or in either kind of quotes.
_PART = r"(?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_KEY})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_KEY})[ \t]*=")
_PARTS = re.compile(_PART)
_STRINGS = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")
# Longer lists than this (lines) are generated; their strings stand where the list begins.
_LONGEST = 10_000


class Lines:
    """The lines of a TOML file by key."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.split("\n")  # not `splitlines`: TOML and editors know no other line ends
        self._at: dict[tuple[str, ...], int] = {}
        self._items: dict[int, dict[str, int]] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, 1):
            header = _HEADER.match(line)
            if header is not None:
                table = _parts(header[1])
                self._note(table, number)
                continue
            assignment = _ASSIGNMENT.match(line)
            if assignment is not None:
                self._note((*table, *_parts(assignment[1])), number)

    def _note(self, key: tuple[str, ...], number: int) -> None:
        for length in range(1, len(key) + 1):
            self._at.setdefault(key[:length], number)

    def number(self, *key: str) -> int:
        """The line (from 1) of a key; of the nearest table around it if it has none of its own."""
        for length in range(len(key), 0, -1):
            if key[:length] in self._at:
                return self._at[key[:length]]
        return 1

    def where(self, *key: str) -> str:
        """`file:line` of a key."""
        return f"{self._path}:{self.number(*key)}"

    def where_item(self, item: str, *key: str) -> str:
        """`file:line` of a string in the list under a key: the whole string, or what stands in front of a `(` of it."""
        start = self.number(*key)
        if start not in self._items:
            self._items[start] = self._strings_from(start)
        return f"{self._path}:{self._items[start].get(item, start)}"

    def _strings_from(self, start: int) -> dict[str, int]:
        """The strings from a line up to the next key, and what stands in front of their parentheses, with lines."""
        found: dict[str, int] = {}
        starts: dict[str, int] = {}
        for number, line in enumerate(self._lines[start - 1 : start + _LONGEST], start):
            if number > start and (_HEADER.match(line) or _ASSIGNMENT.match(line)):
                break
            for match in _STRINGS.finditer(line):
                text = match[2] if match[1] is None else _unescaped(match[1])
                found.setdefault(text, number)
                for at in range(min(len(text), 1000)):
                    if text[at] == "(":
                        starts.setdefault(text[:at], number)
        return starts | found


def _parts(key: str) -> tuple[str, ...]:
    return tuple(
        _unescaped(part[1:-1]) if part[0] == '"' else part.strip("'") if part[0] == "'" else part
        for part in _PARTS.findall(key)
    )


def _unescaped(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)
