"""The runtime under stress: sanitizers, threads, fork, unloading, no memory, random calls, set-user-ID (issue 6; R18).

`ALLOCSCC_STRESS=10000000` makes the threads' test do so many operations each, `ALLOCSCC_CALLS` gives the length of the
random sequences and `ALLOCSCC_SEED` the first one's seed (`make fuzz`).
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, need

RUNTIME = ROOT / "stubgen" / "runtime"
CONFIG = """
[allocator.pool]
suballocates = "malloc"
alloc = ["pool_get(pZ)p"]
free = ["pool_put(pP)"]

[allocator.region]
suballocates = "malloc"
alloc = ["region_get(pZ)p"]
free-all = ["region_drop(P)"]

[wrapper.x]
alloc = ["xmalloc(Z)p", "xcalloc(zZ)p", "xmemdup(pZ)p", "jumping_alloc(Z)p", "raising_alloc(Z)p"]
resize = ["xrealloc(PZ)p"]
free = ["xfree(P)"]
"""
LIBRARY = """
[allocator.pool]
alloc = ["pool_get(Z)p"]

[allocator.heap]
suballocates = "malloc"
alloc = ["heap_get(Z)p"]

[wrapper.lib]
alloc = ["lib_alloc(Z)p"]
"""
CARVED = '[allocator.pool]\nsuballocates = "malloc"'
# our malloc in a program with a sanitizer, whose own may not be interposed (tests/programs/sanitized.h)
OURS = """
[allocator.ours]
alloc = ["our_malloc(Z)p", "our_calloc(zZ)p", "our_memalign(zZ)p", "our_aligned_alloc(zZ)p"]
resize = ["our_realloc(PZ)p"]
free = ["our_free(P)"]
"""
WRAPPED = ",".join(f"--wrap={name}" for name in ("xmalloc", "xcalloc", "xrealloc", "pool_get", "pool_put"))
# A chunk's word is plain memory that its owner alone writes. Whoever looks back from an address for a chunk that starts
# before it reads its neighbours' words, too, and then does not use them.
BY_DESIGN = ("index_entry", "narrow_entry", "last_start")


def build(box: Toolbox, output: str, *names: str, flags: tuple[str, ...] = ("-O2", "-g")) -> Path:
    """A program of ours with its stubs."""
    box.write("allocscc.toml", CONFIG)
    sources = [PROGRAMS / f"{name}.c" for name in names]
    box.allocscc(*flags, "-w", "-pthread", *sources, "-o", output)
    return box.folder / output


def library(box: Toolbox, source: str, config: str = LIBRARY) -> Path:
    """A shared object with allocators of its own; call it before `build`, which has another config."""
    box.write("allocscc.toml", config)
    box.allocscc("-O1", "-g", "-fPIC", "-shared", PROGRAMS / source, "-o", "library.so")
    return box.folder / "library.so"


# ---- sanitizers and valgrind ----


@pytest.fixture(scope="module", params=["thread", "address", "undefined"])
def sanitized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Toolbox:
    """The runtime built with a sanitizer, and `stress` and `sequence` linked with it."""
    kind: str = request.param
    folder = tmp_path_factory.mktemp(kind)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ALLOCS", "LIBALLOCS", "COMPILER_PATH"))}
    box = Toolbox(folder, env | {"ALLOCSCC_CACHE": str(cache), "LC_ALL": "C"})
    box.write("allocscc.toml", CONFIG + OURS)
    fatal = ("-fno-sanitize-recover=all", f"-fsanitize={kind}")
    flags = ("-std=gnu11", "-O1", "-g", "-w", "-pthread", "-fno-builtin", *fatal)
    box.write("probe.c", "int main(void) { return 0; }\n")
    if box.run("sh", "-c", f"gcc {' '.join(flags)} probe.c -o probe && ./probe", check=False).returncode:
        pytest.skip(f"gcc has no working -fsanitize={kind} here")
    renamed = ("-include", PROGRAMS / "sanitized.h")
    # behind.c and operators.c are about the malloc that the sanitizer's own is in the place of
    runtime = [path for path in sorted(RUNTIME.glob("*.c")) if path.name not in ("behind.c", "operators.c")]
    jobs: list[tuple[str | Path, ...]] = [("gcc", *flags, "-c", path) for path in (*runtime, PROGRAMS / "sanitized.c")]
    jobs.append(("gcc", *flags, "-I", RUNTIME, *renamed, "-c", RUNTIME / "interpose" / "malloc.c"))
    for name in ("stress", "sequence", "stress_pool", "xmalloc"):
        jobs.append((ROOT / "bin" / "allocscc", *flags, *box.include, *renamed, "-c", PROGRAMS / f"{name}.c"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: box.run(*job), jobs))
    shared = [path for path in sorted(folder.glob("*.o")) if path.stem not in ("stress", "sequence")]
    for name in ("stress", "sequence"):
        box.run("gcc", *flags, *shared, f"{name}.o", f"-Wl,{WRAPPED}", "-o", name)
    box.write("suppressions", "".join(f"race:{name}\n" for name in BY_DESIGN))
    box.env["TSAN_OPTIONS"] = "halt_on_error=1:history_size=7:suppressions=suppressions:print_suppressions=0"
    box.env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0:allocator_may_return_null=1"
    return box


@pytest.mark.parametrize("options", ["", "profile=/dev/null", "check=mismatch,abort"])
def test_sanitizers(sanitized: Toolbox, options: str) -> None:
    """R18: races, bad accesses and undefined behaviour of the runtime itself: none, with threads and without."""
    env = {"ALLOCS_OPTIONS": options}
    done = sanitized.run("./stress", "4", "20000", "1", env=env)
    assert done.stderr == ""
    assert "chunks right" in done.stdout
    done = sanitized.run("./sequence", "1", "20000", env=env)
    assert done.stderr == ""
    assert "calls right" in done.stdout


@pytest.mark.parametrize("options", ["", "profile=/dev/null"])
def test_valgrind(box: Toolbox, options: str) -> None:
    """R18: memcheck has nothing to say of the runtime's promises, nor of a pool."""
    need("valgrind")
    build(box, "promises", "runtime", "xmalloc", flags=("-O1", "-g", "-DUNDER_VALGRIND"))
    box.write("allocscc.toml", CONFIG.replace("pool_get(pZ)p", "pool_alloc(pZ)p").replace("pool_put", "pool_free"))
    box.allocscc("-O1", "-g", "-w", PROGRAMS / "pool.c", "-o", "pool")
    for program in ("./promises", "./pool"):
        done = box.run("valgrind", "-q", "--error-exitcode=9", program, env={"ALLOCS_OPTIONS": options})
        assert done.stderr == ""


