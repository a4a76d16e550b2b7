"""`allocs run`, `allocs report`, `allocs diff` and `allocs doctor` on real programs, as a person meets them."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, WRAPPERS, Toolbox, lines_of, need

ALLOCS = ROOT / "bin" / "allocs"
HERE = lines_of(PROGRAMS / "tool.c", "/* here */")
INPUT = "one\ntwo\n"


@pytest.fixture
def tool(box: Toolbox) -> Toolbox:
    """A box with ./tool, built by allocscc, and ./plain, built without."""
    box.allocscc("-g", PROGRAMS / "tool.c", "-o", "tool", env=WRAPPERS)
    box.run("gcc", PROGRAMS / "tool.c", "-o", "plain")
    return box


def run(box: Toolbox, *words: str | Path, stdin: str = INPUT) -> subprocess.CompletedProcess[str]:
    """`allocs run WORDS`, whatever its status."""
    return box.run(ALLOCS, "run", *words, check=False, stdin=stdin)


def test_the_report_follows_the_program(tool: Toolbox) -> None:
    """Issue 7, 3: input, output and arguments are the program's; the report is on standard error."""
    done = run(tool, "./tool", "--top", "-h", "")
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n[--top]\n[-h]\n[]\n")
    assert re.search(r"^ +224 B +2 +224 B +2 +224 B +2  struct item$", done.stderr, re.M)
    assert f"    malloc < xmalloc < main tool.c:{HERE}" in done.stderr
    assert not list(Path(tool.env["TMPDIR"]).glob("allocs-run-*"))


@pytest.mark.parametrize("words", [("--by", "type", "./tool", "x"), ("--by=type", "--", "./tool", "x")])
def test_options_of_the_report(tool: Toolbox, words: tuple[str, ...]) -> None:
    """Issue 7, 3: those before the program are ours."""
    done = run(tool, *words)
    assert done.stdout.endswith("[x]\n")
    assert re.search(r"224 B +2 +\d+\.\d% +224 B +2  struct item$", done.stderr, re.M)


def test_the_report_in_files(tool: Toolbox) -> None:
    """Issue 7, 3: --output, --json, --keep."""
    done = run(tool, "--json", "-o", "r.json", "--keep", "kept-%p.json", "./tool")
    assert (done.returncode, done.stdout, done.stderr) == (0, INPUT, "")
    rows = json.loads((tool.folder / "r.json").read_text())
    assert [row["line"] for row in rows if row["type"] == "struct item"] == [HERE]
    (kept,) = tool.folder.glob("kept-*.json")
    assert re.fullmatch(r"kept-\d+\.json", kept.name)
    assert tool.report(kept) == rows
    done = run(tool, "--type", "struct item", "--json", "-o", "-", "./tool", stdin="")
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("seven", 7, "heap of "),
        ("abort", 134, "no profile was written: tool was ended by SIGABRT"),
        ("pipe", 141, "no profile was written: tool was ended by SIGPIPE"),
        ("interrupt", 143, "no profile was written: tool was ended by SIGTERM"),
        ("_exit", 3, "no profile was written: tool ended without running its exit handlers"),
    ],
)
def test_the_status_is_the_programs(tool: Toolbox, how: str, status: int, said: str) -> None:
    """Issue 7, 3: 128 and the signal's number; what to do where nothing was written. SIGTERM is passed on."""
    done = run(tool, "./tool", how)
    assert (done.returncode, done.stdout) == (status, f"{INPUT}[{how}]\n")
    assert done.stderr.startswith((said, f"allocs: {said}"))
    assert status in (7,) or "--interval 1" in done.stderr


def test_a_program_that_never_exits_leaves_its_last_profile(tool: Toolbox) -> None:
    """Issue 7, 3: --interval."""
    done = run(tool, "--interval", "0.2", "./tool", "long")
    assert done.returncode == 4
    assert "written while it ran" in done.stderr
    assert "struct item" in done.stderr


