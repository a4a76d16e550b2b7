"""The runtime: chunks, chains, suballocators, profiles (R8, R10, R11, R12, R13, R14, R18)."""

import json

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, lines_of, need, one

PROMISES = {**WRAPPERS, "LIBALLOCS_ALLOC_FNS": WRAPPERS["LIBALLOCS_ALLOC_FNS"] + " jumping_alloc(Z)p raising_alloc(Z)p"}
POOL = """
[allocator.pool]
suballocates = "malloc"
alloc = ["pool_alloc(pZ)p", "pool_calloc(pzZ)p"]
free = ["pool_free(pP)"]
"""


@pytest.mark.parametrize("flags", [("-O0", "-g"), ("-O2",)])
@pytest.mark.parametrize("options", ["", "profile=/dev/null"])
def test_promises(box: Toolbox, flags: tuple[str, ...], options: str) -> None:
    """R11, R13, R14, R18: sizes, interior pointers, every entry point, threads, fork, longjmp, any address."""
    box.allocscc(*flags, "-w", PROGRAMS / "runtime.c", PROGRAMS / "xmalloc.c", "-o", "prog", "-pthread", env=PROMISES)
    env = {"ALLOCS_OPTIONS": options.replace("/dev/null", str(box.folder / "heap.json"))} if options else {}
    done = box.run(box.folder / "prog", env=env)
    assert (done.stdout, done.stderr) == ("all hold\n", "")


