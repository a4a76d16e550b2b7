"""Wrappers, wherever they are defined: the outermost site, its type, the chain (R6, R12, R13, R18)."""

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, lines_of, need, one

SOURCE = PROGRAMS / "wrapped.c"
WRAPPER_SOURCE = PROGRAMS / "xmalloc.c"


def check_answers(answers: list[dict[str, object]], *, inner_chain: bool = True) -> None:
    """What tests/programs/wrapped.c has to say, whoever built xmalloc.c."""
    expected = {
        # name: (callee, type, size, wrappers, offset of the pointer that was asked about)
        "one": ("xrealloc", "struct pair", 80, ["xrealloc"], 0),
        "many": ("xcalloc", "struct pair", 56, ["xcalloc"], 28),
        "text": ("xmemdup", "char", 6, ["xmemdup", "xmalloc"] if inner_chain else ["xmemdup"], 2),
        "direct": ("malloc", "anonymous", 24, [], 0),
        "tail": ("malloc", "struct pair", 40, [], 0),
        "plain": ("strdup", "char", 6, ["strdup"], 0),
    }
    marks = {"one": "/* grown */", "tail": "/* tail site */"}
    for name, (callee, type_, size, wrappers, offset) in expected.items():
        answer = one(answers, name=name)
        assert answer["callee"] == callee, answer
        assert answer["type"] == type_, answer
        assert answer["size"] == size, answer
        assert answer["offset"] == offset, answer
        assert answer["allocator"] == "malloc", answer
        assert answer["line"] == lines_of(SOURCE, marks.get(name, f"/* {name} */")), answer
        assert answer["file"] == str(SOURCE), answer
        assert [frame[0] for frame in answer["chain"]] == wrappers, answer  # type: ignore[attr-defined]
        assert answer["wrapper"] == (wrappers[0] if wrappers else None), answer
        assert answer["observed"] == ("malloc" if wrappers else None), answer
    for name in ("stack", "null", "freed"):
        answer = one(answers, name=name)
        assert (answer["allocator"], answer["size"], answer["offset"]) == (None, 0, -1), answer
    assert one(answers, name="free") == {"name": "free", "first": 0, "second": 22}  # EINVAL: no live chunk


