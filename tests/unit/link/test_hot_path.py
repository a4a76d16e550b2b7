"""What a link without any function of a role imports (R3)."""

import subprocess
import sys
from pathlib import Path

HEAVY = {"re", "json", "typing", "dataclasses", "collections", "tomllib", "plumbum", "elftools", "mmap", "hashlib"}


def test_hot_path_imports_nothing_heavy():
    """R3: Python's start is most of what such a link pays; each of these would add to it."""
    root = str(Path(__file__).parents[3])
    code = f"import sys; sys.path.insert(0, {root!r}); import allocscc.link.phase; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True)
    modules = set(found.stdout.split())
    assert "allocscc.link.survey" in modules
    assert not modules & HEAVY
