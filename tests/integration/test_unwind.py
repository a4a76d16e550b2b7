"""Unwind mode (R16): wrappers are observed without caller stubs, and the answers are those of stub mode."""

import json

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, lines_of, need, one, verify

NAMES = (
    "plain", "alloca", "vla", "aligned", "aligned_vla", "saved", "large", "pushed", "pointer", "tail", "cold", "jumps",
    "grown",
)  # fmt: skip
FRAMES = {
    "LIBALLOCS_ALLOC_FNS": " ".join([*(f"w_{name}(Z)p" for name in NAMES), "w_recursive(Zi)p"]),
    "ALLOCSCC_OBSERVE": "unwind",
}
CHAINS = {"recursive": 4 * ["w_recursive"], "pointer": ["w_pointer", "w_plain"], "tail": ["w_tail", "w_plain"],
          "direct": [], "context": ["w_aligned"], "signal": ["w_saved"], "thread": ["w_vla"]}  # fmt: skip
FLAGS = [
    ("gcc", "-O0"),
    ("gcc", "-O1", "-fno-omit-frame-pointer"),
    ("gcc", "-O2"),
    ("gcc", "-O2", "-fstack-protector-all", "-fcf-protection=full"),
    ("gcc", "-O2", "-fno-pie", "-no-pie"),
    ("gcc", "-O2", "-static"),
    ("gcc", "-O3", "-fomit-frame-pointer", "-mavx2"),
    ("gcc", "-Os", "-mno-red-zone"),
    ("gcc", "-O2", "-mno-accumulate-outgoing-args", "-fno-asynchronous-unwind-tables", "-funwind-tables"),
    ("clang", "-O0"),
    ("clang", "-O2"),
    ("clang", "-O3", "-mavx2", "-fno-omit-frame-pointer"),
    ("clang", "-Os"),
]


def chain(answer: dict[str, object]) -> list[str]:
    """The names of the wrappers of an answer, outermost first."""
    return [frame[0] for frame in answer["chain"]]  # type: ignore[attr-defined]


