"""What the real linker says is passed on: `allocscc.link.run`."""

import subprocess
import sys

import pytest

from allocscc.link.run import run_linker


@pytest.fixture
def linker(tmp_path, capfd):
    """`linker(ours=…, plain=…)`: run one that ends with these shell commands; gives status, stdout and stderr."""

    def run(ours, plain, names=None, words=("ours",)):
        path = tmp_path / "ld"
        path.write_text(
            '#!/bin/sh\ncase " $* " in *" ours "*) who=ours ;; *) who=plain ;; esac\necho "$who out $*"\n'
            f'echo "$who err $*" >&2\nif [ $who = ours ]; then {ours}; else {plain}; fi\n'
        )
        path.chmod(0o755)
        status = run_linker(str(path), list(words), ["plain"], names or {})
        told = capfd.readouterr()
        return status, told.out, told.err

    return run


def test_success(linker):
    """R3: each stream as the linker wrote it, and nothing more."""
    assert linker("exit 0", "exit 1") == (0, "ours out ours\n", "ours err ours\n")


def test_names_of_inputs(linker):
    """R3, R6: a message about a changed copy names the input."""
    words = ("ours", "/tmp/allocscc-1/3-x.o", "/tmp/allocscc-1/4-libx.a(y.o)")
    names = {"/tmp/allocscc-1/3-x.o": "src/x.o", "/tmp/allocscc-1/4-libx.a": "/usr/lib/libx.a"}
    assert linker("exit 0", "exit 1", names, words)[2] == "ours err ours src/x.o /usr/lib/libx.a(y.o)\n"


def test_failure_of_both(linker):
    """R3: only the plain linker's words, and its status."""
    assert linker("exit 3", "exit 1") == (1, "plain out plain\n", "plain err plain\n")


def test_failure_of_ours(linker):
    """R3: the plain link counts; one warning says what went wrong."""
    status, out, err = linker("exit 3", "exit 0")
    assert (status, out) == (0, "plain out plain\n")
    assert err == (
        "plain err plain\nallocscc: warning: the link failed with allocscc's additions, so it was done without them:\n"
        "  ours out ours\n  ours err ours\n"
    )


def test_crash_of_ours(linker):
    """R3: a linker that our additions crash is run without them."""
    status, out, err = linker("kill -SEGV $$", "exit 0")
    assert (status, out) == (0, "plain out plain\n")
    assert err.startswith("plain err plain\nallocscc: warning: ")


def test_crash_of_both(tmp_path):
    """R3: what the linker said before it crashed is said, and we die as it did."""
    path = tmp_path / "ld"
    path.write_text('#!/bin/sh\necho "said $*" >&2\nkill -SEGV $$\n')
    path.chmod(0o755)
    code = (
        "from allocscc.link.run import run_linker\nfrom allocscc.toolchain import interruptible\n"
        f"interruptible(lambda: run_linker({str(path)!r}, ['ours'], ['plain'], {{}}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-11, "said plain\n")


@pytest.mark.parametrize("number", [9, 15])
def test_killed(tmp_path, number):
    """R3: a linker that was killed is reported as such."""
    path = tmp_path / "ld"
    path.write_text(f"#!/bin/sh\nkill -{number} $$\n")
    path.chmod(0o755)
    code = f"from allocscc.toolchain import interruptible, spawn\ninterruptible(lambda: spawn([{str(path)!r}]))\n"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == -number


def test_long_output(linker):
    """R3: a map of many pages is passed on whole."""
    out = linker("seq 1 200000", "exit 1")[1]
    assert out.endswith("\n199999\n200000\n")
