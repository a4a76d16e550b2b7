"""Command lines of cc1 and as: `allocscc.compile.command`."""

import pytest

from allocscc.compile.command import AssemblerCommand, CompilerCommand

_CC1 = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1"


def command(words, real=_CC1):
    return CompilerCommand([real, *words.split()])


# As gcc 12 writes them (gcc -### …).
_PLAIN = "-quiet -imultiarch x86_64-linux-gnu x.c -quiet -dumpdir d/ -dumpbase x.c -dumpbase-ext .c -mtune=generic "
_DEPEND = (
    "-quiet -I inc -imultiarch x86_64-linux-gnu -MD d/x.v1.d -MF dep.d -MP -MT tgt -MQ t2 -D A -U B -isystem s "
    "-include pre.h x.c -quiet -dumpdir d/ -dumpbase x.v1.c -dumpbase-ext .c -mtune=generic -march=x86-64 -O2 "
    "-Wall -std=gnu11 -fasynchronous-unwind-tables -o /tmp/ccM7LTKN.s"
)


def test_plain():
    """R3: input and output of an ordinary compile."""
    found = command(_PLAIN + "-o /tmp/cc.s")
    assert (found.real, found.source, found.output) == (_CC1, "x.c", "/tmp/cc.s")
    assert found.makes_assembly
    assert not found.debug
    assert not found.preprocessed
    assert found.language() == "c"
    assert found.standard() == []
    assert found.args == (_PLAIN + "-o /tmp/cc.s").split()


def test_dependency_options_keep_their_arguments():
    """R3: the predecessor's `-MD` swallowed the source (STYLE); nothing but x.c is the source."""
    found = command(_DEPEND)
    assert (found.source, found.output) == ("x.c", "/tmp/ccM7LTKN.s")
    assert found.standard() == ["-std=gnu11"]


def test_preprocess_command():
    """R3: preprocessing once more writes no dependency file, no second output, no diagnostics (-w)."""
    words = command(_DEPEND).preprocess_command("/tmp/unit.i")
    assert words[:2] == [_CC1, "-E"]
    assert words[-3:] == ["-w", "-o", "/tmp/unit.i"]
    assert words.count("-o") == 1
    gone = {"-MD", "d/x.v1.d", "-MF", "dep.d", "-MP", "-MT", "tgt", "-MQ", "t2", "/tmp/ccM7LTKN.s"}
    assert not gone & set(words)
    kept = ["-I", "inc", "-imultiarch", "-D", "A", "-U", "B", "-isystem", "s", "-include", "pre.h", "x.c"]
    positions = [words.index(word) for word in kept]
    assert positions == sorted(positions)


def test_preprocess_command_keeps_arguments_that_look_like_options():
    """R3: the argument of an option is not an option."""
    words = CompilerCommand([_CC1, "-D", "-gX", "-I", "-W", "x.c", "-o", "x.s"]).preprocess_command("u.i")
    assert words[3:8] == ["-D", "-gX", "-I", "-W", "x.c"]


def test_apart_command():
    """R3: compiling resolved text writes nothing but its own output, and includes nothing again."""
    words = command(_DEPEND).apart_command("apart.i", "/tmp/apart.s")
    assert words[1:3] == ["-fpreprocessed", "-fdirectives-only"]
    assert words[-4:] == ["-g1", "-w", "-o", "/tmp/apart.s"]
    assert "apart.i" in words
    again = command("-D X=1 -DY -include a.h -imacros b.h -I inc x.c -o x.s")
    assert again.apart_command("apart.i", "a.s")[3:] == ["-I", "inc", "apart.i", "-g1", "-w", "-o", "a.s"]
    assert "-E" not in words
    assert not {"-MD", "d/x.v1.d", "-MF", "/tmp/ccM7LTKN.s"} & set(words)
    assert "-g1" not in command(_PLAIN + "-g3 -o x.s").apart_command("apart.i", "a.s")


