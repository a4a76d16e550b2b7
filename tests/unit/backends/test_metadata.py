"""Liballocs' metadata step: `allocscc.backends.metadata`."""

import pytest

from allocscc import toolchain
from allocscc.backends import metadata
from allocscc.errors import ToolError


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What would be run, and what it would say: a list of (command, environment), and a status."""
    found = {"status": 0, "runs": [], "makes": True}

    def start(command, env, stdout, stderr):
        found["runs"].append((command, env))
        toolchain.os.write(stdout, b"line 1\nno such type\n")
        if found["makes"]:
            open(command[-1], "wb").close()
        return 0

    monkeypatch.setattr(toolchain, "start", start)
    monkeypatch.setattr(toolchain, "wait_for", lambda _: found["status"])
    monkeypatch.setattr(metadata, "_plain_compiler", lambda: "/usr/bin/cc")
    monkeypatch.setenv("META_BASE", str(tmp_path / "meta"))
    monkeypatch.chdir(tmp_path)
    return found


def test_command(started, tmp_path, monkeypatch):
    """R17: its makefile, a plain compiler, two targets; nothing of a make around us, all functions of the config."""
    monkeypatch.setenv("MAKEFLAGS", "CC=allocscc")
    monkeypatch.setenv("CFLAGS", "-g")
    signatures = {"xmalloc": "xmalloc(Z)p", "get": "get(pZ)p"}
    metadata.make_metadata("prog", "/tree", signatures, ["get"])
    ((command, env),) = started["runs"]
    base = f"{tmp_path}/meta{tmp_path}/prog"
    assert command[1:] == [
        "-r", "CC=/usr/bin/cc", "-C", "/tree/tools", "-f", "Makefile.meta", f"{base}.allocs", f"{base}-meta.so",
    ]  # fmt: skip
    assert (env["LIBALLOCS_ALLOC_FNS"], env["LIBALLOCS_SUBALLOC_FNS"]) == ("xmalloc(Z)p", "get(pZ)p")
    assert not {"MAKEFLAGS", "CFLAGS"} & set(env)
    assert (tmp_path / f"meta{tmp_path}" / "prog.makelog").read_text().endswith("no such type\nExit status was 0\n")


def test_relative_folder(started, tmp_path, monkeypatch):
    """R17: make runs elsewhere."""
    monkeypatch.setenv("META_BASE", "meta")
    metadata.make_metadata("prog", "/tree", {}, [])
    assert started["runs"][0][1]["META_BASE"] == str(tmp_path / "meta")


def test_failure(started):
    """R17: the end of the log is in the message, and where all of it is."""
    started["status"] = 2
    wanted = r"make's status was 2\); the end of /.*/prog\.makelog:\n.*\n  line 1\n  no such type"
    with pytest.raises(ToolError, match=wanted):
        metadata.make_metadata("prog", "/tree", {}, [])


def test_no_library(started):
    """R17: its makefile only warns where a program has no build id, and says that all is well."""
    started["makes"] = False
    with pytest.raises(ToolError, match=r"made no library of its metadata; the end of /.*\n.*\n  line 1\n  no such"):
        metadata.make_metadata("prog", "/tree", {}, [])


@pytest.mark.parametrize(
    ("found", "taken"),
    [("/usr/bin/gcc-11", "/usr/bin/gcc-11"), ("cc", "cc"), ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-gcc"),
     ("/usr/bin/clang", "/bin/gcc"), ("/usr/bin/g++", "/bin/gcc")],
)  # fmt: skip
def test_plain_compiler(monkeypatch, found, taken):
    """R17: clang does not read the inline assembly that the tools write."""
    monkeypatch.setattr("allocscc.backends.runtime.compiler", lambda: found)
    monkeypatch.setattr(toolchain, "find_program", lambda name: f"/bin/{name}")
    assert metadata._plain_compiler() == taken


def test_no_place(started, monkeypatch):
    """R17: who may not write where they go by default is told what to set."""
    monkeypatch.setenv("META_BASE", "/proc/nowhere")
    with pytest.raises(ToolError, match="set META_BASE to a folder"):
        metadata.make_metadata("prog", "/tree", {}, [])
