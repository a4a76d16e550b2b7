"""The whole config from the cache: `allocscc.config.whole`."""

from pathlib import Path

import pytest

from allocscc.config.load import load_config, pack_names
from allocscc.config.whole import decode, encode, whole_config
from allocscc.errors import ConfigError

PROJECT = """
use = ["sqlite"]
sized = ["ckd(iiI)p"]
remove = ["strdup"]
observe = "unwind"
[wrapper.x]
alloc = ["xmalloc(Z)p", "util.c::grow(PZ)p", "x*_new(Z)p"]
free = ["xfree(P)"]
[allocator.pool]
alloc = ["pool_get(pZ)p"]
free = ["pool_put(pP)"]
suballocates = "malloc"
[override.o]
function = "f"
callee = "xmalloc"
type = "struct s"
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"ALLOCSCC_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path), "ALLOCSCC_CONFIG": ""}


def project(folder: Path, text: str) -> str:
    (folder / "allocscc.toml").write_text(text)
    return str(folder)


def test_as_it_is_read(tmp_path: Path, env: dict[str, str]) -> None:
    """R1: the same config, from the layers and from the cache, origins included."""
    cwd = project(tmp_path, PROJECT)
    read = load_config(env, cwd)
    for _ in range(2):
        found = whole_config(env, cwd)
        assert found == read
        assert repr(found) == repr(read)  # what does not count for equality, too
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["configs"]


def test_packs(tmp_path: Path, env: dict[str, str]) -> None:
    names = ", ".join(f'"{name}"' for name in pack_names())
    cwd = project(tmp_path, f"use = [{names}]\n")
    config = load_config(env, cwd)
    assert repr(decode(encode(config))) == repr(config)


def test_changes_are_seen(tmp_path: Path, env: dict[str, str]) -> None:
    cwd = project(tmp_path, '[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    assert "x" in whole_config(env, cwd).wrappers
    cwd = project(tmp_path, '[wrapper.y]\nalloc = ["ymalloc(Z)p"]\n')
    found = whole_config(env, cwd)
    assert "y" in found.wrappers
    assert "x" not in found.wrappers
    project(tmp_path, "nonsense = 1\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match="nonsense"):
            whole_config(env, cwd)


@pytest.mark.parametrize("damage", [b"", b"[", b"\xe9\0\0\0\0", b"N"])
def test_damaged_cache(tmp_path: Path, env: dict[str, str], damage: bytes) -> None:
    cwd = project(tmp_path, '[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    whole_config(env, cwd)
    (entry,) = (tmp_path / "cache" / "configs").iterdir()
    entry.write_bytes(damage)
    assert "x" in whole_config(env, cwd).wrappers


@pytest.mark.parametrize("value", [None, "text", ["Config"], ["Unknown", 1], [1], [], ["Config", [[]]]])
def test_not_a_config(tmp_path: Path, env: dict[str, str], value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cache holds is of our format, and still no config."""
    monkeypatch.setattr("allocscc.config.whole.remembered", lambda *_: value)
    cwd = project(tmp_path, '[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    if value == ["Config"]:
        assert whole_config(env, cwd).wrappers == {}
    else:
        assert "x" in whole_config(env, cwd).wrappers


def test_no_cache(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "cache").write_text("")
    cwd = project(tmp_path, '[wrapper.x]\nalloc = ["xmalloc(Z)p"]\n')
    assert "x" in whole_config(env, cwd).wrappers