# ---- threads, processes, objects that come and go ----


@pytest.mark.parametrize("options", ["", "profile=/dev/null", "check=mismatch,abort"])
def test_threads(box: Toolbox, options: str) -> None:
    """R10, R11, R12, R13: what eight threads did to each other's chunks is known exactly, and nothing else is."""
    operations = os.environ.get("ALLOCSCC_STRESS", "500000")
    program = build(box, "stress", "stress", "stress_pool", "xmalloc")
    done = box.run(program, "8", operations, "1", env={"ALLOCS_OPTIONS": options})
    assert done.stderr == ""
    assert re.fullmatch(r"\d+ chunks right, \d+ allocations\n", done.stdout)


@pytest.mark.parametrize(("options", "children"), [("", "1000"), ("profile=/dev/null", "200")])
def test_fork(box: Toolbox, options: str, children: str) -> None:
    """R18: a child of a busy process allocates, asks and ends; none waits for a lock that nobody holds."""
    program = build(box, "forks", "stress_fork", "xmalloc")
    done = box.run(program, children, env={"ALLOCS_OPTIONS": options})
    assert (done.stdout, done.stderr) == ("all hold\n", "")


@pytest.mark.parametrize("options", ["", "profile=/dev/null"])
def test_unloading(box: Toolbox, options: str) -> None:
    """R10, R13: a library that comes and goes a thousand times, and its chunks after it; memory stays bounded."""
    path = library(box, "stress_lib.c", LIBRARY.replace("[allocator.pool]", CARVED))
    program = build(box, "unload", "stress_unload")
    done = box.run(program, path, "1000", env={"ALLOCS_OPTIONS": options})
    kib = int(done.stdout.split()[0])
    assert kib < 8000, done.stdout  # nine hundred times


# ---- no memory ----


@pytest.fixture
def hungry(box: Toolbox) -> Toolbox:
    """`memory`, `library.so`, and `nomap.so`, which makes mappings fail."""
    box.run("gcc", "-O1", "-shared", "-fPIC", PROGRAMS / "stress_nomap.c", "-o", "nomap.so")
    path = library(box, "private.c")
    path.rename(box.folder / "private.so")
    build(box, "memory", "stress_memory", "xmalloc", flags=("-O1", "-g"))
    return box


