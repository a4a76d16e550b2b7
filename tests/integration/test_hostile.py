"""Bad input to the compile phase: whatever comes, the answer is the compiler's own, and nothing is left behind."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Toolbox, need

ALLOCSCC = ROOT / "bin" / "allocscc"
HEAD = "#include <stdlib.h>\n"
USER = "void *f(int n) { return malloc(n * sizeof(long)); }\n"

SOURCES: dict[str, bytes] = {
    "inline assembly": (HEAD + 'void *g(void) { void *p; __asm__("call malloc" : "=a"(p) : "D"(8L) : "memory", "rcx", "rdx",'
                        ' "rsi", "r8", "r9", "r10", "r11"); return p; }\n' + USER).encode(),
    "assembler macros": (HEAD + '__asm__(".macro get\\n\\tcall malloc\\n.endm\\n.text\\nx:\\n\\tget\\n\\tret\\n");\n' + USER).encode(),
    "assembler include": (HEAD + '__asm__(".include \\"part.inc\\"");\n' + USER).encode(),
    "assembler conditions": (HEAD + '__asm__(".if 0\\n\\tcall malloc\\n.endif\\n.rept 3\\n\\tnop\\n.endr");\n' + USER).encode(),
    "assembler strings": (HEAD + '__asm__(".section .note.x\\n.string \\"a\\\\n\\tcall malloc\\\\n\\"\\n.text");\n' + USER).encode(),
    "line games": (HEAD + '#line 1 "other file.c"\n' + USER + '#line 100000 "/no/such/\\"quoted\\".c"\n'
                   "void *g(int n) { return calloc(n, sizeof(int)); }\n#line 1\n").encode(),
    "line zero": (HEAD + '# 0 "zero.c"\n' + USER).encode(),
    "NUL in a comment": (HEAD + "/* ").encode() + b"\0" + b" */\n" + USER.encode(),
    "NUL in the code": (HEAD + USER).encode().replace(b"return", b"\0return"),
    "CRLF": (HEAD + USER).replace("\n", "\r\n").encode(),
    "old Mac's lines": (HEAD + USER).encode() + b"\r" + b"int x;\r",
    "byte order mark": b"\xef\xbb\xbf" + (HEAD + USER).encode(),
    "Latin-1": (HEAD + "/* \xe9\xe8 */ static const char *s = \"\xfc\";\n" + USER + "const char *t(void) { return s; }\n").encode("latin-1"),
    "a line of a megabyte": (HEAD + "int x = " + "+".join(["1"] * 500_000) + ";\n" + USER).encode(),
    "a function of a megabyte on one line": (HEAD + "void g(void **p) { " + "*p++ = malloc(sizeof(short)); " * 3000 + "}\n").encode(),
    "deep nesting": (HEAD + "void *g(int n) { return malloc(" + "(" * 200 + "sizeof(int)" + ")" * 200 + "*n); }\n").encode(),
    "no newline at the end": (HEAD + USER.rstrip()).encode(),
    "an unfinished string": (HEAD + USER + 'char *s = "abc\n').encode(),
    "a syntax error": (HEAD + USER + "int main( {\n").encode(),
    "trigraphs and splices": (HEAD + "void *f(int n) { return mal\\\nloc(n * size\\\nof(long)); }\n").encode(),
    "a shadowed malloc": b"typedef unsigned long size_t;\nstatic void *malloc(size_t n) { return (void *)n; }\nvoid *g(void) { return malloc(3); }\n",
    "a macro called malloc": (HEAD + "#define malloc(n) (calloc)(1, n)\n" + USER).encode(),
    "names with dollars and letters beyond ASCII": (HEAD + "void *gr\u00f6\u00dfe$(int n) { return malloc(n * sizeof(long)); }\n").encode(),
    "empty": b"",
}  # fmt: skip


def compiled(
    box: Toolbox, compiler: str | Path, folder: str, name: str, *flags: str
) -> tuple[int, str, set[str], bytes]:
    """Status, diagnostics, files left, and the code of a compile in a folder of its own."""
    place = box.folder / folder
    shutil.copytree(box.folder / "src", place)
    done = subprocess.run(
        [str(compiler), *flags, "-c", name, "-o", "x.o"], cwd=place, env=box.env, capture_output=True, text=True,
        errors="surrogateescape",
    )  # fmt: skip
    code = b""
    if (place / "x.o").exists():
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text", "x.o", "x.bin"], cwd=place, check=False)
        code = (place / "x.bin").read_bytes() if (place / "x.bin").exists() else b""
        (place / "x.bin").unlink(missing_ok=True)
    files = {str(path.relative_to(place)) for path in place.rglob("*")}
    return done.returncode, done.stderr, files, code


def leftovers(box: Toolbox) -> list[str]:
    """Temporaries of ours and of the compiler's that are still there."""
    return [name for name in os.listdir(box.env["TMPDIR"]) if name.startswith(("allocscc-", "cc"))]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("what", SOURCES)
