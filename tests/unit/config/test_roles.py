"""The hot path's cached view of the config: `allocscc.config.roles`."""

import marshal
import os
from pathlib import Path

import pytest

from allocscc.config import load
from allocscc.config.load import load_config
from allocscc.config.roles import Roles, hash_text, load_roles
from allocscc.errors import ConfigError

_PROJECT = (
    'on-error = "stop"\nsized = ["ckd(iiI)p"]\n[sidecar]\nfile = "never"\n[hooks]\nsites = "h.py"\n'
    '[wrapper.x]\nalloc = ["xmalloc(Z)p", "xcalloc(zZ)p"]\nfree = ["xfree(P)"]\n'
    '[allocator.slab]\nalloc = ["slab_get(Z)p"]\nfree = ["slab_put(P)"]\n'
)


@pytest.fixture
def project(tmp_path):
    """A working folder with a project file, and an environment with a cache of its own."""
    return Project(tmp_path)


class Project:
    def __init__(self, folder):
        self.file = folder / "allocscc.toml"
        self.file.write_text(_PROJECT)
        self.cache = folder / "cache"
        self.env = {"HOME": str(folder / "home"), "ALLOCSCC_CACHE": str(self.cache), "TMPDIR": str(folder)}
        self.cwd = str(folder)

    def load(self):
        return load_roles(self.env, self.cwd)

    def cache_files(self):
        return list((self.cache / "roles").iterdir())


def content(roles):
    return {name: getattr(roles, name) for name in Roles.__slots__}


def forbid_merging(monkeypatch):
    def fail(*_):
        raise AssertionError("the layers were read")

    monkeypatch.setattr(load, "load_config", fail)


def test_equals_the_config(project):
    """R1: the hooks see the same description as everything else."""
    roles, config = project.load(), load_config(project.env, project.cwd)
    assert set(roles.wrappers) == {s.name for w in config.wrappers.values() for s in w.alloc}
    assert roles.entries["slab_get"] == ("slab", True, False)
    assert roles.entries["slab_put"] == ("slab", False, False)
    assert roles.entries["malloc"] == ("malloc", True, True)
    assert roles.entries["free"] == ("malloc", False, True)
    sites = [*config.sized]
    for group in (*config.wrappers.values(), *config.allocators.values()):
        sites += group.alloc
    assert roles.signatures == {s.name: str(s) for s in sites}
    assert (roles.on_error, roles.sidecar_file, roles.hooks) == ("stop", "never", config.hooks)


def test_hit(project, monkeypatch):
    """R3: the second process reads one small file instead of all layers."""
    first = project.load()
    forbid_merging(monkeypatch)
    assert content(project.load()) == content(first)


def test_miss_when_a_file_changes(project):
    """R1: an edit takes effect at once."""
    assert "xmalloc" in project.load().wrappers
    project.file.write_text(_PROJECT.replace("xmalloc", "ymalloc"))
    os.utime(project.file, ns=(1, 1))
    assert "ymalloc" in project.load().wrappers


def test_miss_when_a_file_appears(project, tmp_path):
    """R1: a new layer takes effect at once."""
    project.load()
    (tmp_path / "home" / ".config").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "allocscc.toml").write_text('[wrapper.u]\nalloc = ["umalloc(Z)p"]\n')
    assert "umalloc" in project.load().wrappers


def test_miss_when_a_variable_changes(project):
    """R17: the variables are part of the key."""
    project.load()
    project.env["LIBALLOCS_ALLOC_FNS"] = "vmalloc(Z)p"
    assert "vmalloc" in project.load().wrappers


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\0",
        b"garbage",
        marshal.dumps(3),
        marshal.dumps((1, 2, 3)),
        marshal.dumps(((), None)),
        marshal.dumps(None),
    ],
)
def test_damaged_cache(project, damaged):
    """R3: a damaged cache is as good as none, and is made new."""
    expected = content(project.load())
    (file,) = project.cache_files()
    whole = file.read_bytes()
    file.write_bytes(damaged)
    assert content(project.load()) == expected
    assert file.read_bytes() == whole


def test_truncated_cache(project):
    """R3: a full disk may leave any part of the file."""
    expected = content(project.load())
    (file,) = project.cache_files()
    whole = file.read_bytes()
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        assert content(project.load()) == expected


def test_right_key_with_wrong_fields(project):
    """R3: an entry that is no longer understood is a miss."""
    expected = content(project.load())
    (file,) = project.cache_files()
    key, _ = marshal.loads(file.read_bytes())
    file.write_bytes(marshal.dumps((key, (1, 2))))
    assert content(project.load()) == expected


def test_no_place_for_a_cache(project, tmp_path):
    """R3: with no writable folder at all every process merges, and nothing fails."""
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    project.env["ALLOCSCC_CACHE"] = project.env["TMPDIR"] = str(blocked / "below")
    assert "xmalloc" in project.load().wrappers


def test_cache_that_cannot_be_written(project):
    """R3: the folder is there, but nothing can be stored in it."""
    project.cache.mkdir()
    (project.cache / "roles").write_text("in the way")
    assert "xmalloc" in project.load().wrappers
    assert (project.cache / "roles").read_text() == "in the way"


def test_no_temporary_file_is_left(project):
    """R3: the cache holds one file for one config."""
    project.load()
    project.load()
    (file,) = project.cache_files()
    assert len(file.name) == 16


def test_wrong_layer_is_an_error_and_not_cached(project):
    """R1: a wrong config is reported every time."""
    project.file.write_text("on-error = 'never'\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match="on-error"):
            project.load()


def test_missing_layer_is_an_error(project):
    """R1: so is a file that was asked for and is not there."""
    project.env["ALLOCSCC_CONFIG"] = "missing.toml"
    with pytest.raises(ConfigError, match="cannot be read"):
        project.load()


def test_working_folder_matters(project, tmp_path):
    """R1: two projects do not share an entry."""
    project.load()
    other = tmp_path / "other"
    other.mkdir()
    (other / "allocscc.toml").write_text('[wrapper.o]\nalloc = ["omalloc(Z)p"]\n')
    assert "omalloc" in load_roles(project.env, str(other)).wrappers
    assert len(project.cache_files()) == 2


@pytest.mark.parametrize(("text", "value"), [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C)])
def test_hash_is_fnv1a(text, value):
    """R3: the published test vectors of 64-bit FNV-1a (draft-eastlake-fnv)."""
    assert hash_text(text) == value


def test_hash_takes_any_path():
    """R3: file names need not be UTF-8."""
    assert hash_text(os.fsdecode(b"\xff")) != hash_text(str(Path("x")))
