"""Compile flags of a backend, asked for before the compiler: `allocscc.backends.flags`."""

import pytest

from allocscc.backends.flags import compile_flags


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name in ("LIBALLOCS", "ALLOCSCC_BACKEND", "ALLOCSCC_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALLOCSCC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nobody_asks(place):
    """R6: no config is read; a cache would be there if one had been."""
    assert compile_flags("gcc") == []
    assert not (place / "cache").exists()


@pytest.mark.parametrize(("backend", "some"), [("embedded", False), ("none", False), ("liballocs", True)])
def test_by_variable(place, monkeypatch, backend, some):
    """R17: the backend's own."""
    monkeypatch.setenv("ALLOCSCC_BACKEND", backend)
    assert bool(compile_flags("gcc")) == some


def test_by_file(place):
    """R17: the project's file; what is wrong with it, the phase says that reads it next."""
    (place / "allocscc.toml").write_text('[runtime]\nbackend = "liballocs"\n')
    assert "-gdwarf-4" in compile_flags("clang")
    (place / "allocscc.toml").write_text("[runtime]\nbackend = 3\n")
    assert compile_flags("clang") == []
