"""The liballocs backend against the contract's tree, and a real one where `LIBALLOCS` names it (R17)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, Toolbox, need

CONTRACT = ROOT / "tests" / "contract"
ALLOCSCC = ROOT / "bin" / "allocscc"
CASES = sorted(path.name for path in (CONTRACT / "cases").iterdir())
COMPILERS = [("gcc", "-O2", "bfd"), ("gcc", "-O0", "gold"), ("clang", "-O2", "gold"), ("clang", "-O0", "bfd")]
# What liballocs' own headers include.
PARTS = ("libsystrap/contrib/librunt", "libmallochooks", "liballocstool")
REAL = os.environ.get("LIBALLOCS", "")


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built copy of the contract's tree."""
    need("make", "gcc", "objdump", "nm")
    tree = tmp_path_factory.mktemp("contract") / "tree"
    shutil.copytree(CONTRACT / "tree", tree)
    subprocess.run(["make", "-s", "-C", tree], check=True, capture_output=True)
    return tree


class Built:
    """A box whose builds are for a tree; `runs` runs a program with the tree's runtime."""

    def __init__(self, box: Toolbox, tree: Path) -> None:
        self.box, self.tree = box, tree
        self.meta, self.log = box.folder.parent / "meta", box.folder.parent / "log"
        self.meta.mkdir()
        box.include = ("-I", str(tree / "include"), "-I", str(CONTRACT))
        box.env |= {"LIBALLOCS": str(tree), "META_BASE": str(self.meta), "CONTRACT_LOG": str(self.log)}

    def runs(self, program: Path | str, check: bool = True) -> int:
        """The exit status of a program with the runtime, which has to be 0."""
        path = self.box.folder / program
        env = {"LD_PRELOAD": str(self.tree / "lib" / "liballocs_preload.so")}
        return self.box.run(path, env=env, check=check).returncode

    def case(self, name: str, compiler: str, level: str, linker: str) -> Path:
        """Build one of the cases as its `mk.inc` says; the folder."""
        shutil.copytree(CONTRACT, self.box.folder, dirs_exist_ok=True)
        folder = self.box.folder / "cases" / name
        included = ["-f", "mk.inc"] if (folder / "mk.inc").exists() else []
        folders = [self.tree / "include", *(self.tree / "contrib" / part / "include" for part in PARTS)]
        flags = " ".join([f"-g {level} -Wno-unused-result", *(f"-I{folder}" for folder in folders if folder.is_dir())])
        env = {"CC": str(ALLOCSCC), "ALLOCSCC_CC": compiler, "CFLAGS": flags, "LDFLAGS": f"-fuse-ld={linker}"}
        done = self.box.run("make", "-s", "-C", folder, *included, name, env=env)
        assert done.stderr == ""
        return folder

    def logged(self) -> list[str]:
        """What the tree's tools were called for."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def built(box: Toolbox, contract: Path) -> Built:
    return Built(box, contract)


@pytest.mark.parametrize("how", COMPILERS, ids=" ".join)
@pytest.mark.parametrize("name", CASES)
def test_case(built: Built, name: str, how: tuple[str, str, str]) -> None:
    """R17: each behaviour of liballocs' tests, and each of its failures; gcc and clang, bfd and gold."""
    need(how[0], f"ld.{how[2]}")
    folder = built.case(name, *how)
    assert built.runs(folder / name) == 0
    assert built.box.run(folder / name, check=False).returncode in (0, 1)  # without the runtime nothing crashes
    named = {path.name for path in (CONTRACT / "cases" / name).iterdir()}
    left = {path.name for path in folder.iterdir()} - named
    assert all(one == name or one.endswith((".o", ".so")) for one in left), left


@pytest.mark.parametrize("how", COMPILERS, ids=" ".join)
def test_cases_by_rebuild(built: Built, how: tuple[str, str, str]) -> None:
    """R17: the whole folder by one command, which builds, runs and judges each case."""
    compiler, level, linker = how
    need(compiler, f"ld.{linker}")
    shutil.copytree(CONTRACT, built.box.folder, dirs_exist_ok=True)
    built.box.write("cases/Makefile", f"export PRELOAD := {built.tree}/lib/liballocs_preload.so\n")
    env = {
        "ALLOCSCC_CC": compiler, "CFLAGS": f"-g {level} -I{built.tree / 'include'} -Wno-unused-result",
        "LDFLAGS": f"-fuse-ld={linker}",
    }  # fmt: skip
    words = ("--kind", "cases", "--backend", "liballocs", "--keep-going", "-j2", "--json", "cases")
    done = built.box.run(ROOT / "bin" / "allocs", "rebuild", *words, env=env, check=False)
    cases = json.loads(done.stdout)["cases"]
    assert [case for case in cases if not case["met"]] == []
    assert sorted(case["name"] for case in cases) == CASES
    assert done.returncode == 0


