"""What there is in a tree."""

import os
import shlex

from allocscc import toolchain
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError, UsageError
from allocscc.rebuild.model import Case, Facts, Kind, Wishes
from allocscc.rebuild.plan import MAKEFILES, RUN_RULE, build_folder, kind_of
from allocscc.sidecar_names import PLAN_SECTION, SITES_SECTION

_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C")
_FRAGMENT = "mk.inc"
_RULES = ("clean", "check", "test")
_SET_UP = {Kind.CMAKE: "CMakeCache.txt", Kind.MESON: "build.ninja"}
_QUESTION_SECONDS = 60.0


def look(folder: str, wishes: Wishes) -> Facts:
    """Look at a tree, as far as its kind asks for; makefiles are asked which rules they have.

    Args:
        folder: absolute path.
        wishes: what was asked for.

    Raises:
        UsageError: it is not known how to build it.
        OSError: it cannot be read.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    cases = tuple(case for entry in entries if entry.is_dir() and (case := _case(entry.path)) is not None)
    facts = Facts(folder, frozenset(entry.name for entry in entries), cases)
    kind = wishes.kind or kind_of(facts)
    at = build_folder(facts, wishes, kind)
    if kind in (Kind.MAKE, Kind.AUTOTOOLS, Kind.CASES):
        rules = _rules(at, wishes, cases) if any(os.path.exists(os.path.join(at, m)) for m in MAKEFILES) else []
        configured = _configured(at, wishes) if kind == Kind.AUTOTOOLS else None
        return Facts(folder, facts.names, cases, frozenset(rules), configured)
    sign = _SET_UP.get(kind)
    return Facts(folder, facts.names, cases, built=sign is not None and os.path.exists(os.path.join(at, sign)))


def one_case(folder: str) -> bool:
    """Whether a folder is itself a case of the folder above it: it has an `mk.inc`, and nothing else to build it by."""
    names = set(os.listdir(folder))
    return _FRAGMENT in names and names.isdisjoint((*MAKEFILES, "configure", "CMakeLists.txt", "meson.build"))


def built_by_us(folder: str, since: float) -> tuple[int, int]:
    """How many programs and shared objects newer than `since` (seconds since 1970) are linked by us, and by others."""
    ours = others = 0
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            try:
                if os.path.islink(path) or not os.path.isfile(path) or os.stat(path).st_mtime < since:
                    continue
                with open(path, "rb") as file:
                    if file.read(4) != b"\x7fELF" or file.seek(16) != 16 or file.read(2) not in (b"\2\0", b"\3\0"):
                        continue
                    file.seek(0)
                    elf = ElfObject(file.read(), path)
            except (OSError, FormatError):
                continue
            if any(elf.section(section.encode()) is not None for section in (PLAN_SECTION, SITES_SECTION)):
                ours += 1
            else:
                others += 1
    return ours, others


def _case(folder: str) -> Case | None:
    name = os.path.basename(folder)
    fragment = os.path.exists(os.path.join(folder, _FRAGMENT))
    if fragment or any(os.path.exists(os.path.join(folder, name + ending)) for ending in _SOURCES):
        return Case(name, fragment)
    return None


def _rules(at: str, wishes: Wishes, cases: tuple[Case, ...]) -> list[str]:
    """The rules that a makefile has, by asking make; a folder named `test` is none."""
    asked = {rule: rule for rule in _RULES}
    if cases:
        asked[RUN_RULE] = RUN_RULE + cases[0].name
    found = []
    for name, rule in asked.items():
        said = _ask(["make", "-n", rule], at, wishes)
        if said is not None and f"Nothing to be done for '{rule}'" not in said:
            found.append(name)
    return found


def _configured(at: str, wishes: Wishes) -> tuple[str, ...] | None:
    """The arguments of the configure that was run in a folder: autoconf's config.status prints them for a shell."""
    if not os.path.exists(os.path.join(at, "config.status")):
        return None
    said = _ask(["/bin/sh", "./config.status", "--config"], at, wishes)
    try:
        return tuple(shlex.split(said or ""))
    except ValueError as error:
        raise UsageError(f"{at}/config.status: its arguments cannot be read ({error}); run make distclean") from error


def _ask(argv: list[str], folder: str, wishes: Wishes) -> str | None:
    """What a command prints, or None if it fails."""
    log = os.path.join(wishes.scratch, "question")
    env = {**toolchain.build_environment(), "LC_ALL": "C"}
    with open(log, "wb") as file:
        status = toolchain.Started(argv, folder, env, file.fileno()).wait(_QUESTION_SECONDS)
    return toolchain.read_text(log) if status == 0 else None
