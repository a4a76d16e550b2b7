"""Keeps functions of a role apart from their callers in the same file, so that every call goes through their symbol.

Inlined or cloned, a call is lost; left in place, it may rely on what the compiler knows of the function behind it
(gcc's -fipa-ra, -fipa-stack-alignment), which will be a stub. So the unit is compiled again from text in which the
includes are resolved and the macros are not (gcc: -fdirectives-only, clang: -frewrite-includes; lines and columns stay
those of the source), with an attribute in front of these definitions.
"""

import re

from allocscc.values import dataclass

# gcc manual, "Common Function Attributes": noipa, as if neither side saw the other. clang has only noinline; `used`,
# since what may have callers elsewhere keeps its parameters (measured: clang 19 leaves out a constant argument).
_ATTRIBUTE = {"gcc": b"__attribute__((__noipa__))", "clang": b"__attribute__((__noinline__, __used__))"}
# cpp manual, "Preprocessor Output"; -frewrite-includes writes the same.
_MARKER = re.compile(rb'^# (\d+) ("(?:[^"\\]|\\.)*")([ \d]*)$')
# How many lines may lie between the start of a definition and the function's name.
_REACH = 40


@dataclass(frozen=True)
class Definition:
    """Where a function's definition begins.

    Attributes:
        symbol: the function.
        name: as the source writes it.
        file: as line markers name it.
        line: 1-based.
        before: what stands in front of it on its line, macros expanded.
    """

    symbol: str
    name: str
    file: str
    line: int
    before: bytes


@dataclass(frozen=True)
class Additions:
    """What a unit's text gets beside attributes.

    Attributes:
        prelude: lines in front of it.
        frame: a declaration at the begin of some functions.
        frames: of these, file as line markers name it, line and column of the brace, 1-based.
    """

    prelude: bytes = b""
    frame: bytes = b""
    frames: tuple[tuple[str, int, int], ...] = ()


NOTHING = Additions()


def keep_apart(text: bytes, definitions: list[Definition], family: str) -> bytes | None:
    """The text with the attribute in front of these definitions; None if none of them is found.

    One that a macro pastes together is not found, or one behind a macro on its line: it stays as it is.

    Args:
        text: the unit with its includes resolved and line markers.
        definitions: what to keep apart.
        family: of compilers, `gcc` or `clang`.
    """
    lines = text.split(b"\n")
    places = _places(lines, {(d.file, d.line) for d in definitions})
    edits: dict[int, tuple[Definition, bytes]] = {}
    for definition in definitions:
        found = [(at, marker) for at, marker in places.get((definition.file, definition.line), [])
                 if _fits(lines, at, definition)]  # fmt: skip
        edits.update((at, (definition, marker)) for at, marker in found)
    if not edits:
        return None
    for at, (definition, marker) in edits.items():
        width = len(definition.before) if definition.before.strip() else 0
        head, rest = lines[at][:width], lines[at][width:]
        resumed = b"# %d %s" % (definition.line, marker)
        lines[at] = b"\n".join([*([head] if head else []), _ATTRIBUTE[family], resumed, b" " * width + rest])
    return b"\n".join(lines)


def keep_file_apart(
    source: str, target: str, definitions: list[Definition], family: str, additions: "Additions | None" = None
) -> bool:
    """Write the text of a file with these definitions kept apart; whether there is anything to compile again for.

    Args:
        source: the unit with its includes resolved and line markers.
        target: where to write.
        definitions: what to keep apart.
        family: of compilers, `gcc` or `clang`.
        additions: to the text.
    """
    with open(source, "rb") as file:
        before = file.read()
    text = keep_apart(before, definitions, family) if definitions else None
    if additions is not None and additions.prelude:
        text = _with_additions(before if text is None else text, additions)
    if text is None:
        return False
    with open(target, "wb") as file:
        file.write(text)
    return True


def _with_additions(text: bytes, additions: Additions) -> bytes | None:
    """The text with a declaration at the begin of some functions, and lines in front; None if it has no markers."""
    lines = text.split(b"\n")
    places = _places(lines, {(file, line) for file, line, _ in additions.frames})
    inserted: dict[int, list[tuple[int, int, bytes]]] = {}
    for file, line, column in additions.frames:
        for at, marker in places.get((file, line), []):
            if lines[at][column - 1 : column] == b"{":
                inserted.setdefault(at, []).append((column, line, marker))
    for at, columns in inserted.items():
        for column, line, marker in sorted(columns, reverse=True):  # what stands behind keeps its columns
            head, _, rest = lines[at].partition(b"\n")
            resumed = b"\n# %d %s\n" % (line, marker) + b" " * column + head[column:]
            lines[at] = head[:column] + additions.frame + resumed + (b"\n" + rest if rest else b"")
    return _with_prelude(b"\n".join(lines), additions.prelude)


def _with_prelude(text: bytes, prelude: bytes) -> bytes | None:
    """The text with lines among its first line markers, which say what it is made of; None if it has none."""
    at = last = 0
    while text.startswith(b"# ", at):
        last, at = at, text.find(b"\n", at) + 1 or len(text)
    if not at:
        return None
    if last:
        return text[:last] + prelude + text[last:]
    return text[:at] + prelude + text[:at] + text[at:]


def _places(lines: list[bytes], wanted: set[tuple[str, int]]) -> dict[tuple[str, int], list[tuple[int, bytes]]]:
    """Where the wanted lines of source files stand in the text, with the file as markers write it."""
    by_file: dict[bytes, list[int]] = {}
    for file, line in wanted:
        by_file.setdefault(_quoted(file), []).append(line)
    names = {_quoted(file): file for file, _ in wanted}
    found: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
    marks = [(at, match) for at, text in enumerate(lines) if text.startswith(b"# ") and (match := _MARKER.match(text))]
    ends = [at for at, _ in marks[1:]] + [len(lines)]
    for (at, match), end in zip(marks, ends, strict=False):  # a text without markers has one end too many
        first = int(match[1])
        for line in by_file.get(match[2], ()):
            if first <= line < first + end - at - 1:
                system = b" 3" if b"3" in match[3] else b""
                found.setdefault((names[match[2]], line), []).append((at + 1 + line - first, match[2] + system))
    return found


def _quoted(file: str) -> bytes:
    raw = file.encode("utf-8", "surrogateescape")
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _fits(lines: list[bytes], at: int, definition: Definition) -> bool:
    """Whether the definition begins on this line, and what stands in front of it has no macro in it."""
    word = re.compile(rb"\b%s\b" % re.escape(definition.name.encode("utf-8", "surrogateescape")))
    near = lines[at : at + _REACH]
    if definition.before.strip() and not near[0].startswith(definition.before):
        return False
    return any(word.search(line) for line in near)