@pytest.mark.parametrize("options", ["", "profile=/dev/null", "check=mismatch,abort"])
def test_out_of_memory(hungry: Toolbox, options: str) -> None:
    """R11, R18: each allocation of ours fails in turn; the program gets all of its own, and answers or none."""
    env = {"LD_PRELOAD": "./nomap.so", "ALLOCS_OPTIONS": options}

    def run(which: str) -> subprocess.CompletedProcess[str]:
        done = hungry.run("./memory", "./private.so", env=env | {"NOMAP": which}, check=False)
        said = [line for line in done.stderr.splitlines() if not line.startswith("mmap: ")]
        assert (done.returncode, done.stdout, said) == (0, "all hold\n", []), (which, done)
        return done

    count = int(run("0").stderr.split()[-1])
    assert count > 20
    step = 1 if not options else 3
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [f"{n}{onwards}" for n in range(1, count + 1, step) for onwards in ("", "+")]))


def test_address_space_limit(hungry: Toolbox) -> None:
    """R18: RLIMIT_AS leaves the program what is left; what fails first is an allocation of the program's own."""
    own = re.compile(r": (p|q|c|handle|!pthread_create.*|child >= 0.*|waitpid.*)$")
    for kib in (15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000, 80_000, 100_000, 200_000, 1_000_000):
        done = hungry.run("sh", "-c", f"ulimit -v {kib} && exec ./memory ./private.so", check=False)
        if kib == 1_000_000:
            assert (done.returncode, done.stdout, done.stderr) == (0, "all hold\n", ""), kib
        elif done.returncode and "error while loading shared libraries" not in done.stderr:
            assert done.returncode in (1, -6), (kib, done)  # xmalloc ends the program
            assert done.returncode == -6 or own.search(done.stderr.splitlines()[-1]), (kib, done)


# ---- random calls ----


@pytest.mark.parametrize("options", ["", "profile=/dev/null", "check=mismatch,abort"])
def test_random_calls(box: Toolbox, options: str) -> None:
    """R10-R14: every answer to a random sequence of calls is what a model in the same process says."""
    program = build(box, "sequence", "sequence", "stress_pool", "xmalloc")
    first, calls = int(os.environ.get("ALLOCSCC_SEED", "1")), os.environ.get("ALLOCSCC_CALLS", "60000")
    for seed in range(first, first + 3):
        done = box.run(program, str(seed), calls, env={"ALLOCS_OPTIONS": options})
        assert done.stderr == ""
        assert "calls right" in done.stdout


# ---- what is asked for, by whom ----


def test_set_user_id(box: Toolbox) -> None:
    """R18: a program that runs with other rights than its user's reads no options of his."""
    need("setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root can make a program of another user's")
    program = build(box, "prog", "peak")
    for folder in (box.folder, *box.folder.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)  # nobody has to get there
    box.folder.chmod(0o777)
    options = {"ALLOCS_OPTIONS": f"profile={box.folder}/heap.json:bogus=1"}
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    done = box.run(*nobody, program, env=options)
    assert "bogus" in done.stderr
    assert (box.folder / "heap.json").exists()
    (box.folder / "heap.json").unlink()
    program.chmod(0o4755)
    if os.statvfs(program).f_flag & os.ST_NOSUID:
        pytest.skip("the file system does not heed set-user-ID")
    done = box.run(*nobody, program, env=options)
    assert done.stderr == ""
    assert not (box.folder / "heap.json").exists()


def test_no_file_unless_asked(box: Toolbox) -> None:
    """R18: the program opens nothing for writing, and leaves nothing in its folder."""
    need("strace")
    program = build(box, "forks", "stress_fork", "xmalloc")
    (box.folder / "run").mkdir()
    trace = box.folder / "trace"
    box.run("sh", "-c", f"cd run && strace -f -o {trace} -e trace=file {program} 8")
    lines = [line for line in trace.read_text().splitlines() if "/dev/null" not in line]  # its own snapshot
    assert lines
    assert [line for line in lines if re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", line)] == []
    assert [line for line in lines if re.search(r"\b(creat|mk\w+|(sym)?link(at)?|rename\w*)\(", line)] == []
    assert list((box.folder / "run").iterdir()) == []
