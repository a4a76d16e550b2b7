"""The HTML report as a file; tests/integration/test_html.py opens it in a browser."""

import base64
import hashlib
import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from allocscc.report import html
from allocscc.report.html.columns import columns
from allocscc.report.profile import Counts, Place, Profile, Row
from tests.heaps import SMALL, hostile


def embedded(page: str) -> dict[str, Any]:
    """The data as a browser finds it: up to the first end of a script."""
    start = page.index('id="data">') + len('id="data">')
    body: dict[str, Any] = json.loads(page[start : page.index("</script", start)])
    return body


def test_columns() -> None:
    data = embedded(html.render(SMALL))
    assert sum(data["counts"]["peak_bytes"]) == 1200
    assert [data["strings"][number] for number in data["allocator"]] == ["malloc", "malloc", "malloc", "pool"]
    assert data["parent"][:3] == [-1, -1, -1]
    assert data["strings"][data["parent"][3]] == "malloc"
    assert data["timeline"][2] == [20, 950, 9]


def test_hostile_names_end_nothing() -> None:
    page = html.render(hostile())
    assert len(re.findall("</script", page)) == 2
    assert len(re.findall("<script", page)) == 2
    assert "<img" not in page
    names = embedded(page)["strings"]
    assert "<img src=x onerror=window.hacked=1>" in names
    assert "@@DATA@@" in names
    page.encode("utf-8")


def test_policy_lets_only_this_page_run() -> None:
    page = html.render(SMALL)
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=.?(https?:|//)", page)


NAMES = st.sampled_from("abc")
PLACES = st.builds(
    Place, st.sampled_from([None, "a.c", "b.c"]), st.integers(0, 2), st.integers(0, 1), NAMES, NAMES, NAMES
)
ROWS = st.builds(
    Row,
    NAMES,
    st.lists(NAMES, max_size=3).map(tuple),
    PLACES,
    st.none() | NAMES | st.just("?"),
    st.builds(Counts, *(st.integers(0, 9) for _ in range(6))),
    st.none() | NAMES,
)


@given(st.lists(ROWS, max_size=30).map(tuple))
def test_all_below_a_node_stands_together(rows: tuple[Row, ...]) -> None:
    """The page finds the sum of a node by its first and last row."""
    data: dict[str, Any] = columns(Profile("x", True, rows))
    paths = [
        (data["parent"][at], data["allocator"][at], *data["chains"][data["chain"][at]], ("site", data["site"][at]))
        for at in range(len(rows))
    ]
    paths = [(*path, ("type", data["type"][at])) for at, path in enumerate(paths)]
    for depth in range(1, 8):
        starts = [path[:depth] for at, path in enumerate(paths) if at == 0 or paths[at - 1][:depth] != path[:depth]]
        assert len(starts) == len(set(starts))
    assert [parent >= 0 for parent in data["parent"]] == sorted(row.parent is not None for row in rows)
    for name, column in data["counts"].items():
        assert sum(column) == sum(getattr(row.counts, name) for row in rows)
