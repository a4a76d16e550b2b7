"""Transcripts in documentation: the files that a page shows, its commands, and whether they print what it says.

A fenced block with a title is a file; one of kind `toml` without a title is `allocscc.toml`. A `console` block is a
session: `$ ` begins a command, what follows is its output. In an output a line `...` stands for any lines, `…` for
anything within a line, and addresses may be others. A command that fails is followed by `$ echo $?`. Lines `(gdb) `
after a command are what it is asked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

HOME = "/home/ada"
_FENCE = re.compile(r"^```([\w+]*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_MARK = "@allocscc-docs"
_PROMPT = "(gdb) "


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind ("" if it has none), its title (""), and its text."""

    kind: str
    title: str
    text: str

    @property
    def file(self) -> str:
        """The name of the file that it shows, or ""."""
        return self.title or ("allocscc.toml" if self.kind == "toml" else "")


@dataclass
class Command:
    """A command of a session: what is typed, what it is asked at its prompts, and the output that the page shows."""

    text: str
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A page, or one section of it, and its blocks in order."""

    name: str
    blocks: list[Block]


def blocks(text: str) -> list[Block]:
    """All blocks of a page."""
    return [Block(kind, title, body) for kind, title, body in _FENCE.findall(text)]


def sections(page: str, text: str) -> list[Part]:
    """The sections of a page that show a file or a session, each a part of its own."""
    fences = list(_FENCE.finditer(text))
    inside = [range(*fence.span()) for fence in fences]  # a comment in a block is no heading
    headings = [found for found in _HEADING.finditer(text) if not any(found.start() in block for block in inside)]
    bounds = [*(found.start() for found in headings), len(text)]
    parts = []
    for heading, end in zip(headings, bounds[1:], strict=True):
        own = [Block(*fence.groups(default="")) for fence in fences if heading.start() < fence.start() < end]
        if any(block.file or block.kind == "console" for block in own):
            parts.append(Part(f"{page}:{heading[1]}", own))
    return parts


def commands(session: str) -> list[Command]:
    """The commands of a session."""
    found: list[Command] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
            continue
        if line.startswith(_PROMPT):
            found[-1].asked.append(line.removeprefix(_PROMPT))
        found[-1].shown.append(line)
    return found


def script(todo: list[Command]) -> str:
    """A script for sh that runs commands as a person would who types them, and marks the end of each on stdout."""
    lines = ["exec 2>&1"]
    for command in todo:
        text = command.text
        if command.asked:
            text += " <<'ASKED'\n" + "".join(f"{line}\n" for line in command.asked) + "ASKED"
        lines.append(f"{text}\nstatus=$?; printf '\\n{_MARK} %s\\n' $status; (exit $status)")
    return "\n".join(lines) + "\n"


def problems(todo: list[Command], printed: str, folder: str) -> Iterator[str]:
    """What differs from the page: commands that print something else, fail, or never ended."""
    ended = re.findall(rf"(.*?)\n{_MARK} (\d+)\n", printed, re.S)
    for number, (command, (output, status)) in enumerate(zip(todo, ended, strict=False)):
        output = output.replace(folder, HOME)
        if command.asked:
            output = _answered(output, command.asked)
        following = todo[number + 1].text if number + 1 < len(todo) else ""
        if status != "0" and following != "echo $?":
            yield f"$ {command.text}\nfails with status {status}:\n{output}"
        elif not agrees(command.shown, output):
            yield f"$ {command.text}\nprints\n{output}\nand not\n" + "\n".join(command.shown)
    if len(ended) < len(todo):
        yield f"$ {todo[len(ended)].text}\nhas not ended:\n{printed[-2000:]}"


def agrees(shown: list[str], output: str) -> bool:
    """Whether an output is the one that is shown."""
    pattern = ""
    for line in _tidy(shown):
        if line == "...":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += re.sub(r"0x[0-9a-f]+", "0x[0-9a-f]+", re.escape(line)).replace("…", "[^\n]*") + "\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _tidy(output.splitlines()))) is not None


def _tidy(lines: list[str]) -> list[str]:
    """Lines without what a page would not show: blanks at their ends, empty lines before and behind."""
    return "\n".join(line.rstrip() for line in lines).strip("\n").splitlines()


def _answered(output: str, asked: list[str]) -> str:
    """A debugger's output with its prompts as a terminal shows them; from a pipe it prints what it does not echo."""
    first, *answers = output.split(_PROMPT)
    return first + "".join(f"{_PROMPT}{line}\n{answer}" for line, answer in zip(asked, answers, strict=False))
