"""The examples in the documentation: files as they stand, commands as they stand, and what these print."""

import os
import re
from pathlib import Path

import pytest

from allocscc.config import read
from tests import transcripts
from tests.transcripts import Part

from .conftest import ROOT, Toolbox, need

SECTIONS = (
    "config.md",
    "profiles.md",
    "coming-from-liballocs.md",
)  # each section stands alone; some lines of an output are shown
GUIDE = sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs" / "guide").glob("*.md"))
PAGES = [*GUIDE, "debugger.md"]  # a page is one session, and its outputs are whole
OPTIONAL = ("autoreconf", "cmake", "meson", "ninja", "gdb", "git")


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


EXAMPLES = [part for page in SECTIONS for part in transcripts.sections(page, text_of(page))]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example: Part, box: Toolbox) -> None:
    """R1: what the documentation shows is what happens."""
    for block in example.blocks:
        if block.file and block.kind != "yaml":
            box.write(block.file, block.text)
    if any(block.file == "allocscc.toml" for block in example.blocks):
        told = box.run("allocs", "config", "check", "--strict", env=paths()).stdout
        assert len(told.splitlines()) == 1, told
    script, expected = "set -e\n", ""
    for line in "".join(block.text for block in example.blocks if block.kind == "console").splitlines():
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


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, box: Toolbox) -> None:
    """R18: a newcomer who types what a page of the guide shows sees what it shows."""
    blocks = transcripts.blocks(text_of(page))
    every = [command for block in blocks if block.kind == "console" for command in transcripts.commands(block.text)]
    need(*(tool for tool in OPTIONAL if any(re.match(rf"([A-Z]+=\S+ )*{tool}\b", command.text) for command in every)))
    script, todo = "", []
    for number, block in enumerate(blocks):
        if block.file and block.kind != "yaml":
            kept = box.write(f"../{number}", block.text)  # it is there from here on, not before
            script += f"mkdir -p '{os.path.dirname(block.file) or '.'}' && cp '{kept}' '{block.file}'\n"
        elif block.kind == "console":
            part = transcripts.commands(block.text)
            script += transcripts.script(part)
            todo += part
    home = box.folder.parent
    (home / "allocscc").symlink_to(ROOT)
    printed = box.run("sh", "-c", script, env={**paths(), "HOME": str(home)}).stdout.replace(str(ROOT), "~/allocscc")
    differing = "\n\n".join(transcripts.problems(todo, printed, str(box.folder)))
    assert not differing, differing


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_run(page: str) -> None:
    """R18: what looks like a command stands in a block that is run; what is copied from a file is as in the file."""
    for block in transcripts.blocks(text_of(page)):
        assert block.kind in ("c", "c++", "toml", "console", "make", "cmake", "meson", "m4", "yaml", "text"), block
        if block.kind == "text":
            assert not re.search(r"^\$ ", block.text, re.M), block
        if block.kind == "yaml":
            assert block.text in (ROOT / block.title).read_text(encoding="utf-8"), block
    assert not re.search(r"\n\n    \S", text_of(page)), "an indented block"


def paths() -> dict[str, str]:
    """Our commands on PATH, and allocs.h where compilers look; nothing asked of the network."""
    return {
        "PATH": f"{ROOT / 'bin'}:{os.environ['PATH']}",
        "C_INCLUDE_PATH": str(ROOT / "stubgen"),
        "DEBUGINFOD_URLS": "",
    }


def test_every_key_has_an_example() -> None:
    """R1: the reference is complete: each key that the reader knows stands in an example."""
    shown = "".join(block.text for example in EXAMPLES for block in example.blocks if block.file.endswith(".toml"))
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
