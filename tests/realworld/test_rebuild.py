"""`allocs rebuild` on trees that others made: a plain makefile, and autoconf with libtool."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from benchmarks import jqsource
from benchmarks.jqsource import ROOT, UnavailableError
from benchmarks.projects import LUA

ALLOCS = os.path.join(ROOT, "bin", "allocs")


def rebuild(tree: str, cache: Path, *words: str) -> dict[str, object]:
    """The result of a rebuild, which has to be as expected."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ALLOCS", "LIBALLOCS"))}
    env["ALLOCSCC_CACHE"] = str(cache)
    command = [ALLOCS, "rebuild", "--json", "-j2", tree, *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    result: dict[str, object] = json.loads(done.stdout)
    return result


def callees(path: str) -> set[str]:
    """The functions that the recorded sites of a file call."""
    done = subprocess.run([ALLOCS, "sites", "--json", path], capture_output=True, text=True, check=True)
    return {site["callee"] for site in json.loads(done.stdout)}


def test_lua(tmp_path: Path) -> None:
    """R17: a makefile that names its own compiler."""
    try:
        tree = LUA.unpack(str(tmp_path))
    except UnavailableError as error:
        pytest.skip(f"needs Lua's source: {error}")
    options = ("CFLAGS=-O2 -g -std=c99 -DLUA_USE_LINUX", "MYLDFLAGS=-Wl,-E", "MYLIBS=-ldl")
    result = rebuild(tree, tmp_path / "cache", "--", *options)
    assert result["kind"] == "make"
    program = os.path.join(tree, "lua")
    assert "realloc" in callees(program)
    assert subprocess.run([program, "-e", "print(6 * 7)"], capture_output=True, text=True).stdout == "42\n"


def test_oniguruma(tmp_path: Path) -> None:
    """R17: the regular expression library in jq's release: configured for gcc, then for us with the same arguments."""
    try:
        jq = jqsource.unpack(jqsource.fetch(str(tmp_path / "downloads")), str(tmp_path))
    except UnavailableError as error:
        pytest.skip(f"needs jq's source: {error}")
    tree = os.path.join(jq, "vendor", "oniguruma")
    options = [f"--prefix={tmp_path}/a folder", "--disable-static", "CC=gcc", "CFLAGS=-O1"]
    subprocess.run(["./configure", *options], cwd=tree, check=True, capture_output=True)
    assert rebuild(tree, tmp_path / "cache")["kind"] == "autotools"
    said = subprocess.run(["./config.status", "--config"], cwd=tree, capture_output=True, text=True, check=True).stdout
    kept = [f"--prefix={tmp_path}/a folder", "--disable-static", "CFLAGS=-O1"]
    assert shlex.split(said) == [*kept, f"CC={ROOT}/bin/allocscc", f"CXX={ROOT}/bin/allocsc++"]
    library = os.path.join(tree, "src", ".libs", "libonig.so")
    assert {"malloc", "realloc"} <= callees(library)
    assert not os.path.exists(os.path.join(tree, "src", ".libs", "libonig.a"))
