"""gcc's part of the compile phase: from a command line of cc1 to a unit and what may be asked about it."""

import os

from allocscc import toolchain
from allocscc.compile.annotated import Annotated
from allocscc.compile.apart import Additions, Definition, keep_file_apart
from allocscc.compile.command import EXPANDED, CompilerCommand
from allocscc.compile.expansion import Expansion, Preprocessed
from allocscc.compile.interest import Needs
from allocscc.compile.prefix import mapped
from allocscc.compile.unit import Unit, annotate
from allocscc.config.roles import Roles


def recorded(
    command: CompilerCommand, text: str, folder: toolchain.TemporaryFolder, needs: Needs, roles: Roles,
    expansion: Expansion,
) -> Annotated | None:  # fmt: skip
    """What `annotate` makes of a unit of gcc's; its sidecar file is written, if the config asks for one.

    Args:
        command: cc1's or cc1plus' command line.
        text: the assembly that it made.
        folder: for temporary files.
        needs: what to look for.
        roles: the config.
        expansion: the unit, preprocessed.
    """
    result = annotate(unit_of(command, text, folder, needs, expansion), roles)
    if result is not None and roles.sidecar_file == "always":
        _write_file(command.sidecar_path(), result.sidecar)
    return result


def expansion_of(command: CompilerCommand, folder: toolchain.TemporaryFolder, *, made: bool = False) -> Expansion:
    """The unit, preprocessed.

    Args:
        command: how it is compiled.
        folder: where the text is put, or has been put.
        made: whether it is there.
    """

    def preprocess() -> Preprocessed | None:
        path = command.source if command.preprocessed else folder.file(EXPANDED)
        spared = made or command.preprocessed
        if not command.readable or not (spared or toolchain.spawn(command.preprocess_command(path), quiet=True) == 0):
            return None
        return Preprocessed(path, command.language(), command.standard(), command.preprocessed)

    return Expansion(preprocess)


def unit_of(
    command: CompilerCommand, text: str, folder: toolchain.TemporaryFolder, needs: Needs, expansion: Expansion
) -> Unit:
    """The unit that cc1 or cc1plus compiled; arguments are those of `recorded`."""
    apart: list[tuple[str, bool]] = []

    def compile_apart(definitions: list[Definition], additions: Additions) -> str | None:
        path, output = folder.file("apart.i"), folder.file("apart.s")
        if not command.readable:
            return None
        if not command.preprocessed and toolchain.spawn(command.include_command(path), quiet=True) != 0:
            return None
        source = command.source if command.preprocessed else path
        if not keep_file_apart(source, path, definitions, "gcc", additions):
            return None
        words = command.apart_command(path, output, expand=bool(additions.prelude))
        if "\ncalloc:" in text and any(definition.symbol == "malloc" for definition in definitions):
            # gcc makes malloc and memset a call of calloc, in calloc itself, too, which never ends (measured: gcc 12).
            words.append("-fno-builtin-malloc")
        if toolchain.spawn(words, quiet=True) != 0:
            return None
        apart.append((path, bool(additions.prelude)))
        return toolchain.read_text(output)

    def lined() -> str | None:
        if not command.readable or command.debug:
            return None
        output = folder.file("lined.s")
        source, expand = apart[-1] if apart else (None, False)
        done = toolchain.spawn(command.lined_command(source, output, expand=expand), quiet=True) == 0
        return toolchain.read_text(output) if done else None

    compiler = os.environ.get("ALLOCSCC_REAL", "")
    cwd = mapped(os.getcwd(), command.args)
    return Unit(
        command.source, text, cwd, compiler, needs.declares, command.intermediate, expansion, compile_apart, lined,
        needs.on_stack, needs.arrays,
    )  # fmt: skip


def _write_file(path: str, record: bytes) -> None:
    """Write a sidecar file in one step: nobody ever sees half of it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(record)
    os.replace(temporary, path)


def generated_unit(command: CompilerCommand, text: str) -> Unit:
    """Assembly that has no source text of C or C++: what `lto1` or `f951` made."""
    compiler = os.environ.get("ALLOCSCC_REAL", "")
    cwd = mapped(os.getcwd(), command.args)
    return Unit(command.source, text, cwd, compiler, False, False, Expansion(lambda: None), lambda *_: None)
