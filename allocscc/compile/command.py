"""Reads the small, regular command lines that a driver gives to `cc1`, `cc1plus` and `as`."""

import os

# Of cc1's options, those whose next word is their argument (gcc specs of `cc1_options`; gcc.gnu.org/onlinedocs).
_WITH_ARGUMENT = {
    "-o", "-dumpbase", "-dumpbase-ext", "-dumpdir", "-auxbase", "-auxbase-strip", "-imultiarch", "-imultilib",
    "-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-iprefix", "-iwithprefix", "-iwithprefixbefore",
    "-isysroot", "-I", "-D", "-U", "-A", "-MF", "-MT", "-MQ", "-MD", "-MMD", "--param", "-x", "-G", "-iplugindir",
}  # fmt: skip
# Only preprocessing, only checking, or an output that is not assembly.
_NO_CODE = {"-E", "-fsyntax-only", "-M", "-MM"}
# Of the options that begin with -g, those that ask for debug info (gcc manual, "Debugging Options").
_DEBUG = ("-g1", "-g2", "-g3", "-ggdb", "-gdwarf", "-gstabs", "-gctf", "-gbtf")
_FORMATS = ("-gdwarf32", "-gdwarf64")


class CompilerCommand:
    """One command line of `cc1` or `cc1plus`.

    Attributes:
        real: path of the real program.
        args: its arguments, unchanged.
        source: the input as written, or "" if there is none.
        output: where the assembly goes; "-" is standard output; "" if not said.
        makes_assembly: whether the output is assembly of machine code at all.
        debug: whether the user asked for debug info, so that `.loc` lines are there anyway.
        auxiliary: name of auxiliary outputs without their suffix.
        preprocessed: whether the input is preprocessed text already.
    """

    __slots__ = ("args", "auxiliary", "debug", "makes_assembly", "output", "preprocessed", "real", "source")

    def __init__(self, argv: list[str]) -> None:
        self.real, self.args = argv[0], argv[1:]
        self.source = self.output = ""
        self.debug = self.preprocessed = False
        self.makes_assembly = True
        dump_dir = ""
        dump_base, dump_extension = None, ""
        fat = lto = toggled = False
        words = iter(self.args)
        for word in words:
            if word in _WITH_ARGUMENT:
                argument = next(words, "")
                if word == "-o":
                    self.output = argument
                elif word == "-dumpdir":
                    dump_dir = argument
                elif word == "-dumpbase":
                    dump_base = argument
                elif word == "-dumpbase-ext":
                    dump_extension = argument
            elif word in _NO_CODE or word.startswith("--output-pch"):
                self.makes_assembly = False
            elif word == "-fpreprocessed":
                self.preprocessed = True
            elif word in ("-flto", "-fno-lto") or word.startswith("-flto="):
                lto = word != "-fno-lto"
            elif word in ("-ffat-lto-objects", "-fno-fat-lto-objects"):
                fat = word == "-ffat-lto-objects"
            elif word == "-gtoggle":
                toggled = not toggled
            elif word == "-g0":
                self.debug = False
            elif word == "-g" or (word.startswith(_DEBUG) and word not in _FORMATS):
                self.debug = True
            elif not word.startswith("-") or word == "-":
                self.source = word
        if lto and not fat:
            self.makes_assembly = False  # slim LTO objects hold no machine code; lto1 makes it at the link
        self.debug ^= toggled
        if dump_base is None:  # gcc strips an extension of its own finding only from the source's name
            dump_base, dump_extension = self.source, os.path.splitext(self.source)[1]
        self.auxiliary = dump_dir + (dump_base.removesuffix(dump_extension) or dump_base)

    def preprocess_command(self, output: str) -> list[str]:
        """The same compiler asked to preprocess the same input into `output`."""
        return [self.real, "-E", *self._without_outputs(), "-w", "-o", output]

    def apart_command(self, header: str, output: str) -> list[str]:
        """The same compilation with one more header in front, into `output`, and with no other outputs."""
        debug = [] if self.debug else ["-g1"]
        return [self.real, *self._without_outputs(), *debug, "-w", "-include", header, "-o", output]

    def _without_outputs(self) -> list[str]:
        """The arguments without those that write files; the real run has written them."""
        kept = []
        words = iter(self.args)
        for word in words:
            if word in ("-o", "-MF", "-MT", "-MQ", "-MD", "-MMD"):
                next(words, "")
            elif word not in ("-MP", "-MG") and not word.startswith(("-fdump", "-save-temps", "-ftime-report")):
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
            if word in ("-o", "-I", "--defsym", "-march", "-mtune", "-G"):
                next(words, "")
            elif not word.startswith("-"):
                inputs.append(word)
        self.source = inputs[0] if len(inputs) == 1 and inputs[0].endswith(".s") else ""

    def with_source(self, path: str) -> list[str]:
        """The command with another input in the place of `source`."""
        return [self.real, *(path if word == self.source else word for word in self.args)]
