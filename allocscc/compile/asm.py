"""Reads compiler-made assembly: which call instructions are allocation sites, and where they come from.

Works on the text as a whole with few regular expressions, since a line-by-line Python loop over a large unit costs
more than compiling some small ones. gas syntax; x86-64 (AT&T, and what is the same in Intel's) and aarch64.
"""

import os
import re

from allocscc.compile.source import INDIRECT
from allocscc.values import dataclass

# Each pattern begins with a literal: `re` then skips to it and need not look at every line's start.
_CALL_TARGET = r"q?[ \t]+(?:([A-Za-z_.$][\w.$]*)(?:@PLT)?|\*([A-Za-z_.$][\w.$]*)@GOTPCREL\(%rip\))[ \t]*(?:#.*)?$"
_CALL = re.compile(r"\t(call)" + _CALL_TARGET, re.M)
_JUMP = re.compile(r"\t(j(?:mp|[a-z]{1,2}))" + _CALL_TARGET, re.M)
# aarch64: a branch with link is a call, a branch to a function is a tail call.
_BRANCH = re.compile(r"\t(bl?)[ \t]+([A-Za-z_.$][\w.$]*)()[ \t]*(?://.*)?$", re.M)
# Calls through a register or memory; what -fno-plt makes of a call by name is none.
_INDIRECT = {
    False: re.compile(r"\t(call)()()q?[ \t]+\*(?!.*@GOTPCREL).*$", re.M),
    True: re.compile(r"\t(bl)()()r[ \t]+x\d+[ \t]*$", re.M),
}
_SYMBOL = r"[A-Za-z_$][\w.$]*"
_TARGET = {
    False: re.compile(rf"\t(?:call|jmp)q?[ \t]+\*?({_SYMBOL})"),
    True: re.compile(rf"\tbl?[ \t]+({_SYMBOL})"),
}
_GLOBAL = re.compile(r"\t\.(?:globa?l|weak)[ \t]([\w.$]+)")
# Conditions of Jcc that compilers write (Intel SDM), each with the one that holds exactly when it does not.
_PAIRS = ("e ne", "z nz", "a be", "ae b", "c nc", "g le", "ge l", "s ns", "o no", "p np")
CONDITIONS = {a: b for pair in map(str.split, _PAIRS) for a, b in (pair, pair[::-1])}
_UNCONDITIONAL = ("call", "jmp", "bl", "b")
_LOC = re.compile(r"[ \t]+\.loc[ \t]+(\d+)[ \t]+(\d+)(?:[ \t]+(\d+))?")
_FILE = re.compile(r'\t\.file[ \t]+(\d+)[ \t]+"((?:[^"\\]|\\.)*)"(?:[ \t]+"((?:[^"\\]|\\.)*)")?')
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.S)
_SECTION = re.compile(
    r"\t\.(?:(text|data|bss)\b|section[ \t]+(\"[^\"]*\"|[^\s,]+)|(pushsection|popsection|previous)\b)"
)
_FUNCTION = re.compile(r"\t\.type[ \t]+\"?([^\s,\"]+)\"?,[ \t]*[@%](?:function|gnu_indirect_function)")
# gcc's suffixes of clones and partitions: the person who wrote the function never saw them
_CLONE = re.compile(r"\.(?:cold|constprop|isra|part|lto_priv|localalias)(?:\.\d+)?$")


@dataclass(frozen=True)
class MachineSite:
    """One call instruction of interest.

    Attributes:
        start: offset of its line in the text.
        end: offset just behind its line's last character.
        callee: symbol.
        indirect: whether the target is loaded from the GOT (`-fno-plt`).
        tail: whether it is a jump: the compiler made the last call of a function its end.
        cfi: whether it stands in a function with CFI directives.
        file: as the compiler wrote it in `.file`, with its folder; "" without line information.
        line: 1-based, 0 if unknown.
        column: 1-based, 0 if unknown.
        function: label of the enclosing function, without suffixes of clones.
        section: name of the section that holds the instruction.
        condition: of a conditional tail call (`ne` of `jne`), else "".
    """

    start: int
    end: int
    callee: str
    indirect: bool
    tail: bool
    cfi: bool
    file: str
    line: int
    column: int
    function: str
    section: str
    condition: str = ""


