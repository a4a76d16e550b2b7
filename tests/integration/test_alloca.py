"""alloca: its calls are observed, and its chunks known until their function returns (R12, R13, R14; issue 8)."""

import subprocess

import pytest

from tests.integration.conftest import PROGRAMS, Toolbox, lines_of, need

SOURCE = PROGRAMS / "alloca.c"
WARNINGS = ("-Wall", "-Wextra", "-pedantic", "-Wshadow", "-Wredundant-decls", "-Wcast-align", "-Werror")
C_WARNINGS = ("-Wnested-externs", "-Wstrict-prototypes", "-Wno-infinite-recursion", "-Wno-unknown-warning-option")
FLAGS = {
    "gcc": ["-O0", "-O2", "-O3 -fomit-frame-pointer", "-O2 -g -fno-omit-frame-pointer", "-O2 -flto"],
    "clang": ["-O0 -g", "-O2", "-O3 -fomit-frame-pointer", "-O2 -fno-omit-frame-pointer"],
}
EACH = [(compiler, flags) for compiler, all_flags in FLAGS.items() for flags in all_flags]


def with_compiler(box: Toolbox, compiler: str) -> Toolbox:
    """The box, whose builds use `gcc` or `clang`."""
    need(compiler)
    box.env |= {"ALLOCSCC_CC": compiler, "ALLOCSCC_CXX": {"gcc": "g++", "clang": "clang++"}[compiler]}
    return box


@pytest.mark.parametrize(("compiler", "flags"), EACH)
def test_c(box: Toolbox, compiler: str, flags: str) -> None:
    """R12: loops, recursion, several returns, results in all registers, longjmp, threads, fork, other stacks."""
    with_compiler(box, compiler).allocscc(*flags.split(), *WARNINGS, *C_WARNINGS, SOURCE, "-o", "prog")
    box.run("./prog")


@pytest.mark.parametrize(("compiler", "flags"), [pair for pair in EACH if "-flto" not in pair[1]])
def test_cxx(box: Toolbox, compiler: str, flags: str) -> None:
    """R12: exceptions, templates, lambdas."""
    words = ("-x", "c++", *flags.split(), *WARNINGS, PROGRAMS / "alloca.cc", "-o", "prog", "-lstdc++")
    with_compiler(box, compiler).allocscc(*words)
    box.run("./prog")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_records(box: Toolbox, compiler: str) -> None:
    """R4: the sites of a unit; the call that the source has, at its place."""
    box.write("u.c", "#include <alloca.h>\nvoid use(void *);\nvoid f(int n)\n{\n\tuse(alloca(n * sizeof(long)));\n}\n")
    with_compiler(box, compiler).allocscc("-O2", "-c", "u.c")
    (site,) = box.sites("u.o")
    assert [site[key] for key in ("line", "column", "function", "callee", "type", "evidence")] == [
        5, 6, "f", "alloca", "long", "sizeof",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words", [("-ansi",), ("-std=c99", "-fPIC"), ("-fpreprocessed",), ("-save-temps",), ("-masm=intel",)]
)
def test_dialects(box: Toolbox, words: tuple[str, ...]) -> None:
    """R12: however the unit is compiled; preprocessed text, too."""
    source = box.write(
        "u.c",
        "#include <alloca.h>\n#include <allocs.h>\n#include <string.h>\nstatic int f(int n)\n{\n"
        "\tchar *p = (char *)alloca((size_t)n);\n\tmemset(p, 0, (size_t)n);\n"
        '\treturn alloc_get_size(p + 1) == (size_t)n && !strcmp(alloc_get_type(p), "char");\n}\n'
        "int main(int argc, char **argv)\n{\n\t(void)argv;\n\treturn !f(argc + 6);\n}\n",
    )
    if words == ("-fpreprocessed",):
        box.allocscc("-E", source, "-o", "u.i")
        source = box.folder / "u.i"
    box.allocscc("-O2", *words, source, "-o", "prog")
    box.run("./prog")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_arrays(box: Toolbox, compiler: str) -> None:
    """R4: arrays of variable length are recorded as sites, of no chunk; those of constant length are not."""
    box.write(
        "v.c",
        "enum { N = 10 };\ntypedef struct s { int a[3]; } S;\nvoid use(void *);\nint f(int n, int m[n])\n{\n"
        "\tS v[n + 1];\n\tchar *p[n][3], fixed[N];\n\tuse(v), use(p), use(fixed);\n\treturn v[n].a[0] + m[n];\n}\n"
        "int g(int n, int *m) { char c[N + 2]; use(c); return c[n] + m[n]; }\n",
    )
    with_compiler(box, compiler).allocscc("-O1", "-c", "v.c")
    assert [[site[key] for key in ("line", "column", "function", "callee", "type")] for site in box.sites("v.o")] == [
        [6, 4, "f", "(array)", "struct s"],
        [7, 8, "f", "(array)", "char *"],
    ]


