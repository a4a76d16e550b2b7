"""allocs.h: what a program may ask, and what it is told where nobody knows anything (R12, R13, R14, R18)."""

import re

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, lines_of, need, one

HEADER = ROOT / "stubgen" / "allocs.h"
FLAGS = [("-O0", "-g"), ("-O2",)]
STANDARDS = {"c": ("c99", "c11", "c17", "gnu2x"), "c++": ("c++11", "c++14", "c++17", "c++20", "c++2b")}
COMPILERS = [("gcc", "c"), ("clang", "c"), ("g++", "c++"), ("clang++", "c++")]

# Calls everything, with any address; OPTIONAL without asking first.
CALLER = """
#ifdef __cplusplus
#include <memory>
using namespace std;
#endif
#ifdef OPTIONAL
#define ALLOCS_OPTIONAL
#define HAS(f) 1
#else
#define HAS(f) f
#endif
#include <allocs.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
static int one(const void *what, void *arg) { (void)what; ++*(int *)arg; return 1; }
static int instance(const ALLOCS_ALLOCATOR *a, void *arg) { return one(a, arg); }
static int wrapper(const struct alloc_wrapper *w, void *arg) { return one(w, arg); }
static int site(const struct alloc_site *s, void *arg) { return one(s, arg); }
static int type(const struct alloc_type *t, void *arg) { return one(t, arg); }
static int chunk(const void *p, size_t n, void *arg) { (void)n; return one(p, arg); }
int main(void)
{
	int n = 0, status = HAS(alloc_free) ? alloc_free(&n) : ENOSYS;
	char *p = (char *)malloc(30);
	struct alloc_info info = ALLOC_INFO_INIT;
	const struct alloc_frame *chain[2];
	if (HAS(alloc_get_allocator) && alloc_get_allocator(p)) n++;
	if (HAS(alloc_get_wrapper) && alloc_get_wrapper(p)) n++;
	if (HAS(alloc_get_chain) && alloc_get_chain(p, chain, 2)) n++;
	if (HAS(alloc_get_site) && alloc_get_site(p)) n++;
	if (HAS(alloc_get_type) && alloc_get_type(p)) n++;
	if (HAS(alloc_get_base) && alloc_get_base(p)) n++;
	if (HAS(alloc_get_size) && alloc_get_size(p)) n++;
	if (HAS(alloc_get_parent) && alloc_get_parent(p)) n++;
	if (HAS(alloc_query) && alloc_query(p, &info)) n++;
	if (HAS(alloc_query_parent) && alloc_query_parent(&info)) n++;
	if (HAS(alloc_site_file) && alloc_site_file(info.site)) n++;
	if (HAS(alloc_site_function) && alloc_site_function(info.site)) n++;
	if (HAS(alloc_site_callee) && alloc_site_callee(info.site)) n++;
	if (HAS(alloc_site_type) && alloc_site_type(info.site)) n++;
	if (HAS(alloc_site_evidence) && alloc_site_evidence(info.site)) n++;
	if (HAS(alloc_site_line) && alloc_site_line(info.site)) n++;
	if (HAS(alloc_site_column) && alloc_site_column(info.site)) n++;
	if (HAS(alloc_for_each_allocator)) alloc_for_each_allocator(instance, &n);
	if (HAS(alloc_for_each_wrapper)) alloc_for_each_wrapper(wrapper, &n);
	if (HAS(alloc_for_each_wrapper_allocator)) alloc_for_each_wrapper_allocator(info.wrapper, instance, &n);
	if (HAS(alloc_for_each_site)) alloc_for_each_site(site, &n);
	if (HAS(alloc_for_each_type)) alloc_for_each_type(type, &n);
	if (HAS(alloc_for_each_chunk)) alloc_for_each_chunk(chunk, &n);
	if (HAS(alloc_snapshot) && !alloc_snapshot("/dev/null/x")) n++;
#if defined __cplusplus && defined OPTIONAL
	alloc_for_each_chunk([](const void *, size_t, void *arg) { int a = 1, b = 0; ++*(int *)arg; return a + b; }, &n);
#endif
	printf("%u %d %s %s\\n", HAS(alloc_version) ? alloc_version() : 0, n, status == ENOSYS ? "ENOSYS" : "EINVAL",
		HAS(alloc_free_problem) && alloc_free_problem(&n) ? alloc_free_problem(&n) : "-");
	free(p);
	n = alloc_get_base ? alloc_get_size((char *)malloc(1) + 1) == 1 : 0; /* no warning of memory without contents */
	return n;
}
"""


