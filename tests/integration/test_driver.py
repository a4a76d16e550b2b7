"""A drop-in driver: everything but the heap's story is as with the plain compiler (R3; HAZARDS)."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, need

ALLOCSCC = ROOT / "bin" / "allocscc"
HELLO = '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts("hello"); free(malloc(3)); return 3; }\n'


def litter(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "args",
    [
        ("-c", "hello.c"),
        ("-c", "hello.c", "-o", "out/x"),
        ("-S", "hello.c"),
        ("hello.c",),
        ("-pipe", "hello.c", "-o", "prog"),
        ("hello.c", "other.c", "-o", "prog"),
        ("-save-temps", "-c", "hello.c"),
        ("-MD", "-MP", "-MT", "a target", "-c", "hello.c"),
        ("-c", "hello.c", "-o", "/dev/null"),
        ("-Wall", "-c", "warns.c"),
        ("-c", "broken.c"),
        ("-c", "missing.c"),
        ("-fsyntax-only", "hello.c"),
        ("-flto", "-c", "hello.c"),
        ("-flto", "-O2", "hello.c", "other.c", "-o", "prog"),
        ("-c", "name with blank é.c"),
        ("@args",),
        ("-O2", "-fstack-usage", "-c", "hello.c"),
        ("--coverage", "-c", "hello.c"),
        ("-static", "hello.c", "-o", "prog"),
        ("-nostdlib", "-r", "hello.o", "-o", "all.o"),
        ("-c", "conftest.c"),
        ("conftest.c", "-o", "conftest"),
        ("undefined.c", "-o", "prog"),
    ],
    ids=" ".join,
)
def test_same_as_plain_gcc(tmp_path: Path, box: Toolbox, args: tuple[str, ...]) -> None:
    """R3: exit status, diagnostics and the files left behind are those of gcc; dependency files are identical."""
    results = []
    for compiler in ("gcc", str(ALLOCSCC)):
        box.folder = tmp_path / ("plain" if compiler == "gcc" else "ours")
        box.write("hello.c", HELLO)
        box.write("conftest.c", HELLO)
        box.write("name with blank é.c", HELLO)
        box.write("other.c", "#include <stdlib.h>\nvoid *other(void) { return malloc(sizeof(int)); }\n")
        box.write("warns.c", "#include <stdlib.h>\nvoid f(void) { int unused; void *p = malloc(4); }\n")
        box.write("broken.c", "int main( { return 0; }\n")
        box.write("undefined.c", "int g(void);\nint main(void) { return g(); }\n")
        box.write("args", "-c \"hello.c\" -o 'quoted name.o' @more")
        box.write("more", '-DX=\\"y\\"')
        (box.folder / "out").mkdir()
        box.run("gcc", "-c", "hello.c")
        done = box.run(compiler, *args, check=False)
        # the linker names the temporary object, which is named by chance
        shown = [line for line in done.stderr.splitlines() if "/cc" not in line]
        depends = {p.name: p.read_text() for p in box.folder.glob("*.d")}
        results.append((done.returncode, done.stdout, shown, litter(box.folder), depends))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "args",
    [
        ("--version",),
        ("-print-prog-name=ld",),
        ("-print-search-dirs",),
        ("-dumpmachine",),
        ("-v",),
        ("-print-file-name=libc.so",),
    ],
    ids=" ".join,
)
def test_questions_are_answered_by_the_compiler(box: Toolbox, args: tuple[str, ...]) -> None:
    """R3: what a build asks of the compiler shows no trace of us (libtool would keep it)."""
    plain, ours = (box.run(compiler, *args) for compiler in ("/usr/bin/gcc", ALLOCSCC))
    assert (plain.stdout, plain.stderr.replace("/usr/bin/gcc", "gcc")) == (
        ours.stdout,
        ours.stderr.replace("/usr/bin/gcc", "gcc"),
    )
    assert "allocscc" not in ours.stdout + ours.stderr


def test_source_from_standard_input(box: Toolbox) -> None:
    """R3: `-x c -` compiles; sites have lines, no types are to be had."""
    box.run(ALLOCSCC, "-x", "c", "-", "-o", "prog", stdin=HELLO)
    assert box.run(box.folder / "prog", check=False).returncode == 3


def test_masquerade_folder(box: Toolbox) -> None:
    """R3: a link named gcc that leads to us, first on PATH, does not call itself."""
    masquerade = box.folder / "masquerade"
    masquerade.mkdir()
    (masquerade / "gcc").symlink_to(ALLOCSCC)
    box.write("hello.c", HELLO)
    box.env["PATH"] = f"{masquerade}:{box.env['PATH']}"
    assert box.run("gcc", "hello.c", "-o", "prog").stderr == ""
    assert box.run(box.folder / "prog", check=False).stdout == "hello\n"
    assert box.run(ROOT / "bin" / "allocs", "sites", "prog").stdout.count("malloc") == 1


def test_ccache_below_us(box: Toolbox) -> None:
    """R3, R4: ALLOCSCC_CC="ccache gcc": a hit has its records, and plain gcc's objects are never handed out."""
    need("ccache")
    box.write("hello.c", HELLO)
    box.env["CCACHE_DIR"] = str(box.folder / "ccache")
    box.run("ccache", "gcc", "-c", "hello.c", "-o", "plain.o")
    for output in ("first.o", "second.o"):
        box.allocscc("-c", "hello.c", "-o", output, env={"ALLOCSCC_CC": "ccache gcc"})
        assert len(box.sites(output)) == 1
    assert box.sites("plain.o") == []
    assert box.run("ccache", "--print-stats").stdout.split("direct_cache_hit\t")[1].split()[0] == "1"


