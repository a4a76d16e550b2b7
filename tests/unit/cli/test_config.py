"""`allocs config …`: `allocscc.cli.config`, by the arguments of the command line."""

import json
import os
import tomllib

import pytest

from allocscc.cli.main import main
from allocscc.config.load import load_config
from allocscc.config.read import read_text
from allocscc.config.variables import VARIABLES, from_variables
from allocscc.sidecar import Declaration, encode

_PROJECT = """\
# the project's own
[wrapper.x]
alloc = ["xmalloc(Z)p"] # the only one
free = ["xfree(P)"]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder that is the working folder, with an environment that names no other layer."""
    for name in (*VARIABLES, "ALLOCSCC_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg").mkdir()
    (tmp_path / "project" / "deep").mkdir(parents=True)
    (tmp_path / "project" / "allocscc.toml").write_text(_PROJECT)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def run(project, capsys):
    """`run(*words)`: exit status, output and errors of `allocs config WORDS`."""

    def ran(*words):
        with pytest.raises(SystemExit) as caught:
            main(["config", *words])
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return caught.value.code or 0, output.out, output.err

    return ran


def test_show(run, project):
    """R1: the merged config, as TOML that is the same config."""
    status, out, err = run("show")
    assert (status, err) == (0, "")
    config = load_config(dict(os.environ), str(project))
    assert read_text("again.toml", out).entries == config.entries
    assert tomllib.loads(out)["wrapper"]["x"] == {"alloc": ["xmalloc(Z)p"], "free": ["xfree(P)"]}
    assert "# " not in out


def test_show_origins(run, project):
    """R1: where each entry comes from."""
    _, out, _ = run("show", "--origin")
    lines = out.splitlines()
    assert lines[lines.index("[wrapper.x]") - 1] == f"# {project}/allocscc.toml:2"
    assert lines[lines.index("[allocator.malloc]") - 1].endswith("/config/builtin.toml:4")


def test_show_json(run, project):
    """R1: for programs."""
    _, out, _ = run("show", "--json")
    found = json.loads(out)
    assert found["layers"][-1] == f"{project}/allocscc.toml"
    (entry,) = [e for e in found["entries"] if e["name"] == "x"]
    assert (entry["kind"], entry["alloc"], entry["origin"]) == (
        "wrapper", ["xmalloc(Z)p"], f"{project}/allocscc.toml:2",
    )  # fmt: skip


@pytest.mark.parametrize("verb", ["show", "check", "explain"])
def test_wrong_project_file(run, project, verb):
    """R1: one message with file and line, and status 78 (EX_CONFIG)."""
    (project / "allocscc.toml").write_text("\nx = 1\n")
    status, out, err = run(verb, *(["f"] if verb == "explain" else []))
    assert (status, out) == (78, "")
    assert err.startswith(f"allocs: {project}/allocscc.toml:2: unknown key 'x'; ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", [("show",), ("show", "--json"), ("check",)])
def test_wrong_user_file(run, project, verb):
    """R1: a mistake that is not the project's is told and left out."""
    (project.parent / "xdg" / "allocscc.toml").write_text("x = 1\n")
    status, out, err = run(*verb)
    assert status == 0
    assert f"{project.parent}/xdg/allocscc.toml:1: unknown key 'x'" in out + err
    assert "xmalloc" in out or verb == ("check",)


def test_check(run, project):
    """R1: nothing to tell but what was looked through."""
    status, out, err = run("check", "--strict")
    assert (status, err) == (0, "")
    (line,) = out.splitlines()
    assert line.endswith(f"builtin.toml, {project}/allocscc.toml")
    assert line.split()[1:5] == ["entries", "from", "2", "layers:"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[wrapper.strdup]\nalloc = ["strdup(S)p"]\n', ":1: wrapper.strdup replaces the entry from "),
        ('remove = ["nothing"]\n', ":1: remove: no weaker layer has nothing"),
        ('[hooks]\nplan = "no.py"\n', ":2: there is no file "),
        ('[stubgen]\ninclude = ["no.h"]\n', ":2: there is no file "),
        ('[wrapper.x]\nalloc = ["malloc(Z)p"]\n', ":1: wrapper.x claims malloc, which allocator.malloc ("),
    ],
)
def test_check_strict(run, project, text, told):
    """R1: what is probably not meant is told; with --strict the status says so, too."""
    (project / "allocscc.toml").write_text(text)
    for words, expected in ((("check",), 0), (("check", "--strict"), 1)):
        status, out, _ = run(*words)
        assert status == expected
        assert f"{project}/allocscc.toml{told}" in out