def test_programs_that_cannot_be_run(tool: Toolbox) -> None:
    """Issue 7, 3: the statuses of a shell, and what may have been meant."""
    done = run(tool, "tool")
    assert (done.returncode, done.stderr) == (127, "allocs: tool: not found; did you mean ./tool?\n")
    done = run(tool, "sh", "-c", "echo $0")
    assert done.stdout == "sh\n"  # as a shell would have called it
    tool.write("text", "echo $1\n")
    done = run(tool, "./text")
    assert (done.returncode, done.stderr) == (126, "allocs: ./text: Permission denied\n")
    (tool.folder / "text").chmod(0o755)
    done = run(tool, "./text", "it runs")
    assert (done.returncode, done.stdout) == (0, "it runs\n")
    assert "started no program that was built by allocscc" in done.stderr


def test_all_processes_of_a_script(tool: Toolbox) -> None:
    """Issue 7, 3: a script's programs have a profile each, forked ones, too; they are added up."""
    tool.write("s.sh", "#!/bin/sh\necho a | ./tool one\necho b | ./tool fork\ntrue\n").chmod(0o755)
    done = run(tool, "./s.sh")
    assert done.stdout == "a\n[one]\nb\n[fork]\n"
    assert re.match(r"heap of \S*/tool and 2 more profiles\n", done.stderr)
    (line,) = re.findall(r".*  struct item$", done.stderr, re.M)
    assert line.split()[:3] == ["336", "B", "3"]  # what the parent had allocated is in the child
    done = run(tool, "--keep", "k.json", "./s.sh")
    assert "kept the largest of 3 profiles" in done.stderr
    assert tool.report(tool.folder / "k.json")


def test_programs_that_are_not_ours(tool: Toolbox) -> None:
    """Issue 7, 3: the runtime is preloaded; one line says what is missing."""
    done = run(tool, "./plain", "seven")
    assert (done.returncode, done.stdout) == (7, f"{INPUT}[seven]\n")
    first, _, rest = done.stderr.partition("\n")
    assert first.startswith(
        "allocs: ./plain was not built by allocscc: of it only sizes and calling functions are known"
    )
    assert re.search(r"224 B +2  \?\n    malloc < .*plain \(not built by allocscc\)", rest)
    done = run(tool, "--preload", "never", "./plain")
    assert "leave out --preload never" in done.stderr
    tool.run("gcc", "-static", PROGRAMS / "tool.c", "-o", "static")
    done = run(tool, "./static")
    assert (done.returncode, done.stdout) == (0, INPUT)
    assert "is linked statically and was not built by allocscc" in done.stderr


def test_leaks_of_a_run(tool: Toolbox) -> None:
    """Issue 7, 2 and 3: what was lost, below the report; the same from a file, as table and JSON."""
    done = run(tool, "--leaks", "./tool", "lose")
    lost = done.stderr[done.stderr.index("leaks of ") :]
    assert "224 B in     2 chunks lost" in lost
    assert f"    malloc < xmalloc < main tool.c:{HERE}" in lost
    tool.run("./tool", "lose", stdin=INPUT, env={"ALLOCS_OPTIONS": "leaks=l.json"})
    assert tool.run(ALLOCS, "report", "l.json").stdout == lost
    (row,) = tool.report(tool.folder / "l.json")
    assert (row["line"], row["type"], row["lost_bytes"], row["direct_chunks"]) == (HERE, "struct item", 224, 1)
    mixed = tool.run(ALLOCS, "report", "--html", "-", "l.json", check=False)
    assert (mixed.returncode, mixed.stdout) == (64, "")


def test_options_of_the_user_stay(tool: Toolbox) -> None:
    """Issue 7, 3: ALLOCS_OPTIONS is added to."""
    done = tool.run(
        ALLOCS, "run", "./tool", "lose", check=False, stdin=INPUT, env={"ALLOCS_OPTIONS": "leaks=1:leak-status=9"}
    )
    assert done.returncode == 9
    assert "allocscc: 2 chunks, 224 bytes leaked" in done.stderr
    assert "heap of " in done.stderr