@pytest.mark.parametrize(
    ("options", "debug"),
    [
        ("", False), ("-g", True), ("-g0", False), ("-g1", True), ("-g2", True), ("-g3", True), ("-ggdb", True),
        ("-ggdb3", True), ("-gdwarf", True), ("-gdwarf-4", True), ("-gdwarf-5", True), ("-g -g0", False),
        ("-g0 -g1", True), ("-ggdb -g0", False), ("-gz", False), ("-gz=zlib", False), ("-gcolumn-info", False),
        ("-gno-column-info", False), ("-grecord-gcc-switches", False), ("-gno-record-gcc-switches", False),
        ("-gno-strict-dwarf", False), ("-gstrict-dwarf", False), ("-gstatement-frontiers", False),
        ("-ginline-points", False), ("-gas-loc-support", False), ("-gas-locview-support", False),
        ("-gvariable-location-views", False), ("-gdescribe-dies", False), ("-gpubnames", False),
        ("-gsplit-dwarf", False), ("-gdwarf32", False), ("-gtoggle", True), ("-g -gtoggle", False),
        ("-g -gno-column-info", True), ("-g -gsplit-dwarf -gz", True), ("-g0 -gstrict-dwarf", False),
    ],
)  # fmt: skip
def test_debug(options, debug):
    """R3: `debug` is whether gcc 12 writes `.loc` for these options (checked against gcc -S)."""
    assert command(_PLAIN + options).debug is debug


@pytest.mark.parametrize(
    ("options", "assembly"),
    [
        ("", True), ("-E", False), ("-fsyntax-only", False), ("-M", False), ("-MM", False), ("-MD x.d", True),
        ("--output-pch=x.gch", False), ("--output-pch x.gch", False), ("-flto", True),
        ("-fltrans-output-list=/tmp/x -fwpa", False), ("-fltrans", True), ("-flto-partition=none", True),
    ],
)  # fmt: skip
def test_makes_assembly(options, assembly):
    """R6: what only preprocesses, checks, or writes other files has no assembly to add records to."""
    assert command(_PLAIN + options + " -o x.s").makes_assembly is assembly


@pytest.mark.parametrize(
    ("options", "intermediate"),
    [
        ("", False), ("-flto", True), ("-flto=auto", True), ("-flto -ffat-lto-objects", True),
        ("-flto -fno-lto", False),
        ("-flto -fno-lto -flto", True), ("-flto-partition=none", False), ("-flto-compression-level=3", False),
        ("-ffat-lto-objects", False),
    ],
)  # fmt: skip
def test_intermediate(options, intermediate):
    """R6: LTO objects get machine code only at the link, and no debug info that the user did not ask for."""
    found = command(_PLAIN + options + " -o x.s")
    assert found.intermediate is intermediate
    assert found.adds_lines is not intermediate
    assert not command(_PLAIN + options + " -g -o x.s").adds_lines


@pytest.mark.parametrize(
    ("real", "c_family", "links"),
    [("/x/cc1", True, False), ("/x/cc1plus", True, False), ("/x/f951", False, False), ("/x/lto1", False, True)],
)
def test_compilers(real, c_family, links):
    """R4: what has a source that libclang can read, and what makes code as part of a link."""
    found = command("-quiet -O2 x.c -o x.s", real)
    assert (found.c_family, found.links) == (c_family, links)


def test_standard_output():
    """R3: `-pipe` and `-S -o -`."""
    assert command(_PLAIN + "-o -").output == "-"


def test_standard_input():
    """R3: `gcc -x c -`."""
    assert command("-quiet -imultiarch x86_64-linux-gnu - -quiet -dumpbase - -o /tmp/x.s").source == "-"


def test_preprocessed():
    """R3: `-save-temps` and `.i` files."""
    found = command("-fpreprocessed x.i -quiet -dumpbase x.c -dumpbase-ext .c -o x.s")
    assert found.preprocessed
    assert found.source == "x.i"
    assert found.sidecar_path() == "x.allocs"


