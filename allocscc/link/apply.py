"""Carries a plan out: stub objects, inputs with replaced definitions, and the linker's new command line."""

import os

from allocscc import toolchain
from allocscc.backends.interface import Backend
from allocscc.cache import tidy, touch, write
from allocscc.config.model import Config
from allocscc.digest import digest
from allocscc.elf import archive
from allocscc.elf.archive import Member
from allocscc.elf.edit import mark_definitions, redirect_references, replace_definitions
from allocscc.elf.object import ElfObject
from allocscc.elf.rearchive import add_stubs
from allocscc.elf.write import data_object
from allocscc.link.job import ARCHIVE, EXECUTABLE, OBJECT, LinkJob
from allocscc.link.objects import MOST, stub_objects
from allocscc.link.plan import MARK, REDIRECT, REPLACE, WRAP, Decision, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.link.stubcompile import StubCompiler
from allocscc.link.stubs import Setting, entry_points, stub_source
from allocscc.places import cache_folder
from allocscc.sidecar_names import PLAN_SECTION

_EM_X86_64 = 62
# The sorted table of .eh_frame, which the runtime searches.
UNWIND_TABLE = "--eh-frame-hdr"


def edits(
    plan: LinkPlan, job: LinkJob, config: Config, folder: toolchain.TemporaryFolder, backend: Backend
) -> tuple[dict[int, list[str]], list[str], list[str]]:
    """What to change in the command line.

    Args:
        plan: the decisions.
        job: the link they are about.
        config: the merged config that the plan was made with.
        folder: for temporary files, gone after the link.
        backend: for whom the stubs are.

    Returns:
        Replacements: argument index → the words to put there; options to add in front; objects to add.

    Raises:
        ToolError, FormatError, OSError: nothing was changed; link as the vanilla link would.
        ConfigError: an entry point that allocates does not say where its chunk is.
    """
    replaced: dict[int, dict[int, list[Decision]]] = {}
    wrapped, marked = [], []
    for decision in plan.decisions:
        if decision.action in (REPLACE, REDIRECT, MARK) and decision.place is not None:
            index, member = decision.place
            replaced.setdefault(index, {}).setdefault(member, []).append(decision)
        elif decision.action == WRAP:
            wrapped.append(decision)
        elif decision.action == MARK:
            marked.append(decision)
    groups = [group for by_member in replaced.values() for group in by_member.values()]
    groups += [[decision] for decision in (*wrapped, *marked)]
    stubs = _stubs(groups, config, job, backend)
    words: dict[int, list[str]] = {}
    for index, by_member in replaced.items():
        source = next(i for i in job.inputs if i.index == index)
        path = folder.file(f"{index}-{os.path.basename(source.path)}")
        if source.kind == ARCHIVE:
            _rewrite_archive(source.path, path, by_member, stubs)
            words[index] = [path]
        else:
            with open(source.path, "rb") as file:
                data = file.read()
            with open(path, "wb") as file:
                file.write(_edited(data, by_member[-1], source.path))
            words[index] = [path, _in_cache(stubs[by_member[-1][0].symbol])]
    options = [f"--wrap={decision.symbol}" for decision in plan.decisions if decision.action == REDIRECT]
    if any(decision.action == MARK for decision in plan.decisions) and UNWIND_TABLE not in job.args:
        options.append(UNWIND_TABLE)  # gcc asks for it where a program is dynamic
    if wrapped:
        wraps = _wrap_archive(wrapped, stubs, folder)
        for index in _insertion_points(wrapped, job):
            words[index] = [*words.get(index, _original(job, index)), wraps]
        options += [f"--wrap={decision.symbol}" for decision in wrapped]
    return words, options, [_in_cache(stubs[decision.symbol]) for decision in marked]


def _edited(data: bytes, decisions: list[Decision], where: str) -> bytes:
    """An object whose definitions make way for stubs."""
    for action, edit in ((REPLACE, replace_definitions), (REDIRECT, redirect_references)):
        names = [decision.symbol for decision in decisions if decision.action == action]
        data = edit(data, names, where) if names else data
    marks = {decision.symbol: decision.parts for decision in decisions if decision.action == MARK}
    return mark_definitions(data, marks, where) if marks else data


def _original(job: LinkJob, index: int) -> list[str]:
    return job.args[index : index + (2 if job.args[index] in ("-l", "--library") else 1)]