def test_check_of_files(run, project):
    """R1: files by themselves, wherever one stands; the project's own is not looked at."""
    (project / "other.toml").write_text('[wrapper.y]\nalloc = ["ymalloc(Z)p"]\n')
    (project / "broken.toml").write_text("nonsense")
    status, out, _ = run("check", "other.toml")
    assert status == 0
    assert out.rstrip().endswith("other.toml")
    assert "project/allocscc.toml" not in out
    status, _, err = run("check", "other.toml", "broken.toml")
    assert status == 78
    assert err.startswith(f"allocs: {project}/broken.toml: not TOML: ")
    assert run("check", "missing.toml")[0] == 78


def test_control_characters_stay_away_from_the_terminal(run, project, monkeypatch):
    """R1: names of files, functions and folders may hold anything."""
    folder = project / "\x1b[31m"
    folder.mkdir()
    (folder / "allocscc.toml").write_text('remove = ["\\u001b[32m"]\n[hooks]\nplan = "\\u009b.py"\n' + _PROJECT)
    monkeypatch.chdir(folder)
    for words in (("check",), ("explain", "xmalloc"), ("explain", "\x1b"), ("show", "--origin"), ("show", "--json"),
                  ("add", "wrapper", "ymalloc(Z)p")):  # fmt: skip
        _, out, err = run(*words)
        assert not set(out + err) & {"\x1b", "\x9b"}
    (folder / "allocscc.toml").write_text('"\\u001b" = 1\n')
    assert "\x1b" not in run("check")[2]
    monkeypatch.setenv("LIBALLOCS_ALLOC_FNS", "\x1b[31m")
    assert "\x1b" not in run("from-env")[2]


def test_from_env(run, monkeypatch):
    """R17: the variables as TOML that is the same description."""
    monkeypatch.setenv("LIBALLOCS_ALLOC_FNS", "xmalloc(Z)p\n\txcalloc(zZ)p")
    monkeypatch.setenv("LIBALLOCS_SUBALLOC_FNS", "g_slice_alloc(Z)p")
    monkeypatch.setenv("LIBALLOCS_SUBFREE_FNS", "g_slice_free1(zP)->g_slice_alloc")
    status, out, err = run("from-env")
    assert (status, err) == (0, "")
    assert out.startswith("# from LIBALLOCS_ALLOC_FNS, LIBALLOCS_SUBALLOC_FNS, LIBALLOCS_SUBFREE_FNS\n")
    assert read_text("p.toml", out).entries == from_variables(dict(os.environ)).entries


def test_from_env_without_variables(run):
    """R17: valid TOML all the same, that says which variables there are."""
    status, out, _ = run("from-env")
    assert status == 0
    assert tomllib.loads(out) == {}
    assert all(name in out for name in VARIABLES)


def test_from_env_of_a_wrong_variable(run, monkeypatch):
    """R17: the variable and the column."""
    monkeypatch.setenv("LIBALLOCS_FREE_FNS", "xfree(Q)")
    status, out, err = run("from-env")
    assert (status, out) == (78, "")
    assert err.startswith("allocs: variable LIBALLOCS_FREE_FNS: bad signature")
    assert err.endswith("\n" + " " * 8 + "^\n")


def test_from_env_warns(run, monkeypatch):
    """R17: what is left out is told beside the TOML, not in it."""
    monkeypatch.setenv("LIBALLOCS_SUBALLOC_FNS", "get(Z)p")
    monkeypatch.setenv("LIBALLOCS_SUBFREE_FNS", "put(P)->get other(P)->nothing")
    _, out, err = run("from-env")
    assert "other" not in out
    assert err.startswith("allocs: warning: variable LIBALLOCS_SUBFREE_FNS: other(P)->nothing undoes nothing")


def test_add_keeps_comments(run, project):
    """R1: the file stays the person's; only what is new is new."""
    status, out, _ = run("add", "wrapper", "x", "xcalloc(zZ)p", "--free", "xfree2(P)")
    assert (status, out) == (0, f"{project}/allocscc.toml: wrapper.x\n")
    assert (project / "allocscc.toml").read_text() == (
        "# the project's own\n[wrapper.x]\n"
        'alloc = ["xmalloc(Z)p", "xcalloc(zZ)p"] # the only one\nfree = ["xfree(P)", "xfree2(P)"]\n'
    )


