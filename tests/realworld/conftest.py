"""jq, downloaded once and built twice: with plain gcc and with allocscc."""

import os
import shutil
from typing import NamedTuple

import pytest

from benchmarks import jqsource
from benchmarks.jqsource import Build


class Builds(NamedTuple):
    """The same source, built twice."""

    plain: Build
    ours: Build


@pytest.fixture(scope="session")
def jq_builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    """Both builds, made one after another: each uses two processors itself."""
    top = str(tmp_path_factory.mktemp("jq"))
    try:
        sdist = jqsource.fetch(os.path.join(top, "downloads"))
    except jqsource.UnavailableError as error:
        pytest.skip(f"needs jq's source: {error}")
    gcc = shutil.which("gcc")
    assert gcc, "gcc is not on PATH"
    builds = Builds(
        jqsource.prepare(sdist, os.path.join(top, "plain"), gcc),
        jqsource.prepare(sdist, os.path.join(top, "ours"), jqsource.ALLOCSCC),
    )
    for build in builds:
        build.configure()
        build.make()
    return builds


@pytest.fixture(scope="session")
def big_json(tmp_path_factory: pytest.TempPathFactory) -> str:
    """20 MB."""
    return jqsource.generate(str(tmp_path_factory.mktemp("input") / "big.json"), 20_000_000)


@pytest.fixture(scope="session")
def small_json(tmp_path_factory: pytest.TempPathFactory) -> str:
    """100 KB: valgrind needs fifty times as long."""
    return jqsource.generate(str(tmp_path_factory.mktemp("input") / "small.json"), 100_000)
