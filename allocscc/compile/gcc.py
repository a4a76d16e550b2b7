"""gcc's part of the compile phase: from a command line of cc1 to a unit and what may be asked about it."""

import os

from allocscc import toolchain
from allocscc.compile.apart import Additions, Definition, keep_file_apart
from allocscc.compile.command import CompilerCommand
from allocscc.compile.prefix import mapped
from allocscc.compile.unit import Preprocessed, Unit


def unit_of(
    command: CompilerCommand, text: str, folder: toolchain.TemporaryFolder, declares: bool, on_stack: bool,
    arrays: bool,
) -> Unit:  # fmt: skip
    """The unit that cc1 or cc1plus compiled.

    Args:
        command: its command line.
        text: the assembly that it made.
        folder: for temporary files.
        declares: whether the unit's files may declare functions by attributes.
        on_stack: whether they may call alloca.
        arrays: whether they may have arrays of variable length.
    """
    readable = bool(command.source) and command.source != "-"  # standard input is gone

    def preprocess() -> Preprocessed | None:
        if command.preprocessed and readable:
            return Preprocessed(command.source, command.language(), command.standard())
        path = folder.file("unit.i")
        if not readable or toolchain.spawn(command.preprocess_command(path), quiet=True) != 0:
            return None
        return Preprocessed(path, command.language(), command.standard())

    apart: list[tuple[str, bool]] = []

    def compile_apart(definitions: list[Definition], additions: Additions) -> str | None:
        path, output = folder.file("apart.i"), folder.file("apart.s")
        if not readable:
            return None
        if not command.preprocessed and toolchain.spawn(command.include_command(path), quiet=True) != 0:
            return None
        source = command.source if command.preprocessed else path
        if not keep_file_apart(source, path, definitions, "gcc", additions):
            return None
        if toolchain.spawn(command.apart_command(path, output, expand=bool(additions.prelude)), quiet=True) != 0:
            return None
        apart.append((path, bool(additions.prelude)))
        return toolchain.read_text(output)

    def lined() -> str | None:
        if not readable or command.debug:
            return None
        output = folder.file("lined.s")
        source, expand = apart[-1] if apart else (None, False)
        done = toolchain.spawn(command.lined_command(source, output, expand=expand), quiet=True) == 0
        return toolchain.read_text(output) if done else None

    compiler = os.environ.get("ALLOCSCC_REAL", "")
    cwd = mapped(os.getcwd(), command.args)
    return Unit(
        command.source, text, cwd, compiler, declares, command.intermediate, preprocess, compile_apart, lined, on_stack,
        arrays,
    )  # fmt: skip


def generated_unit(command: CompilerCommand, text: str) -> Unit:
    """Assembly that has no source text of C or C++: what `lto1` or `f951` made."""
    compiler = os.environ.get("ALLOCSCC_REAL", "")
    cwd = mapped(os.getcwd(), command.args)
    return Unit(command.source, text, cwd, compiler, False, False, lambda: None, lambda *_: None)
