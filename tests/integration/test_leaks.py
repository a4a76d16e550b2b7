"""Leaks: what nothing can reach when the program ends, by type, site and chain (issue 6, item 4)."""

import json
import re
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, WRAPPERS, Toolbox, lines_of, need

POOLS = """
[allocator.pool]
suballocates = "malloc"
alloc = ["pool_alloc(pZ)p"]
free = ["pool_free(pP)"]

[allocator.arena]
suballocates = "malloc"
alloc = ["arena_get(pZ)p"]
free-all = ["arena_reset(P)"]
"""


# What a function left on the stack and in registers might still look like a pointer.
WIPE = """
__attribute__((noinline)) static void wipe(void) {
 char room[16384]; __builtin_memset(room, 0, sizeof room);
 __asm__ volatile("" : : "r"(room) : "memory", "rbx", "r12", "r13"); }
"""


def marked(source: Path, mark: str) -> set[int]:
    """The numbers of the lines with a mark."""
    return {n for n, line in enumerate(source.read_text().splitlines(), 1) if re.search(rf"/\* {mark}\b", line)}


def leaks(box: Toolbox, *args: str) -> list[dict[str, object]]:
    """Run ./prog and give the rows of what it leaked, each with its outermost site's line."""
    path = box.folder / "leaks.json"
    done = box.run(box.folder / "prog", *args, env={"ALLOCS_OPTIONS": f"leaks={path}"})
    body = json.loads(path.read_text())
    rows: list[dict[str, object]] = body["rows"]
    for row in rows:
        sites = [frame["site"] for frame in row["chain"]] + [row["site"]]  # type: ignore[attr-defined]
        row["line"] = sites[0]["line"]
    total = sum(int(str(row[f"{how}_bytes"])) for row in rows for how in ("direct", "indirect"))
    assert body["bytes"] == total
    first = f"allocscc: {body['chunks']} chunk{'' if body['chunks'] == 1 else 's'}, {total} byte"
    assert done.stderr.startswith(first) if rows else done.stderr == ""
    return rows


def lines(rows: list[dict[str, object]], how: str) -> set[int]:
    """The lines of the chunks that are lost in one way."""
    return {int(str(row["line"])) for row in rows if row[f"{how}_chunks"]}


