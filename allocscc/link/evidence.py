"""Collects what the proof of a link looks at: the plan, new inputs and their roles, changed copies (R15)."""

import os
from collections import Counter

from allocscc import toolchain
from allocscc.backends.runtime import Runtime, interposable
from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from allocscc.link.copies import copy_problems
from allocscc.link.explain import plan_of
from allocscc.link.job import ARCHIVE, OBJECT, LinkJob, file_kind
from allocscc.link.job import OTHER as OTHER_FILE
from allocscc.link.outcome import ObjectFacts, Outcome, read_object
from allocscc.link.plan import LEAVE, MARK, WRAP, Decision, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.link.trace import (
    archive_members,
    read_member,
    read_options,
    split_member,
    thin_members,
    with_thin_members,
)
from allocscc.link.twolinks import (
    INTERPOSE,
    KEPT_ALIVE,
    KEPT_PLAN,
    OTHER,
    REGISTER,
    RUNTIME,
    STUB,
    EditedInput,
    NewInput,
    TwoLinks,
)
from allocscc.places import cache_folder
from allocscc.sidecar_names import PLAN_SECTION, SITES_SECTION
from allocscc.values import replace


def two_links(job: LinkJob, real: str, vanilla: Outcome, ours: Outcome, kept: dict[str, str]) -> TwoLinks:
    """What the proof looks at: the plan, and the inputs that only our link has.

    Args:
        job: the vanilla command line with our output.
        real: the linker.
        vanilla: the vanilla link's facts.
        ours: our link's.
        kept: file of our command line that the vanilla one does not have → where a copy of it is.
    """
    archives = [source.path for source in job.inputs if source.kind == ARCHIVE]
    thin = thin_members(archives, {source.path for source in job.inputs})
    vanilla, ours = (replace(one, inputs=with_thin_members(one.inputs, thin, os.getcwd())) for one in (vanilla, ours))
    plan, headers, lto = plan_of(job)
    edited = _edited(job, plan, kept)
    runtime = _runtime(kept)
    swapped = {one.path: one.original for one in edited}
    known = set(vanilla.inputs)
    new = []
    for path in ours.inputs:
        file, member = split_member(path)
        original = swapped.get(file if member else path, "")
        if path not in known and f"{original}({member})" not in known and (member or not original):
            role, family = _role(file, member, runtime, kept, swapped)
            new.append(NewInput(path, role, _facts(kept.get(file, file), member), family))
    new += _kept_alive(job, real, vanilla, plan, kept, edited)
    return TwoLinks(
        vanilla,
        ours,
        plan,
        tuple(new),
        tuple(edited),
        headers,
        os.path.normpath(runtime.exports),
        (*_untold(job, vanilla, ours, edited), *_problems(job, plan, edited, kept)),
        lto,
        _written_out(job, vanilla, ours),
    )


def _written_out(job: LinkJob, vanilla: Outcome, ours: Outcome) -> frozenset[tuple[str, str, str]]:
    """The lines that come from linker scripts which the link phase wrote out; their inputs are compared as all are."""
    before, after = Counter(vanilla.options), Counter(one for one in read_options(job.args) if one != "-o")
    gone, came = before - after, after - before
    if not gone and not came:
        return frozenset()
    lines = {("-", "option", one) for one in gone} | {("+", "option", one) for one in came}
    scripts = [path for path in vanilla.inputs if path not in ours.inputs and file_kind(path) == OTHER_FILE]
    return frozenset(lines | {("-", "input", path) for path in scripts})


def _runtime(kept: dict[str, str]) -> Runtime:
    """The runtime that our link was given: the one folder in the cache's place for runtimes that its inputs lie in.

    `ensure_runtime` might give another one, if somebody edits its source at this moment.
    """
    top = os.path.normpath(os.path.join(cache_folder(dict(os.environ)), "runtime"))
    folders = sorted({os.path.dirname(path) for path in kept if os.path.dirname(os.path.dirname(path)) == top})
    return Runtime(folders[0] if folders else os.path.join(top, "none"))


def _kept_alive(
    job: LinkJob, real: str, vanilla: Outcome, plan: LinkPlan, kept: dict[str, str], edited: list[EditedInput]
) -> list[NewInput]:
    """Inputs of both links whose dead code ours keeps, since records do, or marks (docs/architecture.md, "Link phase").

    A marked wrapper may need any other function.
    """
    if not job.gc_sections:
        return []
    copies = {one.original: kept[one.path] for one in edited}
    places = [(path, *split_member(path)) for path in vanilla.inputs]
    found = [NewInput(path, KEPT_ALIVE, _facts(copies.get(file, file), member)) for path, file, member in places]
    if any(decision.action == MARK and decision.place is not None for decision in plan.decisions):
        return found
    if not toolchain.run([real, "--version"]).startswith(("GNU gold", "mold")):
        return []
    return [one for one in found if any(name == SITES_SECTION for name, _, _ in one.facts.sections)]


