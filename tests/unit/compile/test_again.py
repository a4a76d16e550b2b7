"""Compiling a unit of gcc's again, perhaps before anybody asks for it: `allocscc.compile.gcc.Again`."""

import pytest

from allocscc import toolchain
from allocscc.compile import gcc
from allocscc.compile.apart import NOTHING, Additions, Definition
from allocscc.compile.command import CompilerCommand
from allocscc.compile.gcc import Again

OWN = [Definition("own", "own", "x.c", 3, b"")]
OTHER = [Definition("other", "other", "x.c", 9, b"")]


class Folder:
    """Names of temporary files."""

    def file(self, name):
        return f"/f/{name}"


@pytest.fixture
def ran(monkeypatch):
    """What is started, waited for and ended, in order; compiles are numbered from 1."""
    log = []

    def start(words, **_):
        log.append(("start", words))
        return sum(entry[0] == "start" for entry in log)

    monkeypatch.setattr(toolchain, "spawn", lambda words, **_: log.append(("spawn", words)) or 0)
    monkeypatch.setattr(toolchain, "start", start)
    monkeypatch.setattr(toolchain, "wait", lambda pid: log.append(("wait", pid)) or 0)
    monkeypatch.setattr(toolchain, "end", lambda pid: log.append(("end", pid)))
    monkeypatch.setattr(toolchain, "read_text", lambda path: f"text of {path}")
    monkeypatch.setattr(gcc, "keep_file_apart", lambda *_: True)
    return log


def again(words="cc1 -quiet x.c -O2 -o x.s"):
    return Again(CompilerCommand(words.split()), Folder())


def steps(log):
    """The log without the includes being resolved."""
    return [(what, about if what != "start" else "") for what, about in log if what != "spawn"]


def test_what_was_begun_is_taken(ran):
    """R3: the same compile, asked for later, is not started once more."""
    one = again()
    one.begin(OWN, NOTHING)
    assert steps(ran) == [("start", "")]
    assert one.text(OWN, NOTHING) == "text of /f/apart.s"
    assert steps(ran)[1:] == [("wait", 1)]


@pytest.mark.parametrize("asked", [(OTHER, NOTHING), (OWN, Additions(b"prelude")), ([], NOTHING)])
def test_what_was_begun_for_another_question_is_ended(ran, asked):
    """R3: a guess that was wrong costs time, and nothing else."""
    one = again()
    one.begin(OWN, NOTHING)
    assert one.text(*asked) == "text of /f/apart.s"
    assert steps(ran)[1:] == [("end", 1), ("start", ""), ("wait", 2)]


def test_what_nobody_asks_for_is_ended(ran):
    """R3: once."""
    one = again()
    one.begin(OWN, NOTHING)
    one.end()
    one.end()
    assert steps(ran)[1:] == [("end", 1)]


def test_no_builtins(ran):
    """R6: what a unit defines is none in its second compile, nor where that is made for its lines."""
    one = again()
    one.text([*OWN, *OTHER], NOTHING)
    wanted = ["-fno-builtin-own", "-fno-builtin-other"]
    assert next(words for what, words in ran if what == "start")[-2:] == wanted
    one.lined()
    assert ran[-1][1][-2:] == wanted


def test_lines_of_the_first_compile(ran):
    """R4: a unit that was not compiled again has its own text, and its builtins."""
    assert again().lined() == "text of /f/lined.s"
    assert not [word for word in ran[-1][1] if word.startswith("-fno-builtin")]


def test_no_source(ran):
    """R3: what came from standard input cannot be read again."""
    assert again("cc1 -quiet - -o x.s").text(OWN, NOTHING) is None
    assert ran == []
