"""libc's malloc and those that take its place: all entry points, early and late, preloaded (R3, R11, R18)."""

import re
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, lines_of, need, one

MALLOCS = {
    "jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2",
}  # fmt: skip
PROMISES = {**WRAPPERS, "LIBALLOCS_ALLOC_FNS": WRAPPERS["LIBALLOCS_ALLOC_FNS"] + " jumping_alloc(Z)p raising_alloc(Z)p"}
CORNERS = {"LIBALLOCS_ALLOC_FNS": "left_alloc(iiZ)p right_alloc(iiZ)p yielding_alloc(Z)p"}
THROWING = {"LIBALLOCS_ALLOC_FNS": "throwing_alloc(Z)p outer_alloc(Z)p"}
HOW = ("ours", "ours, profile", "preloaded", "preloaded, profile", "both, profile")


@pytest.fixture
def preload(box: Toolbox) -> str:
    """The path of liballocsrt.so."""
    code = "from allocscc.backends.runtime import ensure_preload; print(ensure_preload())"
    return box.run(sys.executable, "-c", code, env={"PYTHONPATH": str(ROOT)}).stdout.strip()


def library(box: Toolbox, name: str) -> str:
    """The path of another malloc; skips where Debian's package is missing."""
    found = box.run("sh", "-c", f"ls /usr/lib/*/{MALLOCS[name]} 2>/dev/null", check=False).stdout.split()
    if not found:
        pytest.skip(f"{MALLOCS[name]} is not installed (.ci/run installs it)")
    return found[0]


def plain(box: Toolbox, *args: str | Path, driver: str = "gcc") -> None:
    """Build without us."""
    box.run(driver, *box.include, *args)


def build(box: Toolbox, how: str, *args: str | Path, env: dict[str, str], cxx: bool = False) -> None:
    """Build by us, or not."""
    if how.startswith("preloaded"):
        plain(box, *args, driver="g++" if cxx else "gcc")
    else:
        driver = ROOT / "bin" / ("allocsc++" if cxx else "allocscc")
        assert box.run(driver, *box.include, *args, env=env).stderr == ""


def surroundings(box: Toolbox, how: str, preload: str, *more: str) -> dict[str, str]:
    """The environment for one of HOW, and what else to preload."""
    first = () if how.startswith("ours") else (preload,)
    env = {"LD_PRELOAD": " ".join((*first, *more))}
    if how.endswith("profile"):
        env["ALLOCS_OPTIONS"] = f"profile={box.folder}/heap.json"
    return env


def totals(box: Toolbox) -> dict[str, int]:
    """How many chunks each instance of the profile allocated."""
    found = dict[str, int]()
    for row in box.report(box.folder / "heap.json"):
        name = str(row["allocator"])
        found[name] = found.get(name, 0) + int(str(row["total_chunks"]))
    return found


# ---- the runtime as a library of its own ----


def test_preloaded_profile(box: Toolbox, preload: str) -> None:
    """R11, R18: a program that was not built by us: chunks, sizes, and the object and symbol of each site."""
    source = box.write(
        "p.c",
        "#include <stdlib.h>\n#include <string.h>\n"
        "__attribute__((noinline)) void *make(size_t n) { void *p = malloc(n); return p; }\n"
        "int main(void) { for (int i = 0; i < 10; i++) free(make(i + 1)); return !strdup(\"text\"); }\n",
    )  # fmt: skip
    plain(box, "-O1", "-rdynamic", "-fno-builtin", source, "-o", "prog")
    box.run(box.folder / "prog", env=surroundings(box, "preloaded, profile", preload))
    rows = box.report(box.folder / "heap.json")
    row = one(rows, symbol="make")
    assert (row["allocator"], row["object"], row["file"]) == ("malloc", "prog", None)
    assert (row["total_chunks"], row["total_bytes"], row["live_chunks"]) == (10, 55, 0)
    assert one(rows, live_bytes=5)["object"] == "libc.so.6"


def test_only_one_runtime_is_active(box: Toolbox, preload: str) -> None:
    """R11: in a program of ours the preloaded runtime stands aside, and nothing is counted twice."""
    source = PROGRAMS / "peak.c"
    box.allocscc("-O1", source, "-o", "prog")
    keys = ("line", "type", "allocator", "live_chunks", "total_chunks", "total_bytes", "peak_bytes")
    seen = []
    for how in ("ours, profile", "both, profile"):
        box.run(box.folder / "prog", env=surroundings(box, how, preload))
        seen.append(sorted(str([row[key] for key in keys]) for row in box.report(box.folder / "heap.json")))
    assert seen[0] == seen[1]


