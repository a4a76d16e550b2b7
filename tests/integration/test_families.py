"""Families of allocators by their symbols, in programs and in shared objects (R7, R8, R9, R10)."""

import json
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, need

FOLDER = PROGRAMS / "families"
LINKERS = {"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}
HIDDEN = '__attribute__((visibility("hidden")))'
PROTECTED = '__attribute__((visibility("protected")))'
# Of the shared object: how its malloc is declared, options of its link, whether others see it.
KINDS = {
    "exported": ("", (), True),
    "symbolic": ("", ("-Wl,-Bsymbolic",), True),
    "symbolic functions": ("", ("-Wl,-Bsymbolic-functions",), True),
    "protected": (PROTECTED, (), True),
    "hidden": (HIDDEN, (), False),
    "version script": ("", ("-Wl,--version-script=own.map",), False),
}


@pytest.fixture(params=LINKERS)
def linker(request: pytest.FixtureRequest) -> str:
    """Each linker, as the driver's option."""
    need(LINKERS[request.param])
    return f"-fuse-ld={request.param}"


def told(box: Toolbox, *command: str) -> dict[str, str]:
    """What `outside.c` says of each chunk."""
    lines = box.run(*command).stdout.splitlines()
    return dict(line.split(": ", 1) for line in lines)


def rules(box: Toolbox, output: str) -> dict[str, tuple[str, str]]:
    """By function of the last link's plan: action and rule."""
    plans = json.loads(box.run(ROOT / "bin" / "allocs", "explain", "--json", output).stdout)
    return {d["symbol"]: (d["action"], d["rule"]) for d in plans[-1]["decisions"]}


@pytest.mark.parametrize("kind", KINDS)
def test_malloc_of_a_shared_object(box: Toolbox, linker: str, kind: str) -> None:
    """R8, R9: its own calls are its own instance's, whether or not its exported malloc wins; nothing twice."""
    declared, options, exported = KINDS[kind]
    box.write("own.map", "{ global: is_own; inside*; local: *; };")
    flags = ("-O1", "-g", "-fPIC", "-fno-builtin", f"-DOWN={declared}")
    box.allocscc(*flags, "-shared", linker, *options, FOLDER / "own_malloc.c", FOLDER / "inside.c", "-o", "libown.so")
    main = ("-g", "-fno-builtin", linker, FOLDER / "outside.c")
    box.allocscc(*main, "-L.", "-Wl,--no-as-needed,-lown,-rpath,.", "-rdynamic", "-o", "linked")
    box.allocscc(*main, "-o", "loader")
    inside = "own=1 allocator=malloc@libown.so type=struct inner size=20 chunks=1"
    outside = "own=%d allocator=malloc%s type=struct outer size=56 chunks=1"
    gone = "own=%d allocator=- type=- size=0 chunks=0"
    for command, wins in ((("./linked", "./libown.so"), exported), (("./loader", "./libown.so"), False)):
        found = told(box, *command, *(["both"] if wins else []))
        assert found == {
            "inside": inside, "outside": outside % (wins, " (own)" if wins else ""),
            "freed inside": gone % 1, "freed outside": gone % wins,
            **({"inside, freed outside": gone % 1, "outside, freed inside": gone % 1} if wins else {}),
        }  # fmt: skip
    action = ("replace", "entry-defined") if kind == "hidden" else ("redirect", "preload-interposable")
    assert rules(box, "libown.so")["malloc"] == action
    symbols = box.run("nm", "-D", "--defined-only", "libown.so").stdout.split()
    assert ("malloc" in symbols) is exported
    assert not [name for name in symbols if name.startswith(("__allocs", "__real", "__wrap"))]


def test_malloc_of_a_program(box: Toolbox, linker: str) -> None:
    """R7, R8: in an executable the definition gets entry stubs, and the runtime interposes nothing."""
    box.allocscc("-g", "-fno-builtin", linker, "-rdynamic", *map(str, sources("own_malloc", "inside", "outside")),
                 "-o", "prog")  # fmt: skip
    found = told(box, "./prog")
    assert found["inside"] == "own=1 allocator=malloc type=struct inner size=20 chunks=1"
    assert found["outside"] == "own=1 allocator=malloc type=struct outer size=56 chunks=1"
    assert found["freed inside"] == "own=1 allocator=- type=- size=0 chunks=0"
    assert rules(box, "prog")["malloc"] == ("replace", "entry-defined")


def sources(*names: str) -> list[Path]:
    """Sources of this folder."""
    return [FOLDER / f"{name}.c" for name in names]


def test_half_a_family(box: Toolbox) -> None:
    """R7: a link that defines malloc but not calloc: what is there gets stubs, the rest is what it was."""
    box.allocscc("-g", "-fno-builtin", "-DNO_CALLOC", "-rdynamic", *sources("own_malloc", "inside", "outside"),
                 "-o", "prog")  # fmt: skip
    assert told(box, "./prog")["inside"] == "own=1 allocator=malloc type=struct inner size=20 chunks=1"
    assert {name: rule[0] for name, rule in rules(box, "prog").items()} == {"malloc": "replace", "free": "replace"}


@pytest.mark.parametrize("first", [True, False])
def test_malloc_in_an_archive(box: Toolbox, linker: str, first: bool) -> None:
    """R7: an allocator in an archive counts only if the linker takes its member."""
    box.allocscc("-g", "-O1", "-fno-builtin", "-c", FOLDER / "own_malloc.c")
    box.run("ar", "rcs", "libown.a", "own_malloc.o")
    box.write(
        "main.c",
        '#include <stdio.h>\n#include <stdlib.h>\n#include "allocs.h"\nint main(void) {\n'
        "long *p = malloc(3 * sizeof(long));\nconst struct allocator *a = alloc_get_allocator(p);\n"
        'printf("%s %s %zu\\n", a ? a->name : "-", alloc_get_type(p), alloc_get_size(p));\nreturn 0; }\n',
    )
    box.allocscc("-g", "-c", "main.c")
    inputs = ("libown.a", "main.o") if first else ("main.o", "libown.a")
    box.allocscc(linker, *inputs, "-o", "prog")
    box.run("gcc", linker, *inputs, "-o", "plain")
    assert box.run("./prog").stdout == "malloc long 24\n"
    taken = [" is_own" in box.run("nm", name).stdout for name in ("plain", "prog")]
    assert taken[0] == taken[1]
    assert (rules(box, "prog")["malloc"][0] == "replace") is taken[0]


@pytest.mark.parametrize("options", ["rcs", "rcsT"])
def test_an_allocator_in_an_archive(box: Toolbox, linker: str, options: str) -> None:
    """R7: of a thin archive the linkers name members each in their own way."""
    box.write("allocscc.toml", '[allocator.slab]\nalloc = ["slab_get(Z)p"]\n')
    box.write("sub/slab.c", "#include <stddef.h>\nvoid *slab_get(size_t n) { static long a[9]; (void)n; return a; }\n")
    box.write(
        "main.c",
        '#include <stdio.h>\n#include <stddef.h>\n#include "allocs.h"\nvoid *slab_get(size_t);\n'
        "int main(void) { void *p = slab_get(sizeof(long)); const struct allocator *a = alloc_get_allocator(p);\n"
        'printf("%s %s\\n", a ? a->name : "-", alloc_get_type(p)); return 0; }\n',
    )
    box.allocscc("-g", "-c", "sub/slab.c", "-o", "sub/slab.o")
    box.run("ar", options, "sub/libslab.a", "sub/slab.o")
    box.allocscc("-g", linker, "main.c", "-Lsub", "-lslab", "-o", "prog")
    assert box.run("./prog").stdout == "slab long\n"


def test_two_families_in_one_link(box: Toolbox) -> None:
    """R7, R10: the program's own malloc, and another allocator from an archive, each with its instance."""
    box.write("allocscc.toml", '[allocator.je]\nalloc = ["je_malloc(Z)p"]\nfree = ["je_free(P)"]\n')
    box.write(
        "je.c",
        "#include <stddef.h>\nstatic char arena[4096] __attribute__((aligned(64)));\nstatic size_t used;\n"
        "void *je_malloc(size_t n) { void *p = arena + used; used += (n + 63) & ~(size_t)63; return p; }\n"
        "void je_free(void *p) { (void)p; }\n",
    )
    box.write(
        "main.c",
        '#include <stdio.h>\n#include <stdlib.h>\n#include "allocs.h"\nvoid *je_malloc(size_t); void je_free(void *);\n'
        "static void tell(void *p) { const struct allocator *a = alloc_get_allocator(p);\n"
        'printf("%s %s\\n", a ? a->name : "-", a ? alloc_get_type(p) : "-"); }\n'
        "int main(void) { int *i = malloc(sizeof(int)); short *s = je_malloc(2 * sizeof(short));\n"
        "tell(i); tell(s); je_free(s); tell(s); free(i); tell(i); return 0; }\n",
    )
    box.allocscc("-g", "-O1", "-c", "je.c", "main.c")
    box.run("ar", "rcs", "libje.a", "je.o")
    box.allocscc("-g", "-fno-builtin", FOLDER / "own_malloc.c", "main.o", "libje.a", "-o", "prog")
    assert box.run("./prog").stdout.split("\n")[:-1] == ["malloc int", "je short", "- -", "- -"]


def test_operator_new_of_the_program(box: Toolbox, linker: str, observe: str) -> None:
    """R7, R12: the program's own operator new is a wrapper that is defined here; the type is that of the expression."""
    box.write(
        "x.cc",
        '#include <cstdio>\n#include <cstdlib>\n#include <new>\n#include "allocs.h"\nstruct node { int a[7]; };\n'
        "void *operator new(std::size_t n) { return std::malloc(n); }\n"
        "void operator delete(void *p) noexcept { std::free(p); }\n"
        "void operator delete(void *p, std::size_t) noexcept { std::free(p); }\n"
        'int main() { node *n = new node; std::printf("%s %s %s %zu\\n", alloc_get_allocator(n)->name,\n'
        "alloc_get_wrapper(n)->name, alloc_get_type(n), alloc_get_size(n)); delete n; return 0; }\n",
    )
    box.run(ROOT / "bin" / "allocsc++", *box.include, "-g", "-O1", "-fno-builtin", linker, "x.cc", "-o", "prog")
    assert box.run("./prog").stdout == "malloc _Znwm node 28\n"
    how = ("mark", "wrapper-unwound") if observe == "unwind" else ("replace", "wrapper-defined")
    assert rules(box, "prog")["_Znwm"] == how


def test_symbol_versions(box: Toolbox, linker: str) -> None:
    """R7, R12: a wrapper that a shared object exports under a version is wrapped in those that use it."""
    box.write("v.c", "#include <stdlib.h>\n__attribute__((symver(\"xmalloc@@V1\"))) void *xmalloc_1(size_t n)\n"
              "{ return malloc(n); }\n__attribute__((symver(\"xmalloc@V0\"))) void *xmalloc_0(size_t n)\n"
              "{ return malloc(n + 1); }\n")  # fmt: skip
    box.write("v.map", "V0 { global: xmalloc; local: *; };\nV1 { global: xmalloc; } V0;\n")
    box.write("main.c", '#include <stdio.h>\n#include <stddef.h>\n#include "allocs.h"\nvoid *xmalloc(size_t);\n'
              'int main(void) { void *p = xmalloc(sizeof(long)); printf("%s %s %zu\\n", alloc_get_wrapper(p)->name,\n'
              "alloc_get_type(p), alloc_get_size(p)); return 0; }\n")  # fmt: skip
    env = {"LIBALLOCS_ALLOC_FNS": "xmalloc(Z)p"}
    box.allocscc("-g", "-fPIC", "-shared", "v.c", "-Wl,--version-script=v.map", "-o", "libv.so", env=env)
    assert rules(box, "libv.so")["xmalloc"] == ("leave", "versioned")
    box.allocscc("-g", linker, "main.c", "-L.", "-lv", "-Wl,-rpath,.", "-o", "prog", env=env)
    assert box.run("./prog").stdout == "xmalloc long 8\n"
    assert "xmalloc@V1" in box.run("readelf", "-W", "--dyn-syms", "prog").stdout


@pytest.mark.parametrize("ahead", ["always", "never"])
def test_calloc_of_malloc_and_memset(box: Toolbox, ahead: str) -> None:
    """R6: gcc would make one call of the two, of calloc, in calloc itself; so it never ends in the plain program."""
    box.write(
        "own.c",
        "#include <stddef.h>\n#include <stdio.h>\n#include <string.h>\n"
        "static char arena[1 << 20] __attribute__((aligned(16)));\nstatic size_t at;\n"
        "__attribute__((noinline)) void *malloc(size_t n)\n{\n\tvoid *p = arena + at + 16;\n"
        "\tat += 16 + ((n + 15) & ~(size_t)15);\n\treturn at < sizeof arena ? p : 0;\n}\n"
        "void free(void *p) { (void)p; }\n"
        "void *calloc(size_t a, size_t b)\n{\n\tsize_t n = 0;\n"
        "\tif (a) {\n\t\tn = a * b;\n"
        "\t\tif (((a | b) & ~(size_t)0xffff) && n / a != b) n = (size_t)-1;\n\t}\n"
        "\tvoid *p = malloc(n);\n\tif (p != 0 && (((size_t *)p)[-1] & 3) != 1) memset(p, 0, n);\n\treturn p;\n}\n"
        'int main(void)\n{\n\tint *p = calloc(3, sizeof(int));\n\tprintf("%d\\n", p[2]);\n\treturn 0;\n}\n',
    )
    box.allocscc("-O2", "own.c", "-o", "prog", env={"ALLOCSCC_AHEAD": ahead})
    assert box.run("timeout", "30", "./prog").stdout == "0\n"
