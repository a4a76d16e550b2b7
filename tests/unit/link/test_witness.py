"""The linker that makes both links: `allocscc.link.witness`; what it does is in tests/integration/test_explain.py."""

import pytest

from allocscc.link.witness import cleaned


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        (["-pie", "-o", "prog", "a.o"], ["-pie", "a.o"]),
        (["--output=prog", "a.o"], ["a.o"]),
        (["-Map", "m", "-Map=m", "--Map=m", "--dependency-file=d", "--dependency-file", "d", "a.o"], ["a.o"]),
        (["-s", "--strip-all", "-x", "-X", "-M", "-t", "--trace", "a.o"], ["a.o"]),
        (["-soname", "x", "--gc-sections", "-lm"], ["-soname", "x", "--gc-sections", "-lm"]),
        (["-o"], []),
    ],
)
def test_arguments_without_what_writes_files(args, kept):
    """R3, R15: no output, map or dependency file of the user's; nothing stripped; all else in its order."""
    assert cleaned(args) == kept