def test_several_profiles_and_growth(tool: Toolbox) -> None:
    """Issue 7, 2: profiles are added up; diff says what grew; --fail-above decides for CI."""
    for name, text in (("a.json", "x\n"), ("b.json", "x\n" * 5)):
        tool.run("./tool", stdin=text, env={"ALLOCS_OPTIONS": f"profile={name}"})
    both = json.loads(tool.run(ALLOCS, "report", "--json", "--by", "type", "a.json", "b.json").stdout)
    assert next(row for row in both if row["type"] == "struct item")["total_chunks"] == 6
    done = tool.run(ALLOCS, "diff", "a.json", "b.json")
    assert re.search(r"^ +\+448 B +\+4 +112 B +1 +560 B +5  struct item$", done.stdout, re.M)
    found = json.loads(tool.run(ALLOCS, "diff", "--json", "--sort", "total", "a.json", "b.json").stdout)
    assert (found["measure"], found["growth_bytes"]) == ("total", 448)
    assert tool.run(ALLOCS, "diff", "--fail-above", "448", "a.json", "b.json").returncode == 0
    failed = tool.run(ALLOCS, "diff", "--fail-above", "447", "a.json", "b.json", check=False)
    assert (failed.returncode, failed.stderr) == (1, "allocs: peak grew by 448 B, more than 447\n")
    assert tool.run(ALLOCS, "diff", "--fail-above", "0", "b.json", "a.json").returncode == 0


def test_a_profile_is_not_overwritten(tool: Toolbox) -> None:
    """Issue 7, 2: `--html heap.json` by mistake."""
    tool.run("./tool", stdin=INPUT, env={"ALLOCS_OPTIONS": "profile=a.json"})
    before = (tool.folder / "a.json").read_bytes()
    done = run(tool, "--keep", "missing/kept.json", "./tool", "seven")
    assert (done.returncode, "missing/kept.json" in done.stderr) == (7, True)
    done = run(tool, "-o", "a.json", "./tool")
    assert done.returncode == 0
    assert "would be overwritten" in done.stderr
    assert (tool.folder / "a.json").read_bytes() == before


def test_a_reader_that_has_seen_enough(tool: Toolbox) -> None:
    """Issue 7, 2: `allocs report … | head` is no failure, however long the report is."""
    site = {"file": "/a.c", "column": 1, "function": "f", "callee": "malloc", "evidence": "sizeof"}
    counts = {f"{when}_{what}": 1 for when in ("live", "peak", "total") for what in ("bytes", "chunks")}
    rows = [
        {"allocator": "malloc", "chain": [], "site": {**site, "line": n}, "type": "int", **counts} for n in range(9000)
    ]
    tool.write("big.json", json.dumps({"allocscc_profile": 1, "rows": rows}))
    script = f"set -o pipefail; {ALLOCS} report --top 0 big.json | head -2"
    done = tool.run("bash", "-c", script)
    assert (len(done.stdout.splitlines()), done.stderr) == (2, "")


def test_a_terminal_of_80_columns(tool: Toolbox) -> None:
    """Issue 7, 1 and 2: colours on a terminal only, and not with NO_COLOR; nothing is wider."""
    need("script")
    tool.run("./tool", stdin=INPUT, env={"ALLOCS_OPTIONS": "profile=a.json"})
    command = f"stty cols 80; {ALLOCS} report a.json; {ALLOCS} report --by type,site a.json"
    colored = tool.run("script", "-qec", command, "/dev/null", env={"TERM": "xterm"}).stdout
    plain = tool.run("script", "-qec", command, "/dev/null", env={"TERM": "xterm", "NO_COLOR": "1"}).stdout
    assert "\x1b[1m" in colored
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain
    assert max(map(len, plain.splitlines())) <= 80
    assert "\x1b" not in tool.run(ALLOCS, "report", "a.json", env={"TERM": "xterm"}).stdout


def test_doctor(box: Toolbox) -> None:
    """Issue 7, 3: all that is necessary is here, or it says what is not and ends with 1."""
    done = box.run(ALLOCS, "doctor")
    assert done.stdout.endswith("\nAll that is necessary is here.\n")
    checks = {check["name"]: check for check in json.loads(box.run(ALLOCS, "doctor", "--json").stdout)}
    assert {check["state"] for check in checks.values() if check["necessary"]} == {"ok"}
    assert checks["cache"]["found"].startswith(box.env["ALLOCSCC_CACHE"])
    for name in ("compiler", "ld", "libclang", "runtime", "runtime for LD_PRELOAD", "config", "allocs"):
        assert checks[name]["state"] == "ok", checks[name]
    box.write("allocscc.toml", "[wrapper.x]\nallok = []\n")
    done = box.run(ALLOCS, "doctor", env={"ALLOCSCC_CC": "no-such-cc"}, check=False)
    assert done.returncode == 1
    assert "no-such-cc (from ALLOCSCC_CC) is not on PATH" in done.stdout
    assert "allocscc.toml:2: " in done.stdout
    assert "Nothing works without: compiler, runtime, config" in done.stdout


