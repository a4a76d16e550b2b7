"""What there is in a tree."""

import os
import shutil

import pytest

from allocscc.rebuild.look import built_by_us, look, one_case
from allocscc.rebuild.model import Case, Kind, Wishes


@pytest.fixture
def facts(tmp_path):
    """Makes a tree of these files and looks at it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def make(files, **wishes):
        tree = tmp_path / wishes.pop("name", "tree")
        for name, text in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return look(str(tree), Wishes("cc", "c++", str(scratch), **wishes))

    return make


def test_cases(facts):
    """R17: NAME/NAME.c, or an mk.inc."""
    found = facts({"a/a.c": "", "b/mk.inc": "", "b/x.c": "", "c/x.c": "", "d/d.cpp": "", "Makefile": ""})
    assert found.cases == (Case("a"), Case("b", fragment=True), Case("d"))


@pytest.mark.skipif(shutil.which("make") is None, reason="not installed: make (.ci/run installs it)")
def test_rules(facts):
    """R17: rules that make knows; a folder of that name is none; a makefile may include others."""
    found = facts({"Makefile": "all:\ninclude more.mk\n", "more.mk": ".PHONY: clean\nclean: ; rm x\n", "test/x": ""})
    assert found.rules == {"clean"}
    assert found.configured is None
    conventions = facts({"Makefile": "_onlyrun-%: ; ./$*\n", "a/mk.inc": ""}, name="cases")
    assert conventions.rules == {"_onlyrun-"}


def test_configured(facts):
    """R17: the arguments of before, quoted for a shell by autoconf."""
    script = "[ \"$1\" = --config ] && echo \"'--prefix=/a b' 'CFLAGS=-O2 -g' --with-x\"\n"
    assert facts({"configure": "", "config.status": script}).configured == (
        "--prefix=/a b",
        "CFLAGS=-O2 -g",
        "--with-x",
    )
    assert facts({"configure": ""}, name="other").configured is None


@pytest.mark.parametrize(
    ("top", "sign", "kind"),
    [("CMakeLists.txt", "CMakeCache.txt", Kind.CMAKE), ("meson.build", "build.ninja", Kind.MESON)],
)
def test_set_up(facts, top, sign, kind):
    """R17: whether its folder was made before."""
    assert not facts({top: ""}, name="one").built
    assert facts({top: "", f"build-allocscc/{sign}": ""}, name="two").built
    assert facts({"Makefile": "", top: "", f"build-allocscc/{sign}": ""}, name="three", kind=kind).built


def test_one_case(tmp_path):
    (tmp_path / "mk.inc").write_text("")
    assert one_case(str(tmp_path))
    (tmp_path / "Makefile").write_text("include mk.inc\n")
    assert not one_case(str(tmp_path))


def test_built_by_us(tmp_path):
    """R17: programs that another compiler built are told apart; other files, damaged ones and links do not count."""
    shutil.copy("/bin/sh", tmp_path / "theirs")
    (tmp_path / "damaged").write_bytes(b"\x7fELF" + b"\0" * 12 + b"\2\0" + b"\xff" * 20)
    (tmp_path / "text").write_text("x")
    os.symlink("theirs", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    assert built_by_us(str(tmp_path), 0.0) == (0, 1)
    assert built_by_us(str(tmp_path), os.stat(tmp_path / "theirs").st_mtime + 1) == (0, 0)