@pytest.mark.skipif(not REAL, reason="LIBALLOCS does not name a liballocs tree")
@pytest.mark.parametrize("how", COMPILERS, ids=" ".join)
@pytest.mark.parametrize("name", CASES)
def test_case_with_a_real_tree(box: Toolbox, name: str, how: tuple[str, str, str]) -> None:
    """R17: the same programs with liballocs itself."""
    need(how[0], f"ld.{how[2]}")
    if name == "sizes":
        pytest.skip("liballocs' own tool allocsites uses memory that it has freed, and may crash (8f8a003, valgrind)")
    if name == "malloc-in-exe" and how[2] == "gold":
        pytest.skip("gold does not see that liballocs_dummyweaks.so exports __private_malloc: its visibility is hidden")
    built = Built(box, Path(REAL))
    folder = built.case(name, *how)
    assert built.runs(folder / name) == 0


def test_what_a_link_gets(built: Built) -> None:
    """R17: relocations, exported symbols, the interpreter, the library that does nothing, metadata with a plain CC."""
    folder = built.case("wrappers", "gcc", "-O2", "bfd")
    program = folder / "wrappers"
    sections = built.box.run("readelf", "-SW", program).stdout
    assert ".rela.text" in sections
    assert ".allocs_srcallocs" in sections
    assert "DW_AT_producer" in built.box.run("readelf", "--debug-dump=info", program).stdout
    headers = built.box.run("readelf", "-lW", program).stdout
    assert f"[Requesting program interpreter: {built.tree}/lib/allocsld.so]" in headers
    dynamic = built.box.run("readelf", "-dW", program).stdout
    assert "liballocs_dummyweaks.so" in dynamic
    assert f"{built.tree}/lib" in dynamic
    assert " main" in built.box.run("nm", "-D", "--defined-only", program).stdout
    made = Path(f"{built.meta}{program.resolve()}-meta.so")
    assert made.exists()
    assert Path(f"{built.meta}{program.resolve()}.allocs").exists()
    lines = built.logged()
    assert [line.split(" CC=")[0] for line in lines] == ["allocs wrappers", "meta wrappers"]
    assert "allocscc" not in lines[0].partition("CC=")[2].rpartition("/")[2]


def test_used_types(built: Built) -> None:
    """R17: the tool for types is run for the objects that refer to one, and only for those."""
    built.case("used-types", "gcc", "-O2", "bfd")
    assert any(line.startswith("usedtypes ") for line in built.logged())
    built.log.unlink()
    built.box.write("plain.c", "#include <stdlib.h>\nint main(void) { return !malloc(3); }\n")
    built.box.allocscc("plain.c", "-o", "plain")
    assert not any(line.startswith("usedtypes ") for line in built.logged())


def test_source_lines(built: Built) -> None:
    """R17: the section's lines, as they are in an object: PROGBITS, flag A, six fields."""
    source = built.box.write(
        "x.c", "#include <stdlib.h>\nstruct s { int a; };\nvoid *f(void) { return malloc(sizeof(struct s)); }\n"
    )
    built.box.allocscc("-O2", "-c", "x.c")
    section = next(line for line in built.box.run("readelf", "-SW", "x.o").stdout.splitlines() if "srcallocs" in line)
    assert section.split("]")[1].split()[1] == "PROGBITS"
    assert section.split()[-4] == "A"
    built.box.run("objcopy", "-Obinary", "-j.allocs_srcallocs", "x.o", "lines")
    assert (built.box.folder / "lines").read_text() == f"{source}\t3\t3\tmalloc\t__uniqtype__s\t1\n"
    assert {path.name for path in built.box.folder.iterdir()} == {"x.c", "x.o", "lines"}


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld"])
def test_dead_code(built: Built, linker: str) -> None:
    """R17: --gc-sections keeps the lines of code that stays."""
    need(f"ld.{linker}")
    built.box.write("main.c", "#include <stdlib.h>\nint main(void) { return !malloc(sizeof(long)); }\n")
    built.box.write("dead.c", "#include <stdlib.h>\nvoid *dead(void) { return malloc(sizeof(short)); }\n")
    built.box.allocscc("-O2", f"-fuse-ld={linker}", "-Wl,--gc-sections", "main.c", "dead.c", "-o", "prog")
    built.box.run("objcopy", "-Obinary", "-j.allocs_srcallocs", "prog", "lines")
    assert "__uniqtype__int$$64" in (built.box.folder / "lines").read_text()


