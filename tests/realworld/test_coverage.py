"""How much is known of the allocation sites of real projects, built at -O2 -g (R4)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.jqsource import ALLOCSCC, ROOT, Build, UnavailableError
from benchmarks.projects import LUA, SQLITE, Project

from .conftest import Builds


def coverage(path: str | Path) -> dict[str, int]:
    """What `allocs sites --coverage` counts."""
    command = [os.path.join(ROOT, "bin", "allocs"), "sites", "--coverage", "--json", str(path)]
    counted: dict[str, int] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return counted


def check(counted: dict[str, int], at_least: int) -> None:
    """All have a place, nearly all are found in the source, and every size that is written out tells a type."""
    assert counted["sites"] >= at_least
    assert counted["placed"] == counted["sites"]
    assert counted["matched"] >= 0.99 * counted["sites"]
    assert counted["sized_typed"] == counted["sized"]


def test_jq(jq_builds: Builds) -> None:
    """R4: jq with the regular expression library that it brings along."""
    check(coverage(Path(jq_builds.ours.tree) / ".libs" / "libjq.a"), 100)
    check(coverage(Path(jq_builds.ours.tree) / "vendor" / "oniguruma" / "src" / ".libs" / "libonig.a"), 50)


@pytest.mark.parametrize(
    ("project", "output", "at_least"), [(LUA, "liblua.a", 20), (SQLITE, "sqlite3", 60)], ids=["lua", "sqlite"]
)
def test_with_its_pack(project: Project, output: str, at_least: int, tmp_path: Path) -> None:
    """R4: the project's own allocators are sites, too."""
    try:
        build: Build = project.tree(str(tmp_path / "tree"), ALLOCSCC, described=True)
    except UnavailableError as error:
        pytest.skip(f"needs {project.name}'s source: {error}")
    project.make(build)
    check(coverage(Path(build.tree) / output), at_least)
