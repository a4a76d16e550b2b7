"""Every row of the table of links, built, run, asked and proved (`tests.integration.matrix`); R6, R8, R9, R12, R15.

What is the same for several cases (the objects) is made once; a case links them with and without us, runs both
programs, and meanwhile has the proof of each of its link commands made.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from elftools.elf.elffile import ELFFile

from allocscc.cli.explain import both_links
from tests.integration import matrix
from tests.integration.conftest import ROOT, Toolbox, need
from tests.integration.matrix import CASES, REPORTED, Case

ALLOCSCC = ROOT / "bin" / "allocscc"
LINKERS = {"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}
VANILLA = "vanilla"  # the folder below a case's own in which everything is made without us
# What a program of ours may export beside that: what the list of the built runtime names, and libc's family.
FAMILY = frozenset((
    "malloc", "calloc", "realloc", "reallocarray", "free", "malloc_usable_size", "aligned_alloc", "memalign",
    "posix_memalign", "pvalloc", "valloc",
))  # fmt: skip
# Where the records begin and end: bfd and lld export these where objects with records are linked without us.
SITES = frozenset(("__start_allocs_sites", "__stop_allocs_sites"))


def prove(command: list[str]) -> dict[str, Any]:
    """Both links of a command and the verdict, made in this process; fails with what is not explained (R15)."""
    result = both_links([str(ALLOCSCC), *command])
    left = {key: result[key] for key in ("unexplained", "traceless", "problems", "said")}
    assert result["proved"], f"{command} is not proved:\n{json.dumps(left, indent=1)}"
    assert not result["said"]
    return result


@contextlib.contextmanager
def proving(box: Toolbox) -> Iterator[ThreadPoolExecutor]:
    """Workers for `prove`, which makes links where the process is, with its environment: those of the case."""
    there = os.getcwd()
    with mock.patch.dict(os.environ, box.env, clear=True), ThreadPoolExecutor(2) as workers:
        os.chdir(box.folder)
        try:
            yield workers
        finally:
            workers.shutdown()
            os.chdir(there)


class Parts:
    """The objects of the cases, each made once: cases that differ in the linker have the same ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[tuple[object, ...], Path] = {}

    def put(self, box: Toolbox, case: Case) -> None:
        """Put a case's objects into its folder, and those of the plain compiler into `vanilla` there."""
        tools, flags = case.tools, case.output.compile
        key = (case.definition, tools.compiler, tools.lto, flags)
        if key not in self.made:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            ours = Toolbox(folder, box.env)
            vanilla = Toolbox(folder / VANILLA, box.env)
            vanilla.folder.mkdir()
            compile_parts(ours, case, str(ALLOCSCC))
            compile_parts(vanilla, case, tools.compiler)
            if case.definition.place == "ours":
                with proving(ours):
                    prove(["-g", "-O1", "-fPIC", "-shared", "get.c", "-o", "libget.so"])
            self.made[key] = folder
        shutil.copytree(self.made[key], box.folder, dirs_exist_ok=True)


def compile_parts(box: Toolbox, case: Case, compiler: str) -> None:
    """All of a case that stands before its links, by allocscc or by the plain compiler."""
    definition, output, tools = case.definition, case.output, case.tools
    box.write("allocscc.toml", definition.config)
    same = definition.place == "same"
    box.write("caller.c", matrix.CALLER % (definition.source if same else "getter get;"))
    box.write("get.c", definition.source)
    box.write("main.c", matrix.MAIN)
    flags = ("-O1", "-g", *tools.lto, *output.compile)
    cc(box, compiler, *flags, "-c", "caller.c")
    if definition.place in ("object", "archive"):
        cc(box, compiler, *flags, "-c", "get.c")
    if definition.place == "archive":
        box.write("pulled.c", matrix.PULLED)
        box.write("unpulled.c", matrix.UNPULLED)
        cc(box, compiler, *flags, "-c", "pulled.c", "unpulled.c")
        box.run("gcc-ar", "rcs", "libget.a", "unpulled.o", "get.o", "pulled.o")
    if definition.place in ("ours", "foreign"):
        maker = tools.compiler if definition.place == "foreign" else compiler
        box.run(maker, "-g", "-O1", "-fPIC", "-shared", "get.c", "-o", "libget.so")
    cc(box, compiler, "-O1", "-g", "-fPIE" if output.shared else output.compile[0], "-c", "main.c")


def cc(box: Toolbox, compiler: str, *words: str) -> None:
    """Run a compiler; success is silent."""
    done = box.run(compiler, *box.include, *words)
    assert done.stderr == ""


