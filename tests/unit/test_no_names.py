"""R1: one description drives everything: no code knows the name of an allocator."""

import ast
import re
from pathlib import Path

import pytest

from allocscc.config.model import functions_of
from allocscc.config.read import read_layer

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "allocscc").rglob("*.py"))
# The names of things that are no allocators: gcc's attribute, and a key of the config.
OTHER_MEANING = {
    "config/attributes.py": {"malloc"},
    "config/marks.py": {"malloc"},
    "compile/declarations.py": {"malloc"},
}
KEYS = {"free"}


def function_names() -> set[str]:
    """Every function that the built-in layer describes."""
    entries = read_layer(str(ROOT / "config" / "builtin.toml")).entries.values()
    return {signature.name for entry in entries for _, signature in functions_of(entry)}


def literals(path: Path) -> list[str]:
    """The string literals of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree)
                  if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def test_names_are_known() -> None:
    """R1: the test below looks for something."""
    assert {"malloc", "calloc", "free", "strdup", "_Znwm", "malloc_usable_size"} <= function_names()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_allocator_name_in_code(path: Path) -> None:
    """R1: neither as a literal nor as a word of one."""
    allowed = KEYS | OTHER_MEANING.get(str(path.relative_to(ROOT / "allocscc")), set())
    found = {word for text in literals(path) for word in re.findall(r"\w+", text)} & function_names()
    assert found - allowed == set()
