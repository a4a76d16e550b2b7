"""`ALLOCS_OPTIONS=check=mismatch`: frees that do not belong to how the chunk was allocated (R14)."""

import subprocess

import pytest

from tests.integration.conftest import PROGRAMS, Toolbox, lines_of

CONFIG = """
[wrapper.x]
alloc = ["xmalloc(Z)p"]
free = ["xfree(P)", "yfree(P)"]

[allocator.pool]
alloc = ["pool_get(Z)p"]
free = ["pool_put(P)"]
"""
SOURCE = PROGRAMS / "mismatch.c"
_NODE = "20 bytes, struct node"
# case: what is reported, of which size and type, where it was allocated and through what; whether the program goes on
CASES = {
    1: (
        "mismatched free of",
        f"{_NODE}: not by a function of its wrapper's",
        "node",
        "through xmalloc",
        True,
    ),
    2: ("mismatched free of", "10 bytes, char: by another allocator's function", "text", "by malloc", True),
    3: ("mismatched free of", "8 bytes, long: by another allocator's function", "long", "by pool", False),
    4: ("double free of", "char", "text", "freed before at", True),
    5: ("free of a pointer into a chunk:", "10 bytes, char", "text", "by malloc", True),
    6: ("double free of", "struct node", "node", "through xmalloc", True),
    7: (
        "mismatched free of",
        f"{_NODE}: by another allocator's function",
        "node",
        "through xmalloc",
        True,
    ),
    8: ("mismatched free of", f"{_NODE}: not by a function of its wrapper's", "node", "xmalloc", True),
    9: ("free of what is no chunk:", "", "", "freed at", False),
    10: ("free of a pointer into a chunk:", "10 bytes, char", "text", "by malloc", True),
}


@pytest.fixture(params=[("-O0", "stubs"), ("-O2", "stubs"), ("-O2", "unwind")], ids=" ".join)
def program(box: Toolbox, request: pytest.FixtureRequest) -> Toolbox:
    """`prog`, and a box for it."""
    optimise, observe = request.param
    box.write("allocscc.toml", CONFIG)
    box.env["ALLOCSCC_OBSERVE"] = observe
    box.allocscc(optimise, "-g", "-w", SOURCE, PROGRAMS / "mismatch_x.c", "-o", "prog")
    return box


def run(box: Toolbox, case: int, options: str = "check=mismatch") -> subprocess.CompletedProcess[str]:
    return box.run("./prog", str(case), env={"ALLOCS_OPTIONS": options}, check=False)


def test_every_case(program: Toolbox) -> None:
    """R14: what was freed, where it comes from, and through what, whoever freed it; then the program goes on."""
    for case, (what, about, mark, through, goes_on) in CASES.items():
        done = run(program, case)
        first, *rest = done.stderr.splitlines()
        assert first.startswith(f"allocscc: {what} 0x"), (case, done.stderr)
        assert about in first, (case, done.stderr)
        text = "\n".join(rest)
        assert through in text, (case, done.stderr)
        assert "  freed at " in text, (case, done.stderr)
        if mark:
            assert f"allocated at {SOURCE}:{lines_of(SOURCE, f'/* {mark} */')} in main" in text, (case, done.stderr)
        assert (done.stdout == "end\n" and done.returncode == 0) == goes_on, (case, done)


def test_nothing_to_report(program: Toolbox) -> None:
    """R14: frees that jump on, that have helpers, that are called through a pointer; and what no wrapper handed out."""
    done = run(program, 0)
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


def test_abort(program: Toolbox) -> None:
    """R14: the first one ends the program, if asked."""
    done = run(program, 1, "check=mismatch,abort")
    assert done.returncode == -6
    assert done.stderr.startswith("allocscc: mismatched free of 0x")
    assert done.stdout == ""


def test_off(program: Toolbox) -> None:
    """R14: nothing is checked unless asked."""
    assert run(program, 1, "").stderr == run(program, 1, "check=0").stderr == ""


def test_frees_have_places(program: Toolbox) -> None:
    """R14: where it was freed is said as addr2line takes it."""
    report = run(program, 1).stderr
    place = report.rpartition("freed at ")[2].strip()
    path, _, offset = place.partition("+")
    shown = program.run("addr2line", "-e", path, hex(int(offset, 16) - 1)).stdout
    assert shown.strip() == f"{SOURCE}:{lines_of(SOURCE, 'case 1:')}"


def test_bytes_that_look_like_calls(box: Toolbox) -> None:
    """R14: what stands before a return address need not be a direct call; reading on must not end the program."""
    box.run("gcc", "-std=gnu11", "-w", *box.include, PROGRAMS / "jumps.c", "-o", "prog")
    assert box.run("./prog").stdout == "all hold\n"