def test_off(box: Toolbox) -> None:
    """R5: what the config takes out is not observed."""
    box.write("u.c", "#include <alloca.h>\nvoid use(void *);\nvoid f(int n) { use(alloca(n)); }\n")
    box.write("allocscc.toml", 'remove = ["alloca"]\n')
    box.allocscc("-O2", "-c", "u.c")
    assert "alloca" not in box.run("nm", "u.o").stdout


def test_elsewhere(box: Toolbox) -> None:
    """R12: objects run in programs that plain gcc links; in a shared object they find the executable's runtime."""
    box.write(
        "lib.c",
        "#include <alloca.h>\n#include <string.h>\nint (*asks)(const void *);\nint f(int n)\n{\n"
        "\tchar *p = alloca(n);\n\tmemset(p, n, n);\n\treturn p[n - 1] + (asks ? 100 * asks(p) : 0);\n}\n",
    )
    box.write("plain.c", "int f(int);\nint main(void) { return f(9) - 9; }\n")
    box.write(
        "main.c",
        "#include <allocs.h>\nextern int (*asks)(const void *);\nint f(int);\nstatic const void *last;\n"
        "static int known(const void *p) { last = p; return alloc_get_size(p) == 9; }\n"
        "int main(void)\n{\n\tasks = known;\n\tint got = f(9);\n\treturn got != 109 || alloc_get_base(last);\n}\n",
    )
    for flags in (("-O2",), ("-O2", "-flto")):
        box.allocscc(*flags, "-fPIC", "-c", "lib.c")
        box.run("gcc", *flags, "plain.c", "lib.o", "-o", "plain")
        box.run("./plain")
        box.allocscc(*flags, "-shared", "-Wl,-z,defs", "lib.o", "-o", "liblib.so")
        box.allocscc(*flags, "main.c", "-L.", "-llib", "-Wl,-rpath,$ORIGIN", "-o", "prog")
        box.run("./prog")


def test_unchanged_without(box: Toolbox) -> None:
    """R3: a unit that only mentions alloca has the same code and records as one that does not."""
    text = "#include <stdlib.h>\n{}\nvoid *f(int n) {{ return malloc(n); }}\n"
    box.write("a/u.c", text.format("/* no other */"))
    box.write("b/u.c", text.format("/* no alloca */"))
    for folder in "ab":
        box.allocscc("-O2", "-c", f"{folder}/u.c", "-o", "u.o", "-ffile-prefix-map=a=.", "-ffile-prefix-map=b=.")
        (box.folder / "u.o").rename(box.folder / f"{folder}.o")
    disassembled = [box.run("objdump", "-drt", f"{folder}.o").stdout.splitlines()[3:] for folder in "ab"]
    assert disassembled[0] == disassembled[1]


