"""Every row of the table of links, built, run and asked (`tests.integration.matrix`); R6, R8, R9, R12."""

import json
from pathlib import Path

import pytest

from tests.integration import matrix
from tests.integration.conftest import ROOT, Toolbox, need
from tests.integration.matrix import CASES, REPORTED, Case

ALLOCSCC = ROOT / "bin" / "allocscc"


def build(box: Toolbox, case: Case) -> None:
    """`prog`, and `libcaller.so` if the case is about a shared object."""
    definition, output, tools = case.definition, case.output, case.tools
    box.env["ALLOCSCC_CC"] = tools.compiler
    box.write("allocscc.toml", definition.config)
    same = definition.place == "same"
    box.write("caller.c", matrix.CALLER % (definition.source if same else "getter get;"))
    box.write("get.c", definition.source)
    box.write("main.c", matrix.MAIN)
    flags = ("-O1", "-g", *tools.lto, *output.compile)
    link = (*tools.lto, f"-fuse-ld={tools.linker}")
    words = ["caller.o"]
    box.allocscc(*flags, "-c", "caller.c")
    if definition.place in ("object", "archive"):
        box.allocscc(*flags, "-c", "get.c")
        words.append("get.o")
    if definition.place == "archive":
        box.run("gcc-ar", "rcs", "libget.a", "get.o")
        words[-1] = "libget.a"
    if definition.place in ("ours", "foreign"):
        compiler = ALLOCSCC if definition.place == "ours" else tools.compiler
        box.run(compiler, "-g", "-O1", "-fPIC", "-shared", "get.c", "-o", "libget.so")
        words += ["-L.", "-lget", "-Wl,-rpath,."]
    main_flags = ("-O1", "-g", "-fPIE" if output.shared else output.compile[0])
    box.allocscc(*main_flags, "-c", "main.c")
    if output.shared:
        box.allocscc(*link, *output.link, *words, "-o", "libcaller.so")
        box.allocscc(f"-fuse-ld={tools.linker}", "main.o", "-L.", "-lcaller", "-Wl,-rpath,.", "-o", "prog")
    else:
        box.allocscc(*link, *output.link, "main.o", *words, "-o", "prog")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if not case.impossible])
def test_case(box: Toolbox, case: Case) -> None:
    """R6, R8: the three chunks are known, or the plan says that the function is not observed."""
    need(case.tools.compiler, {"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[case.tools.linker])
    build(box, case)
    found = [line.split(maxsplit=2) for line in box.run("./prog").stdout.splitlines()]
    if case.expected == REPORTED:
        output = "libcaller.so" if case.output.shared else "prog"
        plans = json.loads(box.run(ROOT / "bin" / "allocs", "explain", "--json", output).stdout)
        left = [d for plan in plans for d in plan["decisions"] if d["action"] == "leave" and d["rule"] == "lto"]
        assert [d["symbol"].rpartition("::")[2] for d in left] == ["get"]
        return
    wrapper = case.definition.wrapper
    allocator = "malloc" if wrapper != "-" else "get"
    assert found == [[wrapper, allocator, f"struct node {size}"] for size in (20, 21, 22)]


def test_table_is_the_document() -> None:
    """R15: docs/link-matrix.md is the rendering of this table."""
    path = Path(ROOT) / "docs" / "link-matrix.md"
    assert path.read_text(encoding="utf-8") == matrix.rendered()
