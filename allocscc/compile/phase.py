"""The compile phase's surroundings: run the real compiler, add records to its assembly, never fail a build.

The compiler's own failure is never masked, and a failure of ours leaves what the compiler made (DESIGN §1).
"""

from __future__ import annotations

import os
import sys

from allocscc import toolchain
from allocscc.compile.command import AssemblerCommand, CompilerCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from allocscc.compile.unit import Annotated, Preprocessed, Unit
    from allocscc.config.roles import Roles

_ENCODING = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


def main(argv: list[str]) -> int:
    """Stand before `cc1`, `cc1plus` or `as`.

    Args:
        argv: path of the real program, then its arguments.

    Returns:
        The exit status of the real program.
    """
    if os.path.basename(argv[0]).startswith("cc1"):
        return _compile(CompilerCommand(argv))
    return _assemble(AssemblerCommand(argv))


def _compile(command: CompilerCommand) -> int:
    piped = command.output == "-"
    rewritable = command.output and (not os.path.exists(command.output) or os.path.isfile(command.output))
    if not command.makes_assembly or not (piped or rewritable):
        toolchain.replace([command.real, *command.args])
    with toolchain.TemporaryFolder() as folder:
        # Line information costs nothing in code; what the user did not ask for is taken out again.
        arguments = command.args if command.debug else [*command.args, "-g1"]
        made = os.path.join(folder, "unit.s") if piped else command.output
        stdout = os.open(made, os.O_WRONLY | os.O_CREAT, 0o600) if piped else None
        status = toolchain.spawn([command.real, *arguments], stdout=stdout)
        if stdout is not None:
            os.close(stdout)
        if status != 0:
            return status
        text = _read(made)
        result = _try_annotate(text, command.source, lambda: _unit(command, text, folder), command.sidecar_path())
        final = result.text if result else text
        if not command.debug:
            from allocscc.compile.lineinfo import strip_line_info

            final = strip_line_info(final)
        if piped:
            sys.stdout.reconfigure(**_ENCODING)  # type: ignore[union-attr]
            sys.stdout.write(final)
            sys.stdout.flush()
        elif final != text:
            _overwrite(command.output, final, text)
    return 0


def _unit(command: CompilerCommand, text: str, folder: str) -> Unit:
    from allocscc.compile.unit import Preprocessed, Unit

    def preprocess() -> Preprocessed | None:
        if command.preprocessed:
            return Preprocessed(command.source, command.language(), command.standard())
        if not command.source or command.source == "-":
            return None  # standard input is gone
        path = os.path.join(folder, "unit.i")
        if toolchain.spawn(command.preprocess_command(path), quiet=True) != 0:
            return None
        return Preprocessed(path, command.language(), command.standard())

    def compile_apart(names: list[str]) -> str | None:
        # `#pragma weak` needs no declaration, and gcc inlines and clones no function that may be replaced at the
        # link (gcc manual, "Weak Pragmas"); afterwards the binding is made what it was.
        if command.preprocessed or not command.source or command.source == "-":
            return None
        header, output = os.path.join(folder, "apart.h"), os.path.join(folder, "apart.s")
        with open(header, "w", encoding="utf-8") as file:
            file.write("".join(f"#pragma weak {name}\n" for name in names))
        if toolchain.spawn(command.apart_command(header, output), quiet=True) != 0:
            return None
        apart = _read(output)
        for name in names:
            apart = apart.replace(f"\t.weak\t{name}\n", f"\t.globl\t{name}\n")
        return apart

    return Unit(command.source, text, os.getcwd(), os.environ.get("ALLOCSCC_REAL", ""), preprocess, compile_apart)


def _assemble(command: AssemblerCommand) -> int:
    real = [command.real, *command.args]
    if not command.source:
        toolchain.replace(real)
    with toolchain.TemporaryFolder() as folder:
        text = _read(command.source)
        result = _try_annotate(text, command.source, lambda: _clang_unit(command.source, text, folder), "")
        if result is None:
            return toolchain.spawn(real)
        path = os.path.join(folder, "unit.s")
        with open(path, "w", **_ENCODING) as file:  # type: ignore[call-overload]
            file.write(result.text)
        return toolchain.spawn(command.with_source(path))


def _clang_unit(assembly: str, text: str, folder: str) -> Unit:
    from allocscc.compile.clang import driver_command, preprocess
    from allocscc.compile.unit import Unit

    driver = driver_command(assembly)
    return Unit(
        driver[0] if driver else assembly,
        text,
        os.getcwd(),
        os.environ.get("ALLOCSCC_REAL", ""),
        lambda: preprocess(driver[0], driver[1], folder) if driver else None,
        lambda _: None,
    )


def _is_of_interest(text: str, roles: Roles) -> bool:
    """Whether the assembly names a function whose calls are sites, or defines one of a role.

    Most units do neither, and must not pay for importing what looks closer.
    """
    for name in roles.signatures:
        if name in text and (f"\t{name}" in text or f"*{name}@" in text):
            return True
    return any(f"\n{name}:" in text for name in roles.entries)


def _try_annotate(text: str, source: str, make_unit: Callable[[], Unit], sidecar_path: str) -> Annotated | None:
    """The unit with records; None if there is nothing of interest, or if we failed: then with one warning.

    Args:
        text: the unit's assembly.
        source: its name, for messages.
        make_unit: gives all there is to know of it.
        sidecar_path: where a sidecar file would go, or "" for nowhere.
    """
    from allocscc.config.roles import load_roles
    from allocscc.errors import AllocsError

    on_error = "warn"
    try:
        roles = load_roles(dict(os.environ), os.getcwd())
        on_error = roles.on_error
        if not _is_of_interest(text, roles):
            return None
        from allocscc.compile.unit import annotate

        unit = make_unit()

        result = annotate(unit, roles)
        if result is not None and sidecar_path and roles.sidecar_file == "always":
            _write_file(sidecar_path, result.sidecar)
        return result
    except Exception as error:  # whatever it is: it must not fail a build that the plain compiler would pass
        what = str(error) if isinstance(error, AllocsError) else f"{type(error).__name__}: {error}"
        if isinstance(error, ImportError):
            what += f"; run 'make setup', or '{sys.executable} -m pip install libclang'"
        if on_error == "stop":
            sys.stderr.write(f"allocscc: {source}: the compile phase failed: {what}\n")
            raise SystemExit(70) from error
        toolchain.warn(f"{source}: the compile phase failed: {what}; compiled without records")
        return None


def _read(path: str) -> str:
    with open(path, **_ENCODING) as file:  # type: ignore[call-overload]
        return str(file.read())


def _overwrite(path: str, text: str, before: str) -> None:
    """Write the output in place (it may be a link); if the disk is full, leave what the compiler had made."""
    try:
        with open(path, "w", **_ENCODING) as file:  # type: ignore[call-overload]
            file.write(text)
    except OSError as error:
        toolchain.warn(f"{path}: {error.strerror}; left without records")
        with open(path, "w", **_ENCODING) as file:  # type: ignore[call-overload]
            file.write(before)


def _write_file(path: str, record: bytes) -> None:
    """Write a sidecar file in one step: nobody ever sees half of it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(record)
    os.replace(temporary, path)
