"""Links, and finds which files and archive members took part: what linkers do not say by themselves included (R15).

All print `--trace --trace`, but gold says nothing there of LTO's intermediate code, and mold names every member of an
archive that it looks into. So mold is asked for a map, too, which has the used ones; of intermediate code, which no map
of mold's has, it says which symbols' definitions it uses. gold's map says which members it takes.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys

from allocscc import toolchain
from allocscc.elf.intermediate import ir_symbols
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError, ToolError
from allocscc.link.glances import IR_SYMBOLS
from allocscc.link.job import ARCHIVE, OBJECT, LinkJob, file_kind, read_file
from allocscc.link.outcome import read_object
from allocscc.link.response import quote_response
from allocscc.link.trace import archive_members, read_member, read_trace, split_member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONG = 100_000  # bytes of arguments that are passed by a response file instead
_GOLD, _MOLD = "GNU gold", "mold"
_MOLD_DEFINITION = re.compile(r"trace-symbol: (.+): definition of .*")
# Heads the first list of gold's map.
_GOLD_MEMBERS = "Archive member included because of file (symbol)"


def linked(real: str, args: list[str], output: str, env: dict[str, str]) -> list[str]:
    """Link, and give the inputs that took part, members as `archive(member)`, with absolute paths.

    Args:
        real: the linker.
        args: its arguments without an output.
        output: path of the output.
        env: its environment.

    Raises:
        ToolError: the linker failed; the message has its words.
    """
    flavour = next((name for name in (_GOLD, _MOLD) if _version(real).startswith(name)), "")
    objects, symbols = _intermediate(args, real)
    words, path = [*args, "-o", output, "--trace", "--trace"], f"{output}.map"
    with_map = flavour == _MOLD or (flavour == _GOLD and bool(objects or symbols))
    asking = [f"--trace-symbol={name}" for name in symbols] if flavour == _MOLD else []
    done = _run(real, [*words, *asking, *([f"-Map={path}"] if with_map else [])], output, env)
    if done.returncode and with_map:  # mold 1.10 cannot write a map of every link
        with_map, done = False, _run(real, words, output, env)
        if flavour == _MOLD and not done.returncode:
            asking = [f"--trace-symbol={name}" for name in _archived(_read(done.stdout, None))]
            done = _run(real, [*words, *asking], output, env)
    if done.returncode:
        raise ToolError(f"{real} failed with status {done.returncode}:\n{done.stderr}")
    sys.stderr.write(done.stderr)
    link_map = toolchain.read_text(path) if with_map else ""
    found = _read(done.stdout, link_map if flavour == _MOLD else None)
    more = [match[1] for match in map(_MOLD_DEFINITION.fullmatch, done.stdout.splitlines()) if match and asking]
    if flavour == _GOLD:
        more += gold_members(link_map)
    return list(dict.fromkeys([*found, *_read("\n".join([*objects, *more]), None)]))


def gold_members(link_map: str) -> list[str]:
    """The archive members that a map of gold's names as included."""
    lines = link_map.partition(f"{_GOLD_MEMBERS}\n\n")[2].partition("\n\n")[0].splitlines()
    # two blanks at least, or a line's end, stand before the reason
    return [line.split("  ")[0] for line in lines if not line.startswith(" ")]


def _read(text: str, map_text: str | None) -> list[str]:
    return read_trace(text, os.getcwd(), lambda path: file_kind(path) not in ("", ARCHIVE), map_text)


def _version(real: str) -> str:
    """What a linker says that it is, whatever its file is called."""
    done = subprocess.run([real, "--version"], capture_output=True, text=True, env=toolchain.environment())
    return done.stdout


def _run(real: str, words: list[str], output: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    if sum(map(len, words)) > _LONG:
        with open(f"{output}.arguments", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(quote_response(words))
        words = [f"@{output}.arguments"]
    return subprocess.run([real, *words], env=env, capture_output=True, text=True, errors="surrogateescape")


def _intermediate(args: list[str], real: str) -> tuple[list[str], list[str]]:
    """Of LTO's intermediate code: the objects on the command line, and the names that members of archives define."""
    objects, symbols = list[str](), list[str]()
    if "-plugin" not in args:
        return objects, symbols
    for source in LinkJob(args, os.getcwd(), real).inputs:
        if source.kind not in (OBJECT, ARCHIVE) or IR_SYMBOLS not in read_file(source.path):
            continue
        if source.kind == OBJECT:
            objects.append(source.path)
        else:
            symbols += _ir_names(member.data for member in archive_members(source.path))
    return objects, symbols


def _ir_names(objects: Iterable[bytes]) -> list[str]:
    """What intermediate code defines."""
    found = []
    for data in objects:
        try:
            elf = ElfObject(data, "")
        except FormatError:
            continue
        for section in elf.sections:
            if section.name.startswith(IR_SYMBOLS):
                symbols = ir_symbols(elf.contents(section))
                found += [name.decode(errors="replace") for name, is_defined, _, _ in symbols if is_defined]
    return found


def _archived(inputs: list[str]) -> list[str]:
    """All names that members of archives define, in machine code and in intermediate code."""
    found: dict[str, None] = {}
    for path, name in map(split_member, inputs):
        with contextlib.suppress(FormatError, OSError):
            data = read_member(path, name) if name else b""
            found |= dict.fromkeys(_ir_names([data]))
            symbols = read_object(data, path).symbols
            found |= dict.fromkeys(fact.name for fact in symbols if fact.defined and fact.binding != "local")
    return list(found)