def test_preloaded_into_a_shell(box: Toolbox, preload: str) -> None:
    """R3, R11: programs of the system run as before, one starting another."""
    words = ("sh", "-c", f"ls / | sort | sed -n 1p; {sys.executable} -c 'import json; print(json.dumps([1]))'; exit 7")
    done = [box.run(*words, check=False, env=env) for env in ({}, surroundings(box, "preloaded", preload))]
    assert (done[0].stdout, done[0].stderr, done[0].returncode) == (done[1].stdout, done[1].stderr, 7)
    assert done[1].returncode == 7


def test_objects_of_ours_in_a_program_that_is_not(box: Toolbox, preload: str) -> None:
    """R13, R18: what a shared object of ours allocates has its site and type by the preloaded runtime."""
    source = box.write("lib.c", "#include <stdlib.h>\nlong *numbers(void) {\n return malloc(3 * sizeof(long)); }\n")
    box.allocscc("-O1", "-fPIC", "-shared", source, "-o", "libours.so")
    main = box.write("main.c", "long *numbers(void);\nint main(void) { return !numbers(); }\n")
    plain(box, main, "-L.", "-lours", "-Wl,-rpath,$ORIGIN", "-o", "prog")
    box.run(box.folder / "prog", env=surroundings(box, "preloaded, profile", preload))
    row = one(box.report(box.folder / "heap.json"), type="long")
    assert (row["line"], row["live_bytes"], row["function"]) == (3, 24, "numbers")


# ---- another malloc ----


@pytest.mark.parametrize("way", ["linked", "preloaded"])
@pytest.mark.parametrize("name", MALLOCS)
def test_another_malloc(box: Toolbox, name: str, way: str) -> None:
    """R11: it is used, the instance carries its name, the family stays; all of the runtime's promises hold."""
    path = library(box, name)
    linked = [path] if way == "linked" else []
    env = {} if linked else {"LD_PRELOAD": path}
    words = ("-O2", "-w", "-fno-builtin", "-pthread")
    box.allocscc(*words, PROGRAMS / "runtime.c", PROGRAMS / "xmalloc.c", *linked, "-o", "prog", env=PROMISES)
    done = box.run(box.folder / "prog", env=env)
    assert (done.stdout, done.stderr) == ("all hold\n", "")
    source = box.write(
        "name.c",
        "#include <allocs.h>\n#include <stdio.h>\n#include <stdlib.h>\nint main(void) { void *p = malloc(10);\n"
        " puts(alloc_get_allocator(p)->name); puts(alloc_get_allocator(p)->family); return 0; }\n",
    )
    box.allocscc("-fno-builtin", source, *linked, "-o", "name")
    env["ALLOCS_OPTIONS"] = f"profile={box.folder}/heap.json"
    assert box.run(box.folder / "name", env=env).stdout == f"malloc ({name})\nmalloc\n"
    assert set(totals(box)) == {f"malloc ({name})"}
    report = box.run(ROOT / "bin" / "allocs", "report", box.folder / "heap.json").stdout
    assert f"malloc ({name}) < main name.c:4" in report


def test_the_name_of_an_unknown_malloc(box: Toolbox) -> None:
    """R11: another malloc is named after its file; that of libc has no addition."""
    plain(box, "-shared", "-fPIC", "-fno-builtin", "-w", PROGRAMS / "safemalloc.c", "-o", "libcareful_1.so.2")
    box.allocscc("-g", PROGRAMS / "peak.c", "-o", "prog")
    for libraries, name in (((), "malloc"), (("./libcareful_1.so.2",), "malloc (careful_1)")):
        box.run(box.folder / "prog", env=surroundings(box, "ours, profile", "", *libraries))
        assert set(totals(box)) == {name}


@pytest.mark.parametrize("how", HOW)
def test_operators(box: Toolbox, preload: str, how: str) -> None:
    """R11: every operator new and delete, aligned, nothrow and sized."""
    build(box, how, "-std=c++17", "-O0", PROGRAMS / "operators.cc", "-o", "prog", env={}, cxx=True)
    done = box.run(box.folder / "prog", "throw", env=surroundings(box, how, preload))
    assert (done.stdout, done.stderr) == ("known 36 unknown 0\n", "")


@pytest.mark.parametrize("how", ["preloaded", "preloaded, profile"])
@pytest.mark.parametrize("name", MALLOCS)
def test_operators_of_another_malloc(box: Toolbox, preload: str, name: str, how: str) -> None:
    """R11: they do not call malloc; the preloaded runtime observes them themselves."""
    path = library(box, name)
    build(box, how, "-std=c++17", "-O0", PROGRAMS / "operators.cc", "-o", "prog", env={}, cxx=True)
    out_of_memory = () if name == "mimalloc" else ("throw",)  # that ends the program where memory is out
    done = box.run(box.folder / "prog", *out_of_memory, env=surroundings(box, how, preload, path))
    assert (done.stdout, done.stderr) == ("known 36 unknown 0\n", "")


