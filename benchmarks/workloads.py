"""What benchmarks/runtime.py runs: the programs in benchmarks/programs, and jq, Lua and SQLite from their sources."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from benchmarks import jqsource
from benchmarks.children import PROGRAMS
from benchmarks.figures import STUB, UNWIND
from benchmarks.jqsource import Build
from benchmarks.projects import DOWNLOADS, LUA, SQLITE, Project
from benchmarks.variants import compiler

HEAVY = ("churn", "window", "larson", "json", "ast")
OWN = (*HEAVY, "compute")
PROJECTS = ("jq", "lua", "sqlite")
NAMES = (*OWN, *PROJECTS)

_FLAGS = ("-O2", "-g", "-pthread")
_JSON_BYTES = 20_000_000


@dataclass
class Work:
    """One row: a program in all its builds, and its arguments.

    Attributes:
        name: the program.
        threads: how many threads it runs.
        programs: the path of the program, by build.
        environments: what it and its build need, by build.
        arguments: for the full run and the shorter one.
        loud: whether its output is so large that it is looked at once for each variant only.
    """

    name: str
    threads: int
    programs: dict[str, str]
    environments: dict[str, dict[str, str]]
    arguments: tuple[Sequence[str], Sequence[str]]
    loud: bool = False

    @property
    def heavy(self) -> bool:
        """Whether it is one of those that do little but allocate."""
        return self.name in HEAVY


@dataclass
class Builder:
    """Builds everything below one folder.

    Attributes:
        folder: where.
        builds: which builds are wanted.
        unwind: the text that puts a config into unwind mode.
        scales: the parts of the full work that the full run and the shorter one do.
    """

    folder: str
    builds: Sequence[str]
    unwind: str
    scales: tuple[float, float]
    _own: dict[str, Build] = field(default_factory=dict)

    def work(self, name: str) -> list[Work]:
        """The rows of one program, built.

        Raises:
            UnavailableError: its source cannot be had.
            StepFailedError: its build failed.
        """
        if name in OWN:
            return self._rows_of_own(name)
        return [{"jq": self._jq, "lua": self._lua, "sqlite": self._sqlite}[name]()]

    def own(self, name: str, build: str, *flags: str) -> Build:
        """Build one of our programs; it lies in the tree that is returned, under its own name."""
        made = self._own.get(build)
        if made is None:
            tree = os.path.join(self.folder, f"own-{build}")
            shutil.copytree(PROGRAMS, tree)
            made = self._own[build] = Build(tree, compiler(build, self.folder), f"{tree}.cache")
            self._configure(made, build)
        words = [made.cc, *_FLAGS, *flags, f"{name}.c", "-o", name]
        done = subprocess.run(words, cwd=made.tree, env=made.environment(), capture_output=True, text=True)
        if done.returncode:
            raise jqsource.StepFailedError(f"{' '.join(words)} gave {done.returncode}:\n{done.stderr}")
        sys.stderr.write(done.stderr)
        return made

    def _configure(self, made: Build, build: str) -> None:
        """Put the config that a tree is built with, its own or one above it, into unwind mode if the build wants it."""
        if build != UNWIND:
            return
        place = made.tree
        while not os.path.exists(path := os.path.join(place, "allocscc.toml")):
            place = os.path.dirname(place)
        with open(path, encoding="ascii") as file:
            text = file.read()
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{text}\n{self.unwind}" if self.unwind.startswith("[") else f"{self.unwind}{text}")

    def _percents(self) -> list[str]:
        return [str(max(1, round(100 * scale))) for scale in self.scales]

    def _rows_of_own(self, name: str) -> list[Work]:
        made = {build: self.own(name, build) for build in self.builds}
        full, short = self._percents()
        return [
            self._row(name, made.items(), name, ([str(threads), full], [str(threads), short]), threads=threads)
            for threads in (1, 2)
        ]

    def _row(
        self,
        name: str,
        made: Iterable[tuple[str, Build]],
        program: str,
        arguments: tuple[Sequence[str], Sequence[str]],
        *,
        threads: int = 1,
        loud: bool = False,
    ) -> Work:
        pairs = list(made)
        programs = {build: os.path.join(each.tree, program) for build, each in pairs}
        return Work(name, threads, programs, {build: each.environment() for build, each in pairs}, arguments, loud)

    def _jq(self) -> Work:
        sdist = jqsource.fetch(DOWNLOADS)
        made = {}
        for build in self.builds:
            made[build] = each = jqsource.prepare(
                sdist, os.path.join(self.folder, f"jq-{build}"), compiler(build, self.folder)
            )
            self._configure(each, build)
            each.configure()
            each.make()
        files: list[str] = []
        for scale in self.scales:
            path = os.path.join(self.folder, f"input{len(files)}.json")
            files.append(jqsource.generate(path, max(1000, int(_JSON_BYTES * scale))))
        program = os.path.join(".libs", "jq")
        return self._row("jq", made.items(), program, (("-c", ".", files[0]), ("-c", ".", files[1])), loud=True)

    def _project(self, project: Project, name: str) -> dict[str, Build]:
        made = {}
        for build in self.builds:
            folder = os.path.join(self.folder, f"{name}-{build}")
            made[build] = each = project.tree(folder, compiler(build, self.folder), described=build in (STUB, UNWIND))
            self._configure(each, build)
            project.make(each)
        return made

    def _lua(self) -> Work:
        made = self._project(LUA, "lua")
        script = os.path.join(PROGRAMS, "tables.lua")
        full, short = ((script, percent) for percent in self._percents())
        return self._row("lua", made.items(), "lua", (full, short))

    def _sqlite(self) -> Work:
        shell = replace(SQLITE, build=(*SQLITE.build, "sqlite3"))  # the libraries are not needed
        made = self._project(shell, "sqlite")
        scripts: list[str] = []
        for scale in self.scales:
            scripts.append(os.path.join(self.folder, f"script{len(scripts)}.sql"))
            with open(scripts[-1], "w", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in sql(max(20, int(100_000 * scale))))
        full, short = ((":memory:", f".read {script}") for script in scripts)
        return self._row("sqlite", made.items(), "sqlite3", (full, short))


def sql(rows: int) -> Iterable[str]:
    """A script that inserts, selects and updates, one statement a line."""
    yield "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town TEXT, age INTEGER);"
    yield "CREATE TABLE note(person INTEGER, text TEXT);"
    yield "CREATE INDEX by_town ON person(town, age);"
    yield "BEGIN;"
    for number in range(rows):
        mixed = number * 2654435761 % 2**32
        yield f"INSERT INTO person VALUES({number}, 'name {mixed}', 'town {mixed % 97}', {mixed % 89});"
        yield f"INSERT INTO note SELECT {mixed % rows}, '{'text ' * (mixed % 9)}' || {number};"
        if number % 20 == 0:
            yield f"UPDATE person SET age = age + 1, name = name || '+' WHERE id = {mixed % (number + 1)};"
            where = f"town = 'town {mixed % 97}' AND age < 3"
            yield f"SELECT count(*), sum(age), group_concat(name) FROM person WHERE {where};"
    yield "COMMIT;"
    yield "SELECT town, count(*), sum(length(text)) FROM person JOIN note ON person = id GROUP BY town ORDER BY town;"
    yield "UPDATE person SET name = upper(name) || '-' || town;"
    yield "SELECT sum(length(name)), max(name), count(DISTINCT substr(name, 1, 7)) FROM person;"
    yield "DELETE FROM note WHERE person % 3 = 0;"
    yield "SELECT count(*), sum(length(text)) FROM note;"
