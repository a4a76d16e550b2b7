"""A unit's source is read while gcc works on it: nobody can tell but by the time it takes (R3, DESIGN §1)."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox

ALLOCSCC = ROOT / "bin" / "allocscc"
SOURCE = "#include <stdlib.h>\nstruct s { int a; };\nvoid *make(int n) { return malloc(n * sizeof(struct s)); }\n"
# The compiler gets it only when somebody writes it: until then it waits.
WAITS = f'#include "later.h"\n{SOURCE}'


def compiled(box: Toolbox, *words: str, ahead: str) -> bytes:
    """The object of `unit.c`."""
    box.run(ALLOCSCC, "-O2", *words, "unit.c", "-o", "unit.o", env={**box.env, "ALLOCSCC_AHEAD": ahead})
    return (box.folder / "unit.o").read_bytes()


def start(box: Toolbox, output: str = "unit.o") -> "subprocess.Popen[str]":
    """A compile of `unit.c` in a process group of its own, that has begun to read ahead and waits for a header."""
    os.mkfifo(box.folder / "later.h")
    box.write("unit.c", WAITS)
    process = subprocess.Popen(
        [ALLOCSCC, "-c", "unit.c", "-o", output], cwd=box.folder, env={**box.env, "ALLOCSCC_AHEAD": "always"},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(Path(box.env["TMPDIR"]).glob("allocscc-*")):
        assert time.monotonic() < deadline, "nothing was begun"
        assert process.poll() is None
        time.sleep(0.01)
    return process


def running(group: int) -> list[str]:
    """What is left of a session: the command lines of its processes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, *_, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) == group and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("-c",),
        ("-c", "-g"),
        ("-c", "-pipe"),
        ("-c", "-flto", "-frandom-seed=1"),
        ("-c", "-save-temps"),
        ("-c", "-x", "c++"),
        ("-S",),
    ],
    ids=" ".join,
)
def test_same_output(box: Toolbox, words: tuple[str, ...]) -> None:
    """R3, R18: byte for byte, with alloca, an array of variable length and a wrapper in it, too."""
    box.write("allocscc.toml", '[wrapper.make]\nalloc = ["make(i)p"]\n')
    more = "int grow(int n, int (*use)(char *)) { char a[n]; return use(a) + use((char *)__builtin_alloca(n)); }\n"
    box.write("unit.c", SOURCE + more)
    assert compiled(box, *words, ahead="always") == compiled(box, *words, ahead="never")


@pytest.mark.parametrize("flags", [("-O2",), ("-O2", "-g", "-pipe"), ("-O0",)], ids=" ".join)
@pytest.mark.parametrize("name", ["apart.c", "statics.c", "alloca.c", "xmalloc.c", "nested.c"])
def test_same_output_of_a_unit_that_is_compiled_again(box: Toolbox, name: str, flags: tuple[str, ...]) -> None:
    """R3: that compile, too, is begun while the first is under way."""
    config = '[allocator.pool]\nsuballocates = "malloc"\nalloc = ["pool_get(pZ)p"]\n[wrapper.own]\nalloc = ['
    config += (
        '"flagged(pi)p", "nested(Z)p", "small(Z)p", "xmalloc(Z)p", "statics.c::get(Z)p", "statics.c::fresh(Z)p"]\n'
    )
    box.write("allocscc.toml", config)
    objects = []
    for ahead in ("always", "never"):
        env = {**box.env, "ALLOCSCC_AHEAD": ahead, "ALLOCSCC_CACHE": str(box.folder / ahead)}
        done = box.run(ALLOCSCC, *flags, *box.include, "-c", PROGRAMS / name, "-o", "unit.o", env=env)
        assert done.stderr == ""
        objects.append((box.folder / "unit.o").read_bytes())
    assert objects[0] == objects[1]


def test_begun_for_nothing(box: Toolbox) -> None:
    """R3: what the compiler leaves out needs no second compile; the object is gcc's, what was begun is ended."""
    box.write("allocscc.toml", '[wrapper.own]\nalloc = ["unit.c::own(Z)p"]\n')
    box.write(
        "unit.c",
        "#include <stddef.h>\n/* malloc(3) */\nstatic void *own(size_t n) { return (void *)n; }\n"
        "static inline void *unused(void) { return own(3); }\n"
        + "".join(f"int work{n}(int x) {{ return x * {n} % 7; }}\n" for n in range(6000)),  # time to begin it
    )
    ours = compiled(box, "-c", ahead="always")
    box.run("gcc", "-O2", "-c", "unit.c", "-o", "plain.o")
    assert ours == (box.folder / "plain.o").read_bytes()
    assert not list(Path(box.env["TMPDIR"]).glob("allocscc-*"))


def test_nothing_to_record(box: Toolbox) -> None:
    """R3: a source that only seems to allocate was read for nothing: the object is gcc's."""
    box.write("unit.c", "/* malloc */ int nothing;\n")
    ours = compiled(box, "-c", ahead="always")
    box.run("gcc", "-O2", "-c", "unit.c", "-o", "plain.o")
    assert ours == (box.folder / "plain.o").read_bytes()


def test_an_error_in_the_source(box: Toolbox) -> None:
    """R3: gcc's words and status, once; nothing is left behind."""
    box.write("unit.c", SOURCE + "int f(void) { return nobody; }\n#error no\n")
    words = ("-c", "unit.c", "-o", "unit.o")
    done = box.run(ALLOCSCC, *words, check=False, env={**box.env, "ALLOCSCC_AHEAD": "always"})
    plain = box.run("gcc", *words, check=False)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert not list(Path(box.env["TMPDIR"]).glob("allocscc-*"))


def test_a_source_that_can_be_read_once(box: Toolbox) -> None:
    """DESIGN §1: from a pipe the compiler gets all of it."""
    env = {**box.env, "ALLOCSCC_AHEAD": "always"}
    for path in ("-", "/dev/stdin"):
        subprocess.run([ALLOCSCC, "-c", "-x", "c", path, "-o", "unit.o"], cwd=box.folder, env=env, input=SOURCE,
                       check=True, text=True)  # fmt: skip
        assert "make" in box.run("nm", "unit.o").stdout


@pytest.mark.parametrize("words", [("-include", "/dev/stdin"), ("-imacros", "/dev/fd/0"), ()], ids=" ".join)
def test_a_header_that_can_be_read_once(box: Toolbox, words: tuple[str, ...]) -> None:
    """DESIGN §1: so it is with what a pipe brings in."""
    box.write("unit.c", SOURCE + ("" if words else '#include "/dev/stdin"\n') + "int size = SIZE;\n")
    text = "#define SIZE 3\n" + "/* long */\n" * 20000
    subprocess.run([ALLOCSCC, "-c", *words, "unit.c", "-o", "unit.o"], cwd=box.folder, input=text,
                   env={**box.env, "ALLOCSCC_AHEAD": "always"}, check=True, text=True)  # fmt: skip
    assert "size" in box.run("nm", "unit.o").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal(box: Toolbox, number: signal.Signals) -> None:
    """R3: a compile that is ended takes its reader along, and its temporaries."""
    process = start(box)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == -number
    deadline = time.monotonic() + 30
    while left := running(process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert not list(Path(box.env["TMPDIR"]).glob("allocscc-*"))
