"""`allocs explain --verify` is not to be deceived: a linker that does something else in our link is found out (R15)."""

from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, WRAPPERS, Toolbox, need, verify

LINKERS = ("ld.bfd", "ld.gold", "ld.lld", "ld.mold")
HELLO = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'
CALLER = "#include <stddef.h>\nvoid *xmalloc(size_t);\nint main(void) { return !xmalloc(8); }\n"
each_linker = pytest.mark.parametrize("name", LINKERS)


def lying_linker(box: Toolbox, lie: str, name: str = "ld", when: str = "*") -> dict[str, str]:
    """An environment whose linker does something else where our link asks it: `lie` is a line of sh.

    Args:
        box: where its script is put.
        lie: it may change "$@".
        name: of the linker.
        when: pattern of the output's path; by default that of all links that get the runtime.
    """
    pattern = '*" __allocs_runtime "*' if when == "*" else f'*"{when}"*'
    script = box.write(f"lies/{name}", f'#!/bin/sh\ncase " $* " in {pattern})\n{lie}\n;; esac\nexec {name} "$@"\n')
    script.chmod(0o755)
    return {"COMPILER_PATH": str(script.parent)}


def unexplained(result: dict[str, object]) -> set[tuple[str, str, str]]:
    """Sign, kind and name of all lines without a cause; of inputs the last part of the path."""
    lines: list[dict[str, str]] = result["unexplained"]  # type: ignore[assignment]
    return {(line["sign"], line["kind"], line["name"].rpartition("/")[2]) for line in lines}


def small_archive(box: Toolbox, *flags: str) -> None:
    """`main.o`, and `libx.a` with a member that it pulls in and one that it does not."""
    box.write("main.c", "int used(void);\nint main(void) { return used(); }\n")
    box.write("used.c", "int used(void) { return 0; }\n")
    box.write("further.c", "int further(void) { return 0; }\n")
    box.run("gcc", "-fPIC", *flags, "-c", "main.c", "used.c", "further.c")
    box.run("gcc-ar", "rcs", "libx.a", "further.o", "used.o")


@pytest.mark.parametrize(
    ("name", "flags"),
    # lld does not link gcc's intermediate code
    [*((name, ()) for name in LINKERS), *((name, ("-flto",)) for name in LINKERS if name != "ld.lld")],
)
def test_another_member_pulled_in(box: Toolbox, name: str, flags: tuple[str, ...]) -> None:
    """R15: members are compared, whatever a linker tells of them; of intermediate code, too."""
    need(name)
    small_archive(box, *flags)
    command = ("gcc", f"-fuse-ld={name[3:]}", *flags, "main.o", "libx.a", "-o", "prog")
    result = verify(box, *command)
    for inputs in (side["inputs"] for side in result["seen"].values()):  # type: ignore[attr-defined]
        assert {Path(one).name for one in inputs if "libx.a(" in one} == {"libx.a(used.o)"}
    env = lying_linker(box, 'set -- -u further "$@"', name)
    assert ("+", "input", "libx.a(further.o)") in unexplained(verify(box, *command, check=False, env=env))


@pytest.mark.parametrize("flags", [(), ("-flto",)], ids=["", "LTO"])
def test_mold_without_a_map(box: Toolbox, flags: tuple[str, ...]) -> None:
    """R15: mold 1.10 cannot write one of every link; what it names without one are all members that it looks into."""
    need("ld.mold")
    small_archive(box, *flags)
    command = ("gcc", "-fuse-ld=mold", *flags, "main.o", "libx.a", "-o", "prog")
    fails = 'case " $* " in *" -Map="*) exit 1;; esac\n'
    result = verify(box, *command, env=lying_linker(box, fails, "ld.mold", "/output"))
    for inputs in (side["inputs"] for side in result["seen"].values()):  # type: ignore[attr-defined]
        assert {Path(one).name for one in inputs if "libx.a(" in one} == {"libx.a(used.o)"}
    lie = f'{fails}case " $* " in *"/ours/output "*) set -- -u further "$@";; esac'
    env = lying_linker(box, lie, "ld.mold", "/output")
    assert ("+", "input", "libx.a(further.o)") in unexplained(verify(box, *command, check=False, env=env))


@each_linker
def test_a_member_less(box: Toolbox, name: str) -> None:
    """R15: what only the vanilla link takes is found: here an object stands in for a member."""
    need(name)
    small_archive(box)
    env = lying_linker(box, f'set -- {box.folder}/used.o "$@"', name)
    result = verify(box, "gcc", f"-fuse-ld={name[3:]}", "main.o", "libx.a", "-o", "prog", check=False, env=env)
    assert unexplained(result) == {("-", "input", "libx.a(used.o)"), ("+", "input", "used.o")}