def test_response_file_of_include_paths():
    """R3: a driver that was given `@file` hands include paths to cc1 in another (HAZARDS 11)."""
    found = command("-quiet @/tmp/ccI1.args -imultiarch x86_64-linux-gnu x.c -quiet -dumpbase x.c -o x.s")
    assert found.source == "x.c"
    assert "@/tmp/ccI1.args" in found.preprocess_command("u.i")


def test_no_source():
    """R3: `cc1 --version` and the like."""
    found = command("-quiet -version")
    assert (found.source, found.output) == ("", "")


@pytest.mark.parametrize("words", ["-o", "x.c -MF", "-D"])
def test_option_without_its_argument(words):
    """R3: the real compiler reports the error, not we."""
    assert command(words).output == ""


@pytest.mark.parametrize(
    ("real", "language"),
    [("/x/cc1", "c"), ("/x/cc1plus", "c++"), ("/x/cc1plus-12", "c++"), ("/cc1plus/cc1", "c")],
)
def test_language(real, language):
    """R3: the program's name says the language."""
    assert command("x.c -o x.s", real).language() == language


def test_last_standard_counts():
    """R4: libclang reads the text with the standard that gcc used."""
    assert command("-std=c99 -std=gnu17 x.c").standard() == ["-std=gnu17"]
    assert command("-ansi x.c").standard() == ["-ansi"]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ("-dumpdir d/ -dumpbase x.c -dumpbase-ext .c", "d/x.allocs"),
        ("-dumpdir d/ -dumpbase x.v1.c -dumpbase-ext .c", "d/x.v1.allocs"),
        ("-dumpdir prog- -dumpbase x.c -dumpbase-ext .c", "prog-x.allocs"),
        ("-dumpbase x.c -dumpbase-ext .c", "x.allocs"),
        ("-dumpdir /abs.d/sub/ -dumpbase x.c -dumpbase-ext .c", "/abs.d/sub/x.allocs"),
        ("-dumpbase foo.v1", "foo.v1.allocs"),  # gcc -dumpbase foo.v1 writes foo.v1.su
        ("-dumpdir d.x/ -dumpbase noext", "d.x/noext.allocs"),
        ("", "x.allocs"),
    ],
)
def test_sidecar_path(options, path):
    """R4: beside the output, named as gcc names its `.su` and `.gcno`."""
    assert command(f"-quiet x.c {options} -o /tmp/x.s").sidecar_path() == path


def test_clang_s_assembler():
    """R6: clang calls `as` with one file of its own."""
    argv = ["/usr/bin/as", "--64", "-I", "inc", "-o", "x.o", "/tmp/x-5d8e1f.s"]
    found = AssemblerCommand(argv)
    assert (found.real, found.source) == ("/usr/bin/as", "/tmp/x-5d8e1f.s")
    assert found.with_source("/tmp/unit.s") == [*argv[:-1], "/tmp/unit.s"]


@pytest.mark.parametrize(
    "words",
    [
        "--version",
        "-o x.o",
        "-o x.o a.s b.s",
        "-o x.o mine.S",
        "-o x.o -",
        "-o a.s x.o",
        "-o x.o -I a.s",
        "--defsym a.s=1",
    ],
)
def test_assembler_with_nothing_for_us(words):
    """R3: anything but one `.s` is none of our business."""
    assert AssemblerCommand(["as", *words.split()]).source == ""


def test_assembler_without_debug_info():
    """R3: clang 19 has the assembler write debug info where only we asked for lines; what the user asked for stays."""
    words = ["--64", "-gdwarf-5", "-o", "-g.o", "--gdwarf-4", "-g", "/tmp/x-1.s"]
    command = AssemblerCommand(["/usr/bin/as", *words]).without_debug_info([])
    assert command.args == ["--64", "-o", "-g.o", "/tmp/x-1.s"]
    assert command.source == "/tmp/x-1.s"
    asked = AssemblerCommand(["as", "-gdwarf-5", "-g", "x.s"]).without_debug_info(["-g", "-L"])
    assert asked.args == ["-g", "x.s"]
