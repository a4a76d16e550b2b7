"""Our failure never fails a build that plain gcc would pass, and says so once (DESIGN §1); a wrong config stops."""

import shutil
from pathlib import Path

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, need

HELLO = (
    "#include <stdio.h>\n#include <stdlib.h>\n"
    'int main(void) { void *volatile p = malloc(3); free(p); puts("hello"); return 0; }\n'
)
ALLOCSCC = ROOT / "bin" / "allocscc"


def hello(box: Toolbox, *args: str, env: dict[str, str] | None = None) -> list[str]:
    """Build and run a program; gives our lines of the build's stderr."""
    box.write("hello.c", HELLO)
    done = box.run(ALLOCSCC, "-g", "-O2", "hello.c", "-o", "prog", *args, env=env)
    assert box.run(box.folder / "prog").stdout == "hello\n"
    return done.stderr.splitlines()


def test_scanner_that_crashes(box: Toolbox) -> None:
    """R3, R2: a hook that raises: a working build, one warning that names the unit, and the same program."""
    box.write("allocscc.toml", '[hooks]\nsites = "hooks.py"\n')
    box.write("hooks.py", "def sites(sites):\n    raise RuntimeError('the scanner crashed')\n")
    box.write("hello.c", HELLO)
    lines = box.run(ALLOCSCC, "-g", "-O2", "-c", "hello.c").stderr.splitlines()
    assert len(lines) == 1
    where = f"{box.folder / 'hooks.py'}:2"
    assert lines[0].startswith(
        f"allocscc: warning: hello.c: the compile phase failed: {where}: the hook failed: RuntimeError: the scanner"
    )
    box.run("gcc", "-g", "-O2", "-c", "hello.c", "-o", "plain.o")
    objects = []
    for name in ("hello.o", "plain.o"):
        box.run("objcopy", "-O", "binary", "-j", ".text.startup", name, f"{name}.text")
        objects.append((box.folder / f"{name}.text").read_bytes())
    assert objects[0] == objects[1]
    assert len(hello(box)) == 1


def test_scanner_that_crashes_without_debug_info(box: Toolbox) -> None:
    """R3: the debug info that only we wanted is taken out again even then."""
    box.write("allocscc.toml", '[hooks]\nsites = "hooks.py"\n')
    box.write("hooks.py", "def sites(sites):\n    return None\n")
    box.write("hello.c", HELLO)
    assert "compiled without records" in box.run(ALLOCSCC, "-O2", "-c", "hello.c").stderr
    assert ".debug_" not in box.run("readelf", "-SW", "hello.o").stdout


def test_on_error_stop(box: Toolbox) -> None:
    """R2: a project that wants to know stops instead."""
    box.write("allocscc.toml", 'on-error = "stop"\n[hooks]\nsites = "hooks.py"\n')
    box.write("hooks.py", "raise ValueError('no')\n")
    box.write("hello.c", HELLO)
    done = box.run(ALLOCSCC, "-c", "hello.c", check=False)
    assert done.returncode != 0
    assert "hooks.py:1: the hook failed: ValueError: no" in done.stderr


def test_hook_that_changes_sites(box: Toolbox) -> None:
    """R2: the project's script sees what the scan found and may change it."""
    box.write("allocscc.toml", '[hooks]\nsites = "hooks.py"\n')
    box.write(
        "hooks.py",
        "from dataclasses import replace\n\n"
        "def sites(sites):\n    return [replace(s, type='struct mine') for s in sites]\n",
    )
    assert hello(box) == []
    assert [site["type"] for site in box.sites("prog")] == ["struct mine"]


def test_broken_project_config_stops_the_link(box: Toolbox) -> None:
    """R1: a silently ignored config is worse than a stopped build: one message with file and line."""
    config = box.write("allocscc.toml", '[wrapper.x]\nalloc = ["xmalloc(Q)p"]\n')
    box.write("hello.c", HELLO)
    done = box.run(ALLOCSCC, "-c", "hello.c")
    assert done.stderr.startswith(f"allocscc: warning: hello.c: the compile phase failed: {config}:2: bad signature")
    done = box.run(ALLOCSCC, "hello.o", "-o", "prog", check=False)
    assert done.returncode != 0
    assert f"allocscc: {config}:2: bad signature, expected one of" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_copy_without_its_packages(box: Toolbox, tmp_path: Path) -> None:
    """R3: without plumbum and libclang a build passes as with plain gcc, and says what to do."""
    copy = tmp_path / "copy"
    for name in ("bin", "allocscc", "config", "stubgen"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True)
    box.env["ALLOCSCC_CACHE"] = str(tmp_path / "empty-cache")
    box.env["ALLOCSCC_PYTHON"] = (
        shutil.which("python3", path="/usr/bin:/usr/local/bin") or shutil.which("python3") or ""
    )
    box.write("hello.c", HELLO)
    done = box.run(copy / "bin" / "allocscc", "hello.c", "-o", "prog")
    assert all(line.startswith("allocscc: warning: ") for line in done.stderr.splitlines())
    assert "make setup" in done.stderr
    assert box.run(box.folder / "prog").stdout == "hello\n"


