"""A link that does not come to its end: a stub that does not compile, a signal, a full disk."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Toolbox
from tests.integration.test_hostile_link import leftovers, parts

ALLOCSCC = ROOT / "bin" / "allocscc"
__all__ = ["parts"]


@pytest.fixture
def own_cache(parts: Toolbox, tmp_path: Path) -> Path:
    """A cache that no stub is in yet, but the runtime is."""
    parts.run(ALLOCSCC, "main.o", "plain.o", "-o", "first")
    (parts.folder / "first").unlink()
    cache = tmp_path / "own-cache"
    shutil.copytree(parts.env["ALLOCSCC_CACHE"], cache)
    shutil.rmtree(cache / "stubs")
    parts.env["ALLOCSCC_CACHE"] = str(cache)
    return cache


def failing_compiler(box: Toolbox) -> None:
    """A gcc that links, and compiles nothing."""
    real = shutil.which("gcc")
    tool = box.write(
        "bin/gcc", f'#!/bin/sh\ncase " $* " in *" -c "*) echo "no licence" >&2; exit 3 ;; esac\nexec {real} "$@"\n'
    )
    tool.chmod(0o755)
    box.env["PATH"] = f"{tool.parent}:{box.env['PATH']}"


def kept_source(said: str, cache: Path) -> Path:
    """The stub's source that a message names."""
    found = re.findall(r"\S+\.c\b", said)
    paths = {Path(word) for word in found if Path(word).is_relative_to(cache / "failed")}
    assert len(paths) == 1, said
    return paths.pop()


@pytest.mark.parametrize("on_error", ["warn", "stop"])
@pytest.mark.parametrize("cause", ["compiler", "include"])
def test_failing_stub(parts: Toolbox, own_cache: Path, on_error: str, cause: str) -> None:
    """R2, R3: the message has the compiler's words and the stub's source, which is kept; `on-error` says what then."""
    config = f'on-error = "{on_error}"\n'
    if cause == "include":
        header = parts.write("mine.h", "#error not today\n")
        config += f'[stubgen]\ninclude = ["{header}"]\n'
    else:
        failing_compiler(parts)
    parts.write("allocscc.toml", config)
    done = parts.run(ALLOCSCC, "main.o", "plain.o", "-o", "prog", check=False)
    assert done.returncode == (0 if on_error == "warn" else 1)
    assert (parts.folder / "prog").exists() == (on_error == "warn")
    assert done.stderr.count("allocscc: ") == 1
    assert ("no licence" if cause == "compiler" else "not today") in done.stderr
    assert "Traceback" not in done.stderr
    source = kept_source(done.stderr, own_cache)
    assert "xmalloc" in source.read_text()
    again = parts.run(ALLOCSCC, "main.o", "plain.o", "-o", "prog", check=False)
    assert kept_source(again.stderr, own_cache) == source
    assert sorted(os.listdir(own_cache / "failed")) == [source.name]
    assert os.listdir(own_cache / "stubs") == []
    assert leftovers(parts) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["in the hook", "in the linker", "in the stub's compiler"])
def test_interrupted(parts: Toolbox, own_cache: Path, number: signal.Signals, moment: str) -> None:
    """R3, HAZARDS 23: the link ends by that signal's ways; no output, no temporaries, no half of a stub."""
    mark = parts.folder / "reached"
    slow(parts, moment, mark)
    process = start(parts, number)
    wait_until(mark.exists)
    os.killpg(process.pid, number)
    process.communicate()
    assert process.returncode != 0
    wait_until(lambda: not leftovers(parts))
    assert not (parts.folder / "prog").exists()
    assert [name for name in os.listdir(parts.folder) if name.startswith("prog")] == []
    wait_until(lambda: not list(own_cache.glob("**/new-*")))
    assert not any(name.endswith(".tmp") for name in os.listdir(own_cache / "runtime"))


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_interrupted_at_any_moment(parts: Toolbox, own_cache: Path, delay: float) -> None:
    """R3, HAZARDS 23: whenever it comes, the output is whole or not there."""
    process = start(parts, signal.SIGINT)
    time.sleep(delay)
    try:
        os.killpg(process.pid, signal.SIGINT)
    except ProcessLookupError:
        pass
    process.communicate()
    wait_until(lambda: not leftovers(parts))
    if process.returncode == 0 or os.access(parts.folder / "prog", os.X_OK):
        parts.run(parts.folder / "prog")  # linkers make an output executable when it is whole
    wait_until(lambda: not list(own_cache.glob("**/new-*")))


def test_killed(parts: Toolbox, own_cache: Path) -> None:
    """R3: after SIGKILL of our hook alone, the driver reports it, and there is no output."""
    mark = parts.folder / "reached"
    slow(parts, "in the hook", mark)
    process = start(parts, signal.SIGINT)
    wait_until(lambda: mark.exists() and mark.read_text())
    os.kill(int(mark.read_text()), signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode != 0
    assert "Killed" in said
    assert not (parts.folder / "prog").exists()


def slow(box: Toolbox, moment: str, mark: Path) -> None:
    """Let a link wait at a moment; `mark` is written when it is there."""
    if moment == "in the hook":
        box.write("allocscc.toml", '[hooks]\nplan = "slow.py"\n')
        box.write("slow.py", f"import os, time\n\ndef plan(config, plan):\n    open({str(mark)!r}, 'w').write("
                  "str(os.getpid()))\n    time.sleep(60)\n    return plan\n")  # fmt: skip
        return
    tool = "ld" if moment == "in the linker" else "gcc"
    real = shutil.which(tool)
    wait = f'echo $$ > "{mark}"; exec sleep 60'
    script = wait if tool == "ld" else f'case " $* " in *" -c "*) {wait} ;; esac\nexec {real} "$@"'
    path = box.write(f"bin/{tool}", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    if tool == "ld":
        box.env["COMPILER_PATH"] = str(path.parent)
    else:
        box.env["PATH"] = f"{path.parent}:{box.env['PATH']}"


def start(box: Toolbox, number: signal.Signals) -> subprocess.Popen[str]:
    """Start a link in a session of its own."""
    return subprocess.Popen(
        [ALLOCSCC, "main.o", "plain.o", "-o", "prog"], cwd=box.folder, env=box.env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a shell's background job ignores SIGINT
    )  # fmt: skip


def wait_until(fulfilled: object, seconds: float = 60) -> None:
    """Wait for a condition, or fail."""
    assert callable(fulfilled)
    end = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("size", [4096, 8192, 16384, 32768, 65536, 262144])
@pytest.mark.parametrize("what", ["output", "TMPDIR"])
def test_full_disk(parts: Toolbox, tmp_path: Path, size: int, what: str) -> None:
    """R3, HAZARDS 23: where the disk is full for the linker, it is for us; if our part does not fit, it is left out."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no right to mount a small file system here")
    output = disk / "prog" if what == "output" else parts.folder / "prog"
    if what == "TMPDIR":
        parts.env["TMPDIR"] = str(disk)
    try:
        answers = []
        for driver in ("gcc", ALLOCSCC):
            done = parts.run(driver, "main.o", "plain.o", "-o", output, check=False)
            answers.append((done.returncode, output.exists() and done.returncode == 0))
            if done.returncode == 0:
                parts.run(output)
            else:
                assert "allocscc: " not in done.stderr, done.stderr
            assert set(os.listdir(disk)) <= {"prog"}
            output.unlink(missing_ok=True)
    finally:
        subprocess.run(["umount", disk], check=True)
    assert answers[0] == answers[1]
