"""Allocations by library functions that were inlined belong to the user's lines (R4)."""

import re

import pytest

from allocscc.compile.asm import find_sites
from allocscc.compile.inlined import inlined_frames
from tests.integration.conftest import PROGRAMS, Toolbox, lines_of, need, one

SOURCE = PROGRAMS / "inlined.cc"
COMPILERS = ["g++", "clang++"]
FLAGS = [
    ("-O1",), ("-O2",), ("-O3", "-g1"), ("-O2", "-g", "-gdwarf-4", "-fPIC"), ("-O2", "-g", "-gdwarf-5"),
    ("-O3", "-g", "-ffunction-sections"), ("-O1", "-g", "-gdwarf-4", "-fPIC", "-ffunction-sections"),
]  # fmt: skip
# Functions with a call that both compilers inline at -O2.
INLINED = (
    "vector_reserve", "vector_sized", "vector_list", "vector_copy", "vector_of_vectors", "vector_of_hidden",
    "vector_of_local", "set_insert", "list_push", "forward_push", "unique", "shared", "shared_hidden",
    "fresh<node>", "fresh<long>", "owner::owner", "constructed_by_library", "both_on_a_line", "function_of_lambda",
)  # fmt: skip


def expected_types(text: str) -> dict[int, list[str]]:
    """By line, what its comment says; `~` in front: a part of the type's name."""
    return {
        number: line.partition("type: ")[2].removesuffix(" */").split("|")
        for number, line in enumerate(text.splitlines(), 1)
        if "type: " in line
    }


def is_expected(kind: str, wanted: list[str]) -> bool:
    return any(kind == word or (word.startswith("~") and word[1:] in kind) for word in wanted)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_lines_and_types(box: Toolbox, compiler: str, flags: tuple[str, ...]) -> None:
    """R4: the user's line wherever the call was inlined into the user's code, with the right type or none."""
    need(compiler)
    box.allocscc("-std=c++17", *flags, "-c", SOURCE, "-o", "x.o", env={"ALLOCSCC_CC": compiler})
    wanted = expected_types(SOURCE.read_text())
    own, untyped = set(), []
    for site in box.sites("x.o"):
        if site["file"] != str(SOURCE):
            assert str(site["function"]).startswith(("std::", "_ZNSt")), site  # a function of the library's own
            continue
        assert site["line"] in wanted, site
        assert 0 < int(str(site["column"])) <= len(SOURCE.read_text().splitlines()[int(str(site["line"])) - 1]), site
        if site["type"] is None:
            untyped.append(site["function"])
        else:
            assert is_expected(str(site["type"]), wanted[int(str(site["line"]))]), site
        own.add(re.sub(r"long int|long", "long", str(site["function"])))
    if "-O1" not in flags:
        assert own >= set(INLINED)
    if "-g" in flags:
        assert set(untyped) <= {"shared_from_pointer"}
    elif compiler == "g++":  # at -g1 gcc names functions with a hidden type without it
        assert set(untyped) <= {"shared_from_pointer", "vector_of_hidden", "vector_of_local"}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_profile(box: Toolbox, compiler: str) -> None:
    """R4, R18: what a person reads is the user's line, function and type."""
    need(compiler)
    box.allocscc("-std=c++17", "-O2", "-g", SOURCE, "-o", "prog", env={"ALLOCSCC_CC": compiler})
    rows = box.profile("prog")
    for mark, kind in (("v.reserve(n); // type: node", "node"), ("std::make_shared<node>(n)", "node")):
        row = one(rows, line=lines_of(SOURCE, mark))
        assert (row["file"], row["type"], row["evidence"]) == (str(SOURCE), kind, "inlined")
        assert row["callee"] == "_Znwm"
    both = lines_of(SOURCE, "std::unique_ptr<node> a(new")
    assert one(rows, line=both, type="node")["evidence"] == "new"
    assert one(rows, line=both, type="char")["total_bytes"] == 11


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [("-O2",), ("-O2", "-g")], ids=" ".join)
def test_inline_function_of_a_c_header(box: Toolbox, compiler: str, flags: tuple[str, ...]) -> None:
    """R4: the line is the caller's, the type is that of the header's own source."""
    need(compiler)
    text = (PROGRAMS / "inlined.c").read_text()
    box.write("inlined.c", text)
    box.allocscc(*flags, "inlined.c", "-o", "prog", env={"ALLOCSCC_CC": compiler})
    wanted = expected_types(text)
    sites = box.sites("prog")
    assert sorted((site["line"], site["type"]) for site in sites) == sorted(
        (line, kind) for line, kinds in wanted.items() for kind in kinds
    )
    assert {site["function"] for site in sites} == {"pair"}
    assert {site["file"] for site in sites} == {str(box.folder / "inlined.c")}
    assert sum(int(str(row["total_chunks"])) for row in box.profile("prog") if row["function"] == "pair") == 4


def test_without_inlining(box: Toolbox) -> None:
    """R4: at -O0 the library's functions have code of their own, and the sites are theirs."""
    box.allocscc("-std=c++17", "-O0", "-g", "-c", SOURCE, "-o", "x.o", env={"ALLOCSCC_CC": "g++"})
    files = {site["file"] for site in box.sites("x.o") if site["file"] != str(SOURCE)}
    assert all(str(file).startswith("/usr/include/c++/") for file in files)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    "flags",
    [("-O2", "-g"), ("-O3", "-gdwarf-4", "-g1"), ("-O1", "-g", "-ffunction-sections")],
    ids=" ".join,
)
def test_agrees_with_llvm(box: Toolbox, compiler: str, flags: tuple[str, ...]) -> None:
    """R4: what the assembly text says is what llvm-addr2line finds in the linked program, call by call."""
    need(compiler, "llvm-addr2line", "nm")
    box.run(compiler, "-std=c++17", *flags, *(["-fno-integrated-as"] if compiler == "clang++" else []), "-S", SOURCE,
            "-o", "x.s")  # fmt: skip
    text = (box.folder / "x.s").read_text()
    positions = [site.start for site in find_sites(text, {"_Znwm", "_Znam"}, "/")]
    found = inlined_frames(text, positions, "/")
    pieces = [text[a:b] for a, b in zip([0, *positions], [*positions, len(text)], strict=True)]
    marked = "".join(f"{piece}\t.globl\tmark{n}\nmark{n}:\n" for n, piece in enumerate(pieces[:-1])) + pieces[-1]
    box.write("marked.s", marked)
    box.run(compiler, "-no-pie", "marked.s", "-o", "prog")
    names = dict(line.split()[::-2] for line in box.run("nm", "prog").stdout.splitlines() if " mark" in line)
    marks = [number for number in range(len(positions)) if f"mark{number}" in names]
    assert len(marks) > 30
    for number in marks:
        shown = box.run("llvm-addr2line", "-i", "-f", "-e", "prog", f"0x{names[f'mark{number}']}").stdout.splitlines()
        theirs = [line.partition(" (")[0] for line in shown[3::2]]
        ours = [f"{frame.file}:{frame.line}" for frame in found[number]]
        assert [line.rpartition("/")[2] for line in theirs] == [line.rpartition("/")[2] for line in ours]
        inner = [frame.function.symbol or frame.function.name for frame in found[number]]
        assert [name.partition("<")[0] for name in shown[0:-2:2]] == [name.partition("<")[0] for name in inner]
