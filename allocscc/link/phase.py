"""The link phase: look through the inputs, decide, carry it out, call the real linker.

A link without wrappers and without definitions of its own gets the prebuilt runtime and nothing else; for it, neither
the config nor the plan is imported. A failure of ours links as the vanilla link would, with one warning (DESIGN §1);
a wrong config stops the link with its message.
"""

from __future__ import annotations

import os
import sys

from allocscc import toolchain
from allocscc.backends import load_backend
from allocscc.backends.interface import Link
from allocscc.config.roles import Roles, load_roles
from allocscc.errors import AllocsError, ConfigError, ToolError
from allocscc.link.findings import Survey, Wanted
from allocscc.link.job import ARCHIVE, DSO, EXECUTABLE, OBJECT, RELOCATABLE, LinkJob
from allocscc.link.response import quote_response
from allocscc.link.run import run_linker
from allocscc.link.survey import survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocscc.backends.interface import Backend
    from allocscc.config.model import Config
    from allocscc.link.plan import LinkPlan

_EMULATIONS = ("", "elf_x86_64", "aarch64linux")
_SANITIZERS = ("asan", "hwasan", "lsan", "msan", "tsan", "memprof")


def main(name: str, argv: list[str]) -> int:
    """Stand before a linker.

    Args:
        name: the linker's name, as the driver looked it up (`ld`, `ld.gold` …).
        argv: its arguments.

    Returns:
        The exit status.
    """
    real = toolchain.find_linker(name)
    try:
        job = LinkJob(argv, os.getcwd(), real)
        if job.mode == RELOCATABLE or not job.inputs:
            toolchain.replace([real, *argv])
        roles = load_roles(dict(os.environ), os.getcwd())
    except ConfigError as error:
        sys.stderr.write(f"allocscc: {error}\n")
        return error.status
    try:
        return _link(real, argv, job, roles)
    except ConfigError as error:  # a hook of the project's among them: silently ignored it would be worse
        sys.stderr.write(f"allocscc: {error}\n")
        return error.status
    except Exception as error:  # whatever it is: it must not fail a build that the plain linker would pass
        what = str(error) if isinstance(error, AllocsError) else repr(error)
        if roles.on_error == "stop":
            sys.stderr.write(f"allocscc: {job.output}: the link phase failed: {what}\n")
            return error.status if isinstance(error, AllocsError) else 70
        status = toolchain.spawn([real, *argv])
        if status == 0:  # what is wrong with the inputs, the linker says itself
            toolchain.warn(f"{job.output}: the link phase failed: {what}; linked without allocscc")
        return status


def _link(real: str, argv: list[str], job: LinkJob, roles: Roles) -> int:
    backend = load_backend(roles.backend)
    obstacle = _obstacle(job) or backend.obstacle()
    if obstacle and job.libc_at < 0:  # firmware, a kernel: nothing is added, not even a note
        toolchain.replace([real, *argv])
    if obstacle:
        return _noted_link(real, argv, job, obstacle)
    for warning in roles.warnings:
        toolchain.warn(warning)
    found = surveyed(job, roles, backend)
    interpose = sorted({family for family, _, preload in roles.entries.values() if preload})
    interesting = (
        found.definitions or found.references or found.unreadable or found.versioned or found.sidecars or found.sources
    )
    if not interesting and "plan" not in roles.hooks:
        link = _seen(job, found.has_sites, interpose if job.mode == EXECUTABLE else [], _kept(job, backend))
        more = backend.additions(link)
        status = run_linker(real, _command(job, {}, more.words, more.options, more.late), argv, {})
        if job.dependency_file:
            _tidy(job, {})
        return _finish(backend, link, roles, status)
    return _planned_link(real, argv, job, found, roles, backend)


def _noted_link(real: str, argv: list[str], job: LinkJob, obstacle: str) -> int:
    """Link as without us, but for the plan, which says why."""
    from allocscc.config.model import Config
    from allocscc.link.apply import plan_object
    from allocscc.link.plan import LinkFacts, make_plan

    plan = make_plan(LinkFacts(job.mode, obstacle=obstacle), Config())
    with toolchain.TemporaryFolder() as folder:
        return run_linker(real, _command(job, {}, [plan_object(plan, job, folder)], []), argv, {})