def test_ccache_below_us_and_an_override(box: Toolbox) -> None:
    """R17: a variable of liballocs that changes a record is not passed over for what the cache has."""
    need("ccache")
    box.write("f.c", "#include <stdlib.h>\nvoid *f(void) { return malloc(5 * sizeof(char)); }\n")
    env = {"CCACHE_DIR": str(box.folder / "ccache"), "ALLOCSCC_CC": "ccache gcc"}
    types = []
    for override in ("", "f,malloc,char,node"):
        box.allocscc("-c", "f.c", "-o", "f.o", env={**env, "LIBALLOCS_ALLOCSITE_OVERRIDE": override})
        types.append(box.sites("f.o")[0]["type"])
    assert types == ["char", "node"]


def test_ccache_above_us(box: Toolbox) -> None:
    """R4: a hit of a cache above us never runs us; the object carries all there is."""
    need("ccache")
    box.write("hello.c", HELLO)
    box.env["CCACHE_DIR"] = str(box.folder / "ccache")
    for output in ("first.o", "second.o"):
        box.run("ccache", ALLOCSCC, "-c", "hello.c", "-o", output)
        assert len(box.sites(output)) == 1


def test_distcc_below_us(box: Toolbox) -> None:
    """R3: ALLOCSCC_CC="distcc gcc" without any helper compiles here."""
    need("distcc")
    box.write("hello.c", HELLO)
    (box.folder / "distcc").mkdir()
    env = {"ALLOCSCC_CC": "distcc gcc", "DISTCC_HOSTS": "localhost", "DISTCC_DIR": str(box.folder / "distcc")}
    box.allocscc("hello.c", "-o", "prog", env=env)
    assert box.run(box.folder / "prog", check=False).stdout == "hello\n"


def test_output_to_unwritable_places_fails_as_gcc_does(box: Toolbox) -> None:
    """R3: the compiler's own failure is never masked."""
    box.write("hello.c", HELLO)
    plain = box.run("gcc", "-c", "hello.c", "-o", "no/such/folder.o", check=False)
    ours = box.run(ALLOCSCC, "-c", "hello.c", "-o", "no/such/folder.o", check=False)
    assert (plain.returncode, plain.stderr) == (ours.returncode, ours.stderr)
    assert plain.returncode != 0


def test_no_writable_cache(box: Toolbox) -> None:
    """R3: a home that cannot be written is no obstacle (HAZARDS 22)."""
    box.write("hello.c", HELLO)
    env = {"ALLOCSCC_CACHE": "/proc/none", "HOME": "/proc/none", "XDG_CACHE_HOME": ""}
    box.allocscc("hello.c", "-o", "prog", env=env)
    assert len(box.sites("prog")) == 1


