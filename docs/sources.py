"""MkDocs hook: what lies outside of docs/ and is part of the site: README, CHANGELOG, and files that pages link to.

README.md is the first page. A link out of docs/, as they are written for readers of the repository, leads to a copy of
that file as plain text (`source/stubgen/allocs.h.txt`), so that the site is whole and every link in it can be checked.
Source of the interface: https://www.mkdocs.org/user-guide/configuration/#hooks and `mkdocs.structure.files`.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_LINK = re.compile(r"(\]\()([^):#?]+)((?:#[^)]*)?\))")
_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
_PAGES = {"README.md": "index.md", "CHANGELOG.md": "changes.md"}


def on_files(files: Files, /, *, config: MkDocsConfig) -> Files:
    """Add the first page, the changes, and a copy of every file of the repository that a page links to."""
    top = Path(config.config_file_path).parent
    for path, page in _PAGES.items():
        text = (top / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_relinked(text, path, page)))
    for path in sorted(_linked(top, files)):
        files.append(File.generated(config, _copy(path), content=_content(top / path)))
    return files


def on_page_markdown(markdown: str, /, *, page: Any, **_: Any) -> str:
    """The text of a page of docs/ with links that lead to places of the site."""
    if page.file.src_uri in _PAGES.values():
        return markdown
    return _relinked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)


def _linked(top: Path, files: Files) -> set[str]:
    """Files of the repository, neither pages nor in docs/, that pages link to."""
    texts = {path: (top / path).read_text(encoding="utf-8") for path in _PAGES}
    texts |= {f"docs/{file.src_uri}": file.content_string for file in files if file.src_uri.endswith(".md")
              and file.src_uri not in _PAGES.values()}  # fmt: skip
    paths = {
        posixpath.normpath(posixpath.join(posixpath.dirname(at), match[2]))
        for at, text in texts.items()
        for match in _LINK.finditer(_FENCE.sub("", text))
    }
    return {path for path in paths if not path.startswith("docs/") and path not in _PAGES and (top / path).exists()}


def _content(path: Path) -> str:
    """A file's text; of a folder the names of its files."""
    if path.is_dir():
        return "".join(f"{name}\n" for name in sorted(file.name for file in path.iterdir()))
    return path.read_text(encoding="utf-8")


def _copy(path: str) -> str:
    return f"source/{path.lstrip('.')}.txt"  # mkdocs leaves out what begins with a dot


def _target(link: str, at: str, page: str) -> str:
    """Where a link of the file `at` leads from its page; what is not a file of the repository stays as it is."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(at), link))
    if path.startswith("docs/"):
        found = path.removeprefix("docs/")
    elif path in _PAGES:
        found = _PAGES[path]
    else:
        found = _copy(path)
    return posixpath.relpath(found, posixpath.dirname(page) or ".")


def _relinked(text: str, at: str, page: str) -> str:
    """The text of the file `at` with each link, outside of blocks of code, as it is to be on its page."""
    parts, done = [], 0
    for fence in [*_FENCE.finditer(text), None]:
        end = fence.start() if fence else len(text)
        parts.append(_LINK.sub(lambda m: m[1] + _target(m[2], at, page) + m[3], text[done:end]))
        if fence:
            parts.append(fence[0])
            done = fence.end()
    return "".join(parts)
