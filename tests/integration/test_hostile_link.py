"""Bad input to the link phase: what the real linker says is what the user sees, and nothing else happens."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Toolbox, need, one

ALLOCSCC, ALLOCS = ROOT / "bin" / "allocscc", ROOT / "bin" / "allocs"
MAIN = (
    "#include <stdlib.h>\nvoid *xmalloc(size_t n);\n"
    "int main(void) { long *p = xmalloc(3 * sizeof *p); free(p); return 0; }\n"
)
WRAP = "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\n"
XMALLOC = {"LIBALLOCS_ALLOC_FNS": "xmalloc(Z)p"}


@pytest.fixture
def parts(box: Toolbox) -> Toolbox:
    """main.o, built by us, which calls the wrapper xmalloc of plain.o, which is not."""
    box.env |= XMALLOC
    box.write("main.c", MAIN)
    box.write("wrap.c", WRAP)
    box.run(ALLOCSCC, "-O1", "-c", "main.c")
    box.run("gcc", "-O1", "-c", "wrap.c", "-o", "plain.o")
    return box


def linked(box: Toolbox, driver: str | Path, *words: str | Path, timeout: int = 10) -> tuple[int, str, bool]:
    """Status, diagnostics, and whether there is an output."""
    (box.folder / "prog").unlink(missing_ok=True)
    done = subprocess.run(
        [str(word) for word in (driver, *words, "-o", "prog")], cwd=box.folder, env=box.env, capture_output=True,
        text=True, timeout=timeout, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, (box.folder / "prog").exists()


def same(box: Toolbox, *words: str | Path, compiler: str = "gcc") -> tuple[int, str, bool]:
    """Link by the plain compiler and by ours; give the answer if they are the same, and nothing is left behind."""
    plain = linked(box, compiler, *words)
    files = set(os.listdir(box.folder))
    box.env["ALLOCSCC_CC"] = compiler
    ours = linked(box, ALLOCSCC, *words)
    assert ours == plain
    assert set(os.listdir(box.folder)) == files
    assert leftovers(box) == []
    return ours


def leftovers(box: Toolbox) -> list[str]:
    """Temporaries of ours and of the compiler's that are still there."""
    return [name for name in os.listdir(box.env["TMPDIR"]) if name.startswith(("allocscc-", "cc"))]


def explained(box: Toolbox) -> list[dict[str, object]]:
    """The decisions of the link of prog."""
    (plan,) = box.run(ALLOCS, "explain", "--json", "prog").stdout and _json(box, "explain", "--json", "prog")
    decisions: list[dict[str, object]] = plan["decisions"]
    return decisions


def _json(box: Toolbox, *words: str) -> list[dict[str, list[dict[str, object]]]]:
    import json

    found: list[dict[str, list[dict[str, object]]]] = json.loads(box.run(ALLOCS, *words).stdout)
    return found


def test_another_architecture(parts: Toolbox) -> None:
    """R6: an object of another machine, before and behind ours, in an archive, and with what was to be replaced."""
    need("aarch64-linux-gnu-gcc")
    parts.run("aarch64-linux-gnu-gcc", "-O1", "-c", "wrap.c", "-o", "arm.o")
    parts.run("ar", "rcs", "libarm.a", "arm.o")
    for words in (("main.o", "arm.o"), ("arm.o", "main.o"), ("main.o", "libarm.a"), ("main.o", "plain.o", "arm.o")):
        status, said, made = same(parts, *words)
        assert (status != 0, made) == (True, False), said
    parts.run("aarch64-linux-gnu-gcc", "-O1", "-shared", "-fPIC", "wrap.c", "-o", "libarm.so")
    same(parts, "main.o", "./libarm.so")


