"""The compile phase's surroundings: run the real compiler, add records to its assembly, never fail a build.

The compiler's own failure is never masked, and a failure of ours leaves what the compiler made (DESIGN §1).
"""

from __future__ import annotations

import os
import sys

from allocscc import toolchain
from allocscc.compile import interest
from allocscc.compile.command import AssemblerCommand, CompilerCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from allocscc.compile.ahead import Ahead
    from allocscc.compile.annotated import Annotated
    from allocscc.config.roles import Roles

    # Told the config, gives what annotates the unit, or None if there is nothing of interest.
    Work = Callable[[Roles], Callable[[], Annotated | None] | None]

_COMPILERS = ("cc1", "f951", "lto1")


def main(argv: list[str]) -> int:
    """Stand before a compiler proper (`cc1`, `cc1plus`, `f951`, `lto1`) or before `as`.

    Args:
        argv: path of the real program, then its arguments.

    Returns:
        The exit status of the real program.
    """
    if os.path.basename(argv[0]).startswith(_COMPILERS):
        return _compile(_with_flags(CompilerCommand(argv)))
    return _assemble(AssemblerCommand(argv))


def _with_flags(command: CompilerCommand) -> CompilerCommand:
    """The command with what the backend wants; the user's own options stand behind it and win."""
    from allocscc.backends.flags import compile_flags

    flags = compile_flags("gcc") if command.c_family and (command.makes_assembly or command.makes_header) else []
    return CompilerCommand([command.real, *flags, *command.args]) if flags else command


def _compile(command: CompilerCommand) -> int:
    piped = command.output == "-"
    rewritable = command.output and (not os.path.exists(command.output) or os.path.isfile(command.output))
    if not command.makes_assembly or not (piped or rewritable):
        # A precompiled header serves only compiles with the same debug info as its own.
        lines = ["-g1"] if command.makes_header and command.adds_lines else []
        toolchain.replace([command.real, *command.args, *lines])
    with toolchain.TemporaryFolder() as folder:
        pipe = toolchain.MemoryFile() if piped else None
        made = command.output
        dependencies, environment = command.list_headers()
        # Line information costs nothing in code; what the user did not ask for is taken out again.
        arguments = [*command.args, "-g1"] if command.adds_lines else command.args
        process = toolchain.start([command.real, *arguments], environment, stdout=pipe.descriptor if pipe else None)

        def assembly() -> str:
            return pipe.read_text() if pipe else toolchain.read_text(made)

        ahead = _reader(command, folder, assembly)
        try:
            _begin(ahead)
            # What will be needed is imported while the compiler runs.
            from allocscc.config import marks  # noqa: F401

            status = toolchain.wait(process)
            if status != 0:
                return status
            text = assembly()
            named: list[bool] = []
            work = _gcc_work(command, text, folder, dependencies, named, ahead)
            result = _try_annotate(command.source or made, work)
        finally:
            if ahead is not None:
                ahead.end()
        final = result.text if result else text
        if command.adds_lines:
            final = _stripped(final)
        if named or result is not None:
            final += _command_record(command)
        if piped:
            sys.stdout.reconfigure(**toolchain.ENCODING)  # type: ignore[union-attr]
            sys.stdout.write(final)
            sys.stdout.flush()
        elif final != text:
            _overwrite(command.output, final, text)
    return 0


def _reader(command: CompilerCommand, folder: toolchain.TemporaryFolder, assembly: Callable[[], str]) -> Ahead | None:
    """What reads the unit's source while the compiler works on it, where that is worth it."""
    from allocscc.compile.ahead import Ahead, is_worth_it
    from allocscc.config.roles import load_roles

    try:
        roles = load_roles(dict(os.environ), os.getcwd())
        return Ahead(command, folder, roles, assembly) if is_worth_it(command, roles) else None
    except Exception:  # what is wrong is met again, and told, where it matters
        return None


def _begin(ahead: Ahead | None) -> None:
    try:
        if ahead is not None:
            ahead.begin()
    except OSError:  # no process to be had: the source is read behind the compiler
        pass


def _command_record(command: CompilerCommand) -> str:
    """How the unit is preprocessed again, for its object; "" where it cannot be."""
    if not command.c_family or not command.readable:
        return ""
    from allocscc.compile.prefix import mapped, unmapped
    from allocscc.compilecommand import Command

    words = unmapped(command.told_command())
    return Command(mapped(os.getcwd(), command.args), command.source, words).assembly()


