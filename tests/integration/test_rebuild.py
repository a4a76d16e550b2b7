"""`allocs rebuild` on a small tree of each kind, and on a folder of cases (R17)."""

import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .conftest import ROOT, Toolbox, need

ALLOCS = ROOT / "bin" / "allocs"
# Says what allocscc knows of one chunk.
PROGRAM = """\
#define ALLOCS_OPTIONAL
#include <allocs.h>
#include <stdio.h>
#include <stdlib.h>
struct node { int value[5]; };
int main(void)
{
	struct node *p = malloc(sizeof(struct node));
	const char *type = alloc_get_type(p);
	puts(type ? type : "nothing known");
	return 0;
}
"""
CONFIGURE = """\
#!/bin/sh
# as autoconf does it: arguments are kept for config.status --config
for word; do case $word in CC=*) CC=${word#CC=} ;; --with-name=*) name=${word#--with-name=} ;; esac; done
printf '#!/bin/sh\\necho "%s"\\n' "'--with-name=${name-prog}' 'CC=${CC-gcc}'" >config.status
sed "s|@CC@|${CC-gcc}|; s|@NAME@|${name-prog}|; s|@SRC@|${0%configure}|" "${0%configure}Makefile.in" >Makefile
"""
MAKEFILE_IN = """\
CC = @CC@
@NAME@: @SRC@prog.c
	$(CC) $(CPPFLAGS) -o $@ @SRC@prog.c
clean:
	rm -f @NAME@
check: @NAME@
	./@NAME@
"""


def rebuild(box: Toolbox, *words: str | Path, status: int = 0) -> str:
    """What `allocs rebuild` prints; the exit status is checked."""
    done = box.run(ALLOCS, "rebuild", *words, check=False, env={"CPPFLAGS": f"-I{ROOT / 'stubgen'}"})
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def known(box: Toolbox, program: str) -> str:
    """What a built program says."""
    return box.run(box.folder / program).stdout.strip()