def surveyed(job: LinkJob, roles: Roles, backend: Backend) -> Survey:
    """What the inputs hold of functions that the config names."""
    globs = []
    if roles.patterns:
        from allocscc.config.globs import glob_regex

        globs = [(glob_regex(pattern), wraps) for pattern, _, wraps in roles.patterns]
    wrapped = [n for n, (family, _, _) in roles.entries.items() if backend.wraps(family, n in roles.suballocators)]
    measuring = roles.usable_sizes if backend.measures else []
    return survey(job, Wanted([*roles.wrappers, *wrapped], [*roles.entries, *measuring], globs))


def planned(job: LinkJob, found: Survey, backend: Backend) -> tuple[LinkPlan, Config, Survey]:
    """The plan of a link, the whole config that it was made with, and all that was found in the inputs."""
    from allocscc.backends.runtime import interposable, interposed_functions
    from allocscc.config.globs import concrete
    from allocscc.config.whole import whole_config
    from allocscc.link.facts import link_facts, with_backend, with_libraries
    from allocscc.link.hook import changed_plan
    from allocscc.link.plan import make_plan
    from allocscc.link.pulled import without_unpulled

    config = whole_config(dict(os.environ), os.getcwd())
    if found.sidecars:
        config, found = _completed(job, config, found, backend)
    facts = link_facts(job, found, interposable() if backend.embeds else frozenset())
    if backend.embeds and job.mode == EXECUTABLE and not job.static:
        try:
            facts = with_libraries(facts, job, interposed_functions())
        except ToolError:
            pass  # there is no runtime: that is said where it is linked in
    config = concrete(config, [fact.symbol for fact in facts.functions])
    facts = with_backend(facts, backend, _seen(job, found.has_sites, []), config)
    with toolchain.TemporaryFolder() as folder:
        facts = without_unpulled(facts, job, config, folder)
    plan = make_plan(facts, config)
    if "plan" in config.hooks:
        plan = changed_plan(config.hooks["plan"].name, config, plan, facts)
    return plan, config, found


def _planned_link(real: str, argv: list[str], job: LinkJob, found: Survey, roles: Roles, backend: Backend) -> int:
    from allocscc.link.apply import edits, plan_object

    plan, config, found = planned(job, found, backend)
    link = _seen(job, found.has_sites, list(plan.interpose), plan.keep)
    with toolchain.TemporaryFolder() as folder:
        changes, options, objects = edits(plan, job, config, folder, backend)
        more = backend.additions(link)
        words = [plan_object(plan, job, folder), *objects, *more.words]
        command = _command(job, changes, words, [*options, *more.options], more.late)
        if job.expanded:
            path = folder.file("arguments")
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(quote_response(command))
            command = ["@" + path]
        if found.sources:
            path = folder.file("sources")
            with open(path, "wb") as sources:
                sources.write(b"".join(found.sources))
            os.environ["ALLOCSCC_LTO_SITES"] = path  # for lto1, which the linker's plugin runs
        copies = _names_of_copies(job, changes, folder)
        status = run_linker(real, command, argv, copies)
        if job.dependency_file:
            _tidy(job, copies, folder.path)
    return _finish(backend, link, roles, status)


def _completed(job: LinkJob, config: Config, found: Survey, backend: Backend) -> tuple[Config, Survey]:
    """The config with what sidecars add to it, and another look through the inputs for these functions.

    That is what the sources declare, below the config, and the symbols of static functions.
    """
    from allocscc.config.declared import with_declarations
    from allocscc.config.functions import function_roles, is_wrapper
    from allocscc.config.globs import glob_regex
    from allocscc.config.model import Allocator
    from allocscc.config.statics import with_statics
    from allocscc.sidecar import decode_declarations, decode_statics

    declarations = [d for data in found.sidecars for d in decode_declarations(data, job.output)]
    config = with_declarations(config, declarations)
    config = with_statics(config, [unit for data in found.sidecars for unit in decode_statics(data, job.output)])
    roles = {name: role for name, role in function_roles(config).items() if role.observed and not role.signature.scope}
    plain = {name: role for name, role in roles.items() if not role.signature.pattern}
    wrappers = [name for name, role in plain.items() if is_wrapper(role)]
    entries = [(name, role.entry) for name, role in plain.items() if isinstance(role.entry, Allocator)]
    wrapped = [name for name, family in entries if backend.wraps(family.name, bool(family.suballocates))]
    globs = [(glob_regex(name), is_wrapper(r)) for name, r in reversed(list(roles.items())) if r.signature.pattern]
    names = [name for name in plain if name not in wrappers]
    if backend.measures:
        names += [family.usable_size.name for family in config.allocators.values() if family.usable_size]
    return config, survey(job, Wanted([*wrappers, *wrapped], names, globs))