class _Marks:
    """Matches of one directive in text order, asked for the last one before a position."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._found = list(pattern.finditer(text))
        self._at = -1

    def before(self, position: int) -> re.Match[str] | None:
        """The last match that starts before `position`; positions must not decrease from call to call."""
        while self._at + 1 < len(self._found) and self._found[self._at + 1].start() < position:
            self._at += 1
        return self._found[self._at] if self._at >= 0 else None


def is_aarch64(text: str) -> bool:
    """Whether the assembly is for aarch64; no x86 instruction is called `bl`."""
    return "\tbl\t" in text or "\t.arch armv8" in text[:400]


def called_functions(text: str) -> set[str]:
    """The functions that the assembly calls by name."""
    return set(_TARGET[is_aarch64(text)].findall(text))


def global_definitions(text: str) -> set[str]:
    """The functions and variables that the assembly defines for other units."""
    return {name for name in _GLOBAL.findall(text) if f"\n{name}:" in text}


def find_sites(text: str, callees: set[str], cwd: str, *, indirect: bool = False) -> list[MachineSite]:
    """All call instructions to one of `callees`, in text order.

    Args:
        text: assembly.
        callees: names of functions whose calls are allocation sites.
        cwd: folder that relative names are relative to where the text does not say.
        indirect: whether calls through pointers are wanted, too; their callee is `INDIRECT`.
    """
    patterns = (_BRANCH,) if is_aarch64(text) else (_CALL, _JUMP)
    calls = [m for p in patterns for m in p.finditer(text) if (m[2] or m[3]) in callees]
    calls = [m for m in calls if m[1] in _UNCONDITIONAL or m[1][1:] in CONDITIONS]
    calls += _INDIRECT[is_aarch64(text)].finditer(text) if indirect else []
    if not calls:
        return []
    calls.sort(key=lambda match: match.start())
    files = file_table(text, cwd)
    functions = _Marks(_FUNCTION, text)
    sections = _sections(text, [m.start() for m in calls])
    sites = []
    for call, section in zip(calls, sections, strict=True):
        function = functions.before(call.start())
        name = function[1] if function else ""
        file, line, column = _location(text, call.start(), function.start() if function else 0, files)
        sites.append(
            MachineSite(
                call.start(), call.end(), call[2] or call[3] or INDIRECT, bool(call[3]), call[1] not in ("call", "bl"),
                _in_frame(text, call.start()), file, line, column, plain_name(name), section,
                call[1][1:] if call[1] not in _UNCONDITIONAL else "",
            )
        )  # fmt: skip
    return sites


def _in_frame(text: str, position: int) -> bool:
    return text.rfind(".cfi_startproc", 0, position) > text.rfind(".cfi_endproc", 0, position)


def plain_name(label: str) -> str:
    """A function's name without the suffixes of clones and of parts that the compiler split off."""
    while (match := _CLONE.search(label)) is not None:
        label = label[: match.start()]
    return label


def file_table(text: str, cwd: str) -> dict[int, str]:
    """`.file` numbers to absolute paths (DWARF 5: file 0 names the compilation folder)."""
    table: dict[int, str] = {}
    folder = cwd
    for match in _FILE.finditer(text):
        number, first, second = int(match[1]), _unescape(match[2]), match[3]
        if number == 0 and second is not None:
            folder = first
        path = first if second is None else os.path.join(first, _unescape(second))
        # A prefix map may have made the folder relative; then it stands in the names that it was put before, too.
        within = not os.path.isabs(folder) and (path == folder or path.startswith(f"{folder}/"))
        table[number] = os.path.normpath(path if within else os.path.join(folder, path))
    return table


def _unescape(name: str) -> str:
    """Gas string escapes of a path: octal bytes, backslash and quote."""
    return unescape(name).decode("utf-8", "surrogateescape") if "\\" in name else name


def unescape(text: str) -> bytes:
    """The bytes of a gas string, given without its quotes."""
    raw = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_escaped, raw) if b"\\" in raw else raw


def _escaped(match: re.Match[bytes]) -> bytes:
    """An octal byte, a letter for a control character, or the character itself (gas manual, "Strings")."""
    code = match[1]
    if code[:1] in b"01234567":
        return bytes([int(code, 8) & 255])
    return {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"f": b"\f", b"b": b"\b"}.get(code, code)


def _location(text: str, position: int, floor: int, files: dict[int, str]) -> tuple[str, int, int]:
    """File, line and column of the last `.loc` before the instruction and not before its function."""
    while (at := text.rfind(".loc", floor, position)) >= 0:
        start = text.rfind("\n", 0, at) + 1
        match = _LOC.match(text, start)
        if match is not None:
            if int(match[2]) == 0:  # line 0: the compiler says that the code belongs to no line
                position = start
                continue
            return files.get(int(match[1]), ""), int(match[2]), int(match[3] or 0)
        position = at
    return "", 0, 0


def _sections(text: str, positions: list[int]) -> list[str]:
    """The section that is current at each of the positions (gas: `.previous` swaps, push and pop nest)."""
    current, previous, stack = ".text", ".text", list[tuple[str, str]]()
    found = []
    marks = iter(_SECTION.finditer(text))
    mark = next(marks, None)
    for position in positions:
        while mark is not None and mark.start() < position:
            if mark[3] == "previous":
                current, previous = previous, current
            elif mark[3] == "popsection":
                current, previous = stack.pop() if stack else (current, previous)
            elif mark[3] == "pushsection":
                stack.append((current, previous))
                name = re.match(r"[ \t]+(\"[^\"]*\"|[^\s,]+)", text[mark.end() : mark.end() + 400])
                current, previous = (name[1] if name else current), current
            else:
                current, previous = (f".{mark[1]}" if mark[1] else mark[2]), current
            mark = next(marks, None)
        found.append(current)
    return found
