"""Where things are: `allocscc.places`."""

import os

import pytest

from allocscc import places
from allocscc.places import cache_folder, data_folder, layer_files


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_data_in_a_checkout():
    """R1: the builtin layer is found beside the package."""
    assert os.path.isfile(os.path.join(data_folder("config"), "builtin.toml"))


def test_data_under_a_prefix(tmp_path, monkeypatch):
    """R1: a pip install has its data in share/allocscc below the prefix."""
    monkeypatch.setattr(places, "_PACKAGE", str(tmp_path / "lib" / "python3" / "site-packages" / "allocscc"))
    (tmp_path / "share" / "allocscc" / "stubgen").mkdir(parents=True)
    assert data_folder("stubgen") == str(tmp_path / "share" / "allocscc" / "stubgen")


def test_data_nowhere(tmp_path, monkeypatch):
    """R1: a message can still name the place where it should be."""
    monkeypatch.setattr(places, "_PACKAGE", str(tmp_path / "allocscc"))
    assert data_folder("no-such-data") == str(tmp_path / "no-such-data")


def test_layer_order(tmp_path, monkeypatch):
    """R1: system, user, project, ALLOCSCC_CONFIG."""
    user, project = tmp_path / "xdg" / "allocscc.toml", tmp_path / "p" / "allocscc.toml"
    touch(user, project)
    real = os.path.lexists
    monkeypatch.setattr(places.os.path, "lexists", lambda path: path == "/etc/allocscc.toml" or real(path))
    env = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "ALLOCSCC_CONFIG": "a.toml:/b.toml::"}
    cwd = str(tmp_path / "p")
    assert layer_files(env, cwd) == [
        ("/etc/allocscc.toml", True), (str(user), True), (str(project), False), (f"{cwd}/a.toml", False),
        ("/b.toml", False),
    ]  # fmt: skip


def test_user_file_below_home(tmp_path):
    """R1: ~/.config where XDG_CONFIG_HOME is not set or empty."""
    user = tmp_path / ".config" / "allocscc.toml"
    touch(user)
    for env in ({"HOME": str(tmp_path)}, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}):
        assert (str(user), True) in layer_files(env, "/")


def test_no_home(tmp_path, monkeypatch):
    """R1: without HOME no file relative to the working folder is taken for the user's."""
    touch(tmp_path / ".config" / "allocscc.toml")
    monkeypatch.chdir(tmp_path)
    assert not [path for path, _ in layer_files({}, "/") if ".config" in path]


def test_nearest_project_file_only(tmp_path):
    """R1: the nearest one upwards; the ones above it belong to other projects."""
    touch(tmp_path / "allocscc.toml", tmp_path / "a" / "allocscc.toml")
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    files = layer_files({}, str(tmp_path / "a" / "b" / "c"))
    assert (str(tmp_path / "a" / "allocscc.toml"), False) in files
    assert (str(tmp_path / "allocscc.toml"), False) not in files


@pytest.mark.parametrize("target", ["nowhere", "allocscc.toml"])
def test_name_that_leads_nowhere_is_a_layer(tmp_path, target):
    """R1: a dangling link, or one to itself, is a mistake to be told, not a file that is not there."""
    touch(tmp_path / "allocscc.toml")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "allocscc.toml").symlink_to(target)
    assert (str(tmp_path / "a" / "allocscc.toml"), False) in layer_files({}, str(tmp_path / "a"))


def test_working_folder_may_be_relative(tmp_path, monkeypatch):
    """R1: the search goes on above a relative one."""
    touch(tmp_path / "allocscc.toml")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert (str(tmp_path / "allocscc.toml"), False) in layer_files({}, ".")


def test_user_file_is_not_the_project_too(tmp_path):
    """R1: building in the folder of the user's file reads it once."""
    user = tmp_path / "allocscc.toml"
    touch(user)
    assert [file for file in layer_files({"XDG_CONFIG_HOME": str(tmp_path)}, str(tmp_path)) if str(user) in file] == [
        (str(user), True)
    ]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"ALLOCSCC_CACHE": "own", "XDG_CACHE_HOME": "xdg", "HOME": "home"}, "own"),
        ({"XDG_CACHE_HOME": "xdg", "HOME": "home"}, "xdg/allocscc"),
        ({"HOME": "home"}, "home/.cache/allocscc"),
        ({"HOME": "blocked/home"}, f"tmp/allocscc-{os.getuid()}"),
        ({}, f"tmp/allocscc-{os.getuid()}"),
        ({"ALLOCSCC_CACHE": "blocked/x", "HOME": "home"}, f"tmp/allocscc-{os.getuid()}"),
    ],
)
def test_cache_folder(tmp_path, env, expected):
    """R3: the folder asked for, else XDG's, else a private temporary one; created for this user alone."""
    touch(tmp_path / "blocked")
    full = {name: str(tmp_path / value) for name, value in env.items()} | {"TMPDIR": str(tmp_path / "tmp")}
    folder = cache_folder(full)
    assert folder == str(tmp_path / expected)
    assert os.stat(folder).st_mode & 0o777 == 0o700


def test_cache_folder_of_somebody_else(tmp_path, monkeypatch):
    """R3: in /tmp anybody may have made our folder's name first."""
    (tmp_path / "tmp" / f"allocscc-{os.getuid() + 1}").mkdir(parents=True)
    monkeypatch.setattr(places.os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    with pytest.raises(OSError, match="ALLOCSCC_CACHE"):
        cache_folder({"TMPDIR": str(tmp_path / "tmp")})


def test_no_cache_folder(tmp_path):
    """R3: the error says what to set."""
    touch(tmp_path / "blocked")
    env = {"ALLOCSCC_CACHE": str(tmp_path / "blocked" / "a"), "TMPDIR": str(tmp_path / "blocked" / "b")}
    with pytest.raises(OSError, match="set ALLOCSCC_CACHE"):
        cache_folder(env)
