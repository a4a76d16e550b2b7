"""Carries a plan out: stub objects, inputs with replaced definitions, and the linker's new command line."""

import hashlib
import os
from collections import defaultdict

from allocscc import toolchain
from allocscc.config.model import Config
from allocscc.elf import archive
from allocscc.elf.edit import replace_definitions
from allocscc.elf.write import data_object
from allocscc.errors import HookError, ToolError
from allocscc.link.job import ARCHIVE, OBJECT, LinkJob
from allocscc.link.plan import REPLACE, WRAP, Decision, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.link.runtime import binary_tool, compile_c, compiler
from allocscc.link.stubs import stub_source
from allocscc.places import cache_folder, data_folder
from allocscc.sidecar_names import PLAN_SECTION

_EM_X86_64 = 62


def edits(
    plan: LinkPlan, job: LinkJob, config: Config, folder: toolchain.TemporaryFolder
) -> tuple[dict[int, list[str]], list[str]]:
    """What to change in the command line.

    Args:
        plan: the decisions.
        job: the link they are about.
        config: the merged config that the plan was made with.
        folder: for temporary files, gone after the link.

    Returns:
        Replacements: argument index → the words to put there; and options to add in front.

    Raises:
        ToolError, FormatError, OSError: nothing was changed; link as the vanilla link would.
    """
    replaced: dict[int, dict[int, list[Decision]]] = defaultdict(lambda: defaultdict(list))
    wrapped = []
    for decision in plan.decisions:
        if decision.action == REPLACE and decision.place is not None:
            replaced[decision.place[0]][decision.place[1]].append(decision)
        elif decision.action == WRAP:
            wrapped.append(decision)
    words: dict[int, list[str]] = {}
    for index, by_member in replaced.items():
        source = next(i for i in job.inputs if i.index == index)
        path = folder.file(f"{index}-{os.path.basename(source.path)}")
        if source.kind == ARCHIVE:
            _rewrite_archive(source.path, path, by_member, config)
            words[index] = [path]
        else:
            with open(source.path, "rb") as file:
                data = file.read()
            names = [decision.symbol for decision in by_member[-1]]
            with open(path, "wb") as file:
                file.write(replace_definitions(data, names, source.path))
            words[index] = [path, stub_object(stub_source(by_member[-1], config), config)]
    options = []
    if wrapped:
        stubs = _wrap_archive(wrapped, config, folder)
        for index in _insertion_points(wrapped, job):
            words[index] = [*words.get(index, _original(job, index)), stubs]
        options = [f"--wrap={decision.symbol}" for decision in wrapped]
    return words, options


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


def _wrap_archive(wrapped: list[Decision], config: Config, folder: toolchain.TemporaryFolder) -> str:
    """Caller stubs for imported wrappers, one member each: the linker takes those that something refers to."""
    path = folder.file("liballocs-wraps.a")
    toolchain.run([binary_tool("ar"), "rcsD", path, *(stub_object(stub_source([d], config), config) for d in wrapped)])
    return path


def _rewrite_archive(source: str, target: str, by_member: dict[int, list[Decision]], config: Config) -> None:
    """Write a copy of an archive in which definitions are renamed.

    The stubs are members of their own, so that members are pulled in exactly when they were before.
    """
    with open(source, "rb") as file:
        data = file.read()
    contents = []
    for number, member in enumerate(archive.members(data, source, os.path.dirname(source) or ".")):
        decisions = by_member.get(number)
        if decisions is None:
            contents.append((member.name, member.data))
            continue
        where = f"{source}({member.name})"
        contents.append((member.name, replace_definitions(member.data, [d.symbol for d in decisions], where)))
        with open(stub_object(stub_source(decisions, config), config), "rb") as stub:
            contents.append((f"allocs-{number}.o", stub.read()))
    archive.write(target, contents)
    toolchain.run([binary_tool("ranlib"), target])


def stub_object(source: str, config: Config) -> str:
    """The object compiled from a stub file; cached by content, since builds link the same stubs again and again.

    Raises:
        HookError: a header of the project's (`[stubgen] include`) does not compile; gcc's words say where.
    """
    include = data_folder("stubgen")
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape"))
    for header in ("stubgen.h", "allocs.h", "abi.h"):
        with open(os.path.join(include, header), "rb") as file:
            digest.update(file.read())
    digest.update(compiler().encode("utf-8", "surrogateescape"))
    folder = os.path.join(cache_folder(dict(os.environ)), "stubs")
    os.makedirs(folder, exist_ok=True)
    extra = ("-I", include, "-ffunction-sections", "-fexceptions", "-Wno-builtin-declaration-mismatch")
    base = os.path.join(folder, f"new-{os.getpid()}-{digest.hexdigest()[:24]}")
    path = os.path.join(folder, f"{digest.hexdigest()[:24]}.o")
    if os.path.exists(path) and not config.includes:
        return path
    try:
        with open(f"{base}.c", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(source)
        if config.includes:  # what such a header includes, and its macros, only the preprocessor knows
            digest.update(_preprocessed(f"{base}.c", extra, config))
            path = os.path.join(folder, f"{digest.hexdigest()[:24]}.o")
            if os.path.exists(path):
                return path
        try:
            compile_c(f"{base}.c", f"{base}.o", extra)
        except ToolError as error:
            raise _blamed(error, config) from error
        os.replace(f"{base}.o", path)
    finally:
        for leftover in (f"{base}.c", f"{base}.o"):
            if os.path.exists(leftover):
                os.unlink(leftover)
    return path


def _preprocessed(path: str, options: tuple[str, ...], config: Config) -> bytes:
    try:
        return toolchain.run([compiler(), "-E", "-P", *options, path]).encode("utf-8", "surrogateescape")
    except ToolError as error:
        raise _blamed(error, config) from error


def _blamed(error: ToolError, config: Config) -> ToolError | HookError:
    """The error as the hook's, if the project adds headers to the stubs: our own do compile."""
    if not config.includes:
        return error
    origins = ", ".join(dict.fromkeys(header.origin for header in config.includes))
    return HookError(f"stubs do not compile with the headers of [stubgen] include ({origins}):\n{error}")


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
