"""Lines of a report: what they say and in which style, apart from where they are shown.

Into a file a line goes as it is, whatever its length. On a terminal rich wraps and colours it (imported there only).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from allocscc.errors import printable

# A name with more columns than this many lines of the terminal is cut in its middle there.
_MOST_LINES = 4


@dataclass(frozen=True)
class Line:
    """A line.

    Attributes:
        fixed: its begin, never wrapped.
        spans: texts that follow, each with the name of a style of rich or "".
        hang: the column where it goes on if it has to be wrapped, not before the end of `fixed`.
        style: that of `fixed`.
        short: whether a terminal shows one line of it at most.
    """

    fixed: str
    spans: tuple[tuple[str, str], ...] = ()
    hang: int = 0
    style: str = ""
    short: bool = False

    @property
    def text(self) -> str:
        """The line as a file has it."""
        return _safe(self.fixed + "".join(text for text, _ in self.spans)).rstrip()


def plain(lines: Iterable[Line]) -> str:
    """The lines as text, each with its newline."""
    return "".join(f"{line.text}\n" for line in lines)


def styled(lines: Iterable[Line], width: int, *, color: bool) -> str:
    """The lines for a terminal of this width (columns), each with its newline."""
    import io

    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False,
        emoji=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    for line in lines:
        if not color and len(line.text) <= width and line.text.isascii():
            out.write(f"{line.text}\n")
            continue
        room = max(width - line.hang, 20)
        body = Text()
        for text, style in line.spans:
            body.append(_clip(_safe(text), room * _MOST_LINES), style)
        if line.short:
            body.truncate(room, overflow="ellipsis")
        whole_line = not line.spans or len(line.fixed) + body.cell_len <= width
        parts = [body] if whole_line else body.wrap(console, room, overflow="fold")
        for number, part in enumerate(parts):
            whole = Text(line.fixed if number == 0 else " " * line.hang, line.style)
            whole.append_text(part)
            whole.rstrip()
            console.print(whole, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)
    return out.getvalue()


def _safe(text: str) -> str:
    """The text without control characters: names in a file may hold any."""
    return text if text.isprintable() else printable(text).replace("\n", "?").replace("\t", "?")


def _clip(text: str, most: int) -> str:
    """At most so many columns; what is cut is cut in the middle, since both ends tell more."""
    if len(text) <= most:
        return text
    head = (most - 1) * 3 // 5
    return text[:head] + "…" + text[len(text) - (most - 1 - head) :]