def test_add_in_a_folder_below(run, project, monkeypatch):
    """R1: the file that a build would find is the one that is changed."""
    monkeypatch.chdir(project / "deep")
    run("add", "wrapper", "ymalloc(Z)p")
    assert "[wrapper.ymalloc]" in (project / "allocscc.toml").read_text()
    assert not (project / "deep" / "allocscc.toml").exists()


@pytest.mark.parametrize("file", ["", "new.toml"])
def test_add_makes_a_file(run, project, file):
    """R1: the first entry of a project; every option of an allocator."""
    (project / "allocscc.toml").unlink()
    options = ["--file", file] if file else []
    words = ["add", "allocator", "slab", "slab_get(Z)p", "slab_zget(Z)p", "--free", "slab_put(P)", "--resize"]
    status, _, _ = run(*words, "slab_grow(PZ)p", "--free-all", "slab_drop(p)", "--suballocates", "malloc", *options)
    assert status == 0
    assert tomllib.loads((project / (file or "allocscc.toml")).read_text()) == {
        "allocator": {
            "slab": {
                "alloc": ["slab_get(Z)p", "slab_zget(Z)p"], "free": ["slab_put(P)"], "resize": ["slab_grow(PZ)p"],
                "free-all": ["slab_drop(p)"], "suballocates": "malloc",
            }
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["wrapper", "--free", "yfree(P)"], "yfree"),
        (["wrapper", "--resize", "yrealloc(PZ)p"], "yrealloc"),
        (["wrapper", "pool::get(unsigned long)(pZ)p"], '"pool::get(unsigned long)"'),
        (["wrapper", "util.c::f(Z)p"], '"util.c::f"'),
        (["wrapper", "operator new[]", "operator new[](unsigned long)(Z)p"], '"operator new[]"'),
    ],
)
def test_add_names_the_entry(run, project, words, key):
    """R1: without a name the entry is named as its first function."""
    assert run("add", *words)[0] == 0
    assert f"[wrapper.{key}]" in (project / "allocscc.toml").read_text()


def test_add_keeps_line_ends(run, project):
    """R1: a file from another system stays one."""
    (project / "allocscc.toml").write_bytes(_PROJECT.replace("\n", "\r\n").encode())
    run("add", "wrapper", "x", "xcalloc(zZ)p")
    data = (project / "allocscc.toml").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 4


@pytest.mark.parametrize(
    ("words", "status", "what"),
    [
        (["override", "f"], 64, "'override' cannot be added; allowed: wrapper, allocator"),
        (["wrapper", "x"], 64, "no signature was given"),
        (["wrapper"], 64, "no signature was given"),
        (["wrapper", "x", "y", "f(Z)p"], 64, "which is the entry's name: x, y?"),
        (["wrapper", "f(Q)p"], 78, "argument: bad signature"),
        (["wrapper", "f(Z)p", "--free", "g"], 78, "--free: bad signature"),
        (["wrapper", "y", "xmalloc(Z)p"], 78, "both claim xmalloc"),
        (["wrapper", "x", "xmalloc(zZ)p"], 78, "lists xmalloc twice"),
        (["wrapper", "y", "f(Z)p", "--free-all", "g(P)"], 78, "unknown key 'wrapper.y.free-all'"),
        (["allocator", "y", "--free", "g(P)"], 78, "allocator.y.alloc must list at least one signature"),
    ],
)
def test_add_refuses(run, project, words, status, what):
    """R1: a message, a status (64 usage, 78 config), and the file as it was."""
    found, out, err = run("add", *words)
    assert (found, out) == (status, "")
    assert what in err
    assert (project / "allocscc.toml").read_text() == _PROJECT
    assert sorted(os.listdir(project)) == ["allocscc.toml", "deep"]


@pytest.mark.parametrize("text", [b"nonsense", b"\xff", b"x = 1\n"])
def test_add_to_a_broken_file(run, project, text):
    """R1: what is wrong with the file is told first."""
    (project / "allocscc.toml").write_bytes(text)
    status, _, err = run("add", "wrapper", "f(Z)p")
    assert status == 78
    assert err.startswith(f"allocs: {project}/allocscc.toml")
    assert (project / "allocscc.toml").read_bytes() == text


