"""The hot path's cached view of the config: `allocscc.config.roles`."""

import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config import load
from allocscc.config.functions import function_roles, is_wrapper
from allocscc.config.load import load_config
from allocscc.config.model import Allocator
from allocscc.config.roles import Roles, hash_text, load_roles
from allocscc.errors import ConfigError

_PROJECT = (
    'on-error = "stop"\nsized = ["ckd(iiI)p"]\nremove = ["valloc"]\n[sidecar]\nfile = "never"\n'
    '[hooks]\nsites = "h.py"\nplan = "p.py"\n'
    '[wrapper.x]\nalloc = ["xmalloc(Z)p", "xcalloc(zZ)p"]\nresize = ["xrealloc(pZ)p"]\nfree = ["xfree(P)"]\n'
    '[wrapper.static]\nalloc = ["util.c::smalloc(Z)p"]\nfree = ["util.c::sfree(P)"]\n'
    '[wrapper.off]\nalloc = ["off(Z)p"]\ndisable = true\n'
    '[allocator.slab]\nalloc = ["slab_get(Z)p"]\nfree = ["slab_put(P)"]\nresize = ["slab_grow(PZ)p"]\n'
    'free-all = ["slab_drop(p)"]\nmeta = ["slab_trim()"]\n'
    '[allocator.globbed]\nalloc = ["*_get(Z)p"]\n[wrapper.globbed]\nalloc = ["w_*(zZ)p"]\nfree = ["w_*_put(P)"]\n'
    '[override.one]\nfunction = "f"\ncallee = "xmalloc"\nsays = "char"\ntype = "struct a"\n'
    '[override.two]\nfunction = "f"\ncallee = "xmalloc"\ntype = "struct b"\n'
)


@pytest.fixture
def project(tmp_path):
    """A working folder with a project file, and an environment with a cache of its own."""
    return Project(tmp_path)


class Project:
    def __init__(self, folder):
        self.file = folder / "allocscc.toml"
        self.file.write_text(_PROJECT)
        self.user = folder / "home" / ".config" / "allocscc.toml"
        self.user.parent.mkdir(parents=True)
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
    plain = {n: r for n, r in function_roles(config).items() if not r.signature.pattern and not r.signature.scope}
    assert roles.wrappers == sorted(name for name, role in plain.items() if is_wrapper(role))
    assert roles.entries == {
        name: (role.entry.name, role.allocates, name in ("malloc", "free") or role.entry.interpose == "preload")
        for name, role in plain.items()
        if role.observed and isinstance(role.entry, Allocator)
    }
    assert roles.signatures == {name: str(role.signature) for name, role in plain.items() if role.allocates}
    assert (roles.on_error, roles.sidecar_file) == ("stop", "never")


def test_what_functions_are(project):
    """R1: who gets which stub, whose calls are sites."""
    roles = project.load()
    assert {"xmalloc", "xcalloc", "xrealloc", "ckd", "_Znwm", "strdup"} <= set(roles.wrappers)
    assert not {"xfree", "smalloc", "util.c::smalloc", "off", "slab_get", "malloc"} & set(roles.wrappers)
    assert {name: roles.entries[name] for name in ("slab_get", "slab_grow", "slab_put", "slab_drop")} == {
        "slab_get": ("slab", True, False), "slab_grow": ("slab", True, False),
        "slab_put": ("slab", False, False), "slab_drop": ("slab", False, False),
    }  # fmt: skip
    assert roles.entries["malloc"] == ("malloc", True, True)
    assert roles.entries["free"] == ("malloc", False, True)
    assert not {"slab_trim", "malloc_usable_size", "valloc"} & roles.entries.keys()
    assert roles.signatures["xcalloc"] == "xcalloc(zZ)p"
    assert not {"free", "slab_put", "valloc", "off", "smalloc"} & roles.signatures.keys()
    assert roles.hooks == {"sites": f"{project.cwd}/h.py", "plan": f"{project.cwd}/p.py"}


def test_globs_and_scopes(project):
    """R1: globs strongest first, with whether they wrap; static functions with their file."""
    roles = project.load()
    assert roles.patterns == [("w_*", "(zZ)p", True), ("*_get", "(Z)p", False)]
    assert roles.scoped == [("util.c", "smalloc", "(Z)p", True), ("util.c", "sfree", "(P)", False)]


def test_overrides_and_silenced_declarations(project):
    """R4, R5: overrides strongest first; what the config names, switches off or removes, sources cannot declare."""
    roles = project.load()
    assert roles.overrides == [("f", "xmalloc", "", "struct b"), ("f", "xmalloc", "char", "struct a")]
    assert {"xmalloc", "xfree", "slab_trim", "off", "valloc", "util.c::smalloc"} <= set(roles.spoken)


def test_hit(project, monkeypatch):
    """R3: the second process reads one small file instead of all layers."""
    first = project.load()
    forbid_merging(monkeypatch)
    assert content(project.load()) == content(first)