def _insertion_points(wrapped: list[Decision], job: LinkJob) -> list[int]:
    """Where the linker has met a reference to a wrapper and not yet the library that defines it.

    That is behind the last object that refers to one, and behind each archive that does.
    """
    referring = sorted({index for decision in wrapped for index in decision.references})
    kinds = {source.index: source.kind for source in job.inputs}
    objects = [index for index in referring if kinds[index] != ARCHIVE]
    return sorted({*objects[-1:], *(index for index in referring if kinds[index] == ARCHIVE)})


def _stubs(groups: list[list[Decision]], config: Config, job: LinkJob, backend: Backend) -> dict[str, bytes]:
    """The stub object of each group, by the symbol of its first decision; their C is kept if the person wants it."""
    if not groups:
        return {}
    present = entry_points(groups)
    sizes = _type_sizes(groups, job, backend)
    setting = Setting(os.path.basename(backend.stub_header()), present, sizes, _main(job, config, present))
    kept = os.environ.get("ALLOCSCC_SAVE_TEMPS", "")
    if kept:
        _save(kept, groups, config, os.path.basename(job.output), setting)
    compiled = StubCompiler(backend)
    objects = stub_objects(groups, config, compiled.object, compiled.is_cached, setting)
    return {group[0].symbol: stub for group, stub in zip(groups, objects, strict=True)}


def _main(job: LinkJob, config: Config, present: frozenset[str]) -> str:
    """The family whose instance in an executable is the whole process's: one that a preload could interpose."""
    families = [f.name for f in config.allocators.values() if f.interpose and f.key_symbol in present]
    return families[0] if families and job.mode == EXECUTABLE else ""


def _type_sizes(groups: list[list[Decision]], job: LinkJob, backend: Backend) -> dict[str, int]:
    """Typed primitives among the functions that get a stub → size of their type, if the backend has to know."""
    if not backend.type_sizes:
        return {}
    typed = {d.symbol for group in groups for d in group if d.signature is not None and d.signature.typed}
    if not typed:
        return {}
    from allocscc.link.typesizes import type_sizes

    return type_sizes(job, typed)


def _save(folder: str, groups: list[list[Decision]], config: Config, output: str, setting: Setting) -> None:
    """Write the stubs' C to a folder: `OUTPUT.SYMBOL.stub.c`, by the first function of each file."""
    os.makedirs(folder, exist_ok=True)
    for group in groups:
        path = os.path.join(folder, f"{output}.{group[0].symbol.replace('/', '_')[:200]}.stub.c")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(stub_source(group, config, setting=setting))


def _in_cache(stub: bytes) -> str:
    """A path for a stub object that is the same for every link: some linkers list it in a dependency file."""
    path = os.path.join(cache_folder(dict(os.environ)), "stubs", f"{digest(stub)}.o")
    if not touch(path):
        write(path, stub)
        tidy(os.path.dirname(path), MOST)
    return path


def _wrap_archive(wrapped: list[Decision], stubs: dict[str, bytes], folder: toolchain.TemporaryFolder) -> str:
    """Caller stubs for imported wrappers, one member each: the linker takes those that something refers to."""
    path = folder.file("liballocs-wraps.a")
    contents = [(f"{number}.o", stubs[decision.symbol]) for number, decision in enumerate(wrapped)]
    names = [ElfObject(stub, path).definitions() for _, stub in contents]
    archive.write(path, contents, [(name, number) for number, found in enumerate(names) for name in found])
    return path


def _rewrite_archive(source: str, target: str, by_member: dict[int, list[Decision]], stubs: dict[str, bytes]) -> None:
    """Write a copy of an archive in which definitions are renamed.

    The stubs are members of their own, so that members are pulled in exactly when they were before.
    """

    def change(number: int, member: Member) -> tuple[bytes, bytes] | None:
        decisions = by_member.get(number)
        if decisions is None:
            return None
        return _edited(member.data, decisions, f"{source}({member.name})"), stubs[decisions[0].symbol]

    add_stubs(source, target, change)


def plan_object(plan: LinkPlan, job: LinkJob, folder: toolchain.TemporaryFolder) -> str:
    """An object that holds nothing but the plan, for section `.allocs.plan` of the output (R15)."""
    path = folder.file("allocs-plan.o")
    with open(path, "wb") as file:
        file.write(data_object(PLAN_SECTION.encode(), encode_plan(plan, job.output), _machine(job)))
    return path


def _machine(job: LinkJob) -> int:
    """The e_machine of the link's first object."""
    for source in job.inputs:
        if source.kind == OBJECT:
            with open(source.path, "rb") as file:
                return int.from_bytes(file.read(20)[18:20], "little")
    return _EM_X86_64
