"""Carries a plan out: stub objects, inputs with replaced definitions, and the linker's new command line."""

import hashlib
import os
from collections import defaultdict

from allocscc import toolchain
from allocscc.config.model import Config
from allocscc.elf import archive
from allocscc.elf.edit import replace_definitions
from allocscc.link.job import ARCHIVE, LinkJob
from allocscc.link.plan import REPLACE, WRAP, Decision, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.link.runtime import compile_c, compiler
from allocscc.link.stubs import stub_source
from allocscc.places import cache_folder, data_folder
from allocscc.sidecar_names import PLAN_SECTION


def edits(plan: LinkPlan, job: LinkJob, config: Config, folder: str) -> tuple[dict[int, list[str]], list[str]]:
    """What to change in the command line.

    Args:
        plan: the decisions.
        job: the link they are about.
        config: the merged config that the plan was made with.
        folder: for temporary files, deleted after the link.

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
        path = os.path.join(folder, f"{index}-{os.path.basename(source.path)}")
        if source.kind == ARCHIVE:
            _rewrite_archive(source.path, path, by_member, config)
            words[index] = [path]
        else:
            with open(source.path, "rb") as file:
                data = file.read()
            names = [decision.symbol for decision in by_member[-1]]
            with open(path, "wb") as file:
                file.write(replace_definitions(data, names, source.path))
            words[index] = [path, stub_object(stub_source(by_member[-1], config))]
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


def _wrap_archive(wrapped: list[Decision], config: Config, folder: str) -> str:
    """Caller stubs for imported wrappers, one member each: the linker takes those that something refers to."""
    path = os.path.join(folder, "liballocs-wraps.a")
    toolchain.run(
        [toolchain.find_program("ar"), "rcsD", path, *(stub_object(stub_source([d], config)) for d in wrapped)]
    )
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
        with open(stub_object(stub_source(decisions, config)), "rb") as stub:
            contents.append((f"allocs-{number}.o", stub.read()))
    archive.write(target, contents)
    toolchain.run([toolchain.find_program("ranlib"), target])


def stub_object(source: str) -> str:
    """The object compiled from a stub file; cached by content, since builds link the same stubs again and again."""
    include = data_folder("stubgen")
    digest = hashlib.sha256(source.encode())
    for header in ("stubgen.h", "allocs.h", "abi.h"):
        with open(os.path.join(include, header), "rb") as file:
            digest.update(file.read())
    digest.update(compiler().encode("utf-8", "surrogateescape"))
    folder = os.path.join(cache_folder(dict(os.environ)), "stubs")
    path = os.path.join(folder, f"{digest.hexdigest()[:24]}.o")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    base = f"{path[:-2]}.{os.getpid()}"
    try:
        with open(f"{base}.c", "w", encoding="utf-8") as file:
            file.write(source)
        extra = ("-I", include, "-ffunction-sections", "-fexceptions", "-Wno-builtin-declaration-mismatch")
        compile_c(f"{base}.c", f"{base}.o", extra)
        os.replace(f"{base}.o", path)
    finally:
        for leftover in (f"{base}.c", f"{base}.o"):
            if os.path.exists(leftover):
                os.unlink(leftover)
    return path


def plan_object(plan: LinkPlan, output: str, folder: str) -> str:
    """An object that holds nothing but the plan, for section `.allocs.plan` of the output (R15)."""
    text = encode_plan(plan, output).decode("ascii")
    lines = "".join(f"\t.ascii {_ascii(text[i : i + 2000])}\n" for i in range(0, len(text), 2000))
    source = f'\t.section {PLAN_SECTION},"",@progbits\n{lines}\t.section .note.GNU-stack,"",@progbits\n'
    path = os.path.join(folder, "allocs-plan.o")
    with open(path + ".s", "w", encoding="ascii") as file:
        file.write(source)
    toolchain.run([toolchain.find_program("as"), path + ".s", "-o", path])
    return path


def _ascii(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