@each_linker
def test_exports_are_compared(box: Toolbox, name: str) -> None:
    """R15: one export more, in a program, and one less, in a shared object."""
    need(name)
    small_archive(box)
    env = lying_linker(box, 'set -- --export-dynamic "$@"', name)
    result = verify(box, "gcc", f"-fuse-ld={name[3:]}", "main.o", "libx.a", "-o", "prog", check=False, env=env)
    assert {("+", "export", "main"), ("+", "export", "used")} <= unexplained(result)
    env = lying_linker(box, 'set -- --exclude-libs ALL "$@"', name, "/ours/output")
    command = ("gcc", f"-fuse-ld={name[3:]}", "-shared", "main.o", "libx.a", "-o", "libmain.so")
    result = verify(box, *command)
    assert {"main", "used"} <= set(result["seen"]["vanilla"]["exports"])  # type: ignore[index]
    assert ("-", "export", "used") in unexplained(verify(box, *command, check=False, env=env))


@each_linker
def test_a_linker_that_does_not_say_what_it_takes(box: Toolbox, name: str) -> None:
    """R15: two links of which nothing is known are not proved to be the same."""
    need(name)
    small_archive(box)
    mute = 'for word; do shift; case $word in --trace) ;; *) set -- "$@" "$word" ;; esac; done'
    env = lying_linker(box, mute, name, "/output")
    result = verify(box, "gcc", f"-fuse-ld={name[3:]}", "main.o", "libx.a", "-o", "prog", check=False, env=env)
    assert any("main.o: the linker does not say that it took this object" in text for text in result["problems"])  # type: ignore[attr-defined]


def test_an_object_slipped_in(box: Toolbox) -> None:
    """R15: an input that only our link has, with a symbol that looks like ours."""
    box.write("hello.c", HELLO)
    box.write("planted.c", "int __allocs_planted = 1;\n")
    box.run("gcc", "-c", "planted.c")
    env = lying_linker(box, f'set -- "$@" {box.folder}/planted.o')
    result = verify(box, "gcc", "hello.c", "-o", "prog", env=env, check=False)
    found = {(line["sign"], line["kind"], Path(line["name"]).name) for line in result["unexplained"]}  # type: ignore[attr-defined]
    assert ("+", "symbol", "__allocs_planted") in found
    assert ("+", "input", "planted.o") in found
    assert result["traceless"] == []


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        ('set -- -z execstack "$@"', "stack"),
        ('set -- "$@" --no-as-needed -lm', "needed"),
        ('set -- --export-dynamic "$@"', "export"),
        ('set -- -rpath /nowhere "$@"', "RUNPATH"),
    ],
)
def test_another_option_slipped_in(box: Toolbox, lie: str, found: str) -> None:
    """R15: what says how the output behaves is compared, too."""
    box.write("hello.c", HELLO)
    result = verify(box, "gcc", "hello.c", "-o", "prog", env=lying_linker(box, lie), check=False)
    lines = result["unexplained"]
    assert any(found in f"{line['kind']} {line['text']}" for line in lines), lines  # type: ignore[attr-defined]


def test_a_decision_not_carried_out(box: Toolbox) -> None:
    """R15: a linker without our `--wrap`: the decision has no trace."""
    box.write("caller.c", CALLER)
    box.run("gcc", "-O2", "-fPIC", "-shared", PROGRAMS / "xmalloc.c", "-o", "libx.so")
    lie = 'for word; do shift; case $word in --wrap=*) ;; *) set -- "$@" "$word" ;; esac; done'
    env = WRAPPERS | lying_linker(box, lie)
    result = verify(box, "gcc", "caller.c", "-L.", "-lx", "-o", "prog", env=env, check=False)
    assert [text.partition(":")[0] for text in result["traceless"]] == ["xmalloc"]  # type: ignore[attr-defined]


def test_a_plan_that_is_not_the_links(box: Toolbox) -> None:
    """R2, R15: a hook that decides one thing in the link and another for who asks."""
    box.write("caller.c", CALLER)
    box.write("x.c", "#include <stdlib.h>\nvoid *xmalloc(size_t n) { return malloc(n); }\n")
    box.write("allocscc.toml", '[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n[hooks]\nplan = "lie.py"\n')
    box.write(
        "lie.py",
        "import os\nfrom allocscc.values import replace\n"
        "def plan(config, plan):\n"
        "    if 'ALLOCSCC_WITNESS_REAL' not in os.environ: return plan\n"
        "    return replace(plan, decisions=tuple(d for d in plan.decisions if d.symbol != 'xmalloc'))\n",
    )
    result = verify(box, "gcc", "caller.c", "x.c", "-o", "prog", check=False)
    assert any("xmalloc" in text for text in result["traceless"])  # type: ignore[attr-defined]
    assert any("is not the one that this command line gives" in text for text in result["problems"])  # type: ignore[attr-defined]


def test_a_link_that_fell_back(box: Toolbox) -> None:
    """R15: where our link was done without us, the report says so, and what the linker had to say."""
    box.write("hello.c", HELLO)
    result = verify(box, "gcc", "hello.c", "-o", "prog", env=lying_linker(box, "exit 1"), check=False)
    assert "so it was done without them" in str(result["said"])
    assert any(text.startswith("runtime") for text in result["traceless"])  # type: ignore[attr-defined]
