"""Paths as debug info has them: `allocscc.compile.prefix`."""

import pytest

from allocscc.compile.prefix import mapped


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "/home/me/project/src"),
        (["-O2", "-I/home/me"], "/home/me/project/src"),
        (["-ffile-prefix-map=/home/me/project=."], "./src"),
        (["-fdebug-prefix-map=/home/me/project=/usr/src"], "/usr/src/src"),
        (["-ffile-prefix-map=/home/me/project/="], "src"),
        (["-fmacro-prefix-map=/home/me/project=."], "/home/me/project/src"),
        (["-ffile-prefix-map=/home=/a", "-ffile-prefix-map=/home/me=/b"], "/b/project/src"),
        (["-ffile-prefix-map=/home/me=/b", "-ffile-prefix-map=/home=/a"], "/a/me/project/src"),
        (["-ffile-prefix-map=/other=/a"], "/home/me/project/src"),
        (["-ffile-prefix-map=/home/m=/x"], "/xe/project/src"),
        (["-ffile-prefix-map=/home/me"], "/home/me/project/src"),
    ],
)
def test_mapped(arguments, expected):
    """R4: records respect the prefix maps of reproducible builds, as debug info does."""
    assert mapped("/home/me/project/src", arguments) == expected
