"""`allocs explain --verify`: both links of a command, and every difference explained (R15)."""

import json
import re

import pytest
from elftools.elf.elffile import ELFFile

from allocscc.link.outcome import read_outcome
from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, need, one, verify
from tests.integration.test_explain_lies import CALLER, HELLO, lying_linker

SOURCES = (PROGRAMS / "wrapped.c", PROGRAMS / "xmalloc.c")
INCLUDE = ("-I", str(ROOT / "stubgen"), "-I", str(PROGRAMS))
LINKERS = {"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}
SLAB = """#include <stddef.h>
static char pool[4096]; static size_t used;
void *slab_get(size_t n) { void *p = pool + used; used += n; return p; }
int main(void) { return !slab_get(8); }
"""
POOL_MALLOC = """#include <stddef.h>
static char pool[1 << 20]; static size_t used;
void *malloc(size_t n) { void *p = pool + used; used += (n + 15) & ~(size_t)15; return p; }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
"""


@pytest.fixture(params=LINKERS)
def linker(request: pytest.FixtureRequest) -> str:
    """Each linker, as the driver's option."""
    need(LINKERS[request.param])
    return f"-fuse-ld={request.param}"


def causes(result: dict[str, object], **wanted: str) -> set[str]:
    """The causes of all lines with these values, up to the colon."""
    explained: list[dict[str, object]] = result["explained"]  # type: ignore[assignment]
    found = [e for e in explained if all(e["line"][key] == value for key, value in wanted.items())]  # type: ignore[index]
    return {str(e["cause"]).partition(":")[0] for e in found}


def test_hello_world(box: Toolbox, linker: str) -> None:
    """R15: a program without wrappers gets the runtime and nothing else."""
    box.write("hello.c", HELLO)
    result = verify(box, "gcc", linker, "-O2", "hello.c", "-o", "hello")
    assert causes(result) == {"runtime", "runtime-interposes"}
    assert causes(result, name="alloc_get_site", kind="export") == {"runtime"}
    assert causes(result, name="malloc", kind="export") <= {"runtime-interposes"}


def test_wrappers_defined_here(box: Toolbox, linker: str) -> None:
    """R15: definitions that make way for stubs, and nothing else."""
    result = verify(box, "gcc", linker, "-O2", *INCLUDE, *SOURCES, "-o", "prog", env=WRAPPERS)
    for name in ("xmalloc", "__real_xmalloc", "__allocs_wrapper_xmalloc"):
        assert causes(result, name=name, kind="symbol") == {"xmalloc"}, name
    assert result["idle"] == []


def test_wrappers_imported(box: Toolbox, linker: str) -> None:
    """R15: references to a foreign shared object's wrappers go through `--wrap`."""
    box.run("gcc", "-O2", "-fPIC", "-shared", SOURCES[1], "-o", "libx.so")
    result = verify(box, "gcc", linker, "-O2", *INCLUDE, SOURCES[0], "-L.", "-lx", "-o", "prog", env=WRAPPERS)
    assert causes(result, name="--wrap=xcalloc") == {"xcalloc"}
    assert causes(result, name="__wrap_xcalloc") == {"xcalloc"}


def test_wrappers_in_an_archive(box: Toolbox, linker: str) -> None:
    """R15: the same members are pulled in, in their changed copies."""
    box.write("unused.c", "extern int missing(void);\nint unused(void) { return missing(); }\n")
    box.run("gcc", "-c", "unused.c", SOURCES[1])
    box.run("ar", "rcs", "libx.a", "unused.o", "xmalloc.o")
    result = verify(box, "gcc", linker, "-O2", *INCLUDE, SOURCES[0], "-L.", "-lx", "-o", "prog", env=WRAPPERS)
    inputs = [e["line"]["name"] for e in result["explained"] if e["line"]["kind"] == "input"]  # type: ignore[attr-defined,index]
    assert any(name.endswith("libx.a(xmalloc.o)") for name in inputs)
    assert not any("unused.o" in name for name in inputs)


def test_wrappers_behind_a_linker_script(box: Toolbox, linker: str) -> None:
    """R6, R15: the words of a linker script that brings an archive stand in its place; the link is the same."""
    box.run("gcc", "-c", SOURCES[1])
    box.run("ar", "rcs", "libx.a", "xmalloc.o")
    box.write("libs.so", "GROUP ( libx.a AS_NEEDED ( -lm ) )\n")
    result = verify(box, "gcc", linker, *INCLUDE, SOURCES[0], "-L.", "-ls", "-o", "prog", env=WRAPPERS)
    assert causes(result, name="__real_xmalloc") == {"xmalloc"}
    assert causes(result, name="-ls") == {"scripts"}


def test_wrappers_in_a_thin_archive(box: Toolbox, linker: str) -> None:
    """R15: bfd names a thin archive's members by their files; they are the same members."""
    box.run("gcc", "-c", SOURCES[1])
    box.run("ar", "rcs", "--thin", "libx.a", "xmalloc.o")
    result = verify(box, "gcc", linker, *INCLUDE, SOURCES[0], "-L.", "-lx", "-o", "prog", env=WRAPPERS)
    assert causes(result, name="__real_xmalloc") == {"xmalloc"}
    assert result["idle"] == []


@pytest.mark.parametrize("version_script", [False, True])
def test_a_shared_object(box: Toolbox, linker: str, version_script: bool) -> None:
    """R15: a shared object exports the same names in the same versions, and gets no runtime."""
    box.write("v.map", "V1 { global: xmalloc; xcalloc; local: *; };\n")
    options = ["-Wl,--version-script=v.map"] if version_script else []
    result = verify(
        box, "gcc", linker, "-O2", "-fPIC", "-shared", *INCLUDE, SOURCES[1], *options, "-o", "libx.so", env=WRAPPERS
    )
    assert "runtime" not in causes(result)
    assert causes(result, kind="export", name="xmalloc") == {"xmalloc"}


def test_a_family_of_the_programs_own(box: Toolbox, linker: str) -> None:
    """R10, R15: entry stubs and the instance of a family that the link defines."""
    box.write("slab.c", SLAB)
    box.write("allocscc.toml", '[allocator.slab]\nalloc = ["slab_get(Z)p"]\n')
    result = verify(box, "gcc", linker, "slab.c", "-o", "prog")
    assert causes(result, name="slab_allocator") == {"slab_get"}


def test_malloc_defined_in_the_program(box: Toolbox, linker: str) -> None:
    """R8, R15: a program's own malloc gets entry stubs, which bind as the functions did."""
    box.write("own.c", POOL_MALLOC)
    box.write("hello.c", HELLO)
    result = verify(box, "gcc", linker, "hello.c", "own.c", "-o", "prog")
    assert causes(result, name="__real_free") == {"free"}


def test_a_static_program(box: Toolbox) -> None:
    """R6, R15: libc's own malloc is defined in the link, and observed there."""
    box.write("copy.c", "#include <string.h>\nint main(int n, char **v) { return n == 0 || *strdup(v[0]) == 0; }\n")
    result = verify(box, "gcc", "-static", "copy.c", "-o", "prog")
    assert causes(result, name="__real_strdup") == {"strdup"}


def test_operator_new_of_the_programs_own(box: Toolbox, linker: str) -> None:
    """R15: C++'s operators are functions as others are."""
    box.write(
        "new.cc",
        "#include <cstdlib>\n#include <new>\nvoid *operator new(std::size_t n) { return std::malloc(n); }\n"
        "void operator delete(void *p) noexcept { std::free(p); }\n"
        "int main() { int *volatile p = new int(0); return *p; }\n",
    )
    result = verify(box, "g++", linker, "new.cc", "-o", "prog")
    assert causes(result, name="__real__Znwm") == {"_Znwm"}


def test_malloc_defined_in_a_shared_object(box: Toolbox, linker: str) -> None:
    """R9, R15: an exported malloc stays as it is; the object's own references are redirected."""
    box.write("own.c", POOL_MALLOC)
    result = verify(box, "gcc", linker, "-O2", "-fPIC", "-shared", "own.c", "-o", "libown.so")
    assert causes(result, kind="export", name="malloc") == set()


def test_garbage_collection(box: Toolbox, linker: str) -> None:
    """R4, R15: what dead code leaves, is known: gold and mold keep what has records."""
    box.write("dead.c", "#include <stdlib.h>\nvoid *dead(int n) { return malloc(n * sizeof(long)); }\n")
    box.write("hello.c", HELLO)
    flags = ("-O2", "-ffunction-sections", "-Wl,--gc-sections")
    result = verify(box, "gcc", linker, *flags, "dead.c", "hello.c", "-o", "prog")
    allowed = {"register"} if linker.endswith(("gold", "mold")) else set()
    assert causes(result, name="dead") <= allowed


def test_link_time_optimisation(box: Toolbox) -> None:
    """R15: the machine code is made in both links, ours with records."""
    box.write("caller.c", CALLER)
    box.write("x.c", "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\n")
    need(*(LINKERS[name] for name in ("bfd", "gold")))
    for name in ("bfd", "gold"):
        verify(box, "gcc", f"-fuse-ld={name}", "-O2", "-flto", "caller.c", "x.c", "-o", "prog", env=WRAPPERS)


@pytest.mark.parametrize("compiler", ["clang", "g++", str(ROOT / "bin" / "allocscc")])
def test_other_drivers(box: Toolbox, compiler: str) -> None:
    """R15: any driver that links; allocscc itself is one."""
    need(compiler)
    box.write("hello.c", HELLO)
    assert causes(verify(box, compiler, "hello.c", "-o", "prog")) == {"runtime", "runtime-interposes"}


def test_a_driver_with_a_blank_in_its_path(box: Toolbox) -> None:
    """R15: `ALLOCSCC_CC` may hold several words, a path on the command line is one; a compiler cache is left out."""
    box.write("hello.c", HELLO)
    script = box.write("my compilers/gcc", '#!/bin/sh\nexec gcc "$@"\n')
    script.chmod(0o755)
    assert causes(verify(box, "ccache", script, "hello.c", "-o", "prog")) == {"runtime", "runtime-interposes"}


@pytest.mark.parametrize("options", [("-r",), ("-shared", "-nostdlib"), ("-fsanitize=address",)])
def test_links_that_are_not_observed(box: Toolbox, options: tuple[str, ...]) -> None:
    """R15: no decision, no difference; but for the plan that says so, where there is somebody to read it."""
    box.write("f.c", "int f(void) { return 1; }\nint main(void) { return 0; }\n")
    result = verify(box, "gcc", "-fPIC", *options, "f.c", "-o", "out")
    assert result["unexplained"] == []
    kinds = {(row["line"]["kind"], row["cause"].partition(":")[0]) for row in result["explained"]}
    assert kinds <= ({("input", "plan")} if "-fsanitize=address" in options else set())


def test_nothing_of_the_users_is_touched(box: Toolbox) -> None:
    """R3, R15: neither the output, nor its map, nor a dependency file; a stripped link is compared all the same."""
    box.write("hello.c", HELLO)
    box.write("prog", "the user's")
    before = {path.name for path in box.folder.iterdir()}
    flags = ("-s", "-MD", "-MF", "hello.d", "-Wl,-Map=hello.map", "-Wl,-Map,hello.map", "-save-temps")
    result = verify(box, "gcc", "-O2", *flags, "hello.c", "-oprog")
    assert causes(result, kind="symbol", name="__allocs_runtime") == {"runtime"}
    assert {path.name for path in box.folder.iterdir()} == before
    assert (box.folder / "prog").read_text() == "the user's"
    assert not list(box.folder.parent.glob("allocs*"))


def test_everything_exported(box: Toolbox, linker: str) -> None:
    """R15: a program whose symbols all are exported."""
    verify(box, "gcc", linker, "-rdynamic", *INCLUDE, *SOURCES, "-o", "prog", env=WRAPPERS)


def test_facts_are_those_that_others_read(box: Toolbox, linker: str) -> None:
    """R15: the dynamic symbols of an output with their versions, as pyelftools has them."""
    box.write("v.map", "V1 { global: xmalloc; local: *; }; V2 { global: xcalloc; } V1;\n")
    options = ("-O2", "-fPIC", "-shared", "-Wl,--version-script=v.map", "-Wl,-soname,libx.so.1")
    box.run("gcc", linker, *options, *INCLUDE, SOURCES[1], "-o", "libx.so")
    outcome = read_outcome(str(box.folder / "libx.so"), [], [])
    assert ("SONAME", "libx.so.1") in outcome.properties
    assert outcome.needed == ("libc.so.6",)
    with open(box.folder / "libx.so", "rb") as file:
        elf = ELFFile(file)
        dynamic = elf.get_section_by_name(".dynsym")
        versions = elf.get_section_by_name(".gnu.version")
        defined = elf.get_section_by_name(".gnu.version_d")
        needed = elf.get_section_by_name(".gnu.version_r")
        expected = set()
        for number, symbol in enumerate(dynamic.iter_symbols()):
            index = versions.get_symbol(number)["ndx"]
            found = ""
            if isinstance(index, int) and index & 0x7FFF > 1:
                table = defined if defined.get_version(index & 0x7FFF) else needed
                found = (
                    next(iter(table.get_version(index & 0x7FFF)[1])).name
                    if table is defined
                    else (table.get_version(index & 0x7FFF)[1].name)
                )
            if symbol.name:
                expected.add((symbol.name, found, symbol["st_shndx"] != "SHN_UNDEF"))
        sections = [(s.name, s["sh_size"]) for s in elf.iter_sections() if s["sh_flags"] & 2]
    assert {(fact.name, fact.version, fact.defined) for fact in outcome.dynamic} == expected
    assert ("xmalloc", "V1", True) in expected
    assert list(outcome.sections) == sections


def test_a_projects_header_in_the_stubs(box: Toolbox) -> None:
    """R2, R15: what a header of `[stubgen] include` defines is explained by it."""
    box.write("caller.c", CALLER)
    box.write("x.c", "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\n")
    box.write("more.h", "int of_the_header = 7;\n")
    config = box.write("allocscc.toml", '[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n[stubgen]\ninclude = ["more.h"]\n')
    result = verify(box, "gcc", "caller.c", "x.c", "-o", "prog")
    cause = one([e for e in result["explained"] if e["line"]["name"] == "of_the_header"])["cause"]  # type: ignore[attr-defined]
    assert str(cause).startswith(f"[stubgen] include: {config}")


# what people read


def test_the_report_is_for_people(box: Toolbox) -> None:
    """R15: who did what, and one sentence at the end; the exit status says it, too."""
    box.write("caller.c", CALLER)
    box.write("x.c", "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\n")
    config = box.write("allocscc.toml", '\n[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    words = (ROOT / "bin" / "allocs", "explain", "--verify", "--", "gcc", "caller.c", "x.c", "-o", "prog")
    shown = box.run(*words).stdout
    assert f"\nxmalloc: replace (wrapper-defined), because of x, {config}:2\n" in shown
    assert re.search(r"\n  \+ \d symbols: .*__real_xmalloc", shown)
    assert re.search(r"\n\d+ differences between the vanilla link and ours: every one has a cause", shown)
    box.write("planted.c", "int planted = 1;\n")
    box.run("gcc", "-c", "planted.c")
    done = box.run(*words, check=False, env=lying_linker(box, f'set -- "$@" {box.folder}/planted.o'))
    assert done.returncode == 1
    assert "\nNOT EXPLAINED by any decision:\n" in done.stdout
    assert "  + symbol planted: global object in .data, 4 bytes\n" in done.stdout


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ((), 64, "takes a link command"),
        (("gcc", "-c", "hello.c"), 64, "did not link anything"),
        (("gcc", "missing.c"), 69, "missing.c"),
        (("gcc", "hello.c", "-lmissing_library"), 69, "missing_library"),
        (("no-such-compiler", "hello.c"), 69, "no-such-compiler"),
    ],
)
def test_commands_that_do_not_link(box: Toolbox, command: tuple[str, ...], status: int, message: str) -> None:
    """R15: one message, and an exit status of its own."""
    box.write("hello.c", HELLO)
    done = box.run(ROOT / "bin" / "allocs", "explain", "--verify", "--", *command, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def linker_arguments(box: Toolbox, *command: str) -> list[str]:
    """The linker's arguments of a driver's command."""
    box.write("spy/ld", '#!/bin/sh\nprintf "%s\\n" "$@" >arguments\nexit 1\n').chmod(0o755)
    box.run(command[0], f"-B{box.folder}/spy", *command[1:], check=False)
    return (box.folder / "arguments").read_text().splitlines()


def test_allocsld_explains_instead_of_linking(box: Toolbox) -> None:
    """R15: `allocsld --explain` prints the plan of a linker's command line, as text and as JSON."""
    config = box.write("allocscc.toml", '\n[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    box.write("caller.c", CALLER)
    box.write("x.c", "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\n")
    box.run("gcc", "-c", "caller.c", "x.c")
    args = linker_arguments(box, "gcc", "caller.o", "x.o", "-o", "prog")
    shown = box.run(ROOT / "bin" / "allocsld", "--explain", *args).stdout
    assert "link of prog\n  runtime: linked in\n" in shown
    assert "  xmalloc: replace (wrapper-defined)\n    defined here: the stub takes the name" in shown
    assert f"    because of x, {config}:2\n" in shown
    (plan,) = json.loads(box.run(ROOT / "bin" / "allocsld", "--explain", "--json", *args).stdout)
    assert one(plan["decisions"], symbol="xmalloc")["action"] == "replace"
    assert not (box.folder / "prog").exists()
    assert "usage: allocsld --explain" in box.run(ROOT / "bin" / "allocsld", "--explain", "--help").stdout


def test_allocsld_explains_why_nothing_is_done(box: Toolbox) -> None:
    """R15: a partial link, and one without libc, have a plan that says so; a wrong config has an error."""
    box.write("hello.c", HELLO)
    box.run("gcc", "-c", "hello.c")
    allocsld = ROOT / "bin" / "allocsld"
    assert "relocatable: a partial link" in box.run(allocsld, "--explain", "-r", "hello.o").stdout
    assert "not observed: linked without libc" in box.run(allocsld, "--explain", "hello.o").stdout
    box.write("allocscc.toml", "[wrapper.x]\nalloc = 1\n")
    done = box.run(allocsld, "--explain", "hello.o", "-lc", check=False)
    assert (done.returncode, done.stdout) == (78, "")


def test_a_builds_plans_in_a_file(box: Toolbox) -> None:
    """R15: `ALLOCSCC_EXPLAIN=FILE` appends the plan of each link of a build."""
    box.write("hello.c", HELLO)
    for name in ("one", "two"):
        box.allocscc("hello.c", "-o", name, env={"ALLOCSCC_EXPLAIN": "plans"})
        box.run(box.folder / name)
    shown = (box.folder / "plans").read_text()
    assert re.findall(r"^link of (\w+)$", shown, re.M) == ["one", "two"]
    assert "family malloc is not defined in this link" in shown
