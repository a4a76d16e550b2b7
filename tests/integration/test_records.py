"""Records in objects: where they come from, what they survive, what they cost (R4)."""

import json

import pytest

from tests.integration.conftest import ROOT, Toolbox, lines_of, need, one

SOURCE = """#include <stdlib.h>
struct s { int a[3]; };
struct flexible { int n; double x[]; };
#define NEW(T) ((T *)malloc(sizeof(T)))
void *f(unsigned n, struct s *p, struct s **out) {
 void *q[8];
 q[0] = malloc(sizeof(struct s));
 q[1] = malloc(n * sizeof(struct s));
 q[2] = malloc(sizeof *p);
 q[3] = calloc(n, sizeof(double));
 q[4] = malloc(sizeof(struct flexible) + n * sizeof(double));
 q[5] = NEW(struct s); q[6] = NEW(long);
 *out = malloc(n);
 size_t size = n * sizeof(unsigned short); q[7] = malloc(size);
 return q[n];
}
"""
TYPES = {
    7: "struct s",
    8: "struct s",
    9: "struct s",
    10: "double",
    11: "struct flexible",
    13: "struct s",
    14: "unsigned short",
}
EVIDENCE = {13: "cast", 14: "flow"}


def check_types(sites: list[dict[str, object]]) -> None:
    for line, type_ in TYPES.items():
        site = one(sites, line=line)
        assert (site["type"], site["evidence"]) == (type_, EVIDENCE.get(line, "sizeof")), site
        assert site["function"] == "f"
    macro = {site["column"]: site["type"] for site in sites if site["line"] == 12}
    assert macro == {9: "struct s", 31: "long"}


