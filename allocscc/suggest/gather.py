"""From the objects of a build to facts: finds their sources by the sidecars, has them preprocessed again and read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import takewhile

from allocscc import toolchain
from allocscc.compilecommand import COMMAND_SECTION, Command, decode_commands
from allocscc.elf import archive
from allocscc.elf.object import ET_REL, SHT_SYMTAB, STT_FILE, ElfObject
from allocscc.errors import FormatError
from allocscc.sidecar import Declaration, decode_declarations
from allocscc.sidecar_names import SIDECAR_SECTION
from allocscc.suggest.facts import UnitFacts
from allocscc.values import dataclass

_DEPTH = 20_000
# Of a process that reads several units: the functions of headers that it has told of.
_SEEN: set[tuple[str, int]] = set()
_COMPILERS = re.compile(r"(?:cc1|cc1plus|(?:[\w.-]+-)?(?:clang|clang\+\+)(?:-\d+)?)")
# Options that run code or write files: no compile of ours has them in its sidecar.
_REFUSED = ("-fplugin", "-fpass-plugin", "-load", "-wrapper", "-B", "-specs", "--specs", "-o", "@", "-save-temps",
            "--config", "-fdump", "-MF", "-MD", "-MMD", "-ftime-report", "-iplugindir")  # fmt: skip


@dataclass(frozen=True)
class Object:
    """One relocatable object.

    Attributes:
        path: the file, or the archive that it is in.
        commands: how its units are preprocessed again; empty for one that does not say.
        declarations: what its sources declare by attributes.
        source: the name of its source, without a folder; "" if it does not say.
    """

    path: str
    commands: tuple[Command, ...]
    declarations: tuple[Declaration, ...]
    source: str = ""


def find_objects(paths: Iterable[str]) -> list[Object]:
    """The objects of a build.

    Args:
        paths: folders, which are searched for `*.o`, and objects and archives themselves.

    Raises:
        FormatError: a file that was named is damaged. One that was found is left out.
    """
    found: list[Object] = []
    for path in paths:
        if not os.path.isdir(path):
            found += _objects_of(path)
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".o", ".obj")):
                    try:
                        found += _objects_of(os.path.join(folder, name))
                    except (FormatError, OSError):
                        continue
    return found


def _objects_of(path: str) -> list[Object]:
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith((archive.MAGIC, archive.THIN_MAGIC)):
        members = archive.members(data, path, os.path.dirname(path) or ".")
        return [_object(member.data, path) for member in members if member.data[:4] == b"\x7fELF"]
    return [_object(data, path)]


def _object(data: bytes, path: str) -> Object:
    elf = ElfObject(data, path)
    if elf.type != ET_REL:
        raise FormatError(f"{path}: linked already; name the objects or the folder that they are in")
    commands: list[Command] = []
    declarations: list[Declaration] = []
    for section in elf.sections:
        if section.name == SIDECAR_SECTION.encode():
            declarations += decode_declarations(elf.contents(section), path)
        elif section.name == COMMAND_SECTION.encode():
            commands += decode_commands(elf.contents(section))
    table = elf.table(SHT_SYMTAB)
    symbols = elf.named_symbols(table) if table is not None and not commands else []
    source = next((os.fsdecode(name) for name, kind in symbols if kind == STT_FILE), "")
    return Object(path, tuple(commands), tuple(declarations), os.path.basename(source))


def commands_of(objects: Iterable[Object]) -> list[Command]:
    """The commands of all units, each source once: libtool compiles every file twice."""
    found: dict[str, Command] = {}
    for one in objects:
        for command in one.commands:
            found.setdefault(source_path(command), command)
    return list(found.values())


def source_path(command: Command) -> str:
    """The absolute path of a unit's source."""
    return os.path.realpath(os.path.join(command.folder, command.source))


def neighbours(objects: Iterable[Object]) -> list[Command]:
    """Commands for objects that say none.

    As the config stands such a unit has nothing to do with memory, so its object is as the plain compiler makes it.
    It is read as the unit whose object is nearest was compiled.
    """
    objects = list(objects)
    known = [(os.path.abspath(one.path), command) for one in objects for command in one.commands]
    found: dict[str, Command] = {}
    for one in objects:
        suffix = os.path.splitext(one.source)[1]
        alike = [pair for pair in known if os.path.splitext(pair[1].source)[1] == suffix]
        if one.commands or not alike:
            continue
        path = os.path.abspath(one.path)
        near, command = max(alike, key=lambda pair: _nearness(pair[0], path))
        source = _find_source(path, one.source, near, command)
        if source:
            words = tuple(source if word == command.source else word for word in command.words)
            made = Command(command.folder, source, words)
            found.setdefault(source_path(made), made)
    return list(found.values())


