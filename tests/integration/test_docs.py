"""The examples in docs: files as they stand, commands as they stand, and what these print."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from allocscc.config import read

from .conftest import ROOT, Toolbox

PAGES = ("config.md", "coming-from-liballocs.md")
_FENCE = re.compile(r"^```([\w+]+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)
_HEADING = re.compile(r"^#+ (.+)$", re.M)


@dataclass(frozen=True)
class Example:
    """One section of a page: the files that it shows, and the commands with what they print."""

    name: str
    files: dict[str, str]
    session: str


def examples(page: str) -> list[Example]:
    """The sections of a page that have a config or commands."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = {match.start(): match for match in _FENCE.finditer(text)}
    inside = [range(*match.span()) for match in blocks.values()]  # a comment of an example is no heading
    headings = [match for match in _HEADING.finditer(text) if not any(match.start() in block for block in inside)]
    bounds = [*(match.start() for match in headings), len(text)]
    found = []
    for heading, end in zip(headings, bounds[1:], strict=True):
        own = [match for at, match in blocks.items() if heading.start() < at < end]
        files = {title or "allocscc.toml": body for kind, title, body in (match.groups() for match in own)
                 if title or kind == "toml"}  # fmt: skip
        session = "".join(match[3] for match in own if match[1] == "console")
        if files or session:
            found.append(Example(f"{page}:{heading[1]}", files, session))
    return found


EXAMPLES = [example for page in PAGES for example in examples(page)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example: Example, box: Toolbox) -> None:
    """R1: what the documentation shows is what happens."""
    for name, body in example.files.items():
        box.write(name, body)
    if "allocscc.toml" in example.files:
        told = box.run("allocs", "config", "check", "--strict", env=paths()).stdout
        assert len(told.splitlines()) == 1, told
    script, expected = "set -e\n", ""
    for line in example.session.splitlines():
        if line.startswith("$ "):
            script += f"echo '@'\n{line[2:]}\n"
            expected += "@\n"
        else:
            expected += f"{line}\n"
    printed = box.run("sh", "-c", script, env=paths()).stdout
    assert missing(expected, printed.replace(f"{box.folder}/", "")) == "", printed


def missing(expected: str, printed: str) -> str:
    """The first expected line that the output does not have behind those before it; "" if it has all."""
    lines = iter(printed.splitlines())
    for line in filter(str.strip, expected.splitlines()):
        for found in lines:
            if found.strip().startswith(line.strip()):
                break
        else:
            return line
    return ""


def paths() -> dict[str, str]:
    """Our commands on PATH, and allocs.h where compilers look."""
    import os

    return {"PATH": f"{ROOT / 'bin'}:{os.environ['PATH']}", "C_INCLUDE_PATH": str(ROOT / "stubgen")}


def test_every_key_has_an_example() -> None:
    """R1: the reference is complete: each key that the reader knows stands in an example."""
    shown = "".join(body for example in EXAMPLES for name, body in example.files.items() if name.endswith(".toml"))
    words = set(re.findall(r"[\w-]+", shown))
    known = set().union(*(value for name, value in vars(read).items() if re.fullmatch(r"_[A-Z]+_KEYS", name)))
    assert known - words == set()
    assert {"file", "plan", "sites", "include"} <= words


def test_every_pack_is_named() -> None:
    """R1: the list of packs is the folder's."""
    text = Path(ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    section = text.partition("## `use`")[2].partition("```")[0]
    named = set(re.findall(r"`([a-z0-9]+)`", section.partition("Packs:")[2]))
    assert named == {path.stem for path in (ROOT / "config").glob("*.toml")} - {"builtin"}
