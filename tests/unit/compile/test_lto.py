"""Source sites in sidecars: `allocscc.compile.lto`."""

import pytest

from allocscc.compile.lto import encode_sources, read_sources, source_sites
from allocscc.compile.source import Sized, SourceSite
from allocscc.sidecar import encode

_SITE = SourceSite(
    "x.c", 3, 9, True, "node_new", "f", Sized("struct s", "return-type", False, 24), "3:9", "4:1", "", True
)
_PLAIN = SourceSite("x.c", 4, 9, False, "malloc", "f", None)


def test_round_trip(tmp_path):
    """R6: what the sources say comes back at the link, to every field."""
    path = tmp_path / "sources"
    path.write_bytes(encode("x.c", "gcc", (), (), encode_sources((_SITE, _PLAIN))) + encode("y.c", "gcc", ()))
    found = read_sources(str(path))
    assert found == [_SITE, _PLAIN]
    assert found[0].sized.size == 24


def test_missing_fields():
    """R4, R6: what an older version did not write has its default; a site without a place is none."""
    row = dict(encode_sources((_SITE,))[0])
    row["sized"] = {"type": "struct s", "evidence": "return-type", "array": False}
    del row["scopes"]
    (found,) = source_sites([row])
    assert (found, found.sized.size) == (_SITE, 0)
    for name in ("file", "line", "callee", "sized"):
        assert source_sites([{key: value for key, value in row.items() if key != name}]) == []


@pytest.mark.parametrize("size", ["24", True, None, 2.5])
def test_size_of_a_wrong_type(size):
    """R4: what a newer version wrote in another way is left out."""
    row = dict(encode_sources((_SITE,))[0])
    row["sized"] = {"type": "struct s", "evidence": "return-type", "array": False, "size": size}
    assert source_sites([row]) == []
