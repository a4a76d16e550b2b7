"""Where a token of a preprocessed line is in the source.

Compilers give a call that a macro expands to the place of the macro's name. Preprocessed text does not have that; but
the tokens around the macros are the same in both lines, so the two can be laid side by side.
"""

from __future__ import annotations

import re

from allocscc.compile.textlines import TextLines

_TOKEN = re.compile(
    rb'/\*.*?(?:\*/|$)|//[^\n]*|\\\r?\n|[A-Za-z_$\x80-\xff][\w$\x80-\xff]*|\.?\d(?:[eEpP][+-]|[\w.\'])*|"(?:[^"\\]|\\.)*"|'
    rb"'(?:[^'\\]|\\.)*'|\S",
    re.S,
)
_BLANK = (b"/*", b"//", b"\\\n", b"\\\r")
# Lines of source that one macro call may span, and tokens to compare (each with each).
_LINES, _PAIRS = 60, 400_000


class SourceLines:
    """The lines of source files, and how the preprocessed lines lie on them."""

    def __init__(self) -> None:
        self._files: dict[str, TextLines] = {}
        self._written: dict[tuple[str, int], tuple[bytes, bool]] = {}
        self._same: dict[tuple[str, int], dict[int, int]] = {}
        self._aligned: dict[tuple[str, int], dict[int, int]] = {}

    def place(self, file: str, line: int, expanded: bytes, offset: int, look: bool) -> tuple[int, int]:
        """The source's line and column of a token; column 0 if that isn't known.

        A line that is continued by a backslash is one line in the preprocessed text.

        Args:
            file: the source.
            line: 1-based.
            expanded: the preprocessed line.
            offset: the token's, in that line.
            look: whether to look beyond the line's first macro.
        """
        key = file, line
        if key not in self._same:
            written = self._read(file, line)
            self._written[key] = written, b"\n" in written
            self._same[key] = common_tokens(written, expanded)
        written, continued = self._written[key]
        at = self._same[key].get(offset, -1)
        if at < 0 and look:
            at = self._align(file, line, expanded).get(offset, -1)
        return _line_column(written, line, at) if continued and at >= 0 else (line, at + 1)

    def argument_place(self, file: str, line: int, expanded: bytes, offset: int) -> tuple[int, int] | None:
        """Line and column of a token inside the macro call that `place` gives the place of; None if there is none.

        clang 21 and later place a call there that is written in a macro's argument. Arguments as for `place`.
        """
        if self.place(file, line, expanded, offset, look=False)[1]:
            return None
        aligned = self._align(file, line, expanded)
        macro = aligned.get(offset, -1)
        if macro < 0:
            return None
        text = self._lines(file).line(line - 1, _LINES)
        word = _token(expanded, offset)
        source = [m for m in _TOKEN.finditer(text, macro) if not m[0].startswith(_BLANK)]
        inside = [m.start() for m in source[1 : max(_ends(source, 0), default=1)] if m[0] == word]
        made = [at for at, owner in sorted(aligned.items()) if owner == macro and _token(expanded, at) == word]
        return _line_column(text, line, inside[made.index(offset)]) if len(inside) == len(made) else None

    def _align(self, file: str, line: int, expanded: bytes) -> dict[int, int]:
        key = file, line
        if key not in self._aligned:
            behind, length = self._lines(file).line(line - 1, _LINES), len(self._written[key][0])
            self._aligned[key] = align(behind, length, expanded)
            if not self._aligned[key] and (end := _closed(behind, length)) > length:
                self._aligned[key] = align(behind, end, expanded)
        return self._aligned[key]

    def read(self) -> dict[str, bytes]:
        """The files that were looked into, and their contents; b"" where there is none."""
        return {file: lines.text for file, lines in self._files.items()}

    def _read(self, file: str, line: int) -> bytes:
        """A line with those that continue it."""
        lines, count = self._lines(file), 1
        text = lines.line(line - 1)
        while text.endswith((b"\\", b"\\\r")) and count < _LINES:
            count += 1
            text = lines.line(line - 1, count)
        return text

    def _lines(self, file: str) -> TextLines:
        if file not in self._files:
            try:
                with open(file, "rb") as source:
                    self._files[file] = TextLines(source.read())
            except (OSError, ValueError):
                self._files[file] = TextLines(b"")
        return self._files[file]


def _closed(text: bytes, length: int) -> int:
    """Where the line ends in which the parentheses are closed that the first `length` bytes leave open.

    A macro call's last line gives the rest of it to the preprocessed line, too.
    """
    depth = 0
    for match in _TOKEN.finditer(text):
        if match.start() >= length and depth <= 0:
            return text.find(b"\n", match.start() - 1) + 1 or len(text)
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
    return length


def _token(text: bytes, at: int) -> bytes:
    match = _TOKEN.match(text, at)
    return match[0] if match else b""


def _line_column(text: bytes, line: int, at: int) -> tuple[int, int]:
    """The place of a byte of text that begins with a line."""
    return line + text.count(b"\n", 0, at), at - text.rfind(b"\n", 0, at)


