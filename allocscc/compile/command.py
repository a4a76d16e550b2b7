"""Reads the small, regular command lines that a driver gives to `cc1`, `cc1plus` and `as`."""

import os

from allocscc import toolchain

# Of cc1's options, those whose next word is their argument (gcc specs of `cc1_options`; gcc.gnu.org/onlinedocs).
_WITH_ARGUMENT = {
    "-o", "-dumpbase", "-dumpbase-ext", "-dumpdir", "-auxbase", "-auxbase-strip", "-imultiarch", "-imultilib",
    "-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-iprefix", "-iwithprefix", "-iwithprefixbefore",
    "-isysroot", "-I", "-D", "-U", "-A", "-MF", "-MT", "-MQ", "-MD", "-MMD", "--param", "-x", "-G", "-iplugindir",
}  # fmt: skip
# Of as's options that clang passes on, those whose next word is their argument.
_ASSEMBLER_ARGUMENT = ("-o", "-I", "--defsym", "-march", "-mtune", "-mcpu", "-G", "--debug-prefix-map", "--MD")
# What text with its includes resolved has in itself.
_BEFORE_TEXT = ("-D", "-U", "-include", "-imacros")
# Only preprocessing, only checking, or an output that is not assembly.
_NO_CODE = {"-E", "-fsyntax-only", "-M", "-MM"}
# Of the options that begin with -g, those that ask for debug info (gcc manual, "Debugging Options").
_DEBUG = ("-g1", "-g2", "-g3", "-ggdb", "-gdwarf", "-gstabs", "-gctf", "-gbtf")
_FORMATS = ("-gdwarf32", "-gdwarf64")
# The name of the file with the unit's preprocessed text, in a temporary folder.
EXPANDED = "unit.i"