def rules(box: Toolbox, path: str) -> dict[str, str]:
    """The rule for each function of a linked file."""
    plans = json.loads(box.run(ROOT / "bin" / "allocs", "explain", "--json", path).stdout)
    return {decision["symbol"]: decision["rule"] for plan in plans for decision in plan["decisions"]}


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_every_frame_is_left(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R13, R16: whatever a compiler does with a wrapper's frame, its caller is found; and once again."""
    need(flags[0])
    env = {**FRAMES, "ALLOCSCC_CC": flags[0]}
    sources = (PROGRAMS / "framed.c", PROGRAMS / "frames.c")
    box.allocscc("-g", *flags[1:], *sources, "-o", "prog", env=env)
    found = rules(box, "prog")
    assert {found[f"w_{name}"] for name in NAMES} == {"wrapper-unwound"}
    answers = box.answers("prog")
    assert len(answers) == 2 * 15 + 3
    for answer in answers:
        name = str(answer["name"])
        assert chain(answer) == CHAINS.get(name, [f"w_{name}"]), answer
        assert answer["line"] == lines_of(sources[0], f"/* {name} */"), answer
        assert answer["type"] == "struct item", answer
    box.allocscc("-g", *flags[1:], *sources, "-o", "stubs", env={**env, "ALLOCSCC_OBSERVE": "stubs"})
    assert box.answers("stubs") == answers


@pytest.mark.parametrize(
    "compiler",
    [("gcc", "-O0"), ("gcc", "-O2"), ("gcc", "-O3", "-fomit-frame-pointer", "-mavx2"), ("clang", "-O2")],
    ids=" ".join,
)
def test_the_way_out_is_libgccs(box: Toolbox, compiler: tuple[str, ...]) -> None:
    """R16: wherever libc allocates, each frame is left as libgcc's unwinder leaves it; none is guessed."""
    need(compiler[0])
    source = PROGRAMS / "walker.c"
    box.run(*compiler, "-std=gnu11", "-fno-builtin", "-w", *box.include, source, "-o", "prog")
    (found,) = box.answers("prog")
    assert found["wrong"] == 0
    assert int(str(found["stacks"])) > 3000
    assert int(str(found["lost"])) * 100 < int(str(found["frames"]))  # what lies behind a signal's frame


@pytest.mark.parametrize("compiler", [("gcc", "-O0"), ("gcc", "-O2"), ("clang", "-O2")], ids=" ".join)
@pytest.mark.parametrize("observe", ["stubs", "unwind"])
def test_helpers_that_nobody_declared(box: Toolbox, compiler: tuple[str, ...], observe: str) -> None:
    """R16: what a wrapper leaves to a helper has its caller as site; the helper, called by others, has not."""
    need(compiler[0])
    box.write("allocscc.toml", '[wrapper.x]\nalloc = ["xmalloc(Z)p", "xjump(Z)p"]\n')
    env = {"ALLOCSCC_CC": compiler[0], "ALLOCSCC_OBSERVE": observe}
    box.allocscc("-g", *compiler[1:], "-w", PROGRAMS / "helpers.c", "-o", "prog", env=env)
    for answer in box.answers("prog"):
        wrapper, function, kind = {
            "wrapped": ("xmalloc", "main", "int"), "jumped": ("xjump", "main", "long"), "direct": ("", "innermost", ""),
        }[str(answer["name"])]  # fmt: skip
        assert answer == {
            "name": answer["name"], "chain": int(wrapper != ""), "wrapper": wrapper, "function": function, "type": kind,
        }  # fmt: skip


def test_without_unwind_tables_there_are_stubs(box: Toolbox) -> None:
    """R16: where a compiler wrote no unwind tables, a wrapper has its stub, and the answers are the same."""
    sources = (PROGRAMS / "framed.c", PROGRAMS / "frames.c")
    box.allocscc("-g", "-O2", "-fno-asynchronous-unwind-tables", *sources, "-o", "prog", env=FRAMES)
    assert rules(box, "prog")["w_plain"] == "wrapper-defined"
    for answer in box.answers("prog"):
        assert chain(answer) == CHAINS.get(str(answer["name"]), [f"w_{answer['name']}"]), answer


def test_variadic_wrappers(box: Toolbox) -> None:
    """R16: a variadic wrapper, for which no stub can stand, is known in both modes, also between stubs."""
    source = box.write(
        "prog.c",
        '#define _GNU_SOURCE\n#include "tell.h"\n#include <stdarg.h>\n#include <stdlib.h>\n'
        "char *xvasprintf(const char *f, va_list a) { char *p; if (vasprintf(&p, f, a) < 0) abort(); return p; }\n"
        "char *xasprintf(const char *f, ...) { va_list a; va_start(a, f); char *p = xvasprintf(f, a); va_end(a);\n"
        "return p; }\n"
        'char *name_of(int n) { char *p = xasprintf("%d", n); return p; }\n'
        "int main(void) { for (int i = 0; i < 2; i++) {\n"
        'tell("one", xasprintf("%d", 1)); /* one */\n'
        'tell("two", xasprintf("%d", 2)); /* two */\n'
        'tell("three", name_of(3)); /* three */\n'
        'char *p; if (asprintf(&p, "%d", 4) < 0) return 1; /* four */\n tell("four", p); } return 0; }\n',
    )
    chains = {"one": ["xasprintf", "xvasprintf"], "three": ["name_of", "xasprintf", "xvasprintf"], "four": ["asprintf"]}
    chains["two"] = chains["one"]
    box.write(
        "allocscc.toml",
        '[wrapper.x]\nalloc = ["xasprintf(s.)p", "xvasprintf(sp)p", "name_of(i)p", "asprintf(P*s.)i"]\n',
    )
    for mode in ("stubs", "unwind"):
        box.env["ALLOCSCC_OBSERVE"] = mode
        for flags in (("-O0",), ("-O2", "-g"), ("-O2", "-static")):
            command = (*flags, source, "-o", "prog")
            box.allocscc(*command)
            answers = box.answers("prog")
            assert len(answers) == 8
            for answer in answers:
                name = str(answer["name"])
                assert chain(answer) == chains[name], (mode, flags, answer)
                assert answer["line"] == lines_of(source, f"/* {name} */"), (mode, flags, answer)
    verify(
        box, ROOT / "bin" / "allocscc", *box.include, "-O2", source, "-o", "proved", env={"ALLOCSCC_OBSERVE": "stubs"}
    )


UNUSED = "#include <stdlib.h>\nvoid *xunused(size_t n) { void *p = malloc(n); if (!p) abort(); return p; }\n"


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
@pytest.mark.parametrize("options", [(), ("-static",), ("-shared",), ("-no-pie", "-Wl,--gc-sections")], ids=" ".join)
def test_links_are_proved(box: Toolbox, linker: str, options: tuple[str, ...]) -> None:
    """R15, R16: every difference is explained, and an archive's member brings its mark with it, and no other does."""
    need({"bfd": "ld.bfd", "gold": "ld.gold", "lld": "ld.lld", "mold": "mold"}[linker])
    box.env |= {**WRAPPERS, "ALLOCSCC_OBSERVE": "unwind"}
    box.env["LIBALLOCS_ALLOC_FNS"] += " xunused(Z)p"
    box.write("unused.c", UNUSED)
    box.allocscc(
        "-O2", "-fPIC", "-ffunction-sections", "-c", PROGRAMS / "wrapped.c", PROGRAMS / "xmalloc.c", "unused.c"
    )
    box.run("gcc-ar", "rcs", "libx.a", "unused.o", "xmalloc.o")
    driver = (ROOT / "bin" / "allocscc", f"-fuse-ld={linker}", *options, "wrapped.o", "-o", "prog")
    verify(box, *driver, "xmalloc.o", "unused.o")
    result = verify(box, *driver, "libx.a")
    members = [one.rpartition("(")[2] for one in result["seen"]["ours"]["inputs"] if "libx.a(" in one]  # type: ignore[index]
    assert sorted(members) == ["allocs-1.o)", "xmalloc.o)"]


@pytest.mark.parametrize("flags", [("-fPIE",), ("-fno-pie", "-no-pie")], ids=" ".join)
def test_an_imported_wrapper_whose_address_is_taken(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R16: in a program that is no PIE, the address of an imported function is that of a jump in the program."""
    main = box.write(
        "main.c",
        '#include "tell.h"\n#include <stdlib.h>\nvoid *xmalloc(size_t);\nvoid *(*const get)(size_t) = xmalloc;\n'
        'int main(void) { tell("x", get(3 * sizeof(long))); return 0; }\n',
    )
    box.run("gcc", "-O2", "-fPIC", "-shared", PROGRAMS / "xmalloc.c", "-o", "libx.so")
    box.allocscc(*flags, main, "-L.", "-lx", "-Wl,-rpath,$ORIGIN", "-o", "prog", env={**FRAMES, **WRAPPERS})
    assert chain(one(box.answers("prog"), name="x")) == ["xmalloc"]


def test_objects_come_and_go(box: Toolbox) -> None:
    """R12, R16: an object with wrappers of its own is loaded and unloaded, another one takes its place, and again."""
    maker = (
        "#include <stdlib.h>\n__attribute__((noinline)) void *NAME(size_t n) { void *p = malloc(n);\n"
        "if (!p) abort(); return p; }\nvoid *make(void) { void *p = NAME(sizeof(long)); if (!p) abort(); return p; }\n"
    )
    wrappers = {"LIBALLOCS_ALLOC_FNS": "aget(Z)p bget(Z)p", "ALLOCSCC_OBSERVE": "unwind"}
    for name in ("aget", "bget"):
        source = box.write(f"{name}.c", maker.replace("NAME", name))
        box.allocscc("-O1", "-fPIC", "-shared", source, "-o", f"{name}.so", env=wrappers)
    main = box.write(
        "main.c",
        '#include "tell.h"\n#include <dlfcn.h>\nint main(void) { for (int i = 0; i < 100; i++) {\n'
        'void *handle = dlopen(i % 2 ? "./bget.so" : "./aget.so", RTLD_NOW);\n'
        'void *p = ((void *(*)(void))dlsym(handle, "make"))(); tell("loaded", p); dlclose(handle); tell("gone", p);\n'
        "} return 0; }\n",
    )
    box.allocscc(main, "-o", "prog", env=wrappers)
    answers = box.answers("prog")
    assert len(answers) == 200
    for number, answer in enumerate(answers):
        assert chain(answer) == ["aget" if number // 2 % 2 == 0 else "bget"], (number, answer)


def test_foreign_objects_come_and_go(box: Toolbox) -> None:
    """R16: nobody tells when a library that was not built by us goes; another one may lie in its place."""
    source = box.write(
        "plugin.c",
        "#include <stdlib.h>\nvoid *made(void) { volatile char room[ROOM]; room[8] = 1; void *p = malloc(24);\n"
        "room[9] = p != 0; return p; }\n",
    )
    for name, room in (("a", 4000), ("b", 8000)):
        box.run("gcc", "-O2", "-fPIC", "-shared", f"-DROOM={room}", source, "-o", f"{name}.so")
    main = box.write(
        "main.c",
        '#include "tell.h"\n#include <dlfcn.h>\n#include <stdlib.h>\n'
        "__attribute__((noinline)) void *wrap(void *(*f)(void)) { void *p = f(); if (!p) abort(); return p; }\n"
        "int main(void) { for (int i = 0; i < 20; i++) {\n"
        'void *handle = dlopen(i % 2 ? "./b.so" : "./a.so", RTLD_NOW);\n'
        'void *p = wrap((void *(*)(void))dlsym(handle, "made")); dlclose(handle); tell("p", p); } return 0; }\n',
    )
    env = {"LIBALLOCS_ALLOC_FNS": "wrap(p)p", "ALLOCSCC_OBSERVE": "unwind"}
    box.allocscc("-O2", main, "-o", "prog", env=env)
    answers = box.answers("prog")
    assert [(chain(answer), answer["line"]) for answer in answers] == 20 * [
        (["wrap"], lines_of(main, "void *p = wrap"))
    ]


def test_threads(box: Toolbox) -> None:
    """R16: calls that are met for the first time by many threads at once."""
    sizes = range(10, 60)
    functions = "".join(f"static void *a{n}(void) {{ void *p = xmalloc({n}); return p; }}\n" for n in sizes)
    main = box.write(
        "main.c",
        '#include "tell.h"\n#include <pthread.h>\n#include <stdlib.h>\n#include <string.h>\nvoid *xmalloc(size_t);\n'
        f"static pthread_barrier_t all;\n{functions}"
        f"static void *(*const each[])(void) = {{{', '.join(f'a{n}' for n in sizes)}}};\n"
        "static void *work(void *wrong) { pthread_barrier_wait(&all);\n"
        "for (int round = 0; round < 200; round++) for (unsigned i = 0; i < sizeof each / sizeof *each; i++) {\n"
        "void *p = each[i](); const struct alloc_frame *f[4]; unsigned n = alloc_get_chain(p, f, 4);\n"
        'if (n != 1 || strcmp(f[0]->wrapper->name, "xmalloc") || !alloc_site_function(f[0]->site)'
        " || strtoul(alloc_site_function(f[0]->site) + 1, 0, 10) != alloc_get_size(p)) ++*(int *)wrong;\n"
        "free(p); } return 0; }\n"
        "int main(void) { pthread_t t[8]; int wrong[8] = {0}, sum = 0; pthread_barrier_init(&all, 0, 8);\n"
        "for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, work, &wrong[i]);\n"
        "for (int i = 0; i < 8; i++) pthread_join(t[i], 0), sum += wrong[i]; return sum != 0; }\n",
    )
    box.allocscc(
        "-g", "-O1", main, PROGRAMS / "xmalloc.c", "-o", "prog", env={**WRAPPERS, "ALLOCSCC_OBSERVE": "unwind"}
    )
    box.run("./prog")


def test_a_wrong_word(box: Toolbox) -> None:
    """R1, R16: the variable is checked as the key is."""
    box.allocscc(PROGRAMS / "xmalloc.c", "-shared", "-fPIC")  # what is known of the config from then on does not matter
    done = box.allocscc(PROGRAMS / "xmalloc.c", "-shared", "-fPIC", check=False, env={"ALLOCSCC_OBSERVE": "frames"})
    assert 'ALLOCSCC_OBSERVE: \'frames\'; allowed: "stubs", "unwind"' in done


@pytest.mark.parametrize(("inner", "outer"), [("stubs", "unwind"), ("unwind", "stubs")])
def test_both_ways_in_one_process(box: Toolbox, inner: str, outer: str) -> None:
    """R13, R16: a library and a program that observe in different ways: one chain, in the order of the stack."""
    main = box.write(
        "main.c",
        '#include "tell.h"\n#include <stdlib.h>\nvoid *xmalloc(size_t); void *xmemdup(const void *, size_t);\n'
        "__attribute__((noinline)) void *outer(size_t n) { void *p = xmemdup(&n, n); if (!p) abort(); return p; }\n"
        "__attribute__((noinline)) void *twice(size_t n) { void *p = outer(n); if (!p) abort(); return p; }\n"
        "int main(void) { for (int i = 0; i < 2; i++) {\n"
        'tell("one", outer(sizeof(short))); /* one */\ntell("two", twice(sizeof(short))); /* two */\n'
        'tell("other", outer(sizeof(short))); /* other */\ntell("inner", xmalloc(sizeof(short))); /* inner */\n'
        "} return 0; }\n",
    )
    env = {**WRAPPERS, "LIBALLOCS_ALLOC_FNS": WRAPPERS["LIBALLOCS_ALLOC_FNS"] + " outer(Z)p twice(Z)p"}
    library = ("-O1", "-fPIC", "-shared", PROGRAMS / "xmalloc.c", "-o", "libx.so")
    box.allocscc(*library, env={**env, "ALLOCSCC_OBSERVE": inner})
    program = ("-O1", main, "-L.", "-lx", "-Wl,-rpath,$ORIGIN", "-o", "prog")
    box.allocscc(*program, env={**env, "ALLOCSCC_OBSERVE": outer})
    chains = {"one": ["outer", "xmemdup", "xmalloc"], "inner": ["xmalloc"]}
    chains |= {"two": ["twice", *chains["one"]], "other": chains["one"]}
    answers = box.answers("prog")
    assert len(answers) == 8
    for answer in answers:
        name = str(answer["name"])
        assert (chain(answer), answer["line"]) == (chains[name], lines_of(main, f"/* {name} */")), answer


def test_called_before_its_constructors(box: Toolbox) -> None:
    """R16: a library's constructor calls a wrapper of the program, whose own have not run: it is known all the same."""
    library = box.write(
        "early.c",
        "#include <stddef.h>\nvoid *xmalloc(size_t); void *early, *again(void);\n"
        "void *again(void) { void *p = xmalloc(20); return p; }\n"
        "__attribute__((constructor)) static void begin(void) { early = again(); }\n",
    )
    main = box.write(
        "main.c",
        '#include "tell.h"\nextern void *early; void *again(void);\n'
        'int main(void) { tell("again", again()); tell("again", again()); return early == 0; }\n',
    )
    env = {**WRAPPERS, "ALLOCSCC_OBSERVE": "unwind"}
    box.run("gcc", "-O1", "-fPIC", "-shared", library, "-o", "libearly.so")
    command = (main, PROGRAMS / "xmalloc.c", "-rdynamic", "-L.", "-learly", "-Wl,-rpath,$ORIGIN", "-o", "prog")
    box.allocscc("-O1", *command, env=env)
    assert [chain(answer) for answer in box.answers("prog")] == [["xmalloc"], ["xmalloc"]]
