"""Bad input to the link phase: what the real linker says is what the user sees, and nothing else happens."""

import os
import subprocess
from pathlib import Path

import pytest

from allocscc.sidecar import Declaration, Site, encode
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


def with_sidecar(box: Toolbox, source: str, record: bytes, name: str = "other") -> Path:
    """An object by plain gcc with a sidecar section of somebody else's making."""
    box.write(f"{name}.c", source)
    (box.folder / f"{name}.record").write_bytes(record)
    box.run("gcc", "-O1", "-c", f"{name}.c")
    box.run("objcopy", f"--add-section=.allocs.sidecar={name}.record",
            "--set-section-flags=.allocs.sidecar=readonly,exclude", f"{name}.o")  # fmt: skip
    return box.folder / f"{name}.o"


def explained(box: Toolbox) -> list[dict[str, object]]:
    """The decisions of the link of prog."""
    (plan,) = box.run(ALLOCS, "explain", "--json", "prog").stdout and _json(box, "explain", "--json", "prog")
    decisions: list[dict[str, object]] = plan["decisions"]
    return decisions


def _json(box: Toolbox, *words: str) -> list[dict[str, list[dict[str, object]]]]:
    import json

    found: list[dict[str, list[dict[str, object]]]] = json.loads(box.run(ALLOCS, *words).stdout)
    return found


OWN = "#include <stdlib.h>\nvoid *own_get(size_t n) { return malloc(n); }\nvoid *user(void) { return own_get(8); }\n"


def newer(record: bytes) -> bytes:
    """A record as version 99 might write it: more keys everywhere, evidence and a kind of entry that we do not know."""
    region = (
        b'{"kind":"region","list":"alloc","entry":"r","signature":"r(Z)p","free":[],"suballocates":"","origin":"x:1",'
        b'"lifetime":[1]},{"later":1},{"later":{"a":1},'
    )
    body = record.split(b"\n", 1)[1]
    body = body.replace(b'"evidence":"sizeof"', b'"evidence":"oracle","sureness":0.5')
    body = body.replace(b'"declarations":[{', b'"declarations":[' + region)
    body = body.replace(b'"compiler":', b'"future":[{"x":null}],"compiler":')
    return b"allocs-sidecar 99 %d\n%s" % (len(body), body)


def test_newer_sidecar(parts: Toolbox) -> None:
    """R4, R6: what this version knows of a newer one's sidecar is used, the rest is left alone; without a word."""
    site = Site("/src/other.c", 3, 29, "user", "own_get", "struct x", "sizeof", matched=True)
    declared = Declaration("wrapper", "alloc", "own_get", "own_get(Z)p", origin="other.c:2")
    with_sidecar(parts, OWN, newer(encode("other.c", "gcc", (site,), (declared,))))
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    parts.run(parts.folder / "prog")
    assert one(explained(parts), symbol="own_get")["action"] == "replace"
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    (found,) = parts.sites("other.o")
    assert (found["line"], found["type"], found["evidence"]) == (3, "struct x", "none")
    assert parts.run(ALLOCS, "sites", "other.o").stdout == "/src/other.c:3:29: user: own_get -> struct x (none)\n"


@pytest.mark.parametrize(
    "body", [b"[]\n", b'{"sites":{"packed":"eJw"},"declarations":[{"a":"r(Z)p"}]}\n', b"\x80\x01packed\n"]
)
def test_sidecar_of_another_kind(parts: Toolbox, body: bytes) -> None:
    """R4, R6: a newer version that writes in another way is told from damage, and costs the link nothing else."""
    with_sidecar(parts, OWN, b"allocs-sidecar 99 %d\n%s" % (len(body), body))
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    done = parts.run(ALLOCS, "sites", "other.o", check=False)
    assert done.returncode == 65
    assert "version 99" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "record",
    [b"allocs-sidecar 1 9\nabc", b'"declarations":[{', b'allocs-sidecar 1 19\n{"declarations":[{\n', b"\0" * 40],
)
def test_damaged_sidecar(parts: Toolbox, record: bytes) -> None:
    """R4, R6: an object whose sidecar cannot be read is linked like any other; the rest of the link is observed."""
    with_sidecar(parts, OWN, record)
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    assert "Traceback" not in parts.run(ALLOCS, "sites", "other.o", check=False).stderr


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


