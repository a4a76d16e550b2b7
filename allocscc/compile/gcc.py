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


def recorded(unit: Unit, roles: Roles, command: CompilerCommand) -> Annotated | None:
    """What `annotate` makes of a unit of gcc's; its sidecar file is written, if the config asks for one."""
    result = annotate(unit, roles)
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


class Again:
    """Compiles of one unit from changed text; one of them may have been begun before it is asked for.

    Args:
        command: how the unit is compiled.
        folder: for temporary files.
    """

    def __init__(self, command: CompilerCommand, folder: toolchain.TemporaryFolder) -> None:
        self._command = command
        self._path, self._output = folder.file("apart.i"), folder.file("apart.s")
        self._lined = folder.file("lined.s")
        self._begun: tuple[list[Definition], Additions] | None = None
        self._process = 0
        self._made: tuple[str | None, bool] = (None, False)
        self._no_builtins: list[str] = []

    def begin(self, definitions: list[Definition], additions: Additions) -> None:
        """Start a compile with these definitions kept apart and with these additions, if there is one to start."""
        self._begun = definitions, additions
        command, expand = self._command, bool(additions.prelude)
        if not command.readable:
            return
        if not command.preprocessed and toolchain.spawn(command.include_command(self._path), quiet=True) != 0:
            return
        source = command.source if command.preprocessed else self._path
        if not keep_file_apart(source, self._path, definitions, "gcc", additions):
            return
        # What the unit defines is no builtin in it: gcc makes two calls one of a function that consists of these two,
        # in that function, too, which then never ends (measured: gcc 12, -O2).
        self._no_builtins = [f"-fno-builtin-{definition.symbol}" for definition in definitions]
        words = command.apart_command(self._path, self._output, expand=expand)
        self._process = toolchain.start([*words, *self._no_builtins], quiet=True)

    def text(self, definitions: list[Definition], additions: Additions) -> str | None:
        """The assembly of that compile, begun before or now; None if it cannot be had."""
        if self._begun != (definitions, additions):
            self.end()
            self.begin(definitions, additions)
        process, self._process, self._begun = self._process, 0, None
        if not process or toolchain.wait(process) != 0:
            return None
        self._made = self._path, bool(additions.prelude)
        return toolchain.read_text(self._output)

    def lined(self) -> str | None:
        """The assembly of the last compile with line numbers; None if it has them, or they cannot be had."""
        command, (source, expand) = self._command, self._made
        if not command.readable or command.debug:
            return None
        words = command.lined_command(source, self._lined, expand=expand)
        words += self._no_builtins if source else []
        return toolchain.read_text(self._lined) if toolchain.spawn(words, quiet=True) == 0 else None

    def end(self) -> None:
        """End a compile that nobody asked for."""
        if self._process:
            toolchain.end(self._process)
            self._process = 0


def unit_of(command: CompilerCommand, text: str, needs: Needs, expansion: Expansion, again: Again) -> Unit:
    """The unit that cc1 or cc1plus compiled.

    Args:
        command: its command line.
        text: the assembly that it made.
        needs: what to look for.
        expansion: the unit, preprocessed.
        again: compiles it again.
    """
    compiler = os.environ.get("ALLOCSCC_REAL", "")
    cwd = mapped(os.getcwd(), command.args)
    return Unit(
        command.source, text, cwd, compiler, needs.declares, command.intermediate, expansion, again.text, again.lined,
        needs.on_stack, needs.arrays, again.begin,
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
