"""The demo and the report as a person sees them; the package as pip installs it (R18)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Toolbox, need


def test_demo(box: Toolbox) -> None:
    """R18: the report names allocators, wrappers, sites and types in 80 columns; the last line says what is next."""
    done = box.run("sh", ROOT / "examples" / "demo" / "run.sh")
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("heap of "))
    report = lines[start:-1]
    assert max(map(len, report)) <= 80
    text = "\n".join(report)
    for expected in (
        "malloc < xmalloc < arena_new memory.c:",
        "malloc < xcalloc < table_new words.c:",
        "arena < add words.c:",
        "malloc < shares words.c:",
        "struct entry",
        "arena hands out pieces of malloc's chunks",
    ):
        assert expected in text, expected
    assert lines[-1].startswith("Next, ")
    command = lines[-1].split(": ", 1)[1]
    assert "arena_alloc: replace (entry-defined)" in box.run("sh", "-c", f"cd '{ROOT}' && {command}").stdout


def test_report_options(box: Toolbox) -> None:
    """R18: sorting, limiting and JSON show the same rows."""
    box.run("sh", ROOT / "examples" / "demo" / "run.sh")
    heap = ROOT / "build" / "demo" / "heap.json"
    rows = box.report(heap)
    keys = ["allocator", "wrappers", "file", "line", "column", "function", "callee", "type", "evidence"]
    keys += [f"{when}_{what}" for when in ("live", "peak", "total") for what in ("bytes", "chunks")]
    assert all(key in row for row in rows for key in keys)
    allocs = ROOT / "bin" / "allocs"
    everything = box.run(allocs, "report", "--top", "0", heap).stdout
    assert everything.count(" < ") >= len(rows)
    limited = box.run(allocs, "report", "--top", "1", "--sort", "live", heap).stdout
    assert f"({len(rows) - 1} more: --top 0 shows all)" in limited
    assert "shares words.c" in limited


def test_installed_with_pip(box: Toolbox, tmp_path: Path) -> None:
    """R18: the launchers work from a prefix that pip installed into, with hooks, config and runtime sources along."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    wheels, source_tree = tmp_path / "wheels", tmp_path / "tree"
    for name in ("allocscc", "bin", "config", "stubgen"):  # setuptools builds in the tree: not in the checkout
        shutil.copytree(ROOT / name, source_tree / name)
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg", "setup.py"):
        shutil.copy(ROOT / name, source_tree)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    built = subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, source_tree], capture_output=True)
    if b"Could not find a version" in built.stderr or b"connection" in built.stderr.lower():
        pytest.skip("offline: pip cannot fetch setuptools to build the package")
    assert built.returncode == 0, built.stderr
    wheel = next(wheels.glob("*.whl"))
    target = ["--python", str(venv / "bin" / "python3"), "install", "--no-deps", str(wheel)]
    subprocess.run([*pip, *target], check=True)
    site = next((venv / "lib").glob("python3*/site-packages"))
    ours = next((Path(sys.prefix) / "lib").glob("python3*/site-packages"))
    (site / "borrowed.pth").write_text("")
    for name in ("plumbum", "clang", "tomlkit", "typing_extensions.py"):
        if (ours / name).exists():
            (site / name).symlink_to(ours / name)
    source = box.write(
        "t.c", "#include <stdlib.h>\nint main(void) { int *volatile p = (int *)malloc(sizeof(int)); return !p; }\n"
    )
    done = box.run(venv / "bin" / "allocscc", source, "-o", "prog")
    assert done.stderr == ""
    box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=heap.json"})
    shown = box.run(venv / "bin" / "allocs", "report", "heap.json").stdout
    assert "main t.c:2" in shown
    for made in ("man/man1/allocs.1", "man/man1/allocscc.1", "man/man1/allocs-report.1", "zsh/site-functions/_allocs",
                 "bash-completion/completions/allocs", "fish/vendor_completions.d/allocs.fish"):  # fmt: skip
        assert (venv / "share" / made).stat().st_size > 500, made
    need("g++")
    done = box.run(venv / "bin" / "allocsc++", "-x", "c++", source, "-o", "prog")
    assert done.stderr == ""
