"""Sizes of typed primitives' types: `allocscc.link.typesizes`."""

from allocscc.elf import archive
from allocscc.elf.write import data_object
from allocscc.link.job import LinkJob
from allocscc.link.typesizes import type_sizes
from allocscc.sidecar import Site, encode


def obj(*sites):
    rows = tuple(Site("x.c", 1, 1, "f", callee, "struct t", "return-type", size=size) for callee, size in sites)
    return data_object(b".allocs.sidecar", encode("x.c", "gcc", rows), 62)


def test_callers_tell(tmp_path):
    """R17: objects and archives; where two differ, nothing is known."""
    (tmp_path / "a.o").write_bytes(obj(("newT", 24), ("odd", 8), ("other", 4)))
    (tmp_path / "b.o").write_bytes(obj(("newT", 24), ("odd", 16), ("newT", 0)))
    archive.write(str(tmp_path / "c.a"), [("c.o", obj(("newU", 40)))], [])
    (tmp_path / "bad.o").write_bytes(b"\x7fELF newT")
    job = LinkJob(["a.o", "b.o", "c.a", "bad.o"], str(tmp_path))
    assert type_sizes(job, {"newT", "newU", "odd"}) == {"newT": 24, "newU": 40}