def version() -> int:
    """ALLOCS_VERSION of the header."""
    found = re.search(r"#define ALLOCS_VERSION (\d+)", HEADER.read_text())
    assert found
    return int(found[1])


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize(("compiler", "language"), COMPILERS)
def test_without_the_runtime(box: Toolbox, compiler: str, language: str, optional: bool) -> None:
    """R18: the header compiles without a warning in every standard; where the runtime is absent nothing is known."""
    need(compiler)
    box.write("caller.c", CALLER)
    words = ("-Wall", "-Wextra", "-pedantic", "-Werror", *box.include, *(["-DOPTIONAL"] if optional else []))
    for standard in STANDARDS[language]:
        box.run(compiler, f"-std={standard}", *words, "-x", language, "caller.c", "-o", "prog")
        told = box.run(box.folder / "prog").stdout
        assert told == ("0 0 ENOSYS the runtime is absent\n" if optional else "0 0 ENOSYS -\n"), standard
    box.run(compiler, "-static", *words, "-x", language, "caller.c", "-o", "prog")
    assert box.run(box.folder / "prog").stdout.startswith("0 0 ENOSYS")


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize(("compiler", "language"), COMPILERS)
def test_with_the_runtime(box: Toolbox, compiler: str, language: str, optional: bool) -> None:
    """R18: the same source, built by allocscc; every function is there, and has the header's version."""
    need(compiler)
    box.write("caller.c", CALLER)
    env = {"ALLOCSCC_CC": compiler, "ALLOCSCC_CXX": compiler}
    words = ("-O1", *(["-DOPTIONAL"] if optional else []), "-x", language, "caller.c", "-x", "none")
    box.allocscc(*words, *(["-lstdc++"] if language == "c++" else []), "-o", "prog", env=env)
    number, known, status, problem = box.run(box.folder / "prog").stdout.split(maxsplit=3)
    assert (int(number), status, problem) == (version(), "EINVAL", "no live chunk is at this address\n")
    assert int(known) >= 12  # of a chunk of malloc, through no wrapper, in no other chunk


def test_every_function_is_called_above() -> None:
    """R18: what the header declares is in CALLER, and has a line for ALLOCS_OPTIONAL."""
    text = HEADER.read_text()
    declared = set(re.findall(r"^ALLOCS_A(?:PI|SK) .*?\b(alloc_\w+)\(", text, re.M))
    assert len(declared) > 25
    assert declared == set(re.findall(r"^#define (alloc_\w+)\(", text, re.M))
    assert {name for name in declared if f"{name}(" not in CALLER} == set()
    documented = (ROOT / "docs" / "api.md").read_text()
    assert {name for name in declared if name not in documented} == set()


@pytest.fixture
def nested(box: Toolbox) -> list[dict[str, object]]:
    """What tests/programs/nested.c says."""
    box.write(
        "allocscc.toml",
        '[allocator.slab]\nsuballocates = "malloc"\nalloc = ["slab_get(Z)p"]\n'
        '[allocator.slot]\nsuballocates = "slab"\nalloc = ["slot_get(Z)p"]\n'
        '[wrapper.any]\nalloc = ["any_get(Zi)p"]\n',
    )
    box.allocscc("-O1", "-g", PROGRAMS / "nested.c", "-o", "prog")
    return box.answers("prog")