@pytest.mark.parametrize("library", ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2"])
def test_another_malloc_is_kept(box: Toolbox, library: str) -> None:
    """R11: the interposed malloc forwards to the next definition, here one that was preloaded."""
    found = [p for p in box.run("sh", "-c", f"ls /usr/lib/*/{library} 2>/dev/null", check=False).stdout.split() if p]
    if not found:
        pytest.skip(f"{library} is not installed (.ci/run installs it)")
    box.allocscc("-O2", "-w", PROGRAMS / "runtime.c", PROGRAMS / "xmalloc.c", "-o", "prog", "-pthread", env=PROMISES)
    done = box.run(box.folder / "prog", env={"LD_PRELOAD": found[0]})
    assert (done.stdout, done.stderr) == ("all hold\n", "")


def test_suballocator(box: Toolbox) -> None:
    """R10: an instance of its own inside malloc's chunk; count times size; freed one by one or with the parent."""
    box.write("allocscc.toml", POOL)
    source = PROGRAMS / "pool.c"
    box.allocscc("-O2", source, "-o", "prog")
    answers = box.answers("prog")
    expected = {"a": (10, "struct item", 0), "b": (40, "struct item", 38), "small": (3, None, 2)}
    for name, (size, type_, offset) in expected.items():
        answer = one(answers, name=name)
        assert (answer["allocator"], answer["parent"]) == ("pool", "malloc"), answer
        assert (answer["size"], answer["offset"]) == (size, offset), answer
        assert answer["type"] in (type_, "char"), answer
        assert answer["line"] == lines_of(source, f"/* {name} */"), answer
    for name in ("between", "pool", "freed"):
        assert one(answers, name=name)["allocator"] == "malloc"
    assert one(answers, name="again")["size"] == 10
    assert one(answers, name="free")["status"] == 0  # pool_free got the pool, which the index remembers
    assert one(answers, name="gone")["allocator"] is None
    rows = [row for row in box.profile("prog") if row["allocator"] == "pool"]
    assert sum(int(str(row["total_bytes"])) for row in rows) == 10 + 40 + 3 + 10
    assert sum(int(str(row["live_bytes"])) for row in rows) == 0
    assert {row["parent"] for row in rows} == {"malloc"}


def test_names_of_the_program(box: Toolbox) -> None:
    """R3, R18: a program may define any name that the runtime's files share among themselves."""
    source = box.write(
        "names.c",
        '#include <stdlib.h>\n#include "tell.h"\n'
        "int options_read(void) { return 1; }\nint index_find = 2, rt_lock = 3, rt_self = 4;\n"
        'int main(void) {\n tell("p", malloc(sizeof(int)));\n'
        " return options_read() + index_find + rt_lock + rt_self - 10;\n}\n",
    )
    box.allocscc(source, "-o", "prog")
    assert one(box.answers("prog"), name="p")["type"] == "int"


def test_own_malloc_of_the_program(box: Toolbox) -> None:
    """R7, R8: a program that defines malloc gets entry stubs on it, and the runtime interposes nothing."""
    source = box.write(
        "own.c",
        '#include "tell.h"\n#include <stdint.h>\n#include <string.h>\n'
        "static _Alignas(16) char heap[1 << 20];\nstatic size_t used;\n"
        "void *malloc(size_t n) { void *p = heap + used; used += (n + 31) & ~(size_t)31; return p; }\n"
        "void free(void *p) { (void)p; }\n"
        "void *calloc(size_t n, size_t s) { return memset(malloc(n * s), 0, n * s); }\n"
        "void *realloc(void *p, size_t n) { void *q = malloc(n); return p ? memcpy(q, p, n) : q; }\n"
        'int main(void) {\n int *p = malloc(5 * sizeof(int));\n tell("p", p + 1);\n free(p);\n tell("freed", p);\n'
        ' long *q = calloc(3, sizeof(long));\n tell("q", q);\n return 0;\n}\n',
    )
    box.allocscc("-O1", "-fno-builtin", source, "-o", "prog")
    answers = box.answers("prog")
    p, q = one(answers, name="p"), one(answers, name="q")
    assert (p["allocator"], p["size"], p["type"], p["line"]) == ("malloc", 20, "int", 11)
    assert (q["allocator"], q["size"], q["type"]) == ("malloc", 24, "long")
    assert one(answers, name="freed")["allocator"] is None


def test_peak_is_the_state_at_the_moment_of_the_peak(box: Toolbox) -> None:
    """R18: live, peak and total of every site, exactly."""
    source = PROGRAMS / "peak.c"
    box.allocscc("-O1", source, "-o", "prog")
    rows = box.profile("prog")
    expected = {
        # mark: live bytes and chunks, peak, total
        "rise": (0, 0, 100_000, 100, 100_000, 100),
        "later": (500, 1, 0, 0, 5_000, 10),
        "first": (0, 0, 0, 0, 100, 1),
        "second": (300, 1, 0, 0, 300, 1),
    }
    keys = ("live_bytes", "live_chunks", "peak_bytes", "peak_chunks", "total_bytes", "total_chunks")
    for mark, values in expected.items():
        row = one(rows, line=lines_of(source, f"/* {mark} */"))
        assert tuple(row[key] for key in keys) == values, row


def test_profiles_of_forked_processes(box: Toolbox) -> None:
    """R18: %p gives each process its own file; without it a forked child writes none."""
    source = box.write(
        "forks.c",
        "#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
        "int main(void) { void *volatile p = malloc(10);\n"
        " if (!fork()) { p = malloc(20); exit(0); } wait(0); return 0; }\n",
    )
    box.allocscc(source, "-o", "prog")
    box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": f"profile={box.folder}/p-%p.json"})
    totals = sorted(sum(int(str(r["total_bytes"])) for r in box.report(f)) for f in box.folder.glob("p-*.json"))
    assert totals == [10, 30]
    box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=one.json"})
    assert sum(int(str(row["total_bytes"])) for row in box.report(box.folder / "one.json")) == 10
    assert not list(box.folder.glob("*.tmp"))


def test_bad_options_get_one_clear_line(box: Toolbox) -> None:
    """R18: an unknown option is named and the program runs; a profile that cannot be written says why."""
    box.allocscc(PROGRAMS / "peak.c", "-o", "prog")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "bogus=1"})
    assert done.stderr.startswith("allocscc: ALLOCS_OPTIONS: 'bogus=1' ignored: there is no such option; known are ")
    assert done.stderr.count("\n") == 1
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=/no/such/folder/x"})
    assert "cannot write the profile '/no/such/folder/x'" in done.stderr
    assert "No such file or directory" in done.stderr