def test_sources(box: Toolbox, what: str, compiler: str) -> None:
    """R3: status, diagnostics and files are the compiler's own; the code is, too (-O0: no call is a tail call)."""
    need(compiler)
    (box.folder / "src").mkdir()
    (box.folder / "src" / "x.c").write_bytes(SOURCES[what])
    (box.folder / "src" / "part.inc").write_text("\t.macro from_part\n\tcall malloc\n\t.endm\n")
    box.env["ALLOCSCC_CC"] = compiler
    flags = ("-fno-integrated-as",) if compiler == "clang" else ()
    plain = compiled(box, compiler, "plain", "x.c", "-O0", *flags)
    ours = compiled(box, ALLOCSCC, "ours", "x.c", "-O0", *flags)
    if "PLEASE submit a bug report" in plain[1]:  # clang's crash report names processes and temporaries
        assert ours[0] == plain[0]
    else:
        assert ours == plain
    assert leftovers(box) == []


NAMES = [
    "with blank.c", 'with "quotes".c', "with 'quotes'.c", "with\nnewline.c", "gr\u00fcn.c", "dollar$name.c", "back\\slash.c",
    "semi;colon.c", "per%cent.c", "-dash.c", "@at.c", "#hash.c", "x.y.z.c", "tab\there.c", "a" * 120 + ".c",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_sources(box: Toolbox, name: str) -> None:
    """R3, R4: any file name (HAZARDS 22): compiled as by gcc, and the record has it as it is."""
    (box.folder / "src").mkdir()
    (box.folder / "src" / name).write_text(HEAD + USER)
    given = f"./{name}"
    plain = compiled(box, "gcc", "plain", given, "-O0")
    ours = compiled(box, ALLOCSCC, "ours", given, "-O0")
    assert ours == plain
    sites = box.sites(box.folder / "ours" / "x.o")
    assert [(site["file"], site["line"], site["type"]) for site in sites] == [
        (str(box.folder / "ours" / name), 2, "long")
    ]


def test_names_of_folders(box: Toolbox) -> None:
    """R3, R4: a working folder whose name no shell likes, and TMPDIR with blanks."""
    place = box.folder / 'it\'s a "strange" $folder\n(really)'
    place.mkdir()
    (place / "x.c").write_text(HEAD + USER)
    (place / "t m p").mkdir()
    done = subprocess.run([ALLOCSCC, "-O2", "-c", "x.c"], cwd=place, env={**box.env, "TMPDIR": f"{place}/t m p"},
                          capture_output=True, text=True)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [site["file"] for site in box.sites(place / "x.o")] == [str(place / "x.c")]
    assert os.listdir(place / "t m p") == []


def test_truncated_assembly(box: Toolbox) -> None:
    """R3: an assembly file that ends in the middle is the assembler's to judge, whoever calls it."""
    need("clang")
    box.write("x.c", HEAD + USER)
    box.run("gcc", "-O2", "-g", "-S", "x.c")
    text = (box.folder / "x.s").read_bytes()
    for part in (len(text) // 3, len(text) // 2, len(text) - 7):
        (box.folder / "cut.s").write_bytes(text[:part])
        for compiler in ("gcc", "clang"):
            plain = box.run(
                compiler, "-c", "-fno-integrated-as" if compiler == "clang" else "-pipe", "cut.s", check=False
            )
            ours = box.run(ALLOCSCC, "-c", "cut.s", check=False, env={"ALLOCSCC_CC": compiler})
            assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)


def test_unwritable_output(box: Toolbox) -> None:
    """R3: a folder that cannot be written (here: a file in its place) is the compiler's to report."""
    box.write("x.c", HEAD + USER)
    box.write("file", "")
    for flags in (("-c", "-o", "file/x.o"), ("-S", "-o", "file/x.s"), ("-c", "-o", "no/such/x.o")):
        plain = box.run("gcc", "x.c", *flags, check=False)
        ours = box.run(ALLOCSCC, "x.c", *flags, check=False)
        assert ours.returncode == plain.returncode != 0
        assert _without_temporaries(ours.stderr) == _without_temporaries(plain.stderr)
    assert leftovers(box) == []


def _without_temporaries(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "/cc" not in line)


@pytest.mark.parametrize("size", [4096, 16384, 65536, 262144])
def test_full_disk(box: Toolbox, tmp_path: Path, size: int) -> None:
    """R3, HAZARDS 23: where the disk is full for gcc, it is for us; where only our records do not fit, they are left out."""
    body = "".join(f"void *f{i}(int n) {{ return malloc(n * sizeof(long)); }}\n" for i in range(300))
    box.write("x.c", HEAD + body)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a small file system here")
    try:
        results = []
        for compiler in ("gcc", ALLOCSCC):
            done = box.run(compiler, "-O0", "-S", "x.c", "-o", disk / "x.s", check=False)
            whole = (disk / "x.s").read_text() if (disk / "x.s").exists() else ""
            results.append((done.returncode, [line for line in whole.splitlines() if line.startswith("\tcall")]))
            assert set(os.listdir(disk)) <= {"x.s"}
            (disk / "x.s").unlink(missing_ok=True)
    finally:
        subprocess.run(["umount", disk], check=True)
    assert results[0] == results[1]
    assert leftovers(box) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("delay", [0.15, 0.6, 1.5])
@pytest.mark.parametrize("flags", [("-c",), ("-S",)])
def test_interrupted(box: Toolbox, number: signal.Signals, delay: float, flags: tuple[str, ...]) -> None:
    """R3, HAZARDS 23: at whatever moment, the compile ends by that signal's ways and leaves nothing."""
    body = "\n".join(f"void *f{i}(int n) {{ return malloc(n * sizeof(int) + {i}); }}" for i in range(5000))
    box.write("long.c", f"{HEAD}{body}\n")
    process = subprocess.Popen(
        [ALLOCSCC, "-O2", *flags, "long.c"],
        cwd=box.folder,
        env=box.env,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a shell's background job ignores SIGINT
    )
    time.sleep(delay)
    os.killpg(process.pid, number)
    assert process.wait() != 0
    _settle(box)
    assert set(os.listdir(box.folder)) == {"long.c"}
    assert leftovers(box) == []


def test_killed(box: Toolbox) -> None:
    """R3: after SIGKILL of the compile phase alone, the driver reports it, and there is no output."""
    body = "\n".join(f"void *f{i}(int n) {{ return malloc(n * sizeof(int) + {i}); }}" for i in range(5000))
    box.write("long.c", f"{HEAD}{body}\n")
    process = subprocess.Popen([ALLOCSCC, "-O2", "-c", "long.c"], cwd=box.folder, env=box.env, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
    time.sleep(0.5)
    hooks = subprocess.run(["pgrep", "-s", str(process.pid), "-f", "compile/start.py"], capture_output=True, text=True)
    for pid in hooks.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    _, told = process.communicate()
    assert hooks.stdout
    assert process.returncode != 0
    assert "Killed" in told
    assert set(os.listdir(box.folder)) == {"long.c"}


def _settle(box: Toolbox) -> None:
    """Wait for what the driver's children still do: the signal reaches all of them, but not at once."""
    for _ in range(100):
        if not leftovers(box):
            return
        time.sleep(0.05)