# ---- corners ----


@pytest.fixture
def corners(box: Toolbox) -> Toolbox:
    """A folder with both programs, built by us and not, and what they load."""
    words = ("-g", "-O1", "-fno-builtin", "-w", "-pthread", PROGRAMS / "corners.c")
    box.allocscc(*words, "-o", "ours", env=CORNERS)
    plain(box, *words, "-o", "preloaded")
    return box


@pytest.mark.parametrize("what", ["sizes", "callers", "before", "loader", "leaving", "threads", "forks", "vforks"])
def test_corners(corners: Toolbox, preload: str, what: str) -> None:
    """R11: limits, libc's own callers, before and after main, ends of threads, fork and vfork, each way."""
    for how in HOW:
        program = "preloaded" if how.startswith("preloaded") else "ours"
        done = corners.run(corners.folder / program, what, env=surroundings(corners, how, preload))
        assert (done.stdout.splitlines()[-1], done.stderr) == ("left" if what == "leaving" else "holds", ""), how


@pytest.mark.parametrize("what", ["callers", "threads"])
@pytest.mark.parametrize("name", MALLOCS)
def test_corners_with_another_malloc(corners: Toolbox, preload: str, name: str, what: str) -> None:
    """R11: what that one lacks (pvalloc, reallocarray) is made of what it has, each way."""
    path = library(corners, name)
    for how in HOW:
        program = "preloaded" if how.startswith("preloaded") else "ours"
        done = corners.run(corners.folder / program, what, env=surroundings(corners, how, preload, path))
        assert (done.stdout, done.stderr) == ("holds\n", ""), how


def test_low_addresses(box: Toolbox) -> None:
    """R11: where the heap begins near 0, no failed allocation makes a chunk of NULL; IFUNC resolvers may allocate."""
    need("setarch")
    words = ("-g", "-O1", "-fno-builtin", "-w", "-pthread", "-no-pie", "-DIFUNC", PROGRAMS / "corners.c")
    box.allocscc(*words, "-o", "prog", env=CORNERS)
    for what in ("sizes", "before", "leaving"):
        done = box.run("setarch", "-R", box.folder / "prog", what)
        assert (done.stdout.splitlines()[-1], done.stderr) == ("left" if what == "leaving" else "holds", "")


@pytest.mark.parametrize("what", ["signals", "signals-altstack"])
def test_signals(corners: Toolbox, preload: str, what: str) -> None:
    """R11: a handler that allocates while the runtime holds its lock gets its memory, if malloc itself allows that."""
    plain(corners, "-shared", "-fPIC", "-fno-builtin", "-w", PROGRAMS / "safemalloc.c", "-o", "libsafe.so")
    for how in HOW:
        program = "preloaded" if how.startswith("preloaded") else "ours"
        env = surroundings(corners, how, preload, "./libsafe.so")
        done = corners.run("timeout", "60", f"./{program}", what, env=env)
        assert (done.stdout, done.stderr) == ("holds\n", ""), how


@pytest.mark.parametrize("what", ["coroutines", "unmapped"])
def test_coroutines(corners: Toolbox, preload: str, what: str) -> None:
    """R12: stacks that are switched inside a wrapper, resumed by another thread, or never, or unmapped."""
    for how in HOW:
        program = "preloaded" if how.startswith("preloaded") else "ours"
        done = corners.run(corners.folder / program, what, env=surroundings(corners, how, preload))
        assert (done.stdout, done.stderr) == ("holds\n", ""), how


def test_unloading(corners: Toolbox, preload: str) -> None:
    """R11, R13: live chunks of an object that goes can be asked for, resized and freed."""
    source = corners.write(
        "plugin.c", "#include <stdlib.h>\nvoid *get(size_t n) { void *volatile p = malloc(n); return p; }\n"
    )
    corners.allocscc("-shared", "-fPIC", source, "-o", "plugin.so")
    for how in HOW:
        program = "preloaded" if how.startswith("preloaded") else "ours"
        env = surroundings(corners, how, preload)
        done = corners.run(corners.folder / program, "unloading", "./plugin.so", env=env)
        assert (done.stdout, done.stderr) == ("holds\n", ""), how


