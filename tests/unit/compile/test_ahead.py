"""When a source is read while gcc works on it: `allocscc.compile.ahead`, `allocscc.compile.interest`."""

import os

import pytest

from allocscc.compile import ahead
from allocscc.compile.ahead import Ahead, is_worth_it
from allocscc.compile.command import CompilerCommand
from allocscc.compile.interest import Needs, is_rereadable
from allocscc.config.roles import load_roles


@pytest.fixture
def roles(tmp_path, monkeypatch):
    """The builtin config."""
    monkeypatch.chdir(tmp_path)
    return load_roles({"ALLOCSCC_CACHE": str(tmp_path / "cache")}, str(tmp_path))


def worth(roles, text, words="cc1 -quiet x.c -o x.s", running="1/9"):
    """Whether it is for one source, with so much running."""
    with open("x.c", "w", encoding="ascii") as file:
        file.write(text)
    with open("loadavg", "w", encoding="ascii") as file:
        file.write(f"0.00 0.00 0.00 {running} 77\n")
    return is_worth_it(CompilerCommand(words.split()), roles)


@pytest.fixture(autouse=True)
def loadavg(monkeypatch):
    """The kernel's word on what runs is the tests'."""
    monkeypatch.setattr(ahead, "_PROCESSORS", "loadavg")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.delenv("ALLOCSCC_AHEAD", raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("malloc(3)", True), ("malloc (3)", True), ("/* a new malloc */", False), ("/* nothing */", False), ("", False)],
)
def test_what_it_says(roles, text, expected):
    """R3: only what calls a function of a role is read on suspicion."""
    assert worth(roles, text) is expected


def test_what_cplusplus_says(roles):
    """R3: in C++ also what has a `new`."""
    assert worth(roles, "T *p = new T;", "cc1plus -quiet x.c -o x.s")
    assert not worth(roles, "int renew;", "cc1plus -quiet x.c -o x.s")


@pytest.mark.parametrize(
    ("running", "expected"), [("1/90", True), ("2/90", True), ("3/90", False), ("x", False), ("", False)]
)
def test_a_free_processor(roles, running, expected):
    """R3: a build that keeps all processors busy would only need more memory at a time."""
    assert worth(roles, "malloc(3)", running=running) is expected


@pytest.mark.parametrize("compiler", ["cc1", "cc1plus"])
@pytest.mark.parametrize(("wish", "running", "expected"), [("always", "99/99", True), ("never", "1/9", False)])
def test_a_wish(roles, monkeypatch, compiler, wish, running, expected):
    """R18: tests do not depend on what else runs."""
    monkeypatch.setenv("ALLOCSCC_AHEAD", wish)
    assert worth(roles, "malloc(3)", f"{compiler} -quiet x.c -o x.s", running=running) is expected


def test_other_languages(roles):
    """R3: Fortran has no source that libclang reads."""
    assert not worth(roles, "malloc(3)", "f951 x.c -o x.s")


@pytest.mark.parametrize(
    ("source", "text", "words"),
    [
        ("", "", []), ("-", "", []), ("/dev/stdin", "", []), ("pipe", "", []), (".", "", []),
        ("x.c", "", ["-include", "/dev/stdin"]), ("x.c", "", ["-imacros", "/proc/self/fd/0"]),
        ("x.c", '#include "/dev/stdin"\n', []), ("x.c", "#include </proc/self/fd/3>\n", []),
    ],
)  # fmt: skip
def test_what_can_be_read_once(tmp_path, monkeypatch, source, text, words):
    """DESIGN §1: a pipe belongs to the compiler."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    (tmp_path / "x.c").write_text(text)
    assert not is_rereadable(source, words)
    (tmp_path / "x.c").write_text('#include "x.h"\nconst char *x = "/dev/null"; /* </proc/x> */\n')
    assert is_rereadable("x.c", ["-include", "x.h"])


def test_one_that_never_began(roles, monkeypatch):
    """DESIGN §1: where no process could be had, the source is read behind the compiler."""
    monkeypatch.setattr(ahead, "read_behind", lambda *words: words)
    reader = Ahead(CompilerCommand(["cc1", "x.c", "-o", "x.s"]), "folder", roles, lambda: "assembly")
    assert reader.finish(Needs(True))[1:4] == ("assembly", "folder", Needs(True))
    reader.end()
