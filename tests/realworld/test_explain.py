"""The final links of real projects, made with and without us, every difference explained (R15)."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.jqsource import ALLOCSCC, ROOT, Build, UnavailableError
from benchmarks.projects import LUA, SQLITE

from .conftest import Builds


def prove(build: Build, *command: str) -> dict[str, Any]:
    """The proof of a link command, made in the tree of a build; fails with what is not explained."""
    words = [os.path.join(ROOT, "bin", "allocs"), "explain", "--verify", "--json", "--", "gcc", *command]
    done = subprocess.run(words, cwd=build.tree, env=build.environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr
    result = json.loads(done.stdout)
    left = {key: result[key] for key in ("unexplained", "traceless", "problems", "said")}
    assert result["proved"], json.dumps(left, indent=1)
    assert result["explained"]
    return result


def tree_with_pack(project: object, folder: Path) -> Build:
    """A tree of a project in which nothing is built yet, its pack used."""
    (folder / "allocscc.toml").write_text(f'use = ["{project.pack}"]\n')  # type: ignore[attr-defined]
    try:
        return Build(project.unpack(str(folder)), ALLOCSCC, str(folder / "cache"))  # type: ignore[attr-defined]
    except UnavailableError as error:
        pytest.skip(f"needs {project.name}'s source: {error}")  # type: ignore[attr-defined]


def test_jq(jq_builds: Builds) -> None:
    """R15: jq as a library with a version script, as a program that uses it, and in one piece."""
    onig = "vendor/oniguruma/src/.libs/libonig"
    build = jq_builds.ours
    objects = sorted(str(path.relative_to(build.tree)) for path in Path(build.tree, "src", ".libs").glob("*.o"))
    options = ("-shared", "-Wl,-soname,libjq.so.1", "-Wl,--version-script=.libs/libjq.ver")
    prove(build, *options, *objects, f"{onig}.so", "-lm", "-lpthread", "-o", "libjq.so")
    prove(build, "src/main.o", ".libs/libjq.so", f"{onig}.so", "-lm", "-o", "jq")
    prove(build, "src/main.o", ".libs/libjq.a", f"{onig}.a", "-lm", "-lpthread", "-o", "jq")


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Lua's objects, its pack used."""
    build = tree_with_pack(LUA, tmp_path_factory.mktemp("lua"))
    LUA.make(build)
    return build


def test_lua(lua: Build) -> None:
    """R15: Lua's program with its library in an archive."""
    prove(lua, "-o", "lua", "lua.o", "liblua.a", "-lm", "-ldl")


def test_lua_as_it_is_linked(lua: Build) -> None:
    """R15: the same with every symbol exported, for modules that are loaded later."""
    prove(lua, "-o", "lua", "-Wl,-E", "lua.o", "liblua.a", "-lm", "-ldl")


def test_lua_as_a_shared_library(tmp_path: Path) -> None:
    """R6, R15: Lua's objects, position-independent, as a shared library, and its program that uses it."""
    build = tree_with_pack(LUA, tmp_path)
    build.step("make", "-j2", f"CC={build.cc}", "CFLAGS=-O2 -g -std=c99 -DLUA_USE_LINUX -fPIC", "o")
    objects = sorted(path.name for path in Path(build.tree).glob("*.o") if path.name != "lua.o")
    library = ("-shared", "-Wl,-soname,liblua.so", *objects, "-lm", "-ldl", "-o", "liblua.so")
    seen = prove(build, *library)["seen"]
    assert seen["ours"]["exports"] == seen["vanilla"]["exports"]
    assert {"lua_newstate", "luaL_newstate", "luaopen_string"} <= set(seen["vanilla"]["exports"])
    taken = {Path(one).name.rpartition("-")[2] for one in seen["ours"]["inputs"]}
    assert {"lauxlib.o", "lstate.o", "lmem.o"} <= taken
    build.step(build.cc, *library)
    program = ("-o", "lua", "lua.o", "-L.", "-llua", "-Wl,-rpath,.")
    prove(build, *program)
    build.step(build.cc, *program)
    words = ["./lua", "-e", "print(#string.rep('x', 1000))"]
    done = subprocess.run(words, cwd=build.tree, capture_output=True, text=True, check=True)
    assert done.stdout == "1000\n"


def test_sqlite(tmp_path: Path) -> None:
    """R15: SQLite's shell; compiled on the way, once for both links."""
    build = tree_with_pack(SQLITE, tmp_path)
    prove(build, "-O0", "-DSQLITE_THREADSAFE=0", "shell.c", "sqlite3.c", "-lm", "-o", "sqlite3")
