"""Adding entries to a config file: `allocscc.config.edit`."""

import difflib
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocscc.config.edit import added, write_file
from allocscc.config.model import functions_of
from allocscc.config.read import read_text
from allocscc.config.write import to_toml
from allocscc.errors import ConfigError
from tests.unit.config.strategies import PRINTABLE, files

_COMMENTED = """\
# what this project allocates with

[wrapper.a]   # the a's
alloc = [
  'a(Z)p', # the first
  # the next is odd
  "b(Z)p",
]
[allocator.s]
alloc = ["s(Z)p"]  # family
# between

[wrapper.c]
alloc = ['c(Z)p'] # c
# the end
"""


def functions(text):
    return {
        f"{key}.{name}": [str(s) for list_name, s in functions_of(entry) if list_name == name]
        for key, entry in read_text("p.toml", text).entries.items()
        for name, _ in functions_of(entry)
    }


@pytest.mark.parametrize(
    ("kind", "name", "values", "line"),
    [
        ("wrapper", "a", {"alloc": ["new(Z)p"]}, '  "new(Z)p",'),
        ("wrapper", "a", {"free": ["f(P)"]}, 'free = ["f(P)"]'),
        ("wrapper", "c", {"alloc": ["new(Z)p"]}, "alloc = ['c(Z)p', \"new(Z)p\"] # c"),
        ("wrapper", "d", {"alloc": ["new(Z)p"]}, '[wrapper.d]'),
        ("wrapper", "d e.f", {"alloc": ["new(Z)p"]}, '[wrapper."d e.f"]'),
        ("allocator", "s", {"free": ["f(P)"], "suballocates": "*"}, 'suballocates = "*"'),
        ("allocator", "t", {"alloc": ["new(Z)p"], "suballocates": "s"}, "[allocator.t]"),
    ],
)  # fmt: skip
def test_comments_are_kept(kind, name, values, line):
    """R1: every line that was there stays, in its order; the new ones stand where a person would look for them."""
    text = added("p.toml", _COMMENTED, kind, name, values)
    lines = text.splitlines()
    assert line in lines
    lost = [word[2:] for word in difflib.ndiff(_COMMENTED.splitlines(), lines) if word.startswith("- ")]
    assert lost == (["alloc = ['c(Z)p'] # c"] if name == "c" else [])
    found = functions(text)
    for key, value in values.items():
        if key != "suballocates":
            assert found[f"{kind}.{name}.{key}"][-len(value) :] == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "on-error = 'stop' # no line end",
        "[wrapper]\n",
        "[wrapper.x]\nalloc = []\nfree = ['xf(P)']\n",
        "wrapper.x.alloc = ['old(Z)p']\n",
        "wrapper.y.alloc = ['old(Z)p']\n",
        "[wrapper]\nx.alloc = ['old(Z)p']\n[hooks]\n",
        "[wrapper]\nx = {alloc = ['old(Z)p']}\n",
        "wrapper = {x = {alloc = ['old(Z)p']}}\n",
        "wrapper = {y = {alloc = ['old(Z)p']}}\n",
        "[wrapper.y]\nalloc = ['old(Z)p']\n[allocator.a]\nalloc = ['a(Z)p']\n[wrapper.x]\nalloc = ['c(Z)p']\n",
        "[wrapper.y]\nalloc = ['old(Z)p']\n[allocator.a]\nalloc = ['a(Z)p']\n[wrapper.z]\nalloc = ['c(Z)p']\n",
        '["wrapper"."x"]\n"alloc" = ["old(Z)p"]\n',
        "[wrapper.x]\r\nalloc = ['old(Z)p']\r\n# end\r\n",
        "[wrapper.x]\nalloc = [ 'old(Z)p' , ]\n",
        "[wrapper.x]\nalloc = [\n]\nfree = [ # one\n  'xf(P)'\n]\n",
    ],
)
def test_any_style_of_file(text):
    """R1: files in every style that TOML has are extended, in parts, inline, dotted; nothing gets lost."""
    changed = added("p.toml", text, "wrapper", "x", {"alloc": ["new(Z)p"], "free": ["xfree(P)"]})
    before, after = functions(text), functions(changed)
    assert after.pop("wrapper.x.alloc") == [*before.pop("wrapper.x.alloc", []), "new(Z)p"]
    assert after.pop("wrapper.x.free") == [*before.pop("wrapper.x.free", []), "xfree(P)"]
    assert after == before
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in changed.splitlines() if line.startswith("#")
    ]
    assert changed.count("\r\n") == text.count("\r\n")