class CompilerCommand:
    """One command line of `cc1` or `cc1plus`.

    Attributes:
        real: path of the real program.
        args: its arguments, unchanged.
        source: the input as written, or "" if there is none.
        output: where the assembly goes; "-" is standard output; "" if not said.
        makes_assembly: whether the output is assembly at all.
        makes_header: whether the output is a precompiled header.
        intermediate: whether it holds intermediate code, of which machine code is made at the link (`-flto`).
        debug: whether the user asked for debug info, so that `.loc` lines are there anyway.
        auxiliary: name of auxiliary outputs without their suffix.
        dependencies: the file that the user has the unit's headers listed in (`-MD`, `-MF`), or "".
        preprocessed: whether the input is preprocessed text already.
    """

    __slots__ = (
        "args", "auxiliary", "debug", "dependencies", "intermediate", "makes_assembly", "makes_header", "output",
        "preprocessed", "real", "source",
    )  # fmt: skip

    def __init__(self, argv: list[str]) -> None:
        self.real, self.args = argv[0], argv[1:]
        self.source = self.output = self.dependencies = ""
        self.debug = self.preprocessed = False
        self.makes_assembly = True
        dump_dir = ""
        dump_base, dump_extension = None, ""
        toggled = False
        self.intermediate = self.makes_header = False
        words = iter(self.args)
        for word in words:
            if word in _WITH_ARGUMENT:
                argument = next(words, "")
                if word == "-o":
                    self.output = argument
                elif word == "-MF" or (word in ("-MD", "-MMD") and not self.dependencies):
                    self.dependencies = argument
                elif word == "-dumpdir":
                    dump_dir = argument
                elif word == "-dumpbase":
                    dump_base = argument
                elif word == "-dumpbase-ext":
                    dump_extension = argument
            elif word in _NO_CODE or word.startswith(("--output-pch", "-fltrans-output-list=")):
                self.makes_assembly = False
                self.makes_header = self.makes_header or word.startswith("--output-pch")
            elif word == "-fpreprocessed":
                self.preprocessed = True
            elif word in ("-flto", "-fno-lto") or word.startswith("-flto="):
                self.intermediate = word != "-fno-lto"
            elif word == "-gtoggle":
                toggled = not toggled
            elif word == "-g0":
                self.debug = False
            elif word == "-g" or (word.startswith(_DEBUG) and word not in _FORMATS):
                self.debug = True
            elif not word.startswith("-") or word == "-":
                self.source = word
        self.debug ^= toggled
        if dump_base is None:  # gcc strips an extension of its own finding only from the source's name
            dump_base, dump_extension = self.source, os.path.splitext(self.source)[1]
        self.auxiliary = dump_dir + (dump_base.removesuffix(dump_extension) or dump_base)

    @property
    def readable(self) -> bool:
        """Whether the source can be read again: standard input is gone."""
        return self.source not in ("", "-")

    @property
    def links(self) -> bool:
        """Whether it makes machine code of intermediate code, as part of a link."""
        return os.path.basename(self.real).startswith("lto1")

    @property
    def c_family(self) -> bool:
        """Whether the source is C or C++."""
        return os.path.basename(self.real).startswith("cc1")

    @property
    def adds_lines(self) -> bool:
        """Whether line numbers are asked for beyond what the user did; intermediate code has them anyway."""
        return not (self.debug or self.intermediate)

    def list_headers(self) -> tuple[str, dict[str, str] | None]:
        """The file in which the compiler will list the unit's headers, and the environment that makes it do so.

        gcc manual, "Environment Variables": `DEPENDENCIES_OUTPUT` is `-MM` on the side; it yields to a user's `-MD`.
        """
        if self.dependencies or "DEPENDENCIES_OUTPUT" in os.environ or self.preprocessed or not self.c_family:
            return self.dependencies or os.environ.get("DEPENDENCIES_OUTPUT", "").partition(" ")[0], None
        listed = toolchain.MemoryFile()
        if not listed.reachable:
            return "", None
        return listed.path, {**os.environ, "DEPENDENCIES_OUTPUT": f"{listed.path} x"}

    def preprocess_command(self, output: str) -> list[str]:
        """The same compiler asked to preprocess the same input into `output`."""
        return [self.real, "-E", "-D__ALLOCSCC_SCAN__", *self._without_outputs(), "-w", "-o", output]

    def told_command(self) -> list[str]:
        """`preprocess_command` without an output, and without what depends on the name of the real one."""
        words = ("-dumpbase", "-dumpdir", "-dumpbase-ext", "-auxbase", "-auxbase-strip")
        return [self.real, "-E", "-D__ALLOCSCC_SCAN__", *self._without_outputs(*words), "-w"]

    def include_command(self, output: str) -> list[str]:
        """The same compiler asked to resolve includes and conditionals, but no macros, into `output`."""
        return [self.real, "-E", "-fdirectives-only", *self._without_outputs(), "-w", "-o", output]

    def apart_command(self, source: str, output: str, *, expand: bool = False) -> list[str]:
        """The same compilation of text that `include_command` made, into `output`, and with no other outputs.

        Args:
            source: the text's file.
            output: where the assembly goes.
            expand: whether the text has macros, even where the unit is preprocessed.
        """
        debug = ["-g1"] if self.adds_lines else []
        mode = [] if self.preprocessed and not expand else ["-fpreprocessed", "-fdirectives-only"]
        words = [source if word == self.source else word for word in self._without_outputs(*_BEFORE_TEXT)]
        return [self.real, *mode, *words, *debug, "-w", "-o", output]

    def lined_command(self, source: str | None, output: str, *, expand: bool = False) -> list[str]:
        """The same compilation once more, or that of `apart_command`'s text, with line numbers, into `output`."""
        if source is None:
            return [self.real, *self._without_outputs(), "-g1", "-w", "-o", output]
        return [*self.apart_command(source, output, expand=expand), "-g1"]

    def _without_outputs(self, *dropped: str) -> list[str]:
        """The arguments without those that write files: the real run has written them; and without the dropped ones.

        Args:
            dropped: options with an argument, which may be part of the word.
        """
        kept = []
        prefixes = ("-fdump", "-save-temps", "-ftime-report", *dropped)
        words = iter(self.args)
        for word in words:
            if word in ("-o", "-MF", "-MT", "-MQ", "-MD", "-MMD", *dropped):
                next(words, "")
            elif word in _WITH_ARGUMENT:
                kept += [word, next(words, "")]
            elif word not in ("-MP", "-MG") and not word.startswith(prefixes):
                kept.append(word)
        return kept

    def language(self) -> str:
        """`c` or `c++`, as libclang's `-x` names them."""
        return "c++" if os.path.basename(self.real).startswith("cc1plus") else "c"

    def standard(self) -> list[str]:
        """The `-std=` option, if the command has one."""
        return [word for word in self.args if word.startswith("-std=") or word == "-ansi"][-1:]

    def sidecar_path(self) -> str:
        """Where gcc would put an auxiliary output of this compile (`-dumpdir`/`-dumpbase`), with our suffix."""
        return self.auxiliary + ".allocs"


class AssemblerCommand:
    """One command line of `as`, under a driver that compiles in process (clang).

    Attributes:
        real: path of the real assembler.
        args: its arguments, unchanged.
        source: the one input file that is clang's own output, or "" if there is none.
    """

    __slots__ = ("args", "real", "source")

    def __init__(self, argv: list[str]) -> None:
        self.real, self.args = argv[0], argv[1:]
        inputs = []
        words = iter(self.args)
        for word in words:
            if word in _ASSEMBLER_ARGUMENT:
                next(words, "")
            elif not word.startswith("-"):
                inputs.append(word)
        self.source = inputs[0] if len(inputs) == 1 and inputs[0].endswith(".s") else ""

    def with_source(self, path: str) -> list[str]:
        """The command with another input in the place of `source`."""
        return [self.real, *(path if word == self.source else word for word in self.args)]

    def without_debug_info(self, asked: list[str]) -> "AssemblerCommand":
        """The command without options that make the assembler write debug info of its own.

        clang 19 passes one on where it is asked for line numbers (measured; 14 does not), which here only we did.

        Args:
            asked: options for the assembler on the driver's command line: the user's own, they stay.
        """
        kept = []
        words = iter(self.args)
        for word in words:
            if word in _ASSEMBLER_ARGUMENT:
                kept += [word, next(words, "")]
            elif not word.startswith(("-g", "--gdwarf")) or word in asked:
                kept.append(word)
        return AssemblerCommand([self.real, *kept])