@pytest.mark.parametrize("mebibytes", [8, 14, 40, 100, 300])
def test_little_address_space(corners: Toolbox, preload: str, mebibytes: int) -> None:
    """R11: under RLIMIT_AS the program gets from malloc what it would get without us; if need be nothing is known."""
    for how in HOW:
        program = "preloaded" if how.startswith("preloaded") else "ours"
        script = f"ulimit -v {mebibytes * 1024}; exec ./{program} limited {mebibytes}"
        env = surroundings(corners, how, preload)
        library = env.pop("LD_PRELOAD")  # not for the shell
        script = script.replace("exec ", f"LD_PRELOAD='{library}' exec ")
        done = corners.run("sh", "-c", script, env=env)
        assert done.stdout == "holds\n", how


@pytest.mark.parametrize("how", HOW)
def test_cxx_corners(box: Toolbox, preload: str, how: str) -> None:
    """R11, R12: thread_local and static objects' destructors; exceptions out of wrappers."""
    words = ("-std=c++17", "-g", "-O1", "-fno-builtin", "-w", "-pthread", PROGRAMS / "corners.cc", "-o", "prog")
    wrappers = () if how.startswith("preloaded") else ("-DWRAPPERS",)
    build(box, how, *wrappers, *words, env=THROWING, cxx=True)
    done = box.run(box.folder / "prog", env=surroundings(box, how, preload))
    assert (done.stdout, done.stderr) == ("holds\n", "")


def test_constructors_of_preloaded_libraries(box: Toolbox, preload: str) -> None:
    """R11: they run before the runtime's own, and what they allocate is known and counted."""
    source = box.write(
        "ctor.c",
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdlib.h>\nvoid *kept;\n"
        "__attribute__((constructor)) static void begin(void) {\n"
        ' kept = malloc(4321); free(malloc(10)); dlsym(RTLD_DEFAULT, "no_such_symbol"); }\n',
    )
    plain(box, "-shared", "-fPIC", "-fno-builtin", source, "-o", "ctor.so")
    main = box.write("main.c", "int main(void) { return 0; }\n")
    for how in HOW:
        build(box, how, main, "-o", "prog", env={})
        env = surroundings(box, how, preload, "./ctor.so")
        box.run(box.folder / "prog", env=env)
        if "ALLOCS_OPTIONS" in env:
            rows = box.report(box.folder / "heap.json")
            assert [row["live_chunks"] for row in rows if row["live_bytes"] == 4321] == [1], how


# ---- other tools ----


@pytest.mark.parametrize("name", ["address", "thread", "leak"])
def test_sanitizers(box: Toolbox, preload: str, name: str) -> None:
    """R3: they see every call as it was made; the preloaded runtime says one line and stands aside."""
    source = box.write(
        "s.c", "#include <stdlib.h>\nint main(int argc, char **v) { free(malloc(8)); char *p = malloc(8);\n"
        " p[argc] = 1; free(p); return !v; }\n",
    )  # fmt: skip
    plain(box, "-g", f"-fsanitize={name}", source, "-o", "prog")
    plain_run = box.run(box.folder / "prog", check=False)
    if plain_run.returncode != 0:
        pytest.skip(f"the sanitizer does not run here: {plain_run.stderr[:200]}")
    env = surroundings(box, "preloaded, profile", preload)
    env["ASAN_OPTIONS"] = "verify_asan_link_order=0"
    done = box.run(box.folder / "prog", env=env)
    assert re.fullmatch(
        r"allocscc: the program has \w+Sanitizer, whose allocator must not be interposed: nothing is observed\n",
        done.stderr,
    )
    assert not (box.folder / "heap.json").exists()
    box.allocscc("-g", f"-fsanitize={name}", source, "-o", "ours")
    assert box.run(box.folder / "ours").stderr == ""


def test_valgrind(box: Toolbox) -> None:
    """R3: memcheck has nothing to say of a program of ours, and finds what is to be found."""
    need("valgrind")
    source = box.write(
        "v.c",
        "#include <stdlib.h>\n#include <string.h>\nvoid *kept;\n"
        "int main(int argc, char **v) {\n kept = strdup(v[0]); free(malloc(100)); free(calloc(3, 5));\n"
        " char *p = realloc(malloc(10), 5000);\n if (argc > 1) return p[4000] + p[5000];\n"
        " free(p); free(kept); return 0; }\n",
    )
    box.allocscc("-g", "-O0", "-fno-builtin", source, "-o", "prog")
    words = ("valgrind", "--leak-check=full", "--show-leak-kinds=all", "--error-exitcode=9", "-q")
    done = box.run(*words, box.folder / "prog")
    assert done.stderr == ""
    done = box.run(*words, box.folder / "prog", "x", check=False)
    assert done.returncode == 9
    assert "Invalid read of size 1" in done.stderr
    assert f"v.c:{lines_of(source, 'realloc(')}" in done.stderr
