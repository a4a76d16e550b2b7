"""The documentation as a site: it is whole, and everything that it needs is in it."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.integration.conftest import ROOT


class Page(HTMLParser):
    """What a page refers to, what it loads, and what can be referred to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.loaded.append(values["href"])
        elif "src" in values:
            self.loaded.append(values["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """All pages but the one for what is not found, whose links are absolute."""
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}


def broken(pages: dict[Path, Page]) -> list[str]:
    """Links and loads within the site that lead nowhere."""
    found = []
    for at, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (at.parent / unquote(parts.path)).resolve() if parts.path else at
            if target.is_dir():
                target /= "index.html"
            if not target.is_file() or (target in pages and unquote(parts.fragment) not in pages[target].anchors):
                found.append(f"{at.name}: {link}")
    return found


def test_no_link_is_broken(site: Path, pages: dict[Path, Page]) -> None:
    """R18: every link and anchor of every page leads somewhere."""
    assert broken(pages) == []
    names = {str(path.relative_to(site).with_suffix(".md")) for path in pages}
    written = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert written <= names
    assert {"index.md", "changes.md"} <= names
    assert (site / "source" / "stubgen" / "allocs.h.txt").read_text() == (ROOT / "stubgen" / "allocs.h").read_text()


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """R18: the test above can fail."""
    (tmp_path / "b.html").write_text('<a id="here"></a>')
    page = Page('<a href="b.html#here"></a><a href="b.html#gone"></a><a href="c.html"></a><img src="d.png">')
    pages = {tmp_path / "a.html": page, tmp_path / "b.html": Page((tmp_path / "b.html").read_text())}
    assert broken(pages) == ["a.html: b.html#gone", "a.html: c.html", "a.html: d.png"]


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    """R18: a reader of the site is known to nobody else."""
    assert [link for page in pages.values() for link in page.loaded if urlsplit(link).netloc] == []


def test_every_page_can_be_reached(site: Path, pages: dict[Path, Page]) -> None:
    """R18: the guide has its pages in the navigation of the first page."""
    links = {urlsplit(link).path for link in pages[site / "index.html"].links}
    assert {str(path.relative_to(site)) for path in pages if path.name != "index.html"} <= links