def test_parents(nested: list[dict[str, object]]) -> None:
    """R10, R18: every chunk around an address, innermost first, also where they start together, or are as large."""
    line = {mark: lines_of(PROGRAMS / "nested.c", f"/* {mark} */") for mark in ("block", "first", "inner", "whole")}
    block = ["malloc", 0, 4096, "char", line["block"], 0]
    slab = ["slab", 0, 256, "struct slab", line["first"], 0]
    slot = ["slot", 0, 8, "struct slot", line["inner"], 0]

    def levels(name: str) -> list[list[object]]:
        return one(nested, name=name, same=1)["levels"]  # type: ignore[return-value]

    assert levels("inner") == [slot, slab, block]
    assert levels("second") == [["slot", 8, 8, "struct slot", line["inner"] + 1, 0], slab, block]
    assert levels("slab") == [slab, block]
    assert levels("block") == [block]
    assert [level[:3] for level in levels("whole")] == [["slot", 256, 48], ["slab", 256, 48], ["malloc", 0, 4096]]
    assert levels("whole")[0][4] == line["whole"]
    assert levels("none") == []


def test_structs_of_other_versions(nested: list[dict[str, object]]) -> None:
    """R18: what is not known leaves the struct alone; one that is too small is refused, one from later is filled."""
    kept = one(nested, name="kept")
    expected = {"none": 0, "size": 0, "small": 0, "untouched": 7, "larger": 1, "later": 42, "gone": 0, "version": 1}
    assert {key: kept[key] for key in expected} == expected


def test_allocators_under_a_wrapper(nested: list[dict[str, object]]) -> None:
    """R12: all that were observed, each once; the wrapper's own field is the first."""
    before, after = (a for a in nested if a["name"] == "any_get") if len(nested) > 9 else ({}, nested[-1])
    assert before.get("allocators", []) == []
    assert after["first"] == "slab"
    assert sorted(after["allocators"]) == ["malloc", "slab", "slot"]  # type: ignore[call-overload]