def test_parallel_compiles_and_first_links(box: Toolbox, tmp_path: Path) -> None:
    """R3: parallel builds share no temporaries, and all may be the first that builds the runtime."""
    box.env["ALLOCSCC_CACHE"] = str(tmp_path / "fresh-cache")
    box.write("hello.c", HELLO)
    running = [
        subprocess.Popen([ALLOCSCC, "hello.c", "-o", f"prog{i}"], cwd=box.folder, env=box.env, stderr=subprocess.PIPE)
        for i in range(6)
    ]
    assert [process.communicate()[1] for process in running] == [b""] * 6
    for i in range(6):
        assert len(box.sites(f"prog{i}")) == 1
    assert litter(box.folder) == {"hello.c", *(f"prog{i}" for i in range(6))}


def test_interrupted_compile_leaves_nothing(box: Toolbox) -> None:
    """R3: after SIGTERM there is no partial output under the final name (HAZARDS 23)."""
    body = "\n".join(f"void *f{i}(int n) {{ return malloc(n * sizeof(int) + {i}); }}" for i in range(6000))
    box.write("long.c", f"#include <stdlib.h>\n{body}\n")
    process = subprocess.Popen([ALLOCSCC, "-O2", "-c", "long.c"], cwd=box.folder, env=box.env, start_new_session=True)
    time.sleep(0.7)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait() != 0
    assert litter(box.folder) == {"long.c"}


def test_objects_of_ours_link_with_the_plain_driver(box: Toolbox) -> None:
    """R3: objects with records are ordinary objects."""
    box.allocscc("-O2", "-c", PROGRAMS / "xmalloc.c", PROGRAMS / "wrapped.c", env=WRAPPERS)
    box.run("gcc", "xmalloc.o", "wrapped.o", "-o", "prog")
    box.run(box.folder / "prog")


def test_allocsld_is_a_linker(box: Toolbox) -> None:
    """R6: bin/allocsld stands in for ld itself."""
    box.write("hello.c", HELLO)
    box.allocscc("-c", "hello.c")
    shown = box.run("gcc", "-###", "hello.o", "-o", "prog").stderr
    shown = next(line for line in shown.splitlines() if "collect2" in line)
    line = shown[shown.index("collect2") + len("collect2") :]
    box.run("sh", "-c", f'exec "{ROOT}/bin/allocsld" {line}')
    done = box.run(box.folder / "prog", check=False, env={"ALLOCS_OPTIONS": f"profile={box.folder}/heap.json"})
    assert done.returncode == 3
    assert any(row["function"] == "main" for row in box.report(box.folder / "heap.json"))


def test_without_proc(box: Toolbox) -> None:
    """R3: a chroot may have no /proc: compiles and links work as ever, records included."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no right to a mount namespace here")
    box.write("hello.c", HELLO)
    for flags in ("-c hello.c -o hello.o", "-pipe -c hello.c -o pipe.o", "-S hello.c -o -", "hello.c -o prog"):
        done = box.run("unshare", "-m", "sh", "-c", f"umount -l /proc && exec '{ALLOCSCC}' -O0 {flags}")
        assert done.stderr == ""
    assert [site["line"] for site in box.sites("hello.o")] == [3]
    assert box.run(box.folder / "prog", check=False).stdout == "hello\n"


@pytest.mark.parametrize("home", ["ours", "another"])
def test_inside_a_link_of_ours(box: Toolbox, home: str) -> None:
    """DESIGN §1: what a hooked linker runs (a plugin that runs make, for one) compiles, and does not call itself."""
    box.write("hello.c", HELLO.replace("free(", "puts("))
    hooks = ROOT / "allocscc" / "hooks" / "gcc"
    if home == "another":
        shutil.copytree(ROOT / "allocscc" / "hooks", box.folder / "allocscc" / "hooks", symlinks=True)
        hooks = box.folder / "allocscc" / "hooks" / "gcc"
    env = {**box.env, "COMPILER_PATH": f"{hooks}:{hooks}/:/usr/lib/nowhere/"}
    process = subprocess.Popen(
        [ROOT / "bin" / "allocscc", "-O2", "hello.c", "-o", "hello"], cwd=box.folder, env=env, start_new_session=True
    )
    try:
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert box.sites("hello")
