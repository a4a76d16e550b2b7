"""What clang does in one process, asked for again: `allocscc.compile.clang`."""

import os

import pytest

from allocscc.compile import clang
from allocscc.compile.clang import driver_command, included_files, made_by_compiler, unit_of
from allocscc.compile.interest import Needs


class Folder:
    """Stands for a temporary folder."""

    def file(self, name):
        return f"/f/{name}"


_FOLDER = Folder()


@pytest.fixture
def command_line(tmp_path, monkeypatch):
    """`command_line(words)`: let these be the words of the process that runs us; the sources exist."""
    real = open

    def pretend(*words):
        path = tmp_path / "cmdline"
        path.write_bytes(b"".join(os.fsencode(word) + b"\0" for word in words))

        def opened(name, *arguments, **options):
            return real(path if str(name).startswith("/proc/") else name, *arguments, **options)

        monkeypatch.setattr(clang, "open", opened, raising=False)

    monkeypatch.chdir(tmp_path)
    for name in ("foo.c", "bar.c", "foo.o", "foo.cc", "sub/foo.c", "f\udcff.c"):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w"):
            pass
    return pretend


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (["clang", "-c", "foo.c", "-o", "x.o"], "foo.c"),
        (["clang", "-c", "bar.c", "foo.c"], "foo.c"),
        (["clang", "-c", "sub/foo.c"], "sub/foo.c"),
        (["clang", "-c", "foo.c", "foo.o"], "foo.c"),
        (["clang", "-c", "foo.c", "foo.c"], "foo.c"),
        (["clang", "-c", "foo.c", "sub/foo.c"], None),
        (["clang", "-c", "foo.c", "foo.cc"], None),
        (["clang", "-c", "bar.c"], None),
        (["clang", "-c", "missing/foo.c"], None),
        (["clang", "-c", "-", "-x", "c"], None),
        ([], None),
    ],
)
def test_driver_command(command_line, words, source):
    """R3: the one source whose name clang's temporary has; none where that leaves a doubt."""
    command_line(*words)
    assert driver_command("/tmp/foo-1a2b3c.s") == ((source, words) if source else None)


@pytest.mark.parametrize(("assembly", "made"), [("/tmp/foo-1a2b3c.s", True), ("own.s", False), ("-", True)])
def test_made_by_compiler(command_line, assembly, made):
    """R3: assembly that a person wrote stays as it is."""
    command_line("clang", "-c", "foo.c", "own.s")
    assert made_by_compiler(assembly) is made


def test_file_names_are_bytes(command_line):
    """R3: a name that is no UTF-8 is found and handed on as it is."""
    command_line("clang", "-c", "f\udcff.c")
    assert driver_command("/tmp/f\udcff-1a2b3c.s") == ("f\udcff.c", ["clang", "-c", "f\udcff.c"])


def test_name_with_a_dash(command_line, tmp_path):
    """R3: clang appends its own part behind the last dash."""
    (tmp_path / "foo-bar.c").write_text("")
    command_line("clang", "-c", "foo-bar.c")
    assert driver_command("/tmp/foo-bar-99.s")[0] == "foo-bar.c"


def test_no_proc(monkeypatch):
    """R3: without /proc there are no records, and no error."""

    def refuse(*_):
        raise OSError

    monkeypatch.setattr(clang, "open", refuse, raising=False)
    assert driver_command("/tmp/foo-1.s") is None


@pytest.fixture
def spawned(monkeypatch):
    """The commands that are run; they succeed."""
    commands = []

    def spawn(argv, *_, **__):
        commands.append(argv)
        return 0

    monkeypatch.setattr(clang.toolchain, "spawn", spawn)
    return commands


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["-c", "x.c", "-O2", "-DX=1", "-o", "x.o"], ["x.c", "-O2", "-DX=1"]),
        (["-MD", "-MF", "x.d", "-MT", "t", "-MQ", "q", "-MP", "-MMD", "-S", "x.c"], ["x.c"]),
        (["x.c", "-I", "include", "-Iother", "-std=c11"], ["x.c", "-I", "include", "-Iother", "-std=c11"]),
        (["x.c", "y.c", "z.o"], ["x.c"]),
        (["x.c", "-o"], ["x.c"]),
    ],
)
def test_preprocess(spawned, tmp_path, monkeypatch, words, kept):
    """R4: the same options, for one source, without its outputs; our macros are visible."""
    monkeypatch.chdir(tmp_path)
    for name in ("x.c", "y.c", "z.o"):
        (tmp_path / name).write_text("")
    found = unit_of("/tmp/x-1.s", ("x.c", ["/usr/bin/clang", *words]), "", _FOLDER, Needs(True)).expansion.preprocess()
    assert spawned == [["/usr/bin/clang", *kept, "-E", "-D__ALLOCSCC_SCAN__", "-w", "-o", "/f/unit.i"]]
    assert found.path == "/f/unit.i"
    assert found.standard == (["-std=c11"] if "-std=c11" in words else [])