def test_hot_path_imports_nothing_heavy(project):
    """R3: a process that finds its roles in the cache pays for no TOML, no dataclasses, no libclang."""
    project.load()
    code = (
        "import sys, os; from allocscc.config.roles import load_roles; load_roles(dict(os.environ), os.getcwd());"
        "print(*sys.modules)"
    )
    root = str(Path(__file__).parents[3])
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        env=project.env, cwd=project.cwd, capture_output=True, check=True, text=True,
    )  # fmt: skip
    modules = set(found.stdout.split())
    assert "allocscc.config.roles" in modules
    assert not modules & {"tomllib", "dataclasses", "re", "typing", "clang", "allocscc.config.model", "json"}


# Every change takes effect at once


def test_miss_when_a_file_changes(project):
    """R1: an edit takes effect at once."""
    assert "xmalloc" in project.load().wrappers
    project.file.write_text(_PROJECT.replace("xmalloc", "ymalloc_longer"))
    assert "ymalloc_longer" in project.load().wrappers


def test_miss_when_an_edit_keeps_size_and_time(project):
    """R1: a coarse clock or `touch -r` does not hide an edit of a file of ordinary size."""
    os.utime(project.file, ns=(10**18, 10**18))
    project.load()
    project.file.write_text(_PROJECT.replace("xmalloc", "ymalloc"))
    os.utime(project.file, ns=(10**18, 10**18))
    assert "ymalloc" in project.load().wrappers


def test_large_files_are_known_by_time_and_number(project, monkeypatch):
    """R1: a file too large to be compared is read again when its time changes, or when it is another file."""
    padding = "#" * 10_000
    for number, how in enumerate(["time", "rename"]):
        old, new = f"malloc_{number}", f"nalloc_{number}"
        project.file.write_text(padding + "\n" + _PROJECT.replace("xmalloc", old))
        os.utime(project.file, ns=(10**18, 10**18))
        assert old in project.load().wrappers
        with monkeypatch.context() as patch:
            forbid_merging(patch)
            project.load()
        if how == "time":
            project.file.write_text(padding + "\n" + _PROJECT.replace("xmalloc", new))
        else:
            other = project.file.with_name("other")
            other.write_text(padding + "\n" + _PROJECT.replace("xmalloc", new))
            os.utime(other, ns=(10**18, 10**18))
            other.rename(project.file)
        assert new in project.load().wrappers


def test_miss_when_a_file_appears(project):
    """R1: a new layer takes effect at once."""
    project.load()
    project.user.write_text('[wrapper.u]\nalloc = ["umalloc(Z)p"]\n')
    assert "umalloc" in project.load().wrappers


def test_miss_when_a_file_goes(project):
    """R1: and so does the end of one."""
    project.load()
    project.file.unlink()
    assert "xmalloc" not in project.load().wrappers


def test_miss_when_a_used_file_changes(project, tmp_path):
    """R1: files and packs that a layer uses are layers."""
    used = tmp_path / "used.toml"
    used.write_text('[wrapper.used]\nalloc = ["one(Z)p"]\n')
    project.file.write_text('use = ["./used.toml", "libuv"]\n')
    assert "one" in project.load().wrappers
    used.write_text('[wrapper.used]\nalloc = ["two(Z)p"]\n')
    assert "two" in project.load().wrappers
    used.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        project.load()


def test_miss_when_a_variable_changes(project):
    """R17: the variables are part of the key."""
    project.load()
    project.env["LIBALLOCS_ALLOC_FNS"] = "vmalloc(Z)p"
    assert "vmalloc" in project.load().wrappers
    project.env["LIBALLOCS_ALLOCSITE_OVERRIDE"] = "f,vmalloc,,t"
    assert project.load().overrides[0] == ("f", "vmalloc", "", "t")


def test_file_that_changes_while_it_is_read(project, monkeypatch):
    """R1: the next process sees the edit, although this one came too early for it."""
    real = load.load_config

    def edited_behind_our_back(env, cwd):
        config = real(env, cwd)
        project.file.write_text(_PROJECT.replace("xmalloc", "ymalloc"))
        return config

    with monkeypatch.context() as patch:
        patch.setattr(load, "load_config", edited_behind_our_back)
        assert "xmalloc" in project.load().wrappers
    assert "ymalloc" in project.load().wrappers


def test_working_folder_matters(project, tmp_path):
    """R1: two projects do not share an entry."""
    project.load()
    other = tmp_path / "other"
    other.mkdir()
    (other / "allocscc.toml").write_text('[wrapper.o]\nalloc = ["omalloc(Z)p"]\n')
    assert "omalloc" in load_roles(project.env, str(other)).wrappers
    assert len(project.cache_files()) == 2


# Errors and warnings


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


