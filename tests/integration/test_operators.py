"""C++'s operators, libstdc++'s and those of another malloc, in programs of ours and in others (R3, R11, R12)."""

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, lines_of, need, verify
from tests.integration.test_malloc import HOW, MALLOCS, build, library, plain, preload, surroundings

__all__ = ["preload"]  # a fixture

ALLOCSCXX = ROOT / "bin" / "allocsc++"
LINKERS = {"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}
TOOLS = [
    *(("gcc", linker, "stubs") for linker in LINKERS),
    *(("clang", linker, "stubs") for linker in ("bfd", "lld")),
    ("gcc", "bfd", "unwind"),
]
OPERATORS = ("-std=c++17", "-O0", PROGRAMS / "operators.cc")


def needed(path: Path) -> list[str]:
    """The libraries that a program needs, as pyelftools reads them."""
    with open(path, "rb") as file:
        tags = ELFFile(file).get_section_by_name(".dynamic").iter_tags()
        return [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"]


def out_of_memory(name: str) -> list[str]:
    """Ask the program to run out of memory; mimalloc ends it there."""
    return [] if name == "mimalloc" else ["throw"]


@pytest.mark.parametrize("how", HOW)
def test_operators(box: Toolbox, preload: str, how: str) -> None:
    """R11: every operator new and delete, aligned, nothrow and sized."""
    build(box, how, *OPERATORS, "-o", "prog", env={}, cxx=True)
    done = box.run(box.folder / "prog", "throw", env=surroundings(box, how, preload))
    assert (done.stdout, done.stderr) == ("known 36 unknown 0\n", "")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", MALLOCS)
def test_of_another_malloc(box: Toolbox, preload: str, name: str, how: str) -> None:
    """R11: they do not call malloc; the runtime observes them themselves, embedded and preloaded."""
    path = library(box, name)
    build(box, how, "-c", *OPERATORS, "-o", "prog.o", env={}, cxx=True)
    for linked in ([], [path]):
        build(box, how, "prog.o", *linked, "-o", "prog", env={}, cxx=True)
        env = surroundings(box, how, preload, *([] if linked else [path]))
        done = box.run(box.folder / "prog", *out_of_memory(name), env=env)
        assert (done.stdout, done.stderr) == ("known 36 unknown 0\n", ""), linked


@pytest.mark.parametrize(("compiler", "linker", "observe"), TOOLS)
def test_links(box: Toolbox, compiler: str, linker: str) -> None:
    """R3, R11, R15: whatever links, libraries stay needed as without us, and every difference is explained."""
    need(compiler, LINKERS[linker])
    path = library(box, "tcmalloc")
    cxx = {"gcc": "g++", "clang": "clang++"}[compiler]
    box.env |= {"ALLOCSCC_CC": compiler, "ALLOCSCC_CXX": cxx}
    sized = ["-fsized-deallocation"] if compiler == "clang" else []
    box.run(ALLOCSCXX, *box.include, "-g", "-fPIE", *sized, "-c", *OPERATORS, "-o", "prog.o")
    for options in (["-Wl,--as-needed", path], [path, "-no-pie", "-Wl,--gc-sections"], ["-Wl,--as-needed"]):
        words = [f"-fuse-ld={linker}", "prog.o", *options, "-o", "prog"]
        verify(box, ALLOCSCXX, *words)
        assert box.run(ALLOCSCXX, *words).stderr == ""
        done = box.run(box.folder / "prog", "throw", env={} if path in options else {"LD_PRELOAD": path})
        assert (done.stdout, done.stderr) == ("known 36 unknown 0\n", "")
        found = needed(box.folder / "prog")
        box.run(cxx, *words)
        assert found == needed(box.folder / "prog")


@pytest.mark.parametrize("linker", LINKERS)
def test_a_library_that_would_not_be_needed(box: Toolbox, linker: str) -> None:
    """R3, R11: where all that is used of a library under --as-needed is interposed, it is kept; no other one is."""
    need(LINKERS[linker])
    path = library(box, "jemalloc")
    box.write("new.cc", "int *make() { return new int(3); }\nvoid drop(int *p) { delete p; }\n")
    box.write("main.cc", "int *make(); void drop(int *);\nint main() { drop(make()); return 0; }\n")
    box.write("none.cc", "int main() { return 0; }\n")
    box.write("malloc.c", "#include <stdlib.h>\nint main(void) { free(malloc(9)); return 0; }\n")
    box.write("strdup.c", '#include <string.h>\nint main(void) { return !strdup("x"); }\n')
    box.run(ALLOCSCXX, "-fno-builtin", "-c", "new.cc", "main.cc", "none.cc")
    box.allocscc("-fno-builtin", "-c", "malloc.c", "strdup.c")
    box.run("ar", "rcs", "libnew.a", "new.o")
    links = [["main.o", "new.o"], ["main.o", "libnew.a"], ["main.o", "new.o", path], ["malloc.o", path],
             ["strdup.o", path]]  # fmt: skip
    for inputs in links:
        words = [f"-fuse-ld={linker}", "-Wl,--as-needed", *inputs, "-o", "prog"]
        driver, vanilla = (ALLOCSCXX, "g++") if inputs[0] == "main.o" else (ROOT / "bin" / "allocscc", "gcc")
        verify(box, driver, *words)
        assert box.run(driver, *words).stderr == ""
        box.run(box.folder / "prog")
        found = needed(box.folder / "prog")
        box.run(vanilla, *words)
        assert found == needed(box.folder / "prog"), inputs


@pytest.mark.parametrize("linker", LINKERS)
def test_operators_of_the_program(box: Toolbox, linker: str) -> None:
    """R3, R11: a program that replaces some of them, or all, keeps its own."""
    need(LINKERS[linker])
    source = box.write(
        "own.cc",
        "#include <cstdlib>\n#include <new>\n#include <cstdio>\n#include <string>\nstatic int news, deletes;\n"
        "#ifdef NEW\nvoid *operator new(std::size_t n) { news++; return std::malloc(n); }\n#endif\n"
        "#ifdef DELETE\nvoid operator delete(void *p) noexcept { deletes++; std::free(p); }\n"
        "void operator delete(void *p, std::size_t) noexcept { deletes++; std::free(p); }\n#endif\n"
        "int main() { delete new int(1); std::string s(99, 'x'), t = s + s;\n"
        " std::printf(\"%d %d\\n\", news > 2, deletes > 0); return 0; }\n",
    )  # fmt: skip
    for flags, said in (((), "0 0"), (("-DNEW",), "1 0"), (("-DDELETE",), "0 1"), (("-DNEW", "-DDELETE"), "1 1")):
        words = (f"-fuse-ld={linker}", *flags, source, "-o", "prog")
        assert box.run(ALLOCSCXX, *words).stderr == ""
        assert box.run(box.folder / "prog").stdout == f"{said}\n", flags
        verify(box, ALLOCSCXX, *words)
        plan = box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
        assert ("operators: _Znwm is defined in this link" in plan) == ("-DNEW" in flags)


def test_a_static_library(box: Toolbox) -> None:
    """R11: libstdc++'s own operators in the program get stubs, as any function that is defined there."""
    for option in ("-static-libstdc++", "-static"):
        assert box.run(ALLOCSCXX, *box.include, *OPERATORS, option, "-o", "prog").stderr == ""
        assert box.run(box.folder / "prog", "throw").stdout == "known 36 unknown 0\n"


SAMPLE = """#include <map>
#include <memory>
#include <string>
#include <vector>
struct node { int a[5]; node *next; };
struct alignas(128) wide { char c[256]; };
static node *make() { return new node; }
int main()
{
	std::vector<std::string> v(3);
	for (int i = 0; i < 20; i++) v.push_back(std::string(40, 'x'));
	std::map<int, node *> m;
	for (int i = 0; i < 50; i++) m[i] = make();
	auto *several = new node[7];
	auto *aligned = new wide;
	auto shared = std::make_shared<node>();
	for (int i = 0; i < 10; i++) delete m[i];
	delete[] several;
	try { throw std::string(70, 'y'); } catch (std::string &s) { v.push_back(s); }
	return !aligned;
}
"""


@pytest.mark.parametrize("observe", ["stubs", "unwind"])
def test_answers_do_not_depend_on_the_malloc(box: Toolbox) -> None:
    """R11, R12, R13: line, type, chain and counts of what the program's own code allocates."""
    source = box.write("sample.cc", SAMPLE)
    box.run(ALLOCSCXX, "-O1", "-g", source, "-o", "prog")
    keys = ("wrappers", "line", "column", "type", "live_chunks", "live_bytes", "total_chunks", "total_bytes")
    seen = dict[str, list[str]]()
    for name in ("", *MALLOCS):
        path = library(box, name) if name else ""
        env = {"ALLOCS_OPTIONS": f"profile={box.folder}/heap.json", "LD_PRELOAD": path}
        box.run(box.folder / "prog", env=env)
        rows = [row for row in box.report(box.folder / "heap.json") if row["line"]]
        assert {row["allocator"] for row in rows} == {f"malloc ({name})" if name else "malloc"}
        seen[name] = sorted(str([row[key] for key in keys]) for row in rows)
    line = lines_of(source, "return new node")
    assert f"[['_Znwm'], {line}, 30, 'node', 40, {40 * 32}, 50, {50 * 32}]" in seen[""]
    assert all(rows == seen[""] for rows in seen.values())


@pytest.mark.parametrize("by", ["ours", "others"])
def test_a_plugin(box: Toolbox, by: str) -> None:
    """R11, R13: what an object allocates that is loaded later, and what the program frees of it."""
    source = box.write(
        "plugin.cc",
        "#include <string>\nextern \"C\" std::string *get() { return new std::string(100, 'x'); }\n"
        'extern "C" void drop(std::string *s) { delete s; }\n',
    )  # fmt: skip
    main = box.write(
        "main.cc",
        "#include <allocs.h>\n#include <cstdio>\n#include <dlfcn.h>\n#include <string>\nint main() {\n"
        ' void *h = dlopen("./plugin.so", RTLD_NOW); auto get = (std::string *(*)())dlsym(h, "get");\n'
        ' auto drop = (void (*)(std::string *))dlsym(h, "drop"); std::string *s = get(), *t = new std::string("t");\n'
        " char *text = &(*s)[0]; int known = alloc_get_base(s) == s && alloc_get_base(text) == text;\n"
        " known += alloc_get_base(t) == t; drop(s); drop(t); void *u = get(); delete (std::string *)u;\n"
        ' std::printf("%d %d\\n", known, !alloc_get_base(s) && !alloc_get_base(text) && !alloc_get_base(t)); }\n',
    )
    words = ("-fPIC", "-shared", source, "-o", "plugin.so")
    assert by == "ours" or not plain(box, *words, driver="g++")
    assert by == "others" or box.run(ALLOCSCXX, *words).stderr == ""
    assert box.run(ALLOCSCXX, *box.include, main, "-o", "prog").stderr == ""
    for name in ("", *MALLOCS):
        env = {"LD_PRELOAD": library(box, name) if name else ""}
        assert box.run(box.folder / "prog", env=env).stdout == "2 1\n", name


def test_mismatches(box: Toolbox) -> None:
    """R14: a delete is checked once, also where another malloc's delete calls free and where it does not."""
    source = box.write(
        "wrong.cc",
        "#include <cstdlib>\nstruct one { int a[9]; };\nint main() {\n int *p = new int[10];\n delete[] p;\n"
        " delete[] p;\n delete new int;\n one *z = new one;\n std::free(z);\n return 0; }\n",
    )
    box.run(ALLOCSCXX, "-w", "-g", "-O0", source, "-o", "prog")
    for name in ("", *MALLOCS):
        env = {"LD_PRELOAD": library(box, name) if name else "", "ALLOCS_OPTIONS": "check=mismatch"}
        said = box.run(box.folder / "prog", env=env).stderr
        first, second = said.split("allocscc: ")[1:]
        assert first.startswith("double free of 0x"), name
        assert "int\n  allocated at" in first
        assert "wrong.cc:4 in main through _Znam" in first
        assert second.startswith("mismatched free of 0x"), name
        assert "36 bytes, one: not by a function of its wrapper's" in second
        assert "wrong.cc:8 in main through _Znwm" in second