def test_failed_metadata(built: Built) -> None:
    """R17: one warning with the end of the log, which is kept; `on-error = "stop"` fails the link, no output."""
    built.box.write("x.c", "int main(void) { return 0; }\n")
    done = built.box.run(ALLOCSCC, "x.c", "-o", "prog", env={"CONTRACT_FAIL": "no types today"})
    log = Path(f"{built.meta}{(built.box.folder / 'prog').resolve()}.makelog")
    assert done.stderr.startswith(
        f"allocscc: warning: prog: liballocs' metadata could not be made (make's status was 2); the end of {log}"
    )
    assert "contract: no types today" in done.stderr
    assert "contract: no types today" in log.read_text()
    assert (built.box.folder / "prog").exists()
    built.box.write("allocscc.toml", 'on-error = "stop"\n')
    done = built.box.run(ALLOCSCC, "x.c", "-o", "other", env={"CONTRACT_FAIL": "no types today"}, check=False)
    assert done.returncode != 0
    assert "no types today" in done.stderr
    assert not (built.box.folder / "other").exists()


def test_the_tree_chooses_the_backend(built: Built, box: Toolbox) -> None:
    """R17: a tree in the environment is enough; the config, and then ALLOCSCC_BACKEND, say otherwise."""
    box.write("x.c", "#include <stdlib.h>\nint main(void) { return !malloc(3); }\n")

    def linked(**env: str) -> str:
        box.allocscc("-O2", "x.c", "-o", "prog", env=env)
        dynamic = box.run("readelf", "-dW", "prog").stdout
        names = box.run("nm", "prog").stdout
        return "liballocs" if "dummyweaks" in dynamic else "embedded" if "__allocs_runtime" in names else "none"

    assert linked() == "liballocs"
    assert linked(ALLOCSCC_BACKEND="embedded") == "embedded"
    assert linked(LIBALLOCS=str(box.folder)) == "embedded"  # no tree
    box.write("allocscc.toml", '[runtime]\nbackend = "none"\n')
    assert linked() == "none"
    assert linked(ALLOCSCC_BACKEND="liballocs") == "liballocs"
    box.write("allocscc.toml", '[runtime]\nbackend = "liballocs"\n')
    done = box.run(ALLOCSCC, "x.c", "-o", "prog", env={"LIBALLOCS": ""}, check=False)
    assert done.returncode != 0
    assert "the variable LIBALLOCS names nothing" in done.stderr


def test_families_that_liballocs_cannot_know(built: Built) -> None:
    """R15, R17: a malloc without its usable-size function gets no stubs, and the plan says why."""
    built.box.write(
        "x.c",
        "#include <stddef.h>\nstatic char arena[4096]; static size_t at;\n"
        "void *malloc(size_t n) { at += 16; return arena + (at += n) - n; }\nvoid free(void *p) { (void)p; }\n"
        "int main(void) { char *volatile p = malloc(3); *p = 1; free(p); return 0; }\n",
    )
    built.box.allocscc("-O2", "-fno-builtin", "x.c", "-o", "prog")
    built.runs("prog")
    said = built.box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert "malloc: leave (backend)" in said
    assert "usable-size" in said


def test_make_leaves_the_output_alone(built: Built) -> None:
    """R17: it is a prerequisite of the metadata; make's own rules must not make it anew from what lies beside it."""
    built.box.write("prog.o", "old")
    os.utime(built.box.folder / "prog.o", (1, 1))
    built.box.write("prog.c", "#include <stdlib.h>\nint main(void) { return !malloc(sizeof(int)); }\n")
    built.box.allocscc("-O1", "prog.c", "-o", "prog")
    assert (built.box.folder / "prog.o").read_text() == "old"
    assert built.runs("prog") == 0
