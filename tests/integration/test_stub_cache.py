"""The C of stubs: kept on request, compiled once for each shape, in a cache that many links share (R2, R6)."""

import os
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, need, one

_SHAPES = [
    ("(Z)p", "void *{}(size_t n)", "malloc(n)", "24"),
    ("(zZ)p", "void *{}(size_t n, size_t size)", "calloc(n, size)", "3, 8"),
    ("(pZ)p", "void *{}(void *p, size_t n)", "malloc(n)", "0, 24"),
    ("(S)p", "void *{}(const char *s)", "malloc(strlen(s) + 1)", '"abc"'),
    ("(iZ)p", "void *{}(int i, size_t n)", "malloc(n + (i > 9))", "1, 24"),
]


@pytest.fixture
def own(box: Toolbox, tmp_path: Path) -> Path:
    """The stubs of a cache of the test's own."""
    box.env["ALLOCSCC_CACHE"] = str(tmp_path / "own-cache")
    return tmp_path / "own-cache" / "stubs"


def many(box: Toolbox, number: int) -> None:
    """A library that we did not build with many wrappers of a few shapes, and an object that calls them all."""
    names = [f"wrapper_number_{i}_{'x' * (i % 40)}" for i in range(number)]
    head = "#include <stdlib.h>\n#include <string.h>\n"
    library, calls, config = head, "", []
    declared = head
    for i, name in enumerate(names):
        letters, prototype, body, arguments = _SHAPES[i % len(_SHAPES)]
        library += f"{prototype.format(name)} {{ return {body}; }}\n"
        declared += f"{prototype.format(name)};\n"
        calls += f"\tkept[{i}] = {name}({arguments});\n"
        config.append(f'"{name}{letters}"')
    box.write("library.c", library)
    box.write("main.c", f'{declared}#include "tell.h"\nstatic void *kept[{number}];\nint main(void)\n{{\n{calls}'
              f'\tfor (int i = 0; i < {number}; i++) tell("chunk", kept[i]);\n\treturn 0;\n}}\n')  # fmt: skip
    box.write("allocscc.toml", f"[wrapper.many]\nalloc = [{', '.join(config)}]\n")
    box.run("gcc", "-O1", "-fPIC", "-shared", "library.c", "-o", "library.so")
    box.allocscc("-O1", "-c", "main.c")
    answers = link(box)
    assert [answer["wrapper"] for answer in answers] == names
    assert [answer["chain"] for answer in answers] == [[[n, i + len(names) + 7]] for i, n in enumerate(names)]


def link(box: Toolbox) -> list[dict[str, object]]:
    """Link the objects of `many` and run the program."""
    box.allocscc("main.o", "./library.so", "-o", "prog")
    return box.answers("prog")


def test_stubs_of_one_shape_are_compiled_once(box: Toolbox, own: Path) -> None:
    """R6: two hundred wrappers, a handful of compiles, each stub with its own names; the next link compiles nothing."""
    many(box, 200)
    made = {path.name: path.stat().st_mtime_ns for path in own.iterdir()}
    assert len(made) <= 2 * len(_SHAPES)
    start = time.monotonic()
    link(box)
    assert time.monotonic() - start < 2
    assert {path.name: path.stat().st_mtime_ns for path in own.iterdir()} == made


def test_parallel_links(box: Toolbox, own: Path) -> None:
    """R6: links that need the same stubs at the same time, from an empty cache, do not disturb each other."""
    many(box, 10)
    for path in own.iterdir():
        path.unlink()
    words = [str(ROOT / "bin" / "allocscc"), "main.o", "./library.so", "-o"]
    running = [
        subprocess.Popen([*words, f"prog{i}"], cwd=box.folder, env=box.env, stderr=subprocess.PIPE) for i in range(6)
    ]
    assert [process.communicate()[1] for process in running] == [b""] * 6
    for i in range(6):
        assert one(box.answers(f"prog{i}")[:1], name="chunk")["wrapper"] == "wrapper_number_0_"
    assert all(re.fullmatch(r"[0-9a-f]{24}\.o", path.name) for path in own.iterdir())


def test_no_stub_no_compile(box: Toolbox, own: Path) -> None:
    """R6: a link whose plan has no stub neither writes nor compiles one."""
    box.write("x.c", "#include <stdlib.h>\nint main(void) { free(malloc(1)); return 0; }\n")
    box.allocscc("-O1", "x.c", "-o", "x", env={"ALLOCSCC_SAVE_TEMPS": "saved"})
    assert not own.exists()
    assert not (box.folder / "saved").exists()