@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-O2", "-g"), ("-O3", "-fPIC"), ("-Os", "-no-pie", "-fno-pie")])
def test_wrappers_in_objects(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R6, R12, R13, R18: a definition in the link is replaced; with and without -g, calls in its own file included."""
    box.allocscc(*flags, SOURCE, WRAPPER_SOURCE, "-o", "prog", env=WRAPPERS)
    check_answers(box.answers("prog"))


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_every_linker(box: Toolbox, linker: str) -> None:
    """R6: the same answers with each linker."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker])
    box.allocscc("-O2", f"-fuse-ld={linker}", SOURCE, WRAPPER_SOURCE, "-o", "prog", env=WRAPPERS)
    check_answers(box.answers("prog"))


def test_clang(box: Toolbox) -> None:
    """R3: any compiler in ALLOCSCC_CC; clang's hook is its assembler."""
    need("clang")
    box.allocscc("-g", "-O2", SOURCE, WRAPPER_SOURCE, "-o", "prog", env={**WRAPPERS, "ALLOCSCC_CC": "clang"})
    check_answers(box.answers("prog"))


def test_wrappers_in_an_archive(box: Toolbox) -> None:
    """R6: a definition in an archive member is replaced, and members are pulled in as before."""
    box.allocscc("-O2", "-c", WRAPPER_SOURCE, "-o", "xmalloc.o", env=WRAPPERS)
    box.write("unused.c", "extern int missing(void);\nint unused(void) { return missing(); }\n")
    box.allocscc("-c", "unused.c", env=WRAPPERS)
    box.run("ar", "rcs", "libx.a", "unused.o", "xmalloc.o")
    before = (box.folder / "libx.a").read_bytes()
    box.allocscc("-O2", SOURCE, "-L.", "-lx", "-o", "prog", env=WRAPPERS)
    check_answers(box.answers("prog"))
    assert (box.folder / "libx.a").read_bytes() == before


def test_wrappers_in_our_shared_object(box: Toolbox) -> None:
    """R6, R12: a shared object's own stub identifies its wrapper; the program adds no second one."""
    box.allocscc("-O2", "-fPIC", "-shared", WRAPPER_SOURCE, "-o", "libx.so", env=WRAPPERS)
    box.allocscc("-O2", SOURCE, "-L.", "-lx", "-Wl,-rpath,$ORIGIN", "-o", "prog", env=WRAPPERS)
    check_answers(box.answers("prog"))
    explained = box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert "xmalloc" not in explained or "identified-elsewhere" in explained
    assert "xcalloc: leave (identified-elsewhere)" in explained


def test_wrappers_in_a_foreign_shared_object(box: Toolbox, observe: str) -> None:
    """R6: a wrapper that plain gcc built into a shared object is wrapped with --wrap; R16: or its code is known."""
    box.run("gcc", "-O2", "-fPIC", "-shared", WRAPPER_SOURCE, "-o", "libx.so")
    box.allocscc("-O2", SOURCE, "-L.", "-lx", "-Wl,-rpath,$ORIGIN", "-o", "prog", env=WRAPPERS)
    check_answers(box.answers("prog"), inner_chain=observe == "unwind")
    rule = "mark (wrapper-unwound)" if observe == "unwind" else "wrap (wrapper-imported)"
    assert f"xcalloc: {rule}" in box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout


def test_shared_object_without_the_runtime(box: Toolbox) -> None:
    """R18: an object built by us runs unchanged in a process that has no runtime."""
    box.allocscc("-O2", "-fPIC", "-shared", WRAPPER_SOURCE, "-o", "libx.so", env=WRAPPERS)
    box.run("gcc", *box.include, SOURCE, "-L.", "-lx", "-Wl,-rpath,$ORIGIN", "-o", "prog")
    answers = box.answers("prog")
    assert len(answers) == 10
    assert all(answer.get("runtime") is False for answer in answers if answer["name"] != "free")


def test_inlined_wrapper_in_the_callers_file(box: Toolbox) -> None:
    """R4, R6: a wrapper that gcc would inline into its caller stays a call, so the outer line and type are known."""
    source = box.write(
        "single.c",
        '#include "tell.h"\n#include <stdlib.h>\nstruct big { char c[100]; };\n'
        "void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }\n"
        'int main(void) {\n tell("big", xmalloc(4 * sizeof(struct big)));\n return 0;\n}\n',
    )
    box.allocscc("-O3", source, "-o", "prog", env=WRAPPERS)
    answer = one(box.answers("prog"), name="big")
    assert (answer["line"], answer["type"], answer["wrapper"], answer["size"]) == (6, "struct big", "xmalloc", 400)


def test_project_config_file(box: Toolbox) -> None:
    """R1: a project's allocscc.toml is found from the working folder upwards and means the same as the variables."""
    box.write(
        "allocscc.toml",
        '[wrapper.x]\nalloc = ["xmalloc(Z)p", "xcalloc(zZ)p", "xrealloc(pZ)p", "xmemdup(pZ)p"]\nfree = ["xfree(P)"]\n',
    )
    (box.folder / "sub").mkdir()
    box.folder = box.folder / "sub"
    box.allocscc("-O2", SOURCE, WRAPPER_SOURCE, "-o", "prog")
    check_answers(box.answers("prog"))


def test_allocations_of_cplusplus(box: Toolbox) -> None:
    """R4, R12: operator new is a wrapper in libstdc++, `new T` has type T, exceptions leave no stale context."""
    need("g++")
    source = box.write(
        "new.cc",
        '#include "tell.h"\n#include <stdexcept>\n#include <cstdlib>\nstruct shape { int n; };\n'
        '__attribute__((noinline)) static void fail() { throw std::runtime_error("x"); }\n'
        "int main() {\n shape *s = new shape;\n shape *many = new shape[5];\n"
        " try { fail(); } catch (const std::exception &) {}\n void *p = malloc(sizeof(shape));\n"
        ' tell("s", s);\n tell("many", many);\n tell("p", p);\n delete s;\n tell("deleted", s);\n return 0;\n}\n',
    )
    done = box.run(ROOT / "bin" / "allocsc++", *box.include, "-O1", source, "-o", "prog")
    assert done.stderr == ""
    answers = box.answers("prog")
    s, many, p = (one(answers, name=name) for name in ("s", "many", "p"))
    assert (s["type"], s["line"], s["wrapper"], s["evidence"]) == ("shape", 7, "_Znwm", "new")
    assert (many["type"], many["line"], many["wrapper"], many["size"]) == ("shape", 8, "_Znam", 20)
    assert (p["type"], p["line"], p["wrapper"]) == ("shape", 10, None)
    assert one(answers, name="deleted")["allocator"] is None
    assert one(box.profile("prog"), line=8)["wrappers"] == ["_Znam"]
    shown = box.run(ROOT / "bin" / "allocs", "report", "heap.json").stdout
    assert "malloc < operator new[](unsigned long) < main new.cc:8" in shown


@pytest.mark.parametrize(
    "flags",
    [
        ("-pg",),
        ("--coverage",),
        ("-fopenmp",),
        ("-fcf-protection=full",),
        ("-fno-plt",),
        ("-fsanitize=undefined",),
        ("-fno-asynchronous-unwind-tables",),
        ("-masm=intel",),
        ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"),
        ("-fno-semantic-interposition", "-fPIC"),
        ("-fvisibility=hidden",),
        ("-rdynamic", "-Wl,-z,now,-z,relro,--as-needed"),
        ("-g3", "-gz"),
        ("-finstrument-functions",),
        ("-fstack-protector-all",),
        ("-fprofile-generate",),
        ("-fverbose-asm", "-dA"),
        ("-O3", "-funroll-all-loops"),
        ("-std=c2x",),
        ("-pipe",),
    ],
    ids=" ".join,
)
def test_flags_of_real_builds(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R3, R4, R6: the same answers whatever else the compiler is asked for."""
    box.allocscc("-O2", *flags, SOURCE, WRAPPER_SOURCE, "-o", "prog", env=WRAPPERS)
    check_answers(box.answers("prog"))


def test_lto_is_said_to_be_unobserved(box: Toolbox) -> None:
    """R6, R15: what the linker's plugin takes from intermediate code works as before, and explain says why."""
    box.allocscc("-O2", "-flto", "-ffat-lto-objects", SOURCE, WRAPPER_SOURCE, "-o", "prog", env=WRAPPERS)
    assert one(box.answers("prog"), name="one")["size"] == 80
    assert "xmalloc: leave (lto)" in box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout


def test_cmake_project(box: Toolbox) -> None:
    """R3: CMake's own probes and a project with a shared library."""
    need("cmake")
    box.write(
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.16)\nproject(p C)\n"
        f'add_library(x SHARED "{WRAPPER_SOURCE}")\nadd_executable(prog "{SOURCE}")\n'
        f'target_include_directories(prog PRIVATE "{ROOT}/stubgen" "{PROGRAMS}")\n'
        "target_link_libraries(prog x)\n",
    )
    compiler = f"-DCMAKE_C_COMPILER={ROOT}/bin/allocscc"
    made = box.run("cmake", "-S", ".", "-B", "out", compiler, "-DCMAKE_BUILD_TYPE=Release", env=WRAPPERS)
    made = box.run("cmake", "--build", "out", "-j2", env=WRAPPERS)
    assert "allocscc:" not in made.stdout + made.stderr
    check_answers(box.answers(box.folder / "out" / "prog"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [("-O0",), ("-O1",), ("-O2", "-g"), ("-O3",)])
def test_functions_of_a_role_in_the_file_of_their_callers(box: Toolbox, flags: tuple[str, ...], compiler: str) -> None:
    """R4, R6: neither inlined nor cloned nor called by a convention of the file's own (-fipa-ra): stubs are called."""
    need(compiler)
    box.write(
        "allocscc.toml",
        '[allocator.pool]\nsuballocates = "malloc"\nalloc = ["pool_get(pZ)p"]\n'
        '[wrapper.own]\nalloc = ["flagged(pi)p", "nested(Z)p", "small(Z)p"]\n',
    )
    source = PROGRAMS / "apart.c"
    box.allocscc(*flags, source, "-o", "prog", env={"ALLOCSCC_CC": compiler})
    answers = box.answers("prog")
    expected = {
        "first": ("pool", "struct node", [], 0), "second": ("pool", "struct node", [], 4),
        "nested": ("malloc", "double", ["nested", "small"], 0), "small": ("malloc", "short", ["small"], 0),
    }  # fmt: skip
    for name, (allocator, type_, wrappers, offset) in expected.items():
        answer = one(answers, name=name)
        assert (answer["allocator"], answer["type"], answer["offset"]) == (allocator, type_, offset), answer
        assert [frame[0] for frame in answer["chain"]] == wrappers, answer  # type: ignore[attr-defined]
    for name, wrapper in (("flagged", "flagged"), ("pointer", "nested")):
        assert one(answers, name=name)["wrapper"] == wrapper


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_wrapper_that_calls_through_a_pointer(box: Toolbox, compiler: str) -> None:
    """R12: inlined into its only caller, and calling nothing of a role by name, it would be in no assembly at all."""
    need(compiler)
    box.env["ALLOCSCC_CC"] = compiler
    box.write("allocscc.toml", '[wrapper.node]\nalloc = ["node_memory()p"]\n')
    box.write(
        "hooks.c",
        "#include <stdlib.h>\nstruct node { struct node *next; };\nvoid *(*hook)(size_t) = malloc;\n"
        "struct node *node_memory(void) { return hook(sizeof(struct node)); }\n"
        "int main(void)\n{\n\tstruct node *n = node_memory();\n\treturn !n;\n}\n",
    )
    for flags in (("-O2",), ("-O3", "-g")):
        box.allocscc(*flags, "hooks.c", "-o", "prog")
        (row,) = box.profile("prog")
        assert (row["wrappers"], row["type"], row["function"], row["line"]) == (
            ["node_memory"],
            "struct node",
            "main",
            7,
        )


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("flags", [("-O0",), ("-O2", "-g"), ("-O3",)])
def test_methods_and_inline_functions(box: Toolbox, flags: tuple[str, ...], compiler: str) -> None:
    """R1, R4, R6: C++ functions are wrappers under the names that people write, also where a class defines them."""
    need(compiler)
    box.write(
        "allocscc.toml",
        '[wrapper.ns]\nalloc = ["ns::pool::get(unsigned long)(pZ)p", "ns::pool::far(unsigned long)(pZ)p",'
        ' "ns::pool::shared(unsigned long)(Z)p", "c_get(Z)p"]\n',
    )
    source = PROGRAMS / "apart.cc"
    done = box.run(
        ROOT / "bin" / "allocsc++", *box.include, *flags, source, "-o", "prog", env={"ALLOCSCC_CXX": compiler}
    )
    assert done.stderr == ""
    answers = box.answers("prog")
    for name, type_ in (("get", "int"), ("far", "long"), ("shared", "short"), ("c_get", "double")):
        answer = one(answers, name=name)
        assert answer["type"] == type_, answer
        assert name in str(answer["wrapper"]), answer
        assert answer["line"] == lines_of(source, f'tell("{name}"'), answer


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [("-O0",), ("-O2", "-g"), ("-O3", "-fPIC"), ("-O2", "-ffunction-sections")])
def test_static_functions_of_a_role(box: Toolbox, flags: tuple[str, ...], compiler: str) -> None:
    """R4, R6, R8: static wrappers and allocators get stubs, called directly or through their address."""
    need(compiler)
    box.write(
        "allocscc.toml",
        '[wrapper.own]\nalloc = ["statics.c::xmalloc(Z)p", "programs/statics.c::default_alloc(piI)p"]\n'
        'free = ["statics.c::xfree(P)"]\n'
        '[allocator.slab]\nsuballocates = "malloc"\nalloc = ["statics.c::slab_get(pZ)p"]\n',
    )
    source = PROGRAMS / "statics.c"
    box.allocscc(*flags, source, "-o", "prog", env={"ALLOCSCC_CC": compiler})
    answers = box.answers("prog")
    expected = {
        "direct": ("malloc", "struct item", ["xmalloc"]), "pointer": ("malloc", "double", ["default_alloc"]),
        "inner": ("slab", "short", []),
    }  # fmt: skip
    for name, (allocator, type_, wrappers) in expected.items():
        answer = one(answers, name=name)
        assert answer["allocator"] == allocator, answer
        assert answer["type"] == type_, answer
        assert [frame[0] for frame in answer["chain"]] == wrappers, answer  # type: ignore[attr-defined]
        assert answer["line"] == lines_of(source, f"/* {name} */"), answer
    assert one(answers, name="freed")["allocator"] is None
    assert one(answers, name="gone")["allocator"] is None
    assert one(answers, name="free")["result"] == 0
    shown = box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert "slab_get" in shown


def test_static_functions_of_one_name(box: Toolbox) -> None:
    """R8, R10: two files' static functions of one name are two; the config's scope says which is meant."""
    unit = """#include "tell.h"
    #include <stdlib.h>
    static void *get(size_t n) { return malloc(n); }
    void NAME(void) { tell("NAME", get(sizeof(TYPE))); }
    """
    for name, type_ in (("one", "int"), ("two", "long"), ("three", "short")):
        box.write(f"{name}/x.c", unit.replace("NAME", name).replace("TYPE", type_))
    box.write(
        "main.c", "void one(void), two(void), three(void);\nint main(void) { one(); two(); three(); return 0; }\n"
    )
    box.write("allocscc.toml", '[wrapper.get]\nalloc = ["one/x.c::get(Z)p", "two/x.c::get(Z)p"]\n')
    box.allocscc("-O2", "main.c", "one/x.c", "two/x.c", "three/x.c", "-o", "prog")
    answers = box.answers("prog")
    assert [one(answers, name=name)["wrapper"] for name in ("one", "two", "three")] == ["get", "get", None]
    assert [one(answers, name=name)["type"] for name in ("one", "two")] == ["int", "long"]


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_dependency_file_of_the_linker(box: Toolbox, linker: str) -> None:
    """HAZARDS 18: byte for byte the vanilla link's, with changed inputs and stubs in the link or without."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker])
    box.allocscc("-O1", "-c", SOURCE, WRAPPER_SOURCE, env=WRAPPERS)
    box.write("none.c", "int main(void) { return 0; }\n")
    box.allocscc("-c", "none.c")
    for inputs in ((f"{SOURCE.stem}.o", f"{WRAPPER_SOURCE.stem}.o"), ("none.o",)):
        texts = []
        for compiler in ("gcc", ROOT / "bin" / "allocscc"):
            words = (f"-fuse-ld={linker}", *inputs, "-Wl,--dependency-file=deps", "-o", "prog")
            box.run(compiler, *words, env=WRAPPERS)
            texts.append((box.folder / "deps").read_text())
        assert texts[0] == texts[1]


def test_defsym_of_the_user(box: Toolbox) -> None:
    """R3, HAZARDS 19: a function that the user's own --defsym speaks of is the user's."""
    flags = ("-O1", "-g", "-Wl,--defsym=xmalloc=malloc")
    box.write("main.c", "#include <stddef.h>\nvoid *xmalloc(size_t);\nint main(void) { return !xmalloc(8); }\n")
    for linker in ("bfd", "gold", "lld", "mold"):
        if box.run("which", "mold" if linker == "mold" else f"ld.{linker}", check=False).returncode == 0:
            box.allocscc(*flags, f"-fuse-ld={linker}", "main.c", "-o", "prog", env=WRAPPERS)
            box.run("./prog")
            assert "user-defines" in box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