def _tidy(job: LinkJob, copies: dict[str, str], *folders: str) -> None:
    """Take our files out of the linker's list of inputs (HAZARDS 18)."""
    from allocscc.link.dependencies import tidy_dependencies
    from allocscc.places import cache_folder

    tidy_dependencies(job.dependency_file, copies, [cache_folder(dict(os.environ)), *folders])


def _names_of_copies(job: LinkJob, changes: dict[int, list[str]], folder: toolchain.TemporaryFolder) -> dict[str, str]:
    """Changed copies of inputs, and what the linker would call the inputs."""
    paths = {source.index: source.path for source in job.inputs}
    copies = {index: words[0] for index, words in changes.items() if words and words[0].startswith(folder.path)}
    return {
        copy: paths.get(index, job.args[index]) if job.args[index].startswith("-") else job.args[index]
        for index, copy in copies.items()
    }


def _obstacle(job: LinkJob) -> str:
    """Why nothing of this link can be observed, or ""."""
    if job.emulation not in _EMULATIONS:
        return f"target {job.emulation} is not supported"
    if job.libc_at < 0:
        return "linked without libc"
    others = [source.path for source in job.inputs if source.kind != OBJECT]
    for name in [*job.libraries, *(os.path.basename(path).removeprefix("libclang_rt.") for path in others)]:
        if name.removeprefix("lib").split("-")[0].split(".")[0] in _SANITIZERS:
            return f"{name} brings an allocator of its own that must not be interposed"
    return ""


def _kept(job: LinkJob, backend: Backend) -> tuple[str, ...]:
    """Functions of libraries that must stay needed, where the plan is not made; see `LinkPlan.keep`."""
    if not backend.embeds or job.mode != EXECUTABLE or not any(source.kind == DSO for source in job.inputs):
        return ()
    from allocscc.backends.runtime import interposed_functions
    from allocscc.link.libraries import interposed_libraries, shared_libraries

    if job.static or not any(as_needed for _, as_needed in shared_libraries(job)):
        return ()
    return tuple(one.kept for one in interposed_libraries(job, interposed_functions()) if one.kept)


def _seen(job: LinkJob, has_sites: bool, interpose: list[str], keep: Sequence[str] = ()) -> Link:
    """The link as a backend sees it."""
    return Link(
        job.output, job.args, job.linker, shared=job.mode != EXECUTABLE, static=job.static,
        gc_sections=job.gc_sections, objects=[source.path for source in job.inputs if source.kind == OBJECT],
        archives=[source.path for source in job.inputs if source.kind == ARCHIVE], has_sites=has_sites,
        interpose=interpose, keep=keep,
    )  # fmt: skip


def _finish(backend: Backend, link: Link, roles: Roles, status: int) -> int:
    """The backend's last step, for an output that is there; the link's exit status."""
    if status != 0 or not os.path.isfile(link.output):
        return status
    try:
        backend.finish(link, roles.signatures, roles.suballocators)
    except AllocsError as error:
        if roles.on_error == "stop":
            sys.stderr.write(f"allocscc: {link.output}: {error}\n")
            os.unlink(link.output)  # a build must not take it for made
            return error.status
        toolchain.warn(f"{link.output}: {error}")
    return status


def _command(
    job: LinkJob, changes: dict[int, list[str]], before_libc: list[str], options: list[str], late: Sequence[str] = ()
) -> list[str]:  # fmt: skip
    """The linker's arguments with ours in their places; nothing is reordered."""
    command = list(options)
    index = 0
    while index < len(job.args):
        if index == job.libc_at:
            command += before_libc
        width = 2 if job.args[index] in ("-l", "--library") else 1
        command += changes.get(index, job.args[index : index + width])
        index += width
    return [*command, *late]
