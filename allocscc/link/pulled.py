"""Which members of archives a link takes (R7).

An allocator in an archive is an allocator of the program only if the linker pulls it in. Which members it pulls in
depends on the order of inputs, groups, and the linker itself. So where a family's definition stands in an archive, the
linker is asked: the vanilla link is made once, and thrown away. So it is where only members of archives refer to what a
library under `--as-needed` has and the runtime interposes.
"""

import os

from allocscc import toolchain
from allocscc.config.functions import function_roles
from allocscc.config.model import Allocator, Config
from allocscc.elf import archive
from allocscc.errors import FormatError, ToolError
from allocscc.link.job import ARCHIVE, DSO, LinkJob
from allocscc.link.plan import Fact, LinkFacts
from allocscc.values import replace


def without_unpulled(facts: LinkFacts, job: LinkJob, config: Config, folder: toolchain.TemporaryFolder) -> LinkFacts:
    """The facts, in which entry points that stand in members that the linker leaves alone are not defined here.

    Args:
        facts: as the survey has them.
        job: the link.
        config: the merged config.
        folder: for the output of the link that is thrown away.
    """
    roles = function_roles(config)
    archives = {source.index for source in job.inputs if source.kind == ARCHIVE and source.index != job.libc_at}
    keys = {family.key_symbol for family in config.allocators.values()}
    asked = [fact for fact in facts.functions if fact.place is not None and fact.place[0] in archives]
    if not job.linker or not any(fact.symbol in keys for fact in asked):
        return facts
    taken = _taken(job, folder)
    if taken is None:
        return facts
    names = {fact.place[0]: _members(job, fact.place[0]) for fact in asked if fact.place is not None}

    def seen(fact: Fact) -> Fact:
        role = roles.get(fact.symbol)
        if fact not in asked or fact.place is None or role is None or not isinstance(role.entry, Allocator):
            return fact
        members = names[fact.place[0]]
        is_taken = fact.place[1] >= len(members) or members[fact.place[1]] in taken
        return fact if is_taken else replace(fact, place=None)

    return replace(facts, functions=tuple(seen(fact) for fact in facts.functions))


def needed_libraries(job: LinkJob) -> set[str]:
    """Paths of the shared libraries of a link that its output needs, as the linker says; none if it cannot link."""
    from allocscc.link.outcome import read_outcome

    if not job.linker:
        return set()
    with toolchain.TemporaryFolder() as folder:
        output = folder.file("thrown-away")
        try:
            toolchain.run([job.linker, *job.args, "-o", output])
            needed = read_outcome(output, (), ()).needed
            libraries = [source.path for source in job.inputs if source.kind == DSO]
            return {path for path in libraries if _soname(path) in needed}
        except (OSError, ToolError, FormatError):
            return set()


def _soname(path: str) -> str:
    from allocscc.link.outcome import read_outcome

    return dict(read_outcome(path, (), ()).properties).get("SONAME", os.path.basename(path))


def _taken(job: LinkJob, folder: toolchain.TemporaryFolder) -> set[str] | None:
    """The inputs that the linker takes, members as `archive(member)`; None if it cannot link these at all."""
    from allocscc.link.trace import read_trace, thin_members, with_thin_members

    output, link_map = folder.file("thrown-away"), folder.file("map")
    words = [*job.args, "--trace", "--trace", "-o", output]
    is_mold = "mold" in os.path.basename(job.linker)
    try:
        text = toolchain.run([job.linker, *words, *(["-Map", link_map] if is_mold else [])])
        map_text = toolchain.read_text(link_map) if is_mold else None
    except (OSError, ToolError):
        return None
    kinds = {os.path.normpath(source.path): source.kind for source in job.inputs}
    inputs = read_trace(text, os.getcwd(), lambda path: kinds.get(path) != ARCHIVE, map_text)
    archives = [path for path, kind in kinds.items() if kind == ARCHIVE]
    try:
        thin = thin_members(archives, [path for path in kinds if path not in archives])
    except (OSError, FormatError):
        return None
    return set(with_thin_members(inputs, thin, os.getcwd()))


def _members(job: LinkJob, index: int) -> list[str]:
    """The members of an input, as `_taken` names them."""
    path = next(source.path for source in job.inputs if source.index == index)
    try:
        with open(path, "rb") as file:
            members = archive.members(file.read(), path, os.path.dirname(path) or ".")
    except (OSError, FormatError):
        return []
    return [f"{os.path.normpath(path)}({member.name})" for member in members]