def _gcc_work(
    command: CompilerCommand, text: str, folder: toolchain.TemporaryFolder, dependencies: str, named: list[bool],
    ahead: Ahead | None,
) -> Work:  # fmt: skip
    """What there is to do about one unit of gcc's; `named` gets an item if it names a function of a role."""

    def work(roles: Roles) -> Callable[[], Annotated | None] | None:
        look = interest.names_a_role(text, roles)
        if look or interest.hands_out_a_role(text, roles):
            named.append(True)
        if not command.c_family:
            sources = os.environ.get("ALLOCSCC_LTO_SITES", "") if command.links else ""
            if not (look or sources):
                return None
            from allocscc.compile.gcc import generated_unit
            from allocscc.compile.isolate import isolated
            from allocscc.compile.lto import read_sources
            from allocscc.compile.unit import annotate_generated

            known = read_sources(sources) if sources else []
            return lambda: isolated(lambda: annotate_generated(generated_unit(command, text), known, roles))
        files = [command.source, *_headers(dependencies)]
        declares = interest.declares(files, command.args)
        # Preprocessing each unit that only includes somebody's alloca.h would cost more than all that call it.
        may_call = command.intermediate or interest.has_frame_pointer(text)
        on_stack = may_call and interest.mentions_alloca(files)
        arrays = interest.grows_stack(text)
        look = look or on_stack or arrays or (roles.candidates == "always" and interest.has_sizes(files))
        if not (look or declares or (command.intermediate and interest.named_in(files, roles))):
            return None
        needs = interest.Needs(declares, on_stack, arrays)
        if ahead is not None:
            return lambda: ahead.finish(needs)
        from allocscc.compile.ahead import read_behind

        return lambda: read_behind(command, text, folder, needs, roles)

    return work


def _headers(dependencies: str) -> list[str]:
    try:
        return interest.listed_files(toolchain.read_text(dependencies)) if dependencies else []
    except OSError:
        return []


def _assemble(command: AssemblerCommand) -> int:
    from allocscc.compile.clang import assembler_options, command_record, for_gas, made_by_compiler

    if not command.source or not made_by_compiler(command.source):
        toolchain.replace([command.real, *command.args])
    if os.environ.get("ALLOCSCC_LINES"):
        command = command.without_debug_info(assembler_options())
    with toolchain.TemporaryFolder() as folder:
        text = toolchain.read_text(command.source)
        named: list[bool] = []
        result = _try_annotate(command.source, _clang_work(command.source, text, folder, named))
        final = result.text if result else text
        if os.environ.get("ALLOCSCC_LINES"):
            final = _stripped(final)
        final = for_gas(final)
        if named or result is not None:
            final += command_record(command.source)
        if final == text:
            return toolchain.spawn([command.real, *command.args])
        path = folder.file("unit.s")
        with open(path, "w", **toolchain.ENCODING) as file:  # type: ignore[call-overload]
            file.write(final)
        return toolchain.spawn(command.with_source(path))


def _clang_work(assembly: str, text: str, folder: toolchain.TemporaryFolder, named: list[bool]) -> Work:
    """What there is to do about one unit of clang's; `named` as for `_gcc_work`."""

    def work(roles: Roles) -> Callable[[], Annotated | None] | None:
        from allocscc.compile.clang import driver_command, included_files, unit_of

        driver = driver_command(assembly)
        files = included_files(*driver) if driver is not None else []
        declares = driver is not None and interest.declares(files, driver[1])
        on_stack = interest.mentions_alloca(files)
        arrays = driver is not None and interest.grows_stack(text)
        look = interest.names_a_role(text, roles)
        if look or interest.hands_out_a_role(text, roles):
            named.append(True)
        if not (declares or on_stack or arrays or look):
            return None
        from allocscc.compile.isolate import isolated
        from allocscc.compile.unit import annotate

        needs = interest.Needs(declares, on_stack, arrays)
        return lambda: isolated(lambda: annotate(unit_of(assembly, driver, text, folder, needs), roles))

    return work


def _stripped(text: str) -> str:
    from allocscc.compile.lineinfo import strip_line_info

    return strip_line_info(text)


def _try_annotate(source: str, work: Work) -> Annotated | None:
    """The unit with records; None if there is nothing of interest, or if we failed: then with one warning.

    Args:
        source: its name, for messages.
        work: told the config, gives what does it, or None if there is nothing of interest.
    """
    from allocscc.config.roles import load_roles
    from allocscc.errors import AllocsError

    on_error = "warn"
    try:
        roles = load_roles(dict(os.environ), os.getcwd())
        on_error = roles.on_error
        task = work(roles)
        return task() if task is not None else None
    except Exception as error:  # whatever it is: it must not fail a build that the plain compiler would pass
        ours = isinstance(error, AllocsError) or type(error).__name__ == "FailedError"
        what = str(error) if ours else f"{type(error).__name__}: {error}"
        if on_error == "stop":
            sys.stderr.write(f"allocscc: {source}: the compile phase failed: {what}\n")
            raise SystemExit(70) from error
        toolchain.warn(f"{source}: the compile phase failed: {what}; compiled without records")
        return None


def _overwrite(path: str, text: str, before: str) -> None:
    """Write the output in place (it may be a link); if the disk is full, leave what the compiler had made."""
    try:
        with open(path, "w", **toolchain.ENCODING) as file:  # type: ignore[call-overload]
            file.write(text)
    except OSError as error:
        toolchain.warn(f"{path}: {error.strerror}; left without records")
        with open(path, "w", **toolchain.ENCODING) as file:  # type: ignore[call-overload]
            file.write(before)
