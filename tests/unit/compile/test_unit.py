"""What a project changes about its sites: `allocscc.compile.unit`."""

from types import SimpleNamespace

import pytest

from allocscc.compile.unit import _overridden, _run_hook
from allocscc.sidecar import Site

_SITE = Site("x.c", 3, 9, "f", "node_new", "struct node", "return-type", size=24)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("", ("struct node", 24)),
        ("line=5", ("struct node", 24)),
        ("type='struct leaf'", ("struct leaf", 0)),
        ("type='struct leaf', size=8", ("struct leaf", 8)),
        ("size=8", ("struct node", 8)),
    ],
)
def test_hook(tmp_path, changes, expected):
    """R2, R10: a hook that gives a site another type need not know of its size: the old one's is not the new one's."""
    path = tmp_path / "hooks.py"
    path.write_text(
        f"from dataclasses import replace\ndef sites(sites):\n    return [replace(s, {changes}) for s in sites]\n"
    )
    (site,) = _run_hook(str(path), (_SITE,))
    assert (site.type, site.size) == expected


def test_override():
    """R10, R17: an override names a type, whose size nobody knows."""
    roles = SimpleNamespace(overrides=[("f", "node_new", "node", "struct leaf")])
    site = _overridden(_SITE, roles)
    assert (site.type, site.evidence, site.size) == ("struct leaf", "override", 0)