NAMES = [
    "../../etc/passwd", "/etc/shadow", "$(touch x)", "`touch x`; touch x", "a\nb", "a\0b", "n" * 100_000,
    "|touch x", "-o/dev/null", "\x1b]0;title\x07", "@main.c", "%s%n", "\ud800", "\udcff", 'x"; int y = "', "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:20])
def test_names_in_a_sidecar(parts: Toolbox, name: str) -> None:
    """R4, R6: nothing that a sidecar names is opened, run, or given to a shell or compiler; a pipe would show it."""
    os.mkfifo(parts.folder / "pipe")
    texts = (name, str(parts.folder / "pipe"))
    sites = tuple(Site(text, 1, 1, name, name, name, "sizeof") for text in texts)
    declared = tuple(
        Declaration(kind, "alloc", text, f"{text}(Z)p", (f"{text}(P)",), text, text)
        for text in texts
        for kind in ("wrapper", "allocator", "sized", name)
    )
    sources: tuple[dict[str, object], ...] = tuple(
        {"callee": name, "file": text, "line": 1, "column": 1, "function": name, "exact": True, "candidate": False,
         "sized": {"type": name, "evidence": "sizeof", "array": False}}
        for text in texts
    )  # fmt: skip
    statics = {f"x.c::{text}": text for text in texts} | {text: text for text in texts}
    with_sidecar(parts, OWN, encode(name, name, sites, declared, sources, statics))
    files = set(os.listdir(parts.folder))
    assert linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o") == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    parts.run(parts.folder / "prog")
    for flags in ((), ("--json",), ("--srcallocs",), ("--coverage",)):
        done = subprocess.run(
            [ALLOCS, "sites", *flags, "other.o"], cwd=parts.folder, env=parts.env, capture_output=True, timeout=10
        )
        assert b"Traceback" not in done.stderr
        if flags != ("--srcallocs",):  # that is for programs
            assert b"\x1b" not in done.stdout + done.stderr
    assert set(os.listdir(parts.folder)) == files | {"prog"}
    assert leftovers(parts) == []


CODE = [
    "x(Z)p; int y", 'x", evil, "', 'x"*/ #include "/etc/passwd"', "x\n#include </etc/passwd>\n", "x; .globl evil; evil",
    'a;.incbin "/etc/passwd"', "x\\n.globl evil", "x y", "x(", "??/", "x}int evil;", "0", "__asm__",
    "x,y", "x@plt", "x'",
]  # fmt: skip


@pytest.mark.parametrize("name", CODE)
def test_code_in_a_sidecar(parts: Toolbox, name: str) -> None:
    """R4, R6: an object may have a symbol of any name, and its sidecar call it a wrapper: it is no code to us."""
    declared = (
        Declaration("wrapper", "alloc", name, f"{name}(Z)p", (f"{name}_free(P)",), origin=name),
        Declaration("allocator", "alloc", name, f"{name}2(Z)p", suballocates=name, origin=name),
    )
    record = encode("x.c", "gcc", (), declared, (), {f"x.c::{name}": name, "wrap.c::xmalloc": name})
    with_sidecar(parts, OWN, record)
    symbol = name.replace("\n", "")
    data = (parts.folder / "other.o").read_bytes()
    room = b"own_get\0"
    if len(symbol.encode()) + 1 > len(room):
        parts.run("objcopy", f"--redefine-sym=own_get={symbol}", "other.o")
    else:
        (parts.folder / "other.o").write_bytes(data.replace(room, symbol.encode().ljust(len(room), b"\0")))
    parts.env["LIBALLOCS_ALLOC_FNS"] = "xmalloc(Z)p wrap.c::xmalloc(Z)p"
    status, said, made = linked(parts, ALLOCSCC, "main.o", "plain.o", "other.o")
    assert (status, said, made) == (0, "", True)
    assert one(explained(parts), symbol="xmalloc")["action"] == "replace"
    assert "evil" not in parts.run("nm", "prog").stdout.replace(symbol, "")
    parts.run(parts.folder / "prog")


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