@pytest.mark.parametrize("sanitizer", ["address", "thread", "undefined"])
def test_sanitizers(box: Toolbox, sanitizer: str) -> None:
    """R12: a sanitizer's program is the sanitizer's; it runs as without us."""
    box.write(
        "u.c",
        "#include <alloca.h>\nint main(int c, char **v) { char *p = alloca(c + 9); p[c] = v != 0; return !p[c]; }",
    )
    box.allocscc("-O1", "-g", f"-fsanitize={sanitizer}", "u.c", "-o", "prog")
    done = box.run("./prog", check=False)
    if "FATAL: ThreadSanitizer" in done.stderr:
        pytest.skip("ThreadSanitizer does not run on this kernel")
    assert done.returncode == 0, done.stderr


def test_wrong_free(box: Toolbox) -> None:
    """R14: `free` of a chunk on the stack is told, with its site."""
    box.allocscc("-O2", "-w", SOURCE, "-o", "prog")
    done = box.run("./prog", "wrong", env={"ALLOCS_OPTIONS": "check=mismatch"}, check=False)
    first, second = done.stderr.splitlines()[:2]
    assert first.startswith("allocscc: mismatched free of 0x"), done.stderr
    assert first.endswith(", 16 bytes, int: by another allocator's function"), done.stderr
    assert second.endswith(f"alloca.c:{lines_of(SOURCE, '/* wrong */')} in wrong, by alloca"), done.stderr


def test_not_the_heap(box: Toolbox) -> None:
    """R18: profiles and leaks are about the heap: what is on the stack is in neither."""
    box.allocscc("-O2", "-w", SOURCE, "-o", "prog")
    rows = box.profile("prog")
    assert rows
    assert not [row for row in rows if row["allocator"] == "alloca"]
    assert "alloca" not in box.run("./prog", env={"ALLOCS_OPTIONS": "leaks=1"}, check=False).stderr


def test_no_ways_apart(box: Toolbox) -> None:
    """R16: unwind mode says the same."""
    box.env["ALLOCSCC_OBSERVE"] = "unwind"
    box.allocscc("-O2", "-w", SOURCE, "-o", "prog")
    box.run("./prog")


@pytest.mark.parametrize("optimise", ["-O0", "-O2"])
def test_aarch64(box: Toolbox, optimise: str) -> None:
    """R12: the thunk and the frame records of aarch64."""
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    box.env["ALLOCSCC_CC"] = "aarch64-linux-gnu-gcc"
    box.allocscc(optimise, "-w", "-static", SOURCE, "-o", "prog")
    done: subprocess.CompletedProcess[str] = box.run("qemu-aarch64", "./prog")
    assert done.returncode == 0


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("temps", [(), ("-save-temps",)], ids=["plain", "save-temps"])
def test_macros_in_preprocessed_text(box: Toolbox, compiler: str, temps: tuple[str, ...]) -> None:
    """R4: given preprocessed text, a compiler counts columns there; nothing of ours lies among its temporaries."""
    need(compiler)
    box.write(
        "unit.c",
        "#include <alloca.h>\n#include <stdlib.h>\nvoid use(void *);\n#define A_LONGER_NAME(n) malloc(n)\n"
        "int main(void)\n{\n\tuse(A_LONGER_NAME(sizeof(int))); use(malloc(sizeof(long)));\n"
        "\tvoid *q = alloca(42 * sizeof(short));\n\tuse(q);\n\treturn 0;\n}\n",
    )
    box.allocscc("-O2", "-g", *temps, "-c", "unit.c", "-o", "unit.o", env={"ALLOCSCC_CC": compiler})
    found = {(site["line"], site["callee"], site["type"]) for site in box.sites("unit.o")}
    assert found == {(7, "malloc", "int"), (7, "malloc", "long"), (8, "alloca", "short")}
    box.run(compiler, "-O2", "-g", *temps, "-c", "unit.c", "-o", "plain.o")
    assert not list(box.folder.glob("apart*"))