@pytest.mark.parametrize("args", [(), ("threads",), ("deaf",)])
def test_what_is_held_and_what_is_lost(box: Toolbox, args: tuple[str, ...]) -> None:
    """Issue 6, 4: globals, stacks, registers, thread-local data, interior pointers hold; cycles do not."""
    source = PROGRAMS / "lost.c"
    box.allocscc("-g", "-O0", "-w", source, PROGRAMS / "xmalloc.c", "-o", "prog", "-pthread", env=WRAPPERS)
    rows = leaks(box, *args)
    assert lines(rows, "direct") == marked(source, "lost")
    assert lines(rows, "indirect") == marked(source, "indirect")
    chain = next(row for row in rows if row["line"] == lines_of(source, "through two"))["chain"]
    assert [frame["wrapper"] for frame in chain] == ["xmemdup", "xmalloc"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("flags", [("-static",), ("-no-pie", "-fno-pie")])
def test_other_ways_to_link(box: Toolbox, flags: tuple[str, ...]) -> None:
    """Issue 6, 4: the same in static and in position-dependent programs."""
    source = PROGRAMS / "lost.c"
    box.allocscc("-g", "-O0", "-w", *flags, source, PROGRAMS / "xmalloc.c", "-o", "prog", "-pthread", env=WRAPPERS)
    rows = leaks(box, "threads")
    assert lines(rows, "direct") == marked(source, "lost")
    assert lines(rows, "indirect") == marked(source, "indirect")


def test_another_processor(box: Toolbox) -> None:
    """Issue 6, 4: aarch64, where thread-local data lies on the other side of libc's record."""
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    source = PROGRAMS / "lost.c"
    env = {**WRAPPERS, "ALLOCSCC_CC": "aarch64-linux-gnu-gcc"}
    box.allocscc("-g", "-O0", "-w", source, PROGRAMS / "xmalloc.c", "-o", "prog", "-pthread", env=env)
    emulator = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
    box.run(*emulator, "-E", "ALLOCS_OPTIONS=leaks=l.json", box.folder / "prog", "threads")
    rows = json.loads((box.folder / "l.json").read_text())["rows"]
    found = {(row["chain"][0]["site"] if row["chain"] else row["site"])["line"] for row in rows}
    assert found == marked(source, "lost") | marked(source, "indirect")


def test_any_thread_may_end_the_program(box: Toolbox) -> None:
    """Issue 6, 4: main's stack and thread-local data count when another thread calls exit, with a third one busy."""
    source = box.write(
        "other.c",
        "#include <pthread.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
        "static __thread void *local;\n"
        "static void *ends(void *a) { void *volatile p = malloc(100); usleep(20000); exit(p == a); }\n"
        "static void *busy(void *a) { char *volatile p = calloc(1, 101);\n"
        " while (!strlen(p)) free(malloc(9)); return a; }\n"
        "int main(void) { local = malloc(102); void *volatile p = malloc(103); pthread_t t;\n"
        " pthread_create(&t, 0, busy, 0); pthread_create(&t, 0, ends, 0); pthread_join(t, 0); return p == 0; }\n",
    )
    box.allocscc("-O0", source, "-o", "prog", "-pthread")
    for _ in range(10):
        rows = [row for row in leaks(box) if row["line"]]
        assert {row["direct_bytes"] for row in rows} <= {9}  # what is between malloc and free may be in neither


def test_shared_objects_hold_and_lose(box: Toolbox) -> None:
    """Issue 6, 4: data of a loaded object counts; when it is gone, what it held is lost, its site still known."""
    source = box.write(
        "plug.c",
        "#include <stdlib.h>\nstruct gift { int n[9]; };\nstruct gift *kept;\n"
        "void take(void) { kept = malloc(sizeof *kept); }\n",
    )
    box.allocscc("-g", "-O0", "-fPIC", "-shared", source, "-o", "plug.so")
    main = box.write(
        "main.c",
        "#include <dlfcn.h>\n#include <stdlib.h>\n__attribute__((noinline)) static void use(int close) {\n"
        ' void *h = dlopen("./plug.so", RTLD_NOW); ((void (*)(void))dlsym(h, "take"))(); if (close) dlclose(h); }\n'
        f"{WIPE}int main(int n, char **v) {{ use(n > 1); wipe(); exit(0); }}\n",
    )
    box.allocscc("-O0", "-w", main, "-o", "prog")
    assert leaks(box) == []
    (row,) = leaks(box, "close")
    assert (row["type"], row["line"], row["direct_bytes"]) == ("struct gift", lines_of(source, "take"), 36)


def test_no_memory_for_the_scan(box: Toolbox) -> None:
    """Issue 6, 4: one line, and the program's own status."""
    source = box.write("a.c", "#include <stdlib.h>\nint main(void) { return malloc(10) ? 3 : 4; }\n")
    box.allocscc("-O0", source, "-o", "prog")
    for limit in (20_000, 30_000, 40_000):
        env = {"ALLOCS_OPTIONS": "leaks=1:leak-status=9"}
        done = box.run("sh", "-c", f"ulimit -v {limit} && exec ./prog", check=False, env=env)
        if done.returncode in (3, 4):
            assert done.stderr in ("", "allocscc: cannot look for leaks: Cannot allocate memory\n")


def test_suballocators(box: Toolbox) -> None:
    """Issue 6, 4: a pool's pieces are judged one by one, an arena's go with the arena."""
    box.write("allocscc.toml", POOLS)
    source = PROGRAMS / "lostpool.c"
    box.allocscc("-g", "-O0", source, "-o", "prog")
    rows = leaks(box)
    assert lines(rows, "direct") == marked(source, "lost")
    assert lines(rows, "indirect") == marked(source, "indirect")
    assert {row["allocator"] for row in rows} == {"malloc", "pool"}


def test_report_and_exit_status(box: Toolbox) -> None:
    """Issue 6, 4: largest first, with type, file:line and chain; the status is the program's unless asked otherwise."""
    source = PROGRAMS / "lost.c"
    box.allocscc("-g", "-O0", "-w", source, PROGRAMS / "xmalloc.c", "-o", "prog", "-pthread", env=WRAPPERS)
    program = box.folder / "prog"
    done = box.run(program, "x", "7", check=False, env={"ALLOCS_OPTIONS": "leaks=1"})
    assert (done.returncode, done.stdout) == (7, "done")
    told = done.stderr.splitlines()
    assert told[0] == "allocscc: 11 chunks, 3265 bytes leaked"
    assert told[1] == "  3000 bytes in 1 chunk, directly lost: struct block"
    assert told[2] == f"    {source}:{lines_of(source, 'here = calloc')}: lose > malloc"
    assert f"    {source}:{lines_of(source, 'through a wrapper')}: lose > xmalloc > malloc" in told
    sizes = [int(line.split()[0]) for line in told[1::2]]
    assert sizes == sorted(sizes, reverse=True)
    done = box.run(program, "x", "7", check=False, env={"ALLOCS_OPTIONS": "leaks=1:leak-status=23"})
    assert (done.returncode, done.stdout) == (23, "done")  # what was buffered is written
    done = box.run(program, env={"ALLOCS_OPTIONS": "leaks=0:leak-status=23"})
    assert done.stderr == ""


def test_many_groups(box: Toolbox) -> None:
    """Issue 6, 4: at most twenty groups are shown, the others counted."""
    calls = "\n".join(f" p = malloc({n});" for n in range(1, 31))
    text = f"#include <stdlib.h>\nint main(void) {{ void *volatile p;\n{calls}\n p = 0; return 0; }}\n"
    source = box.write("many.c", text)
    box.allocscc("-O0", source, "-o", "prog")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "leaks=1"})
    told = done.stderr.splitlines()
    assert told[0] == f"allocscc: 30 chunks, {sum(range(1, 31))} bytes leaked"
    assert told[-1] == f"  … and 10 more, of {sum(range(1, 11))} bytes"
    assert len(told) == 1 + 2 * 20 + 1