def test_32_bit(parts: Toolbox) -> None:
    """R6: a 32-bit link, and a 32-bit object among others: the linker's own words."""
    parts.write("bare.c", "void *xmalloc(unsigned n) { return (void *)n; }\n")
    if parts.run("gcc", "-m32", "-c", "bare.c", check=False).returncode:
        pytest.skip("gcc has no -m32 here")
    parts.run("ar", "rcs", "lib32.a", "bare.o")
    same(parts, "-m32", "bare.o")
    same(parts, "-m32", "bare.o", "-nostdlib", "-Wl,-e,0")
    for words in (("main.o", "bare.o"), ("bare.o", "main.o"), ("main.o", "lib32.a"), ("-m32", "main.o", "plain.o")):
        assert same(parts, *words)[0] != 0
    same(parts, "main.o", "plain.o", "lib32.a")


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_inputs_that_are_none(parts: Toolbox, linker: str) -> None:
    """R3, R6: a directory, an empty file, empty archives, text, nothing at all: the linker's own words."""
    need(f"ld.{linker}" if linker != "mold" else "mold")
    (parts.folder / "folder.o").mkdir()
    parts.write("empty.o", "")
    parts.write("empty.a", "")
    parts.write("text.o", "hello\n")
    parts.run("ar", "rcs", "libnone.a")
    parts.run("ar", "rcsT", "thin.a", "plain.o")
    parts.run("ar", "rcsT", "libthinnone.a")
    (parts.folder / "plain.o").rename(parts.folder / "moved.o")
    os.symlink("nowhere", parts.folder / "dangling.o")
    os.symlink("loop.o", parts.folder / "loop.o")
    for word in ("folder.o", "empty.o", "empty.a", "text.o", "libnone.a", "libthinnone.a", "thin.a", "missing.o",
                 "dangling.o", "loop.o", "/dev/null"):  # fmt: skip
        same(parts, f"-fuse-ld={linker}", "main.o", "moved.o", word)


def test_unreadable_input(parts: Toolbox) -> None:
    """R3: a file that may not be read is the linker's to report."""
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    (parts.folder / "plain.o").chmod(0)
    assert same(parts, "main.o", "plain.o")[0] != 0


def test_pipe_as_input(parts: Toolbox) -> None:
    """R3: a pipe is read once, by the linker alone: by us it would be empty for it, or wait for ever."""
    os.mkfifo(parts.folder / "pipe.o")
    answers = []
    for driver in ("gcc", ALLOCSCC):
        feeder = subprocess.Popen(["sh", "-c", "cat plain.o > pipe.o"], cwd=parts.folder, stderr=subprocess.DEVNULL)
        try:
            answers.append(linked(parts, driver, "main.o", "pipe.o"))
        finally:
            feeder.kill()
            feeder.wait()
    assert answers[0] == answers[1]
    assert leftovers(parts) == []


def test_pipe_in_a_thin_archive(parts: Toolbox) -> None:
    """R3: the same for what a thin archive names: nothing of ours waits for it."""
    parts.run("ar", "rcsT", "thin.a", "plain.o")
    (parts.folder / "plain.o").unlink()
    os.symlink("/dev/zero", parts.folder / "plain.o")
    same(parts, "main.o", "thin.a")


def test_archive_without_an_index(parts: Toolbox) -> None:
    """R3, R6: an archive that the linker will not search stays one; damage to an index is not mended by us."""
    parts.run("ar", "rcS", "libplain.a", "plain.o")
    assert same(parts, "main.o", "libplain.a")[0] != 0
    parts.run("ar", "rcs", "libgood.a", "plain.o")
    data = bytearray((parts.folder / "libgood.a").read_bytes())
    at = data.index(b"xmalloc\0")
    data[at : at + 7] = b"ymalloc"
    (parts.folder / "libbad.a").write_bytes(data)
    assert same(parts, "main.o", "libbad.a")[0] != 0
    for linker in ("gold", "lld", "mold"):
        need(f"ld.{linker}")
        same(parts, f"-fuse-ld={linker}", "main.o", "libplain.a")
        same(parts, f"-fuse-ld={linker}", "main.o", "libbad.a")


def test_thin_archive_of_an_archive(parts: Toolbox) -> None:
    """R6: what `ar T` makes of an archive leads to the members inside of it."""
    parts.run("ar", "rcs", "libplain.a", "plain.o")
    parts.run("ar", "rcsT", "thin.a", "libplain.a")
    assert same(parts, "main.o", "thin.a") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    parts.run(parts.folder / "prog")