def links(case: Case) -> list[list[str]]:
    """The link commands of a case, without their driver: `prog`, before it `libcaller.so` if the case is about one."""
    place, output, tools = case.definition.place, case.output, case.tools
    words = {"same": [], "object": ["get.o"], "archive": ["libget.a"]}.get(place, ["-L.", "-lget", "-Wl,-rpath,."])
    options = [*tools.lto, f"-fuse-ld={tools.linker}", *output.link]
    if not output.shared:
        return [[*options, "main.o", "caller.o", *words, "-o", "prog"]]
    library = ["-L.", "-lcaller", "-Wl,-rpath,."]
    return [
        [*options, "caller.o", *words, "-o", "libcaller.so"],
        [f"-fuse-ld={tools.linker}", "main.o", *library, "-o", "prog"],
    ]


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The objects of all cases."""
    return Parts(tmp_path_factory.mktemp("parts"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if not case.impossible])
def test_case(box: Toolbox, parts: Parts, case: Case, observe: str) -> None:
    """R6, R8, R15: three chunks are known, or the plan says that they are not observed; and nothing else is changed."""
    need(case.tools.compiler, LINKERS[case.tools.linker])
    box.env["ALLOCSCC_CC"] = case.tools.compiler
    parts.put(box, case)
    vanilla = Toolbox(box.folder / VANILLA, box.env)
    commands = links(case)
    with proving(box) as workers:
        proofs: dict[str, Future[dict[str, Any]]] = {}
        for command in commands:
            proofs[command[-1]] = workers.submit(prove, command)
            cc(box, str(ALLOCSCC), *command)
        for command in commands:
            cc(vanilla, case.tools.compiler, *command)
        plain = vanilla.run("./prog", check=not case.crashes)
        # a stub takes an ifunc's place; a mark leaves it as it is
        done = box.run("./prog", check=plain.returncode == 0 or observe == "stubs")
    if plain.returncode == 0:
        assert (done.stdout, plain.stderr) == (plain.stdout, "")
    for name, proof in proofs.items():
        compare_outputs(box, case, name, proof.result())
    if done.returncode == 0:
        check_answers(box, case, [line.split(maxsplit=2) for line in done.stderr.splitlines()])


def check_answers(box: Toolbox, case: Case, found: list[list[str]]) -> None:
    """What the runtime says of the three chunks, or the plan."""
    if case.expected == REPORTED:
        output = "libcaller.so" if case.output.shared else "prog"
        plans = json.loads(box.run(ROOT / "bin" / "allocs", "explain", "--json", output).stdout)
        left = [d for plan in plans for d in plan["decisions"] if d["action"] == "leave" and d["rule"] == "lto"]
        assert [d["symbol"].rpartition("::")[2] for d in left] == ["get"]
        return
    wrapper = case.definition.wrapper
    allocator = "malloc" if wrapper != "-" else "get"
    assert found == [[wrapper, allocator, f"struct node {size}"] for size in (20, 21, 22)]


def exports(path: Path) -> set[str]:
    """The dynamic symbols that a file defines for others, as pyelftools reads them."""
    with open(path, "rb") as file:
        table = ELFFile(file).get_section_by_name(".dynsym")
        return {
            symbol.name
            for symbol in (table.iter_symbols() if table else ())
            if symbol.name
            and symbol["st_shndx"] != "SHN_UNDEF"
            and symbol["st_other"]["visibility"] not in ("STV_HIDDEN", "STV_INTERNAL")
        }


def runtime_exports(box: Toolbox) -> set[str]:
    """The names in the dynamic lists of the runtimes that were built for these tests, one a line."""
    lists = Path(box.env["ALLOCSCC_CACHE"]).glob("runtime/*/exports.list")
    return {line.strip(" ;") for path in lists for line in path.read_text().splitlines()}


def compare_outputs(box: Toolbox, case: Case, name: str, result: dict[str, Any]) -> None:
    """R15: the proof saw what both outputs export and which members both links took; we export ours and no more."""
    seen = {kind: {key: set(found) for key, found in sides.items()} for kind, sides in result["seen"].items()}
    theirs, ours = exports(box.folder / VANILLA / name), exports(box.folder / name)
    for kind, found in (("vanilla", theirs), ("ours", ours)):
        assert {one.partition("@")[0] for one in seen[kind]["exports"]} - SITES == found - SITES
    assert name == "prog" or {"three", "same"} <= theirs
    gone = {"get"} if case.definition.name == "ifunc" and case.tools.linker == "gold" and name == "prog" else set()
    assert theirs - ours <= gone
    # all who import a wrapper share its identity; a program that defines it, or that links statically, exports none
    identity = {"__allocs_wrapper_get"} if case.definition.place == "foreign" else set()
    assert ours - theirs <= (identity if name == "libcaller.so" else identity | FAMILY | runtime_exports(box))
    inputs = {kind: {Path(one).name for one in sides["inputs"]} for kind, sides in seen.items()}
    files = {word for word in result["command"] if word.endswith(".o")}
    assert files <= inputs["vanilla"]
    assert files <= {one.partition("-")[2] or one for one in inputs["ours"]}  # changed copies: 29-get.o
    if "libget.a" in result["command"]:
        for found in inputs.values():
            members = {one.partition("(")[2].rstrip(")") for one in found if "libget.a(" in one}
            assert {one for one in members if not one.startswith("allocs-")} == {"get.o", "pulled.o"}


def test_table_is_the_document() -> None:
    """R15: docs/link-matrix.md is the rendering of this table."""
    path = Path(ROOT) / "docs" / "link-matrix.md"
    assert path.read_text(encoding="utf-8") == matrix.rendered()
