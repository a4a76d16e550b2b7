"""Backends: a third one needs nothing but its own files; `none` leaves the link alone (R17)."""

import shutil

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, need

ALLOCSCC = ROOT / "bin" / "allocscc"
PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
static char pool[256];
void *get(size_t n) { static size_t at; char *p = pool + at; at += n; return p; }
void put(void *p) { *(char *)p = 0; }
void *xmalloc(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }
int main(void)
{
	puts(TEXTLOG);
	free(xmalloc(3 * sizeof(long)));
	put(get(sizeof(int)));
	return 0;
}
"""
CONFIG = """\
[runtime]
backend = "textlog.py"

[wrapper.xmalloc]
alloc = ["xmalloc(Z)p"]

[allocator.pool]
suballocates = "malloc"
alloc = ["get(Z)p"]
free = ["put(P)"]
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_third_backend(box: Toolbox, compiler: str) -> None:
    """R17: flags, records, stubs, additions and the last step are all its own, in two files of the project."""
    need(compiler)
    shutil.copytree(PROGRAMS / "textlog", box.folder, dirs_exist_ok=True)
    box.write("allocscc.toml", CONFIG)
    box.write("x.c", PROGRAM)
    box.allocscc("-O1", "-fno-builtin", "-c", "x.c", env={"ALLOCSCC_CC": compiler})
    box.allocscc("x.o", "-o", "prog", env={"ALLOCSCC_CC": compiler})
    done = box.run(box.folder / "prog")
    assert done.stdout == f"{compiler}\n"
    assert done.stderr.splitlines() == [
        "xmalloc is asked for 24 bytes", "malloc gave 24 bytes", "free takes one",
        "get gave 4 bytes", "put takes one",
    ]  # fmt: skip
    section = box.run("readelf", "-p", ".textlog", "x.o").stdout
    assert "xmalloc 10 long" in section
    names = box.run("nm", "prog").stdout
    assert "textlog_linked" in names
    assert "__allocs_runtime" not in names
    assert "xmalloc(Z)p\n" in (box.folder / "prog.looked-for").read_text()
    plan = box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert "malloc: wrap (entry-wrapped)" in plan


def test_stubs_of_two_backends(box: Toolbox) -> None:
    """R17: what is kept of one backend's stubs is never taken for another's."""
    shutil.copytree(PROGRAMS / "textlog", box.folder, dirs_exist_ok=True)
    box.write("allocscc.toml", CONFIG)
    box.write("x.c", PROGRAM)
    for backend, says in (("", True), ("embedded", False), ("textlog.py", True), ("none", False)):
        box.allocscc(
            "-UTEXTLOG", '-DTEXTLOG=""', "x.c", "-o", "prog", env={"ALLOCSCC_BACKEND": backend} if backend else None
        )
        assert ("xmalloc is asked for" in box.run(box.folder / "prog").stderr) == says


def test_none(box: Toolbox) -> None:
    """R17: sites are recorded, the output is as the plain link's."""
    box.write("x.c", "#include <stdlib.h>\nint main(void) { return !malloc(sizeof(int)); }\n")
    box.allocscc("-c", "x.c")
    box.allocscc("x.o", "-o", "prog", env={"ALLOCSCC_BACKEND": "none"})
    assert "__allocs" not in box.run("nm", "prog").stdout
    assert "the backend is none" in box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert [site["type"] for site in box.sites("x.o")] == ["int"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('backend = "embeded"', 'allocscc.toml:2: runtime.backend is \'embeded\'; allowed: "embedded", "liballocs"'),
        ("backend = 3", "allocscc.toml:2: runtime.backend is 3; it must be a string"),
        ('backends = "none"', "unknown key 'runtime.backends'; did you mean 'backend'?"),
        ('backend = "missing.py"', "missing.py: the hook cannot be read"),
        ('backend = "empty.py"', "empty.py: the hook defines no function backend()"),
        ('backend = "wrong.py"', "must give an allocscc.backends.interface.Backend, not int"),
    ],
)
def test_mistakes(box: Toolbox, text: str, message: str) -> None:
    """R1: a backend that does not exist stops the link, and the message says where it was asked for."""
    box.write("allocscc.toml", f"[runtime]\n{text}\n")
    box.write("empty.py", "")
    box.write("wrong.py", "def backend():\n    return 3\n")
    box.write("x.c", "int main(void) { return 0; }\n")
    done = box.run(ALLOCSCC, "x.c", "-o", "prog", check=False)
    assert done.returncode != 0
    assert message in done.stderr
    done = box.run(ALLOCSCC, "x.c", "-o", "prog", env={"ALLOCSCC_BACKEND": "nobody"}, check=False)
    assert "variable ALLOCSCC_BACKEND: 'nobody'; allowed:" in done.stderr or "runtime.backend" in done.stderr
