"""From a build's folder to suggestions: what `allocs suggest` and the measurements call."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence

from allocscc.config.declared import with_declarations
from allocscc.config.functions import Role, function_roles
from allocscc.config.globs import glob_regex
from allocscc.config.model import Config, functions_of
from allocscc.suggest.facts import UnitFacts
from allocscc.suggest.gather import commands_of, find_objects, neighbours, read_all, source_path
from allocscc.suggest.judge import Suggestion, judge
from allocscc.suggest.solve import Knowledge, solve
from allocscc.values import dataclass


@dataclass(frozen=True)
class Found:
    """What a look at a build found.

    Attributes:
        suggestions: functions that are not declared, surest first.
        known: what is known of all functions.
        units: how many sources were read.
        objects: how many objects there are.
        problems: sources that could not be read, and why.
    """

    suggestions: tuple[Suggestion, ...]
    known: Knowledge
    units: int
    objects: int
    problems: tuple[str, ...]


def find(paths: Sequence[str], config: Config, progress: Callable[[int, int], None] = lambda *_: None) -> Found:
    """Look through the objects of a build, and their sources.

    Args:
        paths: folders, objects, archives.
        config: what is declared.
        progress: is told how many sources have been read, of how many.

    Raises:
        FormatError: a file that was named is none of these, or damaged.
        OSError: it cannot be read.
    """
    objects = find_objects(paths)
    declared = with_declarations(config, [one for found in objects for one in found.declarations])
    commands = commands_of(objects)
    own = {source_path(one) for one in commands}
    commands += [one for one in neighbours(objects) if source_path(one) not in own]
    units, problems = read_all(commands, progress)
    known = solve(units, roles_of(declared, units))
    spoken = _Spoken(config)
    suggestions = tuple(one for one in judge(known) if not spoken.of(one.key))
    return Found(suggestions, known, len(units), len(objects), tuple(problems))


def roles_of(config: Config, units: Iterable[UnitFacts]) -> dict[str, Role]:
    """The role of each function by the key that facts have for it: globs by what they match, statics by file name."""
    roles: dict[str, Role] = {}
    globs: list[tuple[re.Pattern[str], Role]] = []
    for name, role in function_roles(config).items():
        if role.signature.pattern:
            globs.append((re.compile(glob_regex(role.signature.name)), role))
        else:
            roles[_short(name)] = role
    for unit in units:
        for function in unit.functions:
            for pattern, role in globs:
                if function.key not in roles and pattern.fullmatch(function.key):
                    roles[function.key] = role
    return roles


class _Spoken:
    """Whether any entry names a function, also one that is switched off, or takes it out."""

    def __init__(self, config: Config) -> None:
        signatures = [signature for entry in config.entries.values() for _, signature in functions_of(entry)]
        self._names = {_short(signature.full_name) for signature in signatures}
        self._names |= {_short(named.name) for named in config.removed}
        self._globs = [re.compile(glob_regex(one.name)) for one in signatures if one.pattern]

    def of(self, key: str) -> bool:
        """Whether the config speaks of a function."""
        return key in self._names or any(glob.fullmatch(key) for glob in self._globs)


def _short(name: str) -> str:
    """A static function's name with its file's own name alone in front."""
    scope, colons, inner = name.rpartition("::")
    return f"{os.path.basename(scope)}::{inner}" if colons and ("/" in scope or "." in scope) else name