@pytest.mark.parametrize("flags", FLAGS)
def test_the_right_free(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R14: wrappers, the allocator, frees that want a size or a pool; and who says why a chunk cannot be freed."""
    box.write(
        "allocscc.toml",
        '[wrapper.own]\nalloc = ["own_alloc(Z)p"]\nfree = ["own_free(P)"]\n'
        '[wrapper.copy]\nalloc = ["own_copy(s)p"]\n[wrapper.plain]\nalloc = ["plain_alloc(Z)p"]\n'
        '[allocator.sized]\nsuballocates = "malloc"\nalloc = ["sized_get(Z)p"]\nfree = ["sized_put(zP)"]\n'
        '[allocator.pool]\nsuballocates = "malloc"\nalloc = ["pool_get(pZ)p"]\nfree = ["pool_put(pP)"]\n'
        '[allocator.region]\nsuballocates = "malloc"\nalloc = ["region_get(pZ)p"]\nfree-all = ["region_clear(P)"]\n'
        '[wrapper.counted]\nalloc = ["counted_alloc(Z)p"]\nfree = ["counted_free(Pi)"]\n'
        '[allocator.tagged]\nsuballocates = "malloc"\nalloc = ["tagged_get(Z)p"]\nfree = ["tagged_put(Pi)"]\n'
        '[allocator.kept]\nsuballocates = "malloc"\nalloc = ["kept_get(Z)p"]\n',
    )
    box.allocscc(*flags, "-w", PROGRAMS / "freeing.c", "-o", "prog")
    answers = box.answers("prog")
    done, none, unable = 0, 22, 95  # EINVAL, ENOTSUP
    gone = "no live chunk is at this address"
    expected = {
        # name: (status, what was called, why not)
        "allocator": (done, "", ""),
        "wrapper": (done, "own_free ", ""),
        "wrapper around": (done, "own_free ", ""),
        "wrapper without": (done, "", ""),
        "wrapper counted": (unable, "", "its wrapper's free function wants more than is known of the chunk"),
        "sized": (done, "sized_put(14) ", ""),
        "pool": (done, "pool_put(4) ", ""),
        "region": (unable, "", "its allocator frees no single chunks, only what belongs together"),
        "tagged": (unable, "", "its allocator's free function wants more than is known of the chunk"),
        "kept": (unable, "", "its allocator has no free function"),
        "interior": (none, "", "the address is inside a chunk; what can be freed is its base"),
        "wrapper interior": (none, "", "the address is inside a chunk; what can be freed is its base"),
        **dict.fromkeys(("freed", "freed by free", "wrapper freed", "null", "stack", "static", "function", "wild"),
                        (none, "", gone)),
    }  # fmt: skip
    for name, (status, called, problem) in expected.items():
        answer = one(answers, name=name)
        assert (answer["status"], answer["called"], answer["problem"]) == (status, called, problem), answer
        assert answer["live"] == (status == unable), answer
    assert len(answers) == len(expected)


@pytest.mark.parametrize("flags", FLAGS)
def test_sites_and_types(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R13, R18: each call is one site and each name one type, used or not, from load to unload."""
    source = PROGRAMS / "known.c"
    wrappers = {"LIBALLOCS_ALLOC_FNS": "inner_alloc(Z)p outer_alloc(Z)p"}
    box.allocscc("-O2", "-fPIC", "-shared", PROGRAMS / "plugin.c", "-o", "plugin.so")
    box.allocscc(*flags, source, "-o", "prog", env=wrappers)
    answers = box.answers("prog", "./plugin.so")
    same = one(answers, name="same")
    assert (same["type"], same["sites"]) == (1, 1)
    # asked for before the program's constructors had run, and again after
    assert (same["early"], same["now"]) == (0, lines_of(source, "/* early */"))
    own = {("struct used", 4), ("struct unused", 2)}
    plugin = {("struct plugin_data", 1)}

    def types(name: str) -> set[tuple[object, ...]]:
        found = [(row[0], row[2]) for row in one(answers, name=name)["types"]]  # type: ignore[attr-defined]
        assert len(found) == len(set(found))
        return set(found)

    assert types("program") == own
    assert types("loaded") == own | plugin
    assert types("unloaded") == own
    assert one(answers, name="kept")["type"] == "struct plugin_data"
    sites = one(answers, name="program")["sites"]
    assert ["never", lines_of(source, "/* never */")] in sites  # type: ignore[operator]
    sizes = {row[0]: row[1] for row in one(answers, name="program")["types"]}  # type: ignore[attr-defined]
    assert sizes == {"struct used": 0, "struct unused": 40}  # a record has the size where the call does not say it
    wrapped = [site for site in sites if site[0] == "inner_alloc"]  # type: ignore[attr-defined]
    assert wrapped == [["inner_alloc", lines_of(source, "/* one site, two contexts */")]]
    added = [site for site in one(answers, name="loaded")["sites"] if site not in sites]  # type: ignore
    assert [site[0] for site in added] == ["plugin_make"]
    assert one(answers, name="unloaded")["sites"] == sites


def test_the_example_of_the_documentation(box: Toolbox) -> None:
    """R18: docs/api.md shows what compiles, and what is true."""
    (example,) = re.findall(r"^```c\n(.*?)^```$", (ROOT / "docs" / "api.md").read_text(), re.M | re.S)
    box.write(
        "example.c",
        f"#include <stdio.h>\n#include <stdlib.h>\n{example}\n"
        "int main(void) { int *p = calloc(3, sizeof(int)); describe(p + 1); free(p); describe(&p); return 0; }\n",
    )
    box.allocscc("-O0", "-Wall", "-Wextra", "-pedantic", "-Werror", "example.c", "-o", "prog")
    told = box.run(box.folder / "prog").stdout
    assert re.fullmatch(r"12 bytes of int by malloc at .*example\.c:\d+\n", told), told


def test_benchmark_of_queries(box: Toolbox) -> None:
    """R18: benchmarks/programs/query.c asks every question; its figures are for `make bench-runtime`, not for here."""
    box.allocscc("-O2", "-Wall", "-Wextra", ROOT / "benchmarks" / "programs" / "query.c", "-o", "query", env=WRAPPERS)
    lines = box.run(box.folder / "query", "10").stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["alloc_get_base", "alloc_get_size"]
    assert all(len(line.split()) == 3 for line in lines)