def _edited(job: LinkJob, plan: LinkPlan, kept: dict[str, str]) -> list[EditedInput]:
    symbols: dict[int, list[Decision]] = {}
    for decision in plan.decisions:
        if decision.action not in (LEAVE, WRAP) and decision.place is not None:
            symbols.setdefault(decision.place[0], []).append(decision)
    found = []
    for source in job.inputs:
        copy = next(
            (path for path in kept if os.path.basename(path) == f"{source.index}-{os.path.basename(source.path)}"), ""
        )
        if source.index in symbols and copy:
            word = " ".join(job.args[source.index : source.index + 1 + (source.word in ("-l", "--library"))])
            option = word if word.startswith("-") else ""
            original, decisions = os.path.normpath(source.path), symbols[source.index]
            holders = tuple(_holder(original, decision.place) for decision in decisions)
            found.append(EditedInput(copy, original, tuple(d.symbol for d in decisions), option, holders))
    return found


def _holder(path: str, place: tuple[int, int] | None) -> str:
    """The name that a linker gives the object or archive member at a decision's place."""
    if place is None or place[1] < 0:
        return path
    return f"{path}({archive_members(path)[place[1]].name})"


def _role(path: str, member: str, runtime: Runtime, kept: dict[str, str], swapped: dict[str, str]) -> tuple[str, str]:
    """Why an input is in our link, by its path; and for an interposed family: which."""
    stem = member.removesuffix(".o")
    ours = [os.path.normpath(path) for path in (runtime.archive, runtime.interposers)]
    if member and path in ours:
        return (INTERPOSE, stem) if stem in interposable() else (RUNTIME, "")
    if path in (os.path.normpath(runtime.register), os.path.normpath(runtime.register_for_mold)):
        return REGISTER, ""
    if path in kept and os.path.basename(path) == "allocs-plan.o":
        return KEPT_PLAN, ""
    stubs = os.path.normpath(os.path.join(cache_folder(dict(os.environ)), "stubs"))
    is_added = member.startswith("allocs-") if path in swapped else os.path.basename(path) == "liballocs-wraps.a"
    if os.path.dirname(path) == stubs or (path in kept and is_added):
        return STUB, ""
    return OTHER, ""


def _facts(path: str, member: str) -> ObjectFacts:
    """What an input holds; nothing if it is no object."""
    try:
        if member:
            return read_object(read_member(path, member), path)
        if file_kind(path) == OBJECT:
            with open(path, "rb") as file:
                return read_object(file.read(), path)
    except (FormatError, OSError):
        pass
    return ObjectFacts()


def _untold(job: LinkJob, vanilla: Outcome, ours: Outcome, edited: list[EditedInput]) -> list[str]:
    """Objects that must have been linked and that the linker does not name: then its trace is not understood.

    Without this, a linker that says nothing would have the same inputs in both links: none.
    """
    if "--start-lib" in job.args:  # objects behind it are taken as an archive's members are
        return []
    copies = {one.original: one.path for one in edited}
    found = []
    for source in job.inputs:
        path = os.path.normpath(source.path)
        if source.kind == OBJECT and not (path in vanilla.inputs and copies.get(path, path) in ours.inputs):
            found.append(f"{path}: the linker does not say that it took this object; what took part is not known")
    return found


def _problems(job: LinkJob, plan: LinkPlan, edited: list[EditedInput], kept: dict[str, str]) -> list[str]:
    """What is wrong with changed copies of inputs, and with the plan that the output keeps."""
    found = []
    parts = {part for decision in plan.decisions for part in decision.parts}
    for one in edited:
        with open(one.original, "rb") as original, open(kept[one.path], "rb") as copy:
            found += copy_problems(original.read(), copy.read(), set(one.symbols), one.original, parts)
    with open(job.output, "rb") as file:
        elf = ElfObject(file.read(), job.output)
    section = elf.section(PLAN_SECTION.encode())
    if section is not None and encode_plan(plan, job.output).strip() not in elf.contents(section).splitlines():
        found.append(f"the plan in section {PLAN_SECTION} is not the one that this command line gives")
    return found