def test_what_is_there_is_not_added_again():
    """R1: adding twice is adding once."""
    once = added("p.toml", _COMMENTED, "wrapper", "a", {"alloc": ["new(Z)p", "b(Z)p"]})
    assert added("p.toml", once, "wrapper", "a", {"alloc": ["new(Z)p"]}) == once
    assert once.count("b(Z)p") == 1


@pytest.mark.parametrize(
    ("text", "kind", "name", "values", "what"),
    [
        ("[wrapper", "wrapper", "x", {"alloc": ["f(Z)p"]}, "not TOML"),
        ("x = " + "9" * 5000, "wrapper", "x", {"alloc": ["f(Z)p"]}, "not TOML"),
        ("wrapper = 3", "wrapper", "x", {"alloc": ["f(Z)p"]}, "wrapper must be a table"),
        ("[wrapper]\nx = 3", "wrapper", "x", {"alloc": ["f(Z)p"]}, "wrapper.x must be a table"),
        ("[wrapper.x]\nalloc = 'f(Z)p'", "wrapper", "x", {"alloc": ["g(Z)p"]}, "must be a list of signatures"),
        ("nonsense = 1", "wrapper", "x", {"alloc": ["f(Z)p"]}, "unknown key 'nonsense'"),
        (_COMMENTED, "wrapper", "x", {"alloc": ["s(Z)p"]}, "both claim s; a function has one role"),
        (_COMMENTED, "wrapper", "a", {"alloc": ["a(zZ)p"]}, "wrapper.a.alloc lists a twice"),
        (_COMMENTED, "wrapper", "x", {"free-all": ["f(P)"]}, "unknown key 'wrapper.x.free-all'"),
        (_COMMENTED, "allocator", "x", {"free": ["f(P)"]}, "allocator.x.alloc must list at least one signature"),
        (_COMMENTED, "wrapper", "x", {"free": ["f(z)"]}, "names no chunk"),
        (_COMMENTED, "wrapper", "a\nb", {"alloc": ["f(Z)p"]}, "must be printable text"),
    ],
)
def test_what_would_be_wrong_is_not_written(text, kind, name, values, what):
    """R1: the file before and after is a valid config, or it is an error that says what is wrong."""
    with pytest.raises(ConfigError) as caught:
        added("p.toml", text, kind, name, values)
    assert what in str(caught.value)
    assert str(caught.value).startswith("p.toml:")


@settings(max_examples=30)
@given(files(), PRINTABLE, st.sampled_from(["wrapper", "allocator"]))
def test_nothing_else_changes(config, name, kind):
    """R1: whatever a file says, it says the same afterwards, and what was added."""
    text = to_toml(config)
    changed = added("p.toml", text, kind, name, {"alloc": ["quite_new(Z)p"]})
    before, after = functions(text), functions(changed)
    assert after.pop(f"{kind}.{name}.alloc") == [*before.pop(f"{kind}.{name}.alloc", []), "quite_new(Z)p"]
    assert after == before


def test_write_file(tmp_path):
    """R1: in one step, with the file's permissions, and nothing is left beside it."""
    path = tmp_path / "allocscc.toml"
    path.write_text("old")
    path.chmod(0o640)
    write_file(str(path), "é\r\nb\n")
    assert path.read_bytes() == "é\r\nb\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["allocscc.toml"]


def test_write_new_file(tmp_path):
    """R1: a file that is not there is made."""
    write_file(str(tmp_path / "new.toml"), "x")
    assert (tmp_path / "new.toml").read_text() == "x"


def test_write_through_a_link(tmp_path):
    """R1: a config that is a link into another folder stays one."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.toml").write_text("old")
    (tmp_path / "allocscc.toml").symlink_to("real/a.toml")
    write_file(str(tmp_path / "allocscc.toml"), "new")
    assert (tmp_path / "allocscc.toml").is_symlink()
    assert (tmp_path / "real" / "a.toml").read_text() == "new"


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """R1: a full disk does not cost the config."""
    path = tmp_path / "allocscc.toml"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_file(str(path), "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["allocscc.toml"]