def test_unloaded_shared_objects(box: Toolbox) -> None:
    """R13: a live chunk keeps its site after dlclose, and a new object at the same address is not mistaken for it."""
    for name in ("one", "two"):
        text = (PROGRAMS / "plugin.c").read_text().replace("plugin_data", f"data_{name}")
        box.allocscc("-O2", "-fPIC", "-shared", box.write(f"{name}.c", text), "-o", f"{name}.so")
    box.allocscc(PROGRAMS / "loader.c", "-o", "prog")
    answers = box.answers("prog", "./one.so", "./two.so", "./one.so")
    expected = [f"struct data_{name}" for name in ("one", "one", "two", "two", "one", "one")]
    assert [answer["type"] for answer in answers] == expected
    assert len({answer["line"] for answer in answers}) == 1


def test_address_sanitizer_stands_apart(box: Toolbox) -> None:
    """R3: a program with a sanitizer's malloc is linked without ours and works as before."""
    source = box.write("a.c", "#include <stdlib.h>\nint main(void) { char *p = malloc(8); p[argc()] = 1; return 0; }\n")
    source.write_text(
        "#include <stdlib.h>\nint main(int argc, char **v) { char *p = malloc(8); p[argc + 7] = 1; return !v; }\n"
    )
    box.allocscc("-g", "-fsanitize=address", source, "-o", "prog")
    done = box.run(box.folder / "prog", check=False)
    assert "heap-buffer-overflow" in done.stderr
    assert "a.c:2" in done.stderr
    told = box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert "not observed: asan brings an allocator of its own that must not be interposed" in told
    assert box.sites("prog")


def test_static_programs_run(box: Toolbox) -> None:
    """R6, R11: in a static program libc's malloc is defined in the link; profiles are the same."""
    box.allocscc("-static", "-g", PROGRAMS / "peak.c", "-o", "static")
    box.allocscc("-g", PROGRAMS / "peak.c", "-o", "shared")
    keys = ("line", "type", "total_chunks", "total_bytes", "peak_bytes")
    rows = [{tuple(r[k] for k in keys) for r in box.profile(name) if r["line"]} for name in ("static", "shared")]
    assert rows[0] == rows[1] != set()


def test_snapshot(box: Toolbox) -> None:
    """R18: a profile of now, also when nothing was counted."""
    source = box.write(
        "s.c",
        "#include <allocs.h>\n#include <stdlib.h>\nint main(void) { void *volatile p = malloc(77); (void)p;\n"
        ' return alloc_snapshot("now.json"); }\n',
    )
    box.allocscc(source, "-o", "prog")
    box.run(box.folder / "prog")
    row = one(box.report(box.folder / "now.json"), live_bytes=77)
    assert (row["line"], row["live_chunks"]) == (3, 1)
    assert json.loads((box.folder / "now.json").read_text())["counted"] is False


def test_gdb_sees_the_program_as_before(box: Toolbox, observe: str) -> None:
    """R3: stubs leave backtraces readable: the wrapper, its real function and the caller all have names and lines."""
    need("gdb")
    box.allocscc("-g", "-O0", PROGRAMS / "wrapped.c", PROGRAMS / "xmalloc.c", "-o", "prog", env=WRAPPERS)
    function = "xmalloc" if observe == "unwind" else "__real_xmalloc"  # the stub has the name
    commands = ("-ex", f"break {function}", "-ex", "run", "-ex", "bt", "-ex", "kill")
    shown = box.run("gdb", "-nx", "-batch", *commands, box.folder / "prog", check=False).stdout
    frames = [line for line in shown.splitlines() if line.startswith("#")]
    assert "xmalloc.c:8" in frames[0]
    assert any("main" in frame and "wrapped.c" in frame for frame in frames)