def common_tokens(written: bytes, expanded: bytes) -> dict[int, int]:
    """Offsets of tokens of a preprocessed line, and those in the source line, up to the first that differs."""
    found = {}
    source = (match for match in _TOKEN.finditer(written) if not match[0].startswith(_BLANK))
    for theirs, ours in zip(_TOKEN.finditer(expanded), source, strict=False):
        if theirs[0] != ours[0]:
            break
        found[theirs.start()] = ours.start()
    return found


def align(written: bytes, length: int, expanded: bytes) -> dict[int, int]:
    """Offsets of tokens of a preprocessed line, and those in the source line that compilers place them at.

    Of all ways to see the source's identifiers as macros or as themselves that give the preprocessed line, those with
    the fewest macros count, of these those that find most tokens again; a token that these place differently is left
    out.

    Args:
        written: the source line and what follows it, for macro calls that go on there.
        length: the source line's.
        expanded: the preprocessed line.
    """
    source = [m for m in _TOKEN.finditer(written) if not m[0].startswith(_BLANK)]
    target = list(_TOKEN.finditer(expanded))
    first_behind = next((i for i, m in enumerate(source) if m.start() >= length), len(source))
    if not source or not target or first_behind * len(target) > _PAIRS:
        return {}
    ends = [_ends(source, i) for i in range(first_behind)]
    forward = _forward(source, target, ends, first_behind)
    # Accepting: the line is used up; a macro call may have reached beyond its end.
    best = min((forward[i][len(target)] for i in range(first_behind, len(source) + 1) if i in forward), default=None)
    if best is None or best >= _NEVER:
        return {}
    return _columns(source, target, ends, first_behind, forward, best)


# Costs: of a macro; of what is impossible. A token that is found again is worth 1.
_MACRO, _NEVER = 1 << 20, 1 << 60


def _ends(source: list[re.Match[bytes]], at: int) -> tuple[int, ...]:
    """The tokens behind a macro that begins here: without, and with arguments."""
    if not re.match(rb"[A-Za-z_$]", source[at][0]):
        return ()
    depth, end = 0, at + 1
    if end < len(source) and source[end][0] == b"(":
        while end < len(source):
            depth += {b"(": 1, b")": -1}.get(source[end][0], 0)
            end += 1
            if depth == 0:
                return (at + 1, end)
    return (at + 1,)


def _forward(
    source: list[re.Match[bytes]], target: list[re.Match[bytes]], ends: list[tuple[int, ...]], stop: int
) -> dict[int, list[int]]:
    """The fewest macros by which the first i tokens of the source give the first j of the target."""
    width = len(target) + 1
    costs: dict[int, list[int]] = {0: [0] + [_NEVER] * (width - 1)}
    for i in range(stop):
        here = costs.get(i)
        if here is None:
            continue
        word = source[i][0]
        following = costs.setdefault(i + 1, [_NEVER] * width)
        for j in range(width - 1):
            if here[j] < _NEVER and here[j] - 1 < following[j + 1] and target[j][0] == word:
                following[j + 1] = here[j] - 1
        for end in ends[i]:
            behind = costs.setdefault(end, [_NEVER] * width)
            least = _NEVER
            for j in range(width):
                least = min(least, here[j])
                if least + _MACRO < behind[j]:
                    behind[j] = least + _MACRO
    return costs


def _columns(
    source: list[re.Match[bytes]],
    target: list[re.Match[bytes]],
    ends: list[tuple[int, ...]],
    stop: int,
    forward: dict[int, list[int]],
    best: int,
) -> dict[int, int]:
    """The source token that each target token stands for on every cheapest way."""
    width = len(target) + 1
    rest: dict[int, list[int]] = {i: [_NEVER] * (width - 1) + [0] for i in forward if i >= stop}
    owners: list[set[int]] = [set() for _ in target]
    for i in reversed(range(stop)):
        if i not in forward:
            continue
        here = [_NEVER] * width
        reached = forward[i]
        behind = rest.get(i + 1)
        if behind is not None:
            for j in range(width - 1):
                if target[j][0] == source[i][0] and behind[j + 1] < _NEVER:
                    here[j] = min(here[j], behind[j + 1] - 1)
                    if reached[j] + behind[j + 1] - 1 == best:
                        owners[j].add(i)
        for end in ends[i]:
            behind = rest.get(end)
            if behind is None:
                continue
            least, last = _NEVER, []
            for j in reversed(range(width)):
                least = min(least, behind[j])
                if least < _NEVER:
                    here[j] = min(here[j], least + _MACRO)
                last.append(least)
            last.reverse()  # the least cost from any place at or behind j
            start = _NEVER
            for j in range(width - 1):
                start = min(start, reached[j])
                if start + _MACRO + last[j + 1] == best:
                    owners[j].add(i)
        rest[i] = here
    return {
        match.start(): source[next(iter(found))].start()
        for match, found in zip(target, owners, strict=True)
        if len(found) == 1
    }