def test_a_cache_is_bounded(box: Toolbox, own: Path) -> None:
    """R6: the older half goes when there are too many; what this link needs is there."""
    own.mkdir(parents=True)
    for i in range(1100):
        path = own / f"{i:024x}.o"
        path.write_bytes(b"")
        os.utime(path, (i, i))
    box.allocscc("-O1", PROGRAMS / "wrapped.c", PROGRAMS / "xmalloc.c", "-o", "prog", env=WRAPPERS)
    left = {path.name for path in own.iterdir()}
    assert 500 < len(left) < 600
    assert f"{1099:024x}.o" in left
    assert one(box.answers("prog"), name="one")["wrapper"] == "xrealloc"


@pytest.mark.parametrize("home", ["none", "read-only"])
def test_without_a_home(box: Toolbox, home: str, tmp_path: Path) -> None:
    """R3: no home, or one that cannot be written: stubs go into a folder of the temporaries."""
    del box.env["ALLOCSCC_CACHE"]
    box.env.pop("XDG_CACHE_HOME", None)
    box.env["HOME"] = "/proc/1/nowhere" if home == "none" else "/proc/sys"
    box.allocscc("-O1", PROGRAMS / "wrapped.c", PROGRAMS / "xmalloc.c", "-o", "prog", env=WRAPPERS)
    assert one(box.answers("prog"), name="one")["wrapper"] == "xrealloc"
    assert list(tmp_path.glob("allocscc-*/stubs/*.o"))


def test_saved_stubs(box: Toolbox, own: Path) -> None:
    """R2, R15: the C of every stub on request: the config entry of each, macros of stubgen.h; it compiles as it is."""
    box.write(
        "allocscc.toml",
        '[allocator.pool]\nsuballocates = "malloc"\nalloc = ["pool_alloc(pZ)p", "pool_calloc(pzZ)p"]\n'
        'free = ["pool_free(pP)"]\n',
    )
    box.allocscc("-O1", PROGRAMS / "pool.c", "-o", "prog", env={"ALLOCSCC_SAVE_TEMPS": "saved/c"})
    (path,) = (box.folder / "saved" / "c").iterdir()
    text = path.read_text()
    assert path.name == "prog.pool_alloc.stub.c"
    for function in ("pool_alloc(pZ)p", "pool_calloc(pzZ)p", "pool_free(pP)"):
        assert f": {function}, allocator.pool ({box.folder}/allocscc.toml:1); entry-defined: " in text
    assert 'ENTRY_ALLOC_STUB("pool_alloc", void *, ' in text
    box.run("gcc", "-Wall", "-Werror", "-Wno-builtin-declaration-mismatch", *box.include, "-c", path, "-o", "stub.o")
    assert "pool_allocator" in box.run("nm", "stub.o").stdout


def test_save_stubs_as_an_option(box: Toolbox, own: Path) -> None:
    """R2: an option of our linker's, also through the driver and in a probe; it never reaches the real one."""
    need("ld")
    box.allocscc("-O1", "-c", PROGRAMS / "wrapped.c", env=WRAPPERS)
    box.allocscc("-O1", "-c", PROGRAMS / "xmalloc.c", env=WRAPPERS)
    told = box.run("gcc", "-###", "wrapped.o", "xmalloc.o", "-o", "prog").stderr.splitlines()
    words = next(shlex.split(line) for line in told if line.startswith(" ") and "collect2" in line)
    box.run(ROOT / "bin" / "allocsld", "--save-stubs=my stubs", *words[1:], env=WRAPPERS)
    for folder, output in (("my stubs", "prog"), ("driver's", "conftest")):
        if output == "conftest":
            box.allocscc("wrapped.o", "xmalloc.o", f"-Wl,--save-stubs={folder}", "-o", output, env=WRAPPERS)
        saved = sorted(path.name for path in (box.folder / folder).iterdir())
        assert saved == [f"{output}.strdup.stub.c", f"{output}.xcalloc.stub.c"]
    assert one(box.answers("prog"), name="one")["wrapper"] == "xrealloc"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_every_linker_takes_them(box: Toolbox, linker: str, compiler: str) -> None:
    """R6: objects whose names were put in by us are objects like any other, whoever compiled them."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker], compiler)
    box.env["ALLOCSCC_CC"] = compiler
    source = PROGRAMS / "wrapped.c"
    box.run("gcc", "-O1", "-fPIC", "-shared", PROGRAMS / "xmalloc.c", "-o", "libx.so")
    for flags in ((), ("-Wl,--gc-sections", "-ffunction-sections")):
        box.allocscc("-O1", *flags, f"-fuse-ld={linker}", source, "./libx.so", "-o", "prog", env=WRAPPERS)
        answers = box.answers("prog")
        assert one(answers, name="one")["wrapper"] == "xrealloc"
        assert one(answers, name="text")["wrapper"] == "xmemdup"
        assert one(answers, name="plain")["wrapper"] == "strdup"
