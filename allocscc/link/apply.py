"""Carries a plan out: stub objects, inputs with replaced definitions, and the linker's new command line."""

import hashlib
import os
from collections import defaultdict

from allocscc import toolchain
from allocscc.cache import tidy, touch, write
from allocscc.config.model import Config
from allocscc.elf import archive
from allocscc.elf.archive import Member
from allocscc.elf.edit import mark_definitions, redirect_references, replace_definitions
from allocscc.elf.object import ElfObject
from allocscc.elf.rearchive import add_stubs
from allocscc.elf.write import data_object
from allocscc.errors import ToolError
from allocscc.link.job import ARCHIVE, OBJECT, LinkJob
from allocscc.link.objects import MOST, stub_objects
from allocscc.link.plan import MARK, REDIRECT, REPLACE, WRAP, Decision, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.link.runtime import compile_c, compiler
from allocscc.link.stubs import entry_points, stub_source
from allocscc.places import cache_folder, data_folder
from allocscc.sidecar_names import PLAN_SECTION

_EM_X86_64 = 62
# The sorted table of .eh_frame, which the runtime searches.
UNWIND_TABLE = "--eh-frame-hdr"


def edits(
    plan: LinkPlan, job: LinkJob, config: Config, folder: toolchain.TemporaryFolder
) -> tuple[dict[int, list[str]], list[str], list[str]]:
    """What to change in the command line.

    Args:
        plan: the decisions.
        job: the link they are about.
        config: the merged config that the plan was made with.
        folder: for temporary files, gone after the link.

    Returns:
        Replacements: argument index → the words to put there; options to add in front; objects to add.

    Raises:
        ToolError, FormatError, OSError: nothing was changed; link as the vanilla link would.
        ConfigError: an entry point that allocates does not say where its chunk is.
    """
    replaced: dict[int, dict[int, list[Decision]]] = defaultdict(lambda: defaultdict(list))
    wrapped, marked = [], []
    for decision in plan.decisions:
        if decision.action in (REPLACE, REDIRECT, MARK) and decision.place is not None:
            replaced[decision.place[0]][decision.place[1]].append(decision)
        elif decision.action == WRAP:
            wrapped.append(decision)
        elif decision.action == MARK:
            marked.append(decision)
    groups = [group for by_member in replaced.values() for group in by_member.values()]
    groups += [[decision] for decision in (*wrapped, *marked)]
    stubs = _stubs(groups, config, job.output)
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


def _stubs(groups: list[list[Decision]], config: Config, output: str) -> dict[str, bytes]:
    """The stub object of each group, by the symbol of its first decision; their C is kept if the person wants it."""
    kept = os.environ.get("ALLOCSCC_SAVE_TEMPS", "")
    if kept and groups:
        _save(kept, groups, config, os.path.basename(output))
    objects = stub_objects(groups, config, stub_object, stub_is_cached)
    return {group[0].symbol: stub for group, stub in zip(groups, objects, strict=True)}


def _save(folder: str, groups: list[list[Decision]], config: Config, output: str) -> None:
    """Write the stubs' C to a folder: `OUTPUT.SYMBOL.stub.c`, by the first function of each file."""
    os.makedirs(folder, exist_ok=True)
    present = entry_points(groups)
    for group in groups:
        path = os.path.join(folder, f"{output}.{group[0].symbol.replace('/', '_')[:200]}.stub.c")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(stub_source(group, config, present=present))


def _in_cache(stub: bytes) -> str:
    """A path for a stub object that is the same for every link: some linkers list it in a dependency file."""
    path = os.path.join(cache_folder(dict(os.environ)), "stubs", f"{hashlib.sha256(stub).hexdigest()[:24]}.o")
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


def stub_object(source: str, config: Config, keep: bool = True) -> str:
    """The object compiled from a stub file; cached by content, since builds link the same stubs again and again.

    Raises:
        ToolError: it does not compile; gcc's words say why, and, with `keep`, the message where its source is kept.
    """
    include, digest, folder = data_folder("stubgen"), _digest(source), _stub_folder()
    os.makedirs(folder, exist_ok=True)
    extra = ("-I", include, "-ffunction-sections", "-fexceptions", "-Wno-builtin-declaration-mismatch")
    work = os.path.join(folder, f"new-{os.getpid()}-{digest.hexdigest()[:24]}")
    base = os.path.join(work, "allocs-stub")  # a name that every output has as a symbol: always the same
    path = os.path.join(folder, f"{digest.hexdigest()[:24]}.o")
    if os.path.exists(path) and not config.includes:
        return path
    try:
        os.makedirs(work, exist_ok=True)
        with open(f"{base}.c", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(source)
        if config.includes:  # what such a header includes, and its macros, only the preprocessor knows
            text = toolchain.run([compiler(), "-E", "-P", *extra, f"{base}.c"])
            digest.update(text.encode("utf-8", "surrogateescape"))
            path = os.path.join(folder, f"{digest.hexdigest()[:24]}.o")
            if os.path.exists(path):
                return path
        compile_c(f"{base}.c", f"{base}.o", extra)
        os.replace(f"{base}.o", path)
        tidy(folder, MOST)
    except ToolError as error:
        raise (_with_source_kept(error, f"{base}.c", config) if keep else error) from error
    finally:
        for leftover in (f"{base}.c", f"{base}.o"):
            if os.path.exists(leftover):
                os.unlink(leftover)
        if os.path.isdir(work):
            os.rmdir(work)
    return path


def stub_is_cached(source: str, config: Config) -> bool:
    """Whether `stub_object` has nothing to compile; what headers of the project's say is not known before."""
    return not config.includes and os.path.exists(os.path.join(_stub_folder(), f"{_digest(source).hexdigest()[:24]}.o"))


def _stub_folder() -> str:
    return os.path.join(cache_folder(dict(os.environ)), "stubs")


def _digest(source: str) -> "hashlib._Hash":
    """Of all that a stub's object depends on but headers of the project's."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape"))
    for header in ("stubgen.h", "allocs.h", "abi.h"):
        with open(os.path.join(data_folder("stubgen"), header), "rb") as file:
            digest.update(file.read())
    digest.update(compiler().encode("utf-8", "surrogateescape"))
    return digest


def _with_source_kept(error: ToolError, source: str, config: Config) -> ToolError:
    """The error, with the stub's source in a place where a person can look at it, compile it, and send it to us."""
    folder = os.path.join(cache_folder(dict(os.environ)), "failed")
    os.makedirs(folder, exist_ok=True)
    kept = os.path.join(folder, os.path.basename(os.path.dirname(source)).rpartition("-")[2] + ".c")
    os.replace(source, kept)
    whose = ""
    if config.includes:
        origins = ", ".join(dict.fromkeys(header.origin for header in config.includes))
        whose = f" with the headers of [stubgen] include ({origins})"
    return ToolError(f"a stub does not compile{whose}; its source is kept in {kept}:\n{error}".replace(source, kept))


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
