"""`allocs suggest` on a small project, from its build to its config (R15)."""

import json

import pytest

from .conftest import ROOT, Toolbox, need

ALLOCSCC, ALLOCS = ROOT / "bin" / "allocscc", ROOT / "bin" / "allocs"

SOURCES = {
    "memory.c": """#include <stdlib.h>
void *get(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }
void drop(void *p) { free(p); }
""",
    "more/text.c": """#include <string.h>
#include "memory.h"
char *copy(const char *s) { return strcpy(get(strlen(s) + 1), s); }
""",
    "inc/memory.h": "#include <stddef.h>\nvoid *get(size_t n);\nvoid drop(void *p);\nchar *copy(const char *s);\n",
    "main.c": """#include "memory.h"
struct item { struct item *next; int value; };
int main(void) { struct item *i = get(sizeof *i); char *s = copy("x"); drop(i); drop(s); return 0; }
""",
}


def built(box: Toolbox, compiler: str) -> None:
    """The project, compiled: only one of its units calls an allocation function."""
    need(compiler)
    box.env["ALLOCSCC_CC"] = compiler
    for name, text in SOURCES.items():
        box.write(name, text)
    box.write("allocscc.toml", "# ours\n")
    for name in ("memory", "more/text", "main"):
        box.run(ALLOCSCC, "-O1", "-Iinc", "-c", f"{name}.c", "-o", f"{name}.o")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_from_build_to_config(box: Toolbox, compiler: str) -> None:
    """R15: a wrapper, and one of it in a unit that left no word; `--write` keeps what there was, and says it once."""
    built(box, compiler)
    found = json.loads(box.run(ALLOCS, "suggest", "--json").stdout)
    assert {one["signature"] for one in found} == {"get(Z)p", "copy(S)p", "drop(P)"}
    told = box.run(ALLOCS, "suggest", "--write").stderr
    assert "3 functions added" in told
    assert "build everything again" in told
    text = (box.folder / "allocscc.toml").read_text()
    assert text.startswith("# ours\n")
    box.run(ALLOCS, "config", "check", "--strict")
    assert "wrapper" in box.run(ALLOCS, "config", "explain", "copy").stdout
    assert "nothing to suggest" in box.run(ALLOCS, "suggest").stderr


def test_with_a_profile(box: Toolbox) -> None:
    """R15: what a profile says stands in the reason."""
    built(box, "gcc")
    box.run(ALLOCSCC, "memory.o", "more/text.o", "main.o", "-o", "main")
    box.env["ALLOCS_OPTIONS"] = "profile=heap.json"
    box.run("./main")
    box.env.pop("ALLOCS_OPTIONS")
    assert "have no type" in box.run(ALLOCS, "suggest", "--profile", "heap.json").stdout


def test_nothing_to_read(box: Toolbox) -> None:
    """R15: the message says what to do."""
    assert "no objects here" in box.run(ALLOCS, "suggest").stderr
    box.write("x.c", "int x;\n")
    box.run("gcc", "-c", "x.c")
    assert "build them with this allocscc" in box.run(ALLOCS, "suggest").stderr
    assert box.run(ALLOCS, "suggest", "--min-confidence", "2", check=False).returncode == 64