def files(folder: Path) -> set[str]:
    """All files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# trees


@pytest.mark.parametrize("rule", ["clean: ; rm -f prog\n", ""], ids=["clean", "without clean"])
def test_make(box: Toolbox, rule: str) -> None:
    """R17: a makefile that names its own compiler, and a program that plain gcc built before."""
    box.write("tree/prog.c", PROGRAM)
    box.write("tree/Makefile", f"CC = gcc\nprog: prog.c\n\t$(CC) $(CPPFLAGS) -o $@ $<\ncheck: prog\n\t./prog\n{rule}")
    box.run("make", "-C", "tree", env={"CPPFLAGS": f"-I{ROOT / 'stubgen'}"})
    assert known(box, "tree/prog") == "nothing known"
    said = rebuild(box, "tree", "--check")
    assert "tree  yes    exit 0  pass      yes" in said
    assert known(box, "tree/prog") == "struct node"
    assert files(box.folder / "tree") == {"prog.c", "Makefile", "prog"}  # no litter of ours


def test_make_with_words_in_a_copy(box: Toolbox) -> None:
    """R17: targets and variables; --copy leaves the tree as it is."""
    box.write("tree/prog.c", PROGRAM)
    box.write("tree/Makefile", "all: ; false\nother: prog.c\n\t$(CC) $(CPPFLAGS) $(MORE) -o $(NAME) $<\n")
    rebuild(box, "--copy", "copy", "-j2", "tree", "--", "other", "NAME=x", "MORE=-O1")
    assert files(box.folder / "tree") == {"prog.c", "Makefile"}
    assert known(box, "copy/x") == "struct node"
    for target in ("copy", "tree/inside"):
        assert "--copy" in rebuild(box, "--copy", target, "tree", status=64)


def test_a_build_that_fails(box: Toolbox) -> None:
    """R17: status 1, and the last lines of what was said."""
    box.write("tree/Makefile", "all:\n\t@for i in $$(seq 100); do echo line $$i.; done; exit 3\n")
    said = rebuild(box, "tree", "--log-dir", "logs", status=1)
    assert "tree: it was not built: make exited with 2 (all of it: logs/tree.log)" in said
    assert "line 100." in said
    assert "line 50." not in said
    assert "line 50." in (box.folder / "logs" / "tree.log").read_text()


def test_a_tree_with_another_compiler(box: Toolbox) -> None:
    """R17: a build that does not take CC is told of: it has no records."""
    box.write("tree/prog.c", PROGRAM)
    box.write("tree/Makefile", "prog: prog.c\n\tgcc $(CPPFLAGS) -o $@ $<\n")
    said = rebuild(box, "tree")
    assert "none of the 1 programs and libraries that were built has records of allocscc" in said


def test_configure(box: Toolbox) -> None:
    """R17: configured by hand with gcc before: again with the same arguments and our compiler."""
    box.write("tree/prog.c", PROGRAM)
    box.write("tree/Makefile.in", MAKEFILE_IN)
    box.write("tree/configure", CONFIGURE).chmod(0o755)
    box.run("sh", "-c", "cd tree && ./configure --with-name=mine && make", env={"CPPFLAGS": f"-I{ROOT / 'stubgen'}"})
    assert known(box, "tree/mine") == "nothing known"
    assert "exit 0" in rebuild(box, "--check", "tree")
    assert known(box, "tree/mine") == "struct node"


def test_configure_anew_elsewhere(box: Toolbox) -> None:
    """R17: a tree as it was unpacked, and --build-dir."""
    box.write("tree/prog.c", PROGRAM)
    box.write("tree/Makefile.in", MAKEFILE_IN)
    box.write("tree/configure", CONFIGURE).chmod(0o755)
    rebuild(box, "--build-dir", "out", "tree", "--", "--with-name=new")
    assert known(box, "out/new") == "struct node"
    assert files(box.folder / "tree") == {"prog.c", "Makefile.in", "configure"}
    rebuild(box, "tree")
    assert known(box, "tree/prog") == "struct node"


def test_cmake(box: Toolbox) -> None:
    """R17: a build folder of its own, twice; C++ too."""
    need("cmake")
    box.write("tree/prog.c", PROGRAM)
    box.write("tree/more.cc", PROGRAM.replace("malloc(sizeof(struct node))", "new node"))
    box.write(
        "tree/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.10)\nproject(thing C CXX)\nadd_executable(prog prog.c)\n"
        f"add_executable(more more.cc)\ninclude_directories({ROOT / 'stubgen'})\n"
        "enable_testing()\nadd_test(NAME runs COMMAND prog)\n",
    )
    rebuild(box, "tree")
    assert known(box, "tree/build-allocscc/prog") == "struct node"
    before = (box.folder / "tree/build-allocscc/more").stat().st_mtime_ns
    assert "exit 0" in rebuild(box, "-j2", "--check", "tree", "--", "-DCMAKE_BUILD_TYPE=Debug")
    assert (box.folder / "tree/build-allocscc/more").stat().st_mtime_ns > before
    assert known(box, "tree/build-allocscc/more") == "node"


def test_meson(box: Toolbox) -> None:
    """R17: a build folder of its own, twice."""
    need("meson", "ninja")
    box.write("tree/prog.c", PROGRAM)
    box.write(
        "tree/meson.build",
        f"project('thing', 'c')\nprog = executable('prog', 'prog.c', c_args: '-I{ROOT / 'stubgen'}')\n"
        "test('runs', prog)\n",
    )
    rebuild(box, "--build-dir", "out", "tree")
    assert known(box, "out/prog") == "struct node"
    assert "exit 0" in rebuild(box, "--build-dir", "out", "--check", "-j2", "tree")
    assert known(box, "out/prog") == "struct node"


# cases

WRAPPED = """\
#include <allocs.h>
#include <stdlib.h>
#include <string.h>
struct node { int value[5]; };
void *get(size_t size) { return malloc(size); }
int main(void)
{
	void *p = get(sizeof(struct node));
	return strcmp(alloc_get_type(p) ? alloc_get_type(p) : "", "struct node") != 0;
}
"""
CASES = {
    "abort-here/abort-here.c": "#include <stdlib.h>\nint main(void) { abort(); }\n",
    "broken/broken.c": "int main(void) { return }\n",
    "crash/crash.c": "int main(void) { return *(volatile int *)0; }\n",
    "fail-late/fail-late.c": "int main(void) { return 3; }\n",
    "fail-not/fail-not.c": "int main(void) { return 0; }\n",
    "passes/passes.cc": "int main() { return 0; }\n",
    "slow/slow.c": "#include <unistd.h>\nint main(void) { return sleep(600); }\n",
    "wrapped/wrapped.c": WRAPPED,
    "wrapped/mk.inc": "CFLAGS += -O1\nexport LIBALLOCS_ALLOC_FNS := get(Z)p\n",
    "linked/linked.c": "int other(void);\nint main(void) { return other(); }\n",
    "linked/other.c": "int other(void) { return 0; }\n",
    "linked/mk.inc": "linked: other.o\nother.o: CC := cc\n",
}


@pytest.fixture
def cases(box: Toolbox) -> Toolbox:
    """A folder `tests`, and a runtime that is built, so that no limit of time hits that."""
    for name, text in CASES.items():
        box.write(f"tests/{name}", text)
    box.write("first.c", "int main(void) { return 0; }\n")
    box.allocscc("first.c", "-o", "first")
    return box


def test_cases(cases: Toolbox) -> None:
    """R17: passed, expected failures, failures to build and to run, too slow; all of them with --keep-going."""
    words = ("-k", "-j2", "--timeout", "20", "--json", "--junit", "junit.xml", "tests")
    done = json.loads(rebuild(cases, *words, status=1))
    found = {case["name"]: (case["built"], case["ran"], case["met"]) for case in done["cases"]}
    assert found == {
        "abort-here": (True, "SIGABRT", True),
        "broken": (False, None, False),
        "crash": (True, "SIGSEGV", False),
        "fail-late": (True, "exit 3", True),
        "fail-not": (True, "exit 0", False),
        "linked": (True, "exit 0", True),
        "passes": (True, "exit 0", True),
        "slow": (True, "too long", False),
        "wrapped": (True, "exit 0", True),
    }
    assert (done["kind"], done["met"]) == ("cases", False)
    (broken,) = (case for case in done["cases"] if case["name"] == "broken")
    assert any("expected expression" in line for line in broken["log"])
    suite = ET.parse(cases.folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    failed = {case.get("name"): kind.get("type") for case in suite for kind in case.iter("failure")}
    assert failed == {"broken": "build", "crash": "run", "fail-not": "run", "slow": "timeout"}
    assert suite.get("tests") == "9"


def test_cases_stop_at_the_first(cases: Toolbox) -> None:
    """R17: as make does."""
    said = rebuild(cases, "tests", status=1)
    assert "2 of 9 tried: 1 as expected, 1 not; --keep-going tries all" in said
    assert "broken.c:1:" in said


def test_only_some_cases(cases: Toolbox) -> None:
    """R17: --only, and one case by its folder."""
    assert "2 tried: 2 as expected" in rebuild(cases, "--only", "wrap*", "--only", "link*", "tests")
    assert "1 tried: 1 as expected" in rebuild(cases, "tests/wrapped")
    assert "no case with a name like x" in rebuild(cases, "--only", "x", "tests", status=64)


def test_a_makefile_beside_the_cases(cases: Toolbox) -> None:
    """R17: as in liballocs' tests, its exports count, PRELOAD too; its CC does not, that of an mk.inc does."""
    cases.write(
        "tests/Makefile",
        "CC := /nowhere/allocscc\nCFLAGS += -DFROM_ABOVE=7\nexport CC CFLAGS\nexport LIBALLOCS := /a/tree\n"
        'export PRELOAD := "$(dir $(realpath $(lastword $(MAKEFILE_LIST))))../preload.so"\n'
        "_onlyrun-%: ; LD_PRELOAD=$(PRELOAD) ./$*\ndefault: ; false\nclean: ; rm -f *.o seen nopreload-seen linked\n",
    )
    cases.write("preload.c", "int preloaded(void) { return 1; }\n")
    cases.run("gcc", "-shared", "-fPIC", "-o", "preload.so", "preload.c")
    seen = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{
	const char *tree = getenv("LIBALLOCS");
	printf("%d %d %s\\n", FROM_ABOVE, dlsym(RTLD_DEFAULT, "preloaded") != NULL, tree ? tree : "-");
	return fopen("made-before", "r") == NULL;
}
"""
    for name in ("seen", "nopreload-seen"):
        cases.write(f"tests/{name}/{name}.c", seen)
        cases.write(f"tests/{name}/mk.inc", f"_onlyrun-{name}: made-before\nmade-before: ; touch $@\n")
    cases.write("tests/linked/other.o", "old and wrong")
    rebuild(cases, "-j2", "--only", "*seen", "--only", "linked", "--log-dir", "logs", "tests")
    assert (cases.folder / "logs" / "seen.log").read_text().splitlines()[-1] == "7 1 /a/tree"
    assert (cases.folder / "logs" / "nopreload-seen.log").read_text().splitlines()[-1] == "7 0 /a/tree"
    log = (cases.folder / "logs" / "linked.log").read_text()
    assert "\ncc -DFROM_ABOVE=7 " in log
    assert f"\n{ROOT}/bin/allocscc -DFROM_ABOVE=7 " in log


def test_a_makefile_that_refuses(cases: Toolbox) -> None:
    """R17: such as that of a liballocs tree that is not built; its message is shown."""
    cases.write("tests/Makefile", "$(error You must build it first)\n")
    assert "You must build it first" in rebuild(cases, "tests", status=1)


def test_backend(cases: Toolbox) -> None:
    """R17: --backend reaches each compile, link and run."""
    cases.write("tests/told/told.c", "int main(void) { return 0; }\n")
    cases.write("tests/told/mk.inc", "$(info backend is $(ALLOCSCC_BACKEND))\n")
    rebuild(cases, "--backend", "none", "--only", "told", "--log-dir", "logs", "tests")
    assert "backend is none\n" in (cases.folder / "logs" / "told.log").read_text()


def test_interrupted(cases: Toolbox) -> None:
    """R17: a signal ends what was started, and no temporary folder stays."""
    cases.write("tests/slow/slow.c", CASES["slow/slow.c"].replace("{ ", '{ fclose(fopen("started", "w")); ')
                .replace("<unistd.h>", "<unistd.h>\n#include <stdio.h>"))  # fmt: skip
    words = [str(ALLOCS), "rebuild", "--only", "slow", "tests"]
    process = subprocess.Popen(
        words, cwd=cases.folder, env=cases.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    started = cases.folder / "tests" / "slow" / "started"
    for _ in range(600):
        if started.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert said == b""
    program = str(cases.folder / "tests" / "slow" / "slow")
    for _ in range(100):
        if not running(program):
            break
        time.sleep(0.1)
    assert not running(program)
    assert not [name for name in os.listdir(cases.env["TMPDIR"]) if name.startswith("allocs-rebuild-")]


def running(program: str) -> bool:
    """Whether any process runs a program."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == program:
                return True
        except OSError:
            continue
    return False


def test_wrong_use(box: Toolbox) -> None:
    """R17: what was asked for, and what to do."""
    assert "no such folder" in rebuild(box, "missing", status=64)
    box.write("tree/configure.ac", "")
    assert "autoreconf -i" in rebuild(box, "tree", status=64)
    box.write("plain/a.c", "")
    assert "looked for configure" in rebuild(box, "plain", status=64)