def test_what_destructors_free_is_no_leak(box: Toolbox) -> None:
    """Issue 6, 4: the scan comes behind the program's own exit handlers and destructors."""
    source = box.write(
        "late.c",
        "#include <stdlib.h>\n#include <stdint.h>\nstatic uintptr_t hidden[3];\n"
        "static void handler(void) { free((void *)~hidden[0]); }\n"
        "__attribute__((destructor)) static void last(void) { free((void *)~hidden[1]); }\n"
        "int main(void) { atexit(handler);\n"
        " for (int i = 0; i < 2; i++) hidden[i] = ~(uintptr_t)malloc(10);\n return 0; }\n",
    )
    box.allocscc("-O0", source, "-o", "prog")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "leaks=1"})
    assert done.stderr == ""


def test_forked_children_and_no_exit_handlers(box: Toolbox) -> None:
    """Issue 6, 4: a child that calls exit is looked at, too; _exit and quick_exit look at nothing."""
    source = box.write(
        "ends.c",
        "#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
        "int main(int n, char **v) { void *volatile p = malloc(10); p = 0;\n"
        " if (n > 2 && !fork()) exit(0);\n if (n > 2) wait(0);\n"
        " if (v[1][0] == 'q') quick_exit(0);\n _exit(0); }\n",
    )
    box.allocscc("-O0", source, "-o", "prog")
    env = {"ALLOCS_OPTIONS": "leaks=1"}
    assert box.run(box.folder / "prog", "q", env=env).stderr == ""
    assert box.run(box.folder / "prog", "_", env=env).stderr == ""
    assert box.run(box.folder / "prog", "_", "f", env=env).stderr.startswith("allocscc: 1 chunk, 10 bytes leaked\n")


def test_a_wait_for_any_child_sees_no_other(box: Toolbox) -> None:
    """R3: the process that scans is invisible to the program's own destructors."""
    source = box.write(
        "waits.c",
        "#include <errno.h>\n#include <signal.h>\n#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
        'static void child(int s) { (void)s; write(2, "SIGCHLD\\n", 8); }\n'
        "int main(void) { signal(SIGCHLD, child); void *volatile p = malloc(10); p = 0; return 0; }\n",
    )
    box.allocscc("-O0", "-w", source, "-o", "prog")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "leaks=1"})
    assert done.stderr.startswith("allocscc: 1 chunk, 10 bytes leaked\n")
    assert "SIGCHLD" not in done.stderr


def test_cxx(box: Toolbox) -> None:
    """Issue 6, 4: containers hold what is in them; a new without a delete is told with its type."""
    need("g++")
    source = box.write(
        "c.cc",
        "#include <map>\n#include <memory>\n#include <string>\n#include <vector>\n"
        "struct shape { virtual ~shape() {} int n[10]; };\n"
        "static std::map<std::string, std::vector<std::shared_ptr<shape>>> all;\n"
        "__attribute__((noinline)) static void fill() { for (int i = 0; i < 100; i++)\n"
        '  all["a long enough key for the heap " + std::to_string(i)].push_back(std::make_shared<shape>());\n'
        " new shape; }\n"
        f"{WIPE}int main() {{ fill(); wipe(); std::exit(0); }}\n",
    )
    box.allocscc("-x", "c++", "-O0", "-w", source, "-o", "prog", "-lstdc++")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "leaks=1"})
    assert done.stderr.splitlines()[0] == "allocscc: 1 chunk, 48 bytes leaked"
    assert "struct shape" in done.stderr or "shape" in done.stderr.splitlines()[1]


def test_a_million_chunks(box: Toolbox) -> None:
    """Issue 6, 4: a scan of a million chunks takes no more than a few seconds, on any machine."""
    source = box.write(
        "tree.c",
        "#include <stdlib.h>\n#include <stdio.h>\n#include <time.h>\n"
        "struct tree { struct tree *left, *right; char pad[48]; };\nstruct tree *root;\n"
        "static struct tree *grow(int depth) { if (!depth) return NULL; struct tree *t = calloc(1, sizeof *t);\n"
        " t->left = grow(depth - 1); t->right = grow(depth - 1); return t; }\n"
        "__attribute__((noinline)) static void fill(void) { root = grow(20); root->right = NULL; }\n"
        f"{WIPE}int main(void) {{ fill(); wipe(); exit(0); }}\n",
    )
    box.allocscc("-O1", source, "-o", "prog")
    path = box.folder / "leaks.json"
    box.run("timeout", "20", box.folder / "prog", env={"ALLOCS_OPTIONS": f"leaks={path}"})
    body = json.loads(path.read_text())
    (row,) = body["rows"]
    assert (row["direct_chunks"], row["indirect_chunks"], row["type"]) == (1, (1 << 19) - 2, "struct tree")