def test_no_python_at_all(box: Toolbox) -> None:
    """R3: without python3 the plain compiler runs, with one warning."""
    tools = box.folder / "tools"
    tools.mkdir()
    for name in ("sh", "readlink", "gcc", "as", "ld", "cat", "ls", "cksum", "cut"):
        tool = shutil.which(name)
        if tool:
            (tools / name).symlink_to(tool)
    copy = box.folder / "copy"
    for name in ("bin", "allocscc", "config", "stubgen"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True)
    box.env["PATH"] = str(tools)
    box.write("hello.c", HELLO)
    done = box.run(copy / "bin" / "allocscc", "hello.c", "-o", "prog")
    assert done.stderr.splitlines() == [
        "allocscc: warning: no python3 of version 3.11 or newer was found; building as plain gcc would"
    ]
    assert box.run(box.folder / "prog").stdout == "hello\n"


def test_damaged_inputs_are_left_to_the_linker(box: Toolbox) -> None:
    """R3: what we cannot read is the real linker's to judge."""
    box.write("hello.c", HELLO)
    box.run(ALLOCSCC, "-c", "hello.c")
    damaged = box.folder / "damaged.o"
    damaged.write_bytes((box.folder / "hello.o").read_bytes()[:700])
    plain = box.run("gcc", "hello.o", "damaged.o", "-o", "prog", check=False)
    ours = box.run(ALLOCSCC, "hello.o", "damaged.o", "-o", "prog", check=False)
    assert plain.returncode == ours.returncode != 0
    assert "Traceback" not in ours.stderr


def test_errors_of_the_tool(box: Toolbox) -> None:
    """R15: one clear message and a documented status each, no traceback."""
    box.write("text", "hello\n")
    box.write("old.json", '{"allocscc_profile": 99, "rows": []}')
    box.write("bad.json", '{"allocscc_profile": 1, "rows": [{}]}')
    box.run("gcc", "-c", PROGRAMS / "peak.c", "-o", "peak.o")
    cases = [
        (("report", "text"), 65, "not a profile"),
        (("report", "old.json"), 65, "version 99"),
        (("report", "bad.json"), 65, "damaged profile"),
        (("report", "missing"), 66, "No such file"),
        (("sites", "text"), 65, "no sidecar record"),
        (("explain", "peak.o"), 65, "holds no plan"),
        (("frobnicate",), 64, "no verb 'frobnicate'"),
    ]
    for args, status, message in cases:
        done = box.run(ROOT / "bin" / "allocs", *args, check=False)
        assert (done.returncode, message in done.stderr) == (status, True), (args, done)
        assert "Traceback" not in done.stderr


def test_a_link_that_only_our_additions_break(box: Toolbox) -> None:
    """R3: a link that fails with our additions is done without them; here the libc is not the runtime's."""
    need("musl-gcc")
    box.write("hello.c", HELLO)
    done = box.run(ALLOCSCC, "hello.c", "-o", "prog", env={"ALLOCSCC_CC": "musl-gcc"})
    assert box.run(box.folder / "prog").stdout == "hello\n"
    assert all(line.startswith(("allocscc: warning: ", "  ")) for line in done.stderr.splitlines()), done.stderr


def test_what_the_linker_says_is_passed_on(box: Toolbox) -> None:
    """R3: warnings of a link that succeeds, and a trace that was asked for, come through once."""
    box.write("hello.c", HELLO)
    plain = box.run("gcc", "hello.c", "-o", "prog", "-Wl,--section-start=.nowhere=0x1000,-z,nonsense")
    ours = box.run(ALLOCSCC, "hello.c", "-o", "prog", "-Wl,--section-start=.nowhere=0x1000,-z,nonsense")
    assert "nonsense" in plain.stderr
    assert plain.stderr == ours.stderr