def test_completion_in_the_shells(box: Toolbox) -> None:
    """Issue 7, 1: bash and fish offer verbs, options and values."""
    (box.folder / "allocs.bash").write_text(box.run(ALLOCS, "completion", "bash").stdout)
    asked = [("re",), ("report", "--so"), ("report", "--sort", "p"), ("config", "ch"), ("config", "show", "--or")]
    script = "source ./allocs.bash\n" + "".join(
        f"COMP_WORDS=(allocs {' '.join(words)}); COMP_CWORD={len(words)}; _allocs; echo ${{COMPREPLY[*]}}\n"
        for words in asked
    )
    told = box.run("bash", "-c", script).stdout.splitlines()
    assert told == ["rebuild report", "--sort --source", "peak", "check", "--origin"]
    need("zsh", "fish")
    (box.folder / "_allocs").write_text(box.run(ALLOCS, "completion", "zsh").stdout)
    box.run("zsh", "-n", "_allocs")
    (box.folder / "allocs.fish").write_text(box.run(ALLOCS, "completion", "fish").stdout)
    script = "source allocs.fish\n" + "".join(f'complete -C "allocs {" ".join(words)}"\n' for words in asked)
    env = {"HOME": str(box.folder), "PATH": f"{ROOT / 'bin'}:{os.environ['PATH']}"}
    told = [line.split("\t")[0] for line in box.run("fish", "-c", script, env=env).stdout.splitlines()]
    assert told == ["rebuild", "report", "--sort", "--source", "peak", "check", "--origin"]


def test_manual_pages(box: Toolbox) -> None:
    """Issue 7, 1: man reads all of them without a complaint."""
    need("man")
    box.run(ALLOCS, "man", "--all", "man")
    for page in sorted((box.folder / "man").iterdir()):
        done = box.run("man", "--warnings", "-E", "UTF-8", "-l", page, env={"MANWIDTH": "80"})
        assert done.stderr == "", page
        assert "NAME" in done.stdout


def test_a_call_without_a_record(box: Toolbox) -> None:
    """R15: a call through a pointer has no record; that is another thing than code of others."""
    hook = (
        "#include <stdlib.h>\nstatic void *(*volatile hook)(size_t) = malloc;\n"
        "struct part { int a; };\n"
        "void *NAME(int n)\n{\n\tchar *p = n < 0 ? malloc(sizeof(struct part)) : hook(n);\n"
        "\tif (p) *p = 0;\n\treturn p;\n}\n"
    )
    box.write("part.c", hook.replace("NAME", "part"))
    box.write(
        "main.c", hook.replace("NAME", "own") + "void *part(int);\nint main(void) { return !own(3) + !part(5); }\n"
    )
    box.allocscc("-O2", "-fPIC", "-shared", "part.c", "-o", "libpart.so")
    box.allocscc("-O2", "main.c", "./libpart.so", "-o", "prog")
    shown = box.run(ROOT / "bin" / "allocs", "run", "--columns", "total", "./prog").stderr
    assert re.search(r"malloc < (own in )?prog \(no record of this call\)", shown)
    assert "malloc < part in libpart.so (no record of this call)" in shown
    assert "not built" not in shown
    rows = json.loads(box.run(ROOT / "bin" / "allocs", "run", "--json", "-o", "-", "./prog").stdout)
    assert {(row["object"], row["built"]) for row in rows} == {("prog", True), ("libpart.so", True)}
    box.run("gcc", "-O2", "-fPIC", "-shared", "part.c", "-o", "libpart.so")
    shown = box.run(ROOT / "bin" / "allocs", "run", "--columns", "total", "./prog").stderr
    assert "malloc < part in libpart.so (not built by allocscc)" in shown
    leaks = box.run("./prog", env={**box.env, "ALLOCS_OPTIONS": "leaks=1"}, check=False).stderr
    assert "libpart.so (not built by allocscc) > malloc" in leaks
    assert "prog (no record of this call) > malloc" in leaks
