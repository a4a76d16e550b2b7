"""What the hooks of links import (R3)."""

import subprocess
import sys
from pathlib import Path

HEAVY = {"re", "json", "typing", "dataclasses", "collections", "tomllib", "plumbum", "elftools", "mmap", "hashlib"}


def imported(statement):
    """All modules that are there after an import in a fresh interpreter, as a hook's."""
    root = str(Path(__file__).parents[3])
    code = f"import sys; sys.path.insert(0, {root!r}); {statement}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True)
    return set(found.stdout.split())


def test_hot_path_imports_nothing_heavy():
    """R3: Python's start is most of what such a link pays; each of these would add to it."""
    modules = imported("import allocscc.link.phase")
    assert "allocscc.link.survey" in modules
    assert not modules & HEAVY


def test_planned_link_imports_nothing_heavy():
    """R3: so it is with a wrapper, or an allocator of the program's own."""
    plan = "apply, facts, hook, libraries, plan, pulled, record, stubs, template"
    modules = imported(f"from allocscc.link import {plan}; import allocscc.config.whole, allocscc.config.globs")
    assert "allocscc.sidecar" in modules
    assert not modules & {*HEAVY, "functools"}