def _nearness(one: str, other: str) -> tuple[int, int]:
    """How much of their folders two objects share, and of their names: build systems put the target's name first."""
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return len(os.path.commonpath([one, other])), alike


def _find_source(path: str, name: str, near: str, command: Command) -> str:
    """The source of an object: where its neighbour's lies, seen from that one's object, or beside the object."""
    folder, beside = os.path.dirname(path), os.path.dirname(near)
    sources = os.path.join(command.folder, os.path.dirname(command.source))
    places = [os.path.join(sources, os.path.relpath(folder, beside)), folder, os.path.dirname(folder), sources]
    for place in places:
        found = os.path.normpath(os.path.join(place, name))
        if os.path.isfile(found):
            return found
    return ""


def read_all(
    commands: list[Command], progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[list[UnitFacts], list[str]]:
    """Read the sources of units, as many at a time as there are processors.

    Args:
        commands: how each is preprocessed.
        progress: is told how many of them are done, and how many there are.

    Returns:
        What they say, and what went wrong with those that could not be read.
    """
    found: dict[int, UnitFacts] = {}
    told: list[str] = []
    waiting = dict(enumerate(commands))
    single = False
    while waiting:
        workers = 1 if single else len(os.sched_getaffinity(0))
        batch = dict(list(waiting.items())[:1]) if single else dict(waiting)
        with ProcessPoolExecutor(workers) as pool:
            tasks = {pool.submit(read_command, command): number for number, command in batch.items()}
            for task in as_completed(tasks):
                number = tasks[task]
                try:
                    result = task.result()
                except BrokenProcessPool:  # libclang crashed: from now on each unit has a process of its own
                    if single:
                        told.append(f"{commands[number].source}: libclang crashed")
                        waiting.pop(number, None)
                    continue
                waiting.pop(number, None)
                if isinstance(result, str):
                    told.append(f"{commands[number].source}: {result}")
                else:
                    found[number] = result
                progress(len(commands) - len(waiting), len(commands))
        single = single or bool(waiting)
    return [found[number] for number in sorted(found)], sorted(told)


def _is_trusted(program: str) -> bool:
    """Whether a compiler may be run though only an object names it: somebody may have sent it along."""
    path = os.path.realpath(program)
    try:
        return os.stat(path).st_uid == 0 or path == os.path.realpath(toolchain.find_program(os.path.basename(program)))
    except OSError:
        return True  # it cannot be run: that will be told


def read_command(command: Command) -> UnitFacts | str:
    """What the source of one unit says, or why it cannot be read."""
    from allocscc.compile.tree import parse
    from allocscc.suggest.extract import read_unit

    if not command.words or not os.path.isabs(command.words[0]):
        return "its object has no command"
    if not _COMPILERS.fullmatch(os.path.basename(command.words[0])):
        return f"its object names {command.words[0]}, which is no compiler"
    if not _is_trusted(command.words[0]):
        return f"its object names {command.words[0]}, which is neither root's nor on PATH"
    for word in command.words[1:]:
        if word.startswith(_REFUSED):
            return f"its object has the option {word}, which is not followed"
    if not os.path.isdir(command.folder):
        return f"it was compiled in {command.folder}, which is not there"
    sys.setrecursionlimit(_DEPTH)
    with toolchain.TemporaryFolder() as folder:
        path = folder.file("unit.i")
        here = os.getcwd()
        os.chdir(command.folder)
        try:
            status = toolchain.spawn([*command.words, "-o", path], toolchain.environment(), quiet=True)
        except OSError as error:
            return f"{command.words[0]}: {error.strerror}"
        finally:
            os.chdir(here)
        if status != 0:
            return f"the compiler cannot preprocess it any more (status {status})"
        with open(path, "rb") as file:
            text = file.read()
        plus = "++" in os.path.basename(command.words[0]) or os.path.basename(command.words[0]) == "cc1plus"
        standard = [word for word in command.words if word.startswith("-std=")][-1:]
        try:
            return read_unit(parse(path, text, "c++" if plus else "c", standard), _SEEN)
        except (RecursionError, ValueError) as error:
            return f"{type(error).__name__}"
