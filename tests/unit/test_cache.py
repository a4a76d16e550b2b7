"""Folders of the cache: `allocscc.cache`."""

import os

import pytest

from allocscc.cache import tidy, touch, write


def fill(folder, number):
    for i in range(number):
        write(str(folder / str(i)), b"x")
        os.utime(folder / str(i), (i, i))


@pytest.mark.parametrize(("number", "left"), [(0, 0), (10, 10), (11, 6), (40, 20)])
def test_the_older_half_goes(tmp_path, number, left):
    """R6: when there are more than may be."""
    fill(tmp_path, number)
    tidy(str(tmp_path), 10)
    assert {path.name for path in tmp_path.iterdir()} == {str(i) for i in range(number - left, number)}


def test_what_is_used_is_new(tmp_path):
    """R6: what a link has just asked for is not what goes."""
    fill(tmp_path, 12)
    assert touch(str(tmp_path / "0"))
    assert not touch(str(tmp_path / "none"))
    tidy(str(tmp_path), 10)
    assert (tmp_path / "0").exists()
    assert not (tmp_path / "1").exists()


def test_write(tmp_path):
    """R6: in one step; nothing else is left."""
    write(str(tmp_path / "a"), b"one")
    write(str(tmp_path / "a"), b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"two"
    with pytest.raises(OSError, match="No such file"):
        write(str(tmp_path / "none" / "a"), b"")