def test_user_s_mistake_warns_until_it_is_mended(project, monkeypatch):
    """R1: the warning comes from the cache as from the file, and goes with its cause."""
    project.user.write_text("on-eror = 1\n")
    (warning,) = project.load().warnings
    assert warning.startswith(f"{project.user}:1: unknown key 'on-eror'")
    with monkeypatch.context() as patch:
        forbid_merging(patch)
        assert project.load().warnings == [warning]
    project.user.write_text('on-error = "warn"\n')
    assert project.load().warnings == []


def test_pipe_in_a_layer_s_place(project):
    """R3: a pipe is an error, not a build that stands still."""
    project.file.unlink()
    os.mkfifo(project.file)
    for _ in range(2):
        with pytest.raises(ConfigError, match="not a regular file"):
            project.load()


# The cache itself


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
        marshal.dumps("abc"),
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
    for size in range(0, len(whole), 211):
        file.write_bytes(whole[:size])
        assert content(project.load()) == expected


@pytest.mark.parametrize("fields", [(1, 2), {}, None, 3, "x", {"wrappers": []}])
@pytest.mark.parametrize("identities", [[], [("x",)], [3], None, [(None, None)], [([], 1)]])
def test_right_key_with_wrong_fields(project, fields, identities):
    """R3: an entry that is no longer understood is a miss."""
    expected = content(project.load())
    (file,) = project.cache_files()
    key, _, _ = marshal.loads(file.read_bytes())
    file.write_bytes(marshal.dumps((key, identities, fields)))
    assert content(project.load()) == expected


def test_cache_of_another_config(project):
    """R3: the name of a cache file is a hash; what counts is the key in it."""
    expected = content(project.load())
    (file,) = project.cache_files()
    key, identities, fields = marshal.loads(file.read_bytes())
    file.write_bytes(marshal.dumps((key + " another", identities, fields | {"wrappers": ["wrong"]})))
    assert content(project.load()) == expected


@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_any_damage(place, value, tmp_path_factory):
    """R3: one wrong byte anywhere raises nothing."""
    folder = tmp_path_factory.getbasetemp() / "any-damage"
    folder.mkdir(exist_ok=True)
    env = {"ALLOCSCC_CACHE": str(folder / "cache")}
    load_roles(env, str(folder))
    (file,) = (folder / "cache" / "roles").iterdir()
    whole = file.read_bytes()
    damaged = bytearray(whole)
    damaged[place % len(damaged)] = value
    file.write_bytes(damaged)
    assert isinstance(load_roles(env, str(folder)), Roles)
    file.write_bytes(whole)


def test_no_place_for_a_cache(project, tmp_path):
    """R3: with no writable folder at all every process merges, and nothing fails."""
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    project.env["ALLOCSCC_CACHE"] = project.env["TMPDIR"] = str(blocked / "below")
    assert "xmalloc" in project.load().wrappers


def test_read_only_home(project, monkeypatch):
    """R3: a cache that can be read and not written is read; what is not in it is merged each time."""
    project.load()
    real = open

    def refuse(path, mode="r", *arguments, **options):
        if "w" in mode:
            raise OSError(30, "Read-only file system")
        return real(path, mode, *arguments, **options)

    monkeypatch.setattr("builtins.open", refuse)
    with monkeypatch.context() as patch:
        forbid_merging(patch)
        assert "xmalloc" in project.load().wrappers
    project.env["LIBALLOCS_ALLOC_FNS"] = "vmalloc(Z)p"
    for _ in range(2):
        assert "vmalloc" in project.load().wrappers
    assert len(project.cache_files()) == 1


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


def test_parallel_use(project):
    """R3: `make -j` starts many at once, with an empty cache; each sees the whole config, while the file changes."""
    code = (
        "import os\nfrom allocscc.config.roles import load_roles\n"
        "for _ in range(20):\n"
        "    found = {'aa', 'bb'} & set(load_roles(dict(os.environ), os.getcwd()).wrappers)\n"
        "    assert len(found) == 1, found\n"
    )
    text = '[wrapper.x]\nalloc = ["{}(Z)p"]\n'
    project.file.write_text(text.format("aa"))
    env = project.env | {"PYTHONPATH": str(Path(__file__).parents[3])}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=env, cwd=project.cwd, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    number = 0
    while any(process.poll() is None for process in processes):
        number += 1
        other = project.file.with_name("new.toml")
        other.write_text(text.format("ab"[number % 2] * 2))
        other.rename(project.file)
    assert [process.communicate()[1] for process in processes] == [b""] * 4
    assert {process.returncode for process in processes} == {0}
    assert all(len(file.name) == 16 for file in project.cache_files())


@pytest.mark.parametrize(("text", "value"), [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C)])
def test_hash_is_fnv1a(text, value):
    """R3: the published test vectors of 64-bit FNV-1a (draft-eastlake-fnv)."""
    assert hash_text(text) == value


def test_hash_takes_any_path():
    """R3: file names need not be UTF-8."""
    assert hash_text(os.fsdecode(b"\xff")) != hash_text(str(Path("x")))
