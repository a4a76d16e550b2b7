"""What a program is to `allocs run`, and what is its and what is ours on the command line."""

import os
import sys

import pytest

from allocscc.cli.program import Program, compiler_name, examine
from allocscc.cli.run import Run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["./prog", "--top", "3"], ["--", "./prog", "--top", "3"]),
        (["--top", "3", "./prog", "-x"], ["--top", "3", "--", "./prog", "-x"]),
        (["--top=3", "--leaks", "./prog"], ["--top=3", "--leaks", "--", "./prog"]),
        (["-o", "out", "./prog", "--", "x"], ["-o", "out", "--", "./prog", "--", "x"]),
        (["--leaks", "--", "-prog"], ["--leaks", "--", "-prog"]),
        (["--leaks"], ["--leaks", "--"]),
        (["-", "x"], ["--", "-", "x"]),
    ],
)
def test_the_programs_options_are_its_own(words, expected):
    assert Run("allocs run")._separated(words) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "profile=/t%%x/%p.json"),
        ("profile=mine:leaks=1:leak-status=3", "leaks=1:leak-status=3:profile=/t%%x/%p.json"),
    ],
)
def test_options_for_the_runtime(given, expected):
    assert Run("allocs run")._options(given, "/t%x") == expected


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("", "gcc"),
        ("clang", "clang"),
        ("ccache gcc-12 -m64", "gcc-12"),
        ("/usr/bin/ccache clang", "clang"),
        ("-x", "gcc"),
    ],
)
def test_the_compiler(value, name):
    assert compiler_name({"ALLOCSCC_CC": value} if value else {}) == name


def test_kinds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "text").write_text("text")
    (tmp_path / "broken").write_bytes(b"\x7fELF")
    (tmp_path / "ours").write_bytes(b"\x7fELF\x02" + bytes(100) + b"__allocs_runtime\0")
    assert [examine(f"./{name}").kind for name in ("script", "text", "ours")] == ["script", "other", "ours"]
    assert examine("./broken").kind in ("static", "dynamic")  # the system says what is wrong with it
    assert examine("no-such-program-anywhere").path is None
    assert examine("./missing").path is None
    python = examine(os.path.realpath(sys.executable))
    assert (python.kind, python.wants_preload) == ("dynamic", True)


@pytest.mark.parametrize(
    ("kind", "status", "preload", "said"),
    [
        ("ours", -11, "auto", "ended by SIGSEGV"),
        ("ours", -99, "auto", "ended by signal 99"),
        ("ours", 0, "auto", "without running its exit handlers"),
        ("static", 0, "auto", "linked statically"),
        ("musl", 0, "auto", "uses musl"),
        ("script", 0, "auto", "started no program that was built by allocscc"),
        ("dynamic", 0, "never", "leave out --preload never"),
        ("dynamic", 0, "auto", "without running its exit handlers"),
    ],
)
def test_why_there_is_no_profile(kind, status, preload, said):
    assert said in Program("/bin/x", kind).why_none(status, preload=preload)