def test_add_where_nothing_can_be_written(run, project):
    """R1: the system's reason, status 66."""
    status, _, err = run("add", "wrapper", "f(Z)p", "--file", "no/such/folder/a.toml")
    assert status == 66
    assert err.endswith(": No such file or directory\n")


def test_explain(run, project):
    """R1: every entry that speaks of the function, weakest first, which one counts, and why."""
    (project / "allocscc.toml").write_text('[allocator.malloc]\nalloc = ["malloc(Z)p"]\nfree = ["free(P)"]\n')
    status, out, _ = run("explain", "malloc")
    assert status == 0
    head, *lines = out.splitlines()
    assert head == "malloc, weakest entry first:"
    assert lines[0] == "    allocator.malloc alloc malloc(Z)p"
    assert lines[1].endswith("/config/builtin.toml:4")
    assert lines[2] == f"      replaced by {project}/allocscc.toml:1"
    assert lines[3:] == [
        "  * allocator.malloc alloc malloc(Z)p", f"      {project}/allocscc.toml:1",
        "      counts: the strongest entry that names the function",
    ]  # fmt: skip


def test_explain_json(run, project):
    """R1: the same for programs."""
    status, out, _ = run("explain", "--json", "xmalloc")
    assert status == 0
    assert json.loads(out) == [
        {
            "kind": "wrapper", "name": "x", "list": "alloc", "signature": "xmalloc(Z)p",
            "origin": f"{project}/allocscc.toml:2", "wins": True,
            "why": "counts: the strongest entry that names the function",
        }
    ]  # fmt: skip


def test_explain_nothing(run):
    """R1: status 1 where nobody speaks of the function, as `grep` would; the layers are named."""
    status, out, _ = run("explain", "nothing")
    assert status == 1
    assert out.startswith("no entry speaks of nothing; layers: ")
    assert "builtin.toml" in out
    status, out, _ = run("explain", "--json", "nothing")
    assert (status, json.loads(out)) == (1, [])


def test_explain_with_objects(run, project):
    """R5: what the sources of objects declare is the weakest layer."""
    declared = (
        Declaration("wrapper", "alloc", "xmalloc", "xmalloc(zZ)p", origin="x.h:3"),
        Declaration("wrapper", "alloc", "zmalloc", "zmalloc(Z)p", origin="x.h:4"),
    )
    (project / "x.allocs").write_bytes(encode("x.c", "gcc", (), declared))
    status, out, _ = run("explain", "zmalloc", "x.allocs")
    assert status == 0
    assert "  * wrapper.zmalloc alloc zmalloc(Z)p\n      source x.h:4\n" in out
    _, out, _ = run("explain", "xmalloc", "x.allocs")
    assert "    wrapper.xmalloc alloc xmalloc(zZ)p\n      source x.h:3\n      outranked by wrapper.x, " in out
    assert "  * wrapper.x alloc xmalloc(Z)p\n" in out


def test_explain_with_a_file_that_is_no_object(run, project):
    """R5: status 65 (EX_DATAERR) for junk, 66 (EX_NOINPUT) for nothing."""
    (project / "junk").write_text("junk")
    assert run("explain", "f", "junk")[0] == 65
    assert run("explain", "f", "missing.o")[0] == 66


@pytest.mark.parametrize("words", [["nonsense"], ["nonsense", "more"]])
def test_unknown_verb(run, words):
    """R1: status 64 and where to look."""
    status, _, err = run(*words)
    assert status == 64
    assert "there is no verb 'nonsense'. 'allocs config --help' lists them" in err


def test_no_verb(run):
    """R1: without a verb, the help."""
    status, out, _ = run()
    assert status == 0
    assert all(verb in out for verb in ("show", "check", "from-env", "add", "explain"))


def test_from_env_tells_of_other_variables(run, monkeypatch):
    """R17: what is no config is told in comments; what nobody reads, in a warning."""
    monkeypatch.setenv("LIBALLOCS", "/tree")
    monkeypatch.setenv("LIBALLOCS_ALOC_FNS", "xmalloc(Z)p")
    status, out, err = run("from-env")
    assert status == 0
    assert tomllib.loads(out) == {}
    assert "\n# LIBALLOCS: stays: it names the liballocs tree" in out
    assert err == (
        "allocs: warning: variable LIBALLOCS_ALOC_FNS: nobody reads this; did you mean LIBALLOCS_ALLOC_FNS?\n"
    )