@pytest.mark.parametrize(
    ("driver", "source", "language"),
    [
        ("/usr/bin/clang", "x.c", "c"),
        ("/usr/bin/clang", "x.i", "c"),
        ("/usr/bin/clang", "x.cc", "c++"),
        ("/usr/bin/clang", "x.C", "c++"),
        ("/usr/bin/clang", "x.cpp", "c++"),
        ("/usr/bin/clang++", "x.c", "c++"),
        ("/opt/c++/bin/clang", "x.c", "c"),
    ],
)
def test_language(spawned, driver, source, language):
    """R4: by the driver's name or the source's."""
    assert (
        unit_of("/tmp/x-1.s", (source, [driver, source]), "", _FOLDER, Needs()).expansion.preprocess().language
        == language
    )


def test_last_standard_counts(spawned):
    """R4: as for clang itself."""
    driver = ["/usr/bin/clang", "-std=c99", "x.c", "-std=c17"]
    assert unit_of("/tmp/x-1.s", ("x.c", driver), "", _FOLDER, Needs()).expansion.preprocess().standard == ["-std=c17"]


def test_unknown_source(spawned):
    """R3: without a source there is nothing to preprocess; the unit is its assembly."""
    unit = unit_of("/tmp/x-1.s", None, "text", _FOLDER, Needs())
    assert (unit.expansion.preprocess(), unit.source, unit.text) == (None, "/tmp/x-1.s", "text")
    assert spawned == []


def test_preprocessing_that_fails(monkeypatch):
    """R3: clang has told what is wrong; there are no types."""
    monkeypatch.setattr(clang.toolchain, "spawn", lambda *_, **__: 1)
    assert (
        unit_of("/tmp/x-1.s", ("x.c", ["/usr/bin/clang", "x.c"]), "", _FOLDER, Needs()).expansion.preprocess() is None
    )


def test_included_files(tmp_path, monkeypatch):
    """R5: the source and what it may include: beside it, from `-I` and `-iquote`, over several steps, in circles."""
    monkeypatch.chdir(tmp_path)
    files = {
        "src/x.c": '#include "a.h"\n  #  include <b.h>\n#include "missing.h"\n// #include "no.h"\n#include MACRO\n',
        "src/a.h": '#include "deep/c.h"\n',
        "src/deep/c.h": '#include "d.h"\n#include "../a.h"\n',
        "src/deep/d.h": "",
        "inc/b.h": '#include "e.h"\n#include "x.c"\n',
        "inc/e.h": b"\xff",
        "quote/q.h": "",
        "src/no.h": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    found = included_files("src/x.c", ["clang", "-Iinc", "-iquote", "quote", "src/x.c"])
    assert {os.path.normpath(path) for path in found} == {
        "src/x.c", "src/a.h", "src/deep/c.h", "src/deep/d.h", "inc/b.h", "inc/e.h",
    }  # fmt: skip
    assert found[0] == "src/x.c"
    assert "inc/b.h" in included_files("src/x.c", ["clang", "-I", "inc", "src/x.c"])


def test_includes_in_a_circle_through_folders(tmp_path, monkeypatch):
    """R3: a file that includes itself by ever longer names comes to an end."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.c").write_text('#include "d/x.c"\n')
    (tmp_path / "d").symlink_to(".")
    assert len(included_files("x.c", [])) < 100


def test_source_that_is_gone():
    """R3: nothing to read, nothing to tell."""
    assert included_files("/no/such/x.c", []) == ["/no/such/x.c"]