@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-O2", "-g3"), ("-g", "-gdwarf-4"), ("-O1", "-gsplit-dwarf")])
def test_types_and_places(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R4: file, line, column, callee, function, type and evidence, whatever debug info the user asked for."""
    box.write("f.c", SOURCE)
    box.allocscc(*flags, "-c", "f.c")
    sites = box.sites("f.o")
    check_types(sites)
    assert {site["file"] for site in sites} == {str(box.folder / "f.c")}
    columns = {site["line"]: site["column"] for site in sites}
    assert columns[7] == SOURCE.splitlines()[6].index("malloc") + 1


def test_types_with_clang(box: Toolbox) -> None:
    """R4: the same from clang's assembly."""
    need("clang")
    box.write("f.c", SOURCE)
    box.allocscc("-g", "-O1", "-c", "f.c", env={"ALLOCSCC_CC": "clang"})
    check_types(box.sites("f.o"))


def test_code_and_debug_info_are_as_without_us(box: Toolbox) -> None:
    """R3, R4: records add nothing to .text where no call was a tail call, and no debug info that was not asked for."""
    box.write("f.c", SOURCE)
    for flags in (("-O2",), ("-O2", "-g")):
        box.run("gcc", *flags, "-c", "f.c", "-o", "plain.o")
        box.allocscc(*flags, "-c", "f.c", "-o", "ours.o")
        text = []
        for name in ("plain.o", "ours.o"):
            box.run("objcopy", "-O", "binary", "-j", ".text", name, f"{name}.text")
            text.append((box.folder / f"{name}.text").read_bytes())
        assert text[0] == text[1]
        sections = [box.run("readelf", "-SW", name).stdout for name in ("plain.o", "ours.o")]
        assert (".debug_info" in sections[0]) == (".debug_info" in sections[1])
        assert (".debug_line" in sections[0]) == (".debug_line" in sections[1])


def test_what_the_sidecar_survives(box: Toolbox) -> None:
    """R4: ar, mv, cp, ld -r and strip -g keep the record; the final link drops the sidecar and keeps the records."""
    box.write("f.c", SOURCE)
    box.write(
        "g.c",
        "#include <stdlib.h>\nint *g(void) { return malloc(4 * sizeof(int)); }\nint main(void) { return !g(); }\n",
    )
    box.allocscc("-c", "f.c")
    box.allocscc("-c", "g.c")
    count = len(box.sites("f.o")) + 1
    box.run("ar", "rcs", "lib.a", "f.o", "g.o")
    assert len(box.sites("lib.a")) == count
    for linker in ("ld.bfd", "ld.gold", "ld.lld", "mold"):
        if box.run("which", linker, check=False).returncode == 0:
            box.run(linker, "-r", "f.o", "g.o", "-o", f"all.{linker}.o")
            assert len(box.sites(f"all.{linker}.o")) == count, linker
    box.run("strip", "-g", "f.o")
    box.run("mv", "f.o", "moved.o")
    assert len(box.sites("moved.o")) == count - 1
    box.allocscc("moved.o", "g.o", "-o", "prog")
    box.run("strip", "prog")
    assert len(box.sites("prog")) == count
    assert ".allocs.sidecar" not in box.run("readelf", "-SW", "prog").stdout


def test_dead_functions_and_their_records_go(box: Toolbox) -> None:
    """R4: under --gc-sections a dropped function's record is dropped with it (bfd, lld)."""
    box.write("f.c", SOURCE)
    box.write(
        "g.c",
        "#include <stdlib.h>\nint *g(void) { return malloc(4 * sizeof(int)); }\nint main(void) { return !g(); }\n",
    )
    box.write("h.c", "int main(void) { return 0; }\n")
    for linker in ("bfd", "gold", "lld", "mold"):
        if box.run("which", f"ld.{linker}", check=False).returncode != 0:
            continue
        flags = ("-ffunction-sections", "-Wl,--gc-sections", f"-fuse-ld={linker}")
        box.allocscc(*flags, "f.c", "g.c", "-o", f"prog.{linker}")
        functions = {site["function"] for site in box.sites(f"prog.{linker}")}
        assert functions == ({"g"} if linker in ("bfd", "lld") else {"f", "g"}), linker
        assert one(box.profile(f"prog.{linker}"), function="g")["type"] == "int", linker
        box.allocscc(*flags, "f.c", "h.c", "-o", "dead")  # every record goes with its function
        box.run(box.folder / "dead")


def test_what_gc_sections_leaves_is_as_without_us(box: Toolbox) -> None:
    """R4: every section of the output but ours is as large as that of the vanilla link's, dead code or not."""
    calls = "\n".join(f"void *f{n}(void) {{ return keep(malloc({n} * sizeof(int))); }}" for n in range(1, 9))
    box.write("lib.c", f"#include <stdlib.h>\nextern void *keep(void *);\n{calls}\n")
    box.write("main.c", "void *keep(void *p) { return p; }\nvoid *f3(void);\nint main(void) { return !f3(); }\n")
    flags = ("-O1", "-ffunction-sections", "-fdata-sections")
    sizes = []
    for compiler in ("gcc", str(ROOT / "bin" / "allocscc")):
        box.run(compiler, *flags, "-c", "lib.c", "main.c")
        box.run("gcc", "-Wl,--gc-sections,-z,start-stop-gc", "lib.o", "main.o", "-o", "prog")
        listed = [line.split()[:2] for line in box.run("size", "-A", "prog").stdout.splitlines()[2:-1] if line.strip()]
        names = box.run("nm", "prog").stdout
        assert " f3\n" in names
        assert " f4\n" not in names
        sizes.append({name: int(size) for name, size in listed if name not in ("Total", ".comment")})
    plain, ours = sizes
    assert ours.pop("allocs_sites") == 32
    assert 0 < ours.pop(".rodata") - plain.pop(".rodata", 0) < 200  # the record's strings
    moved = {".eh_frame_hdr", ".eh_frame", ".note.gnu.build-id"}
    assert {name: size for name, size in ours.items() if name not in moved} == {
        name: size for name, size in plain.items() if name not in moved
    }
    assert ours[".eh_frame"] == plain[".eh_frame"]


def test_sidecar_file_on_request(box: Toolbox) -> None:
    """R4: `[sidecar] file = "always"` writes x.allocs where gcc would put an auxiliary output; default: nothing."""
    box.write("f.c", SOURCE)
    (box.folder / "out").mkdir()
    box.allocscc("-c", "f.c", "-o", "out/f.o")
    assert not (box.folder / "out" / "f.allocs").exists()
    box.write("allocscc.toml", '[sidecar]\nfile = "always"\n')
    box.allocscc("-c", "f.c", "-o", "out/f.o")
    assert box.sites("out/f.allocs") == box.sites("out/f.o")
    box.write("conftest.c", SOURCE)
    box.allocscc("-c", "conftest.c")
    assert not (box.folder / "conftest.allocs").exists()


def test_tail_call_to_a_wrapper_keeps_the_stack_right(box: Toolbox) -> None:
    """R4: a tail call becomes a call: the site is known, and unwinding through it works."""
    box.write(
        "t.c",
        "#include <stdlib.h>\n#include <execinfo.h>\n#include <stdio.h>\n"
        'void *xmalloc(size_t n) { void *b[20]; int d = backtrace(b, 20); printf("%d\\n", d > 3); return malloc(n); }\n'
        "__attribute__((noinline, noclone)) void *tail(size_t n) { return xmalloc(n * sizeof(int)); }\n"
        "int main(int argc, char **v) { (void)v; return !tail(argc); }\n",
    )
    box.allocscc("-O2", "t.c", "-o", "prog", env={"LIBALLOCS_ALLOC_FNS": "xmalloc(Z)p"})
    assert one(box.sites("prog"), callee="xmalloc")["flags"] == ["array", "tail", "matched"]
    assert box.run(box.folder / "prog").stdout == "1\n"
    row = one(box.profile("prog"), function="tail")
    assert (row["type"], row["wrappers"]) == ("int", ["xmalloc"])


def test_explain_names_rule_and_entry(box: Toolbox) -> None:
    """R15: every decision of a link names the rule and the config entry that caused it."""
    config = box.write("allocscc.toml", '\n[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    box.write(
        "t.c",
        "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\nint main(void) { return !xmalloc(1); }\n",
    )
    box.allocscc("t.c", "-o", "prog")
    shown = box.run(ROOT / "bin" / "allocs", "explain", "prog").stdout
    assert "xmalloc: replace (wrapper-defined)" in shown
    assert f"because of x, {config}:2" in shown


CANDIDATES = """#include <stdlib.h>
#include <string.h>
#include "tell.h"
struct node { int a[3]; };
void *later(size_t n);
struct table { void *(*get)(size_t); };
int main(void)
{
	struct table t = {later};
	struct node n;
	memset(&n, 0, sizeof n);
	tell("direct", later(sizeof(struct node))); /* direct */
	tell("pointer", t.get(2 * sizeof(long)));   /* pointer */
	tell("plain", malloc(sizeof(short)));       /* plain */
	return n.a[0];
}
"""


@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-O2", "-fno-plt")])
def test_a_wrapper_declared_only_at_the_link(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R4: calls with a `sizeof` that give a pointer are recorded, so a wrapper found later needs no recompilation."""
    source = box.write("main.c", CANDIDATES)
    box.write("later.c", "#include <stdlib.h>\nvoid *later(size_t n) { return malloc(n); }\n")
    box.allocscc(*flags, "-c", "main.c", "later.c")
    sites = box.sites("main.o")
    kinds = {site["line"]: (site["type"], "candidate" in site["flags"]) for site in sites}  # type: ignore[operator]
    assert kinds == {
        lines_of(source, "/* direct */"): ("struct node", True), lines_of(source, "/* pointer */"): ("long", True),
        lines_of(source, "/* plain */"): ("short", False),
    }  # fmt: skip
    box.allocscc("main.o", "later.o", "-o", "prog", env={"LIBALLOCS_ALLOC_FNS": "later(Z)p"})
    answers = box.answers("prog")
    for name, type_, wrapper in (
        ("direct", "struct node", "later"),
        ("pointer", "long", "later"),
        ("plain", "short", None),
    ):
        answer = one(answers, name=name)
        assert (answer["type"], answer["wrapper"]) == (type_, wrapper), answer
        assert answer["line"] == lines_of(source, f"/* {name} */")


def test_candidates_on_request(box: Toolbox) -> None:
    """R4: `[sidecar] candidates`: in units with sites, in all, or in none."""
    box.write("x.c", "#include <stdlib.h>\nvoid *get(size_t n);\nint *f(void) { return get(sizeof(int)); }\n")
    for setting, found in (("auto", 0), ("always", 1), ("never", 0)):
        box.write("allocscc.toml", f'[sidecar]\ncandidates = "{setting}"\n')
        box.allocscc("-O2", "-c", "x.c")
        assert len(box.sites("x.o")) == found


def test_coverage_and_liballocs_lines(box: Toolbox) -> None:
    """R4, R17: how much is known of the sites, and the same for liballocs."""
    source = box.write(
        "x.c",
        "#include <stdlib.h>\nvoid *f(int n) { return malloc(n * sizeof(long)); }\n"
        "void *g(int n) { return malloc(n); }\n",
    )
    box.allocscc("-O2", "-c", "x.c")
    counted = json.loads(box.run(ROOT / "bin" / "allocs", "sites", "--coverage", "--json", "x.o").stdout)
    assert counted == {
        "sites": 2, "placed": 2, "matched": 2, "typed": 1, "sized": 1, "sized_typed": 1, "candidates": 0,
    }  # fmt: skip
    shown = box.run(ROOT / "bin" / "allocs", "sites", "--coverage", "x.o").stdout
    assert "found in the source" in shown
    lines = box.run(ROOT / "bin" / "allocs", "sites", "--srcallocs", "x.o").stdout.splitlines()
    assert lines == [
        f"{source}\t2\t2\tmalloc\t__uniqtype__int$$64\t1",
        f"{source}\t3\t3\tmalloc\t__uniqtype____uninterpreted_byte\t1",
    ]  # fmt: skip
