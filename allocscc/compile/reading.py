"""What a unit's source says of its allocations, read by libclang once for each text (R4).

libtool compiles every file twice, and a build is often made again: the same preprocessed text has the same sites. They
are kept in the cache by a digest of all that they depend on, which saves loading libclang, parsing and scanning.
"""

from __future__ import annotations

import marshal
import os

from allocscc.cache import tidy, write
from allocscc.compile.apart import Definition
from allocscc.compile.source import Sized, SourceSite
from allocscc.config.signature import Signature
from allocscc.digest import digest
from allocscc.places import cache_folder
from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from allocscc.compile.tree import Parsed

_MOST = 4000  # entries; the older half goes when there are more
_TURN = "0"  # the names of entries (hexadecimal) at whose making they are counted: one in sixteen


@dataclass(frozen=True)
class Question:
    """All that the answer depends on but the sources that lines are looked up in.

    Attributes:
        text: preprocessed.
        path: the file that the text has no line markers for, or "".
        language: `c` or `c++`.
        standard: the `-std=` option in a list, or an empty list.
        stubbed: symbols of all functions of a role.
        signatures: those whose calls are sites.
        candidates: as for `allocscc.compile.scan.scan`.
        arguments: as there.
        expanded: as there.
    """

    text: bytes
    path: str
    language: str
    standard: list[str]
    stubbed: set[str]
    signatures: dict[str, Signature]
    candidates: bool
    arguments: bool
    expanded: bool = False


@dataclass(frozen=True)
class Reading:
    """What the source says: its definitions of functions of a role, and its calls."""

    definitions: list[Definition]
    sites: list[SourceSite]


def read_source(question: Question, parse: Callable[[], Parsed | None], env: dict[str, str]) -> Reading:
    """What the source says, from the cache if it is there.

    Args:
        question: what to find.
        parse: gives the text as libclang sees it.
        env: the process environment.

    Raises:
        ImportError: libclang is not installed.
    """
    try:
        path = os.path.join(cache_folder(env), "readings", _name(question))
    except OSError:
        path = ""
    known = _load(path) if path else None
    if known is not None:
        return known
    from allocscc.compile.columns import SourceLines
    from allocscc.compile.scan import definitions, scan

    parsed, sources = parse(), SourceLines()
    assert parsed is not None  # the question has its text
    own = definitions(parsed, question.stubbed)
    extra = {d.symbol: Signature(d.symbol, (), "v") for d in own if d.symbol not in question.signatures}
    sites = scan(
        parsed,
        question.signatures | extra,
        sources,
        candidates=question.candidates,
        arguments=question.arguments,
        expanded=question.expanded,
    )
    reading = Reading(own, sites)
    if path:
        _store(path, reading, sources.read())
    return reading


def _name(question: Question) -> str:
    """The name of the answer; another version of our own code, or of libclang's, gives others."""
    code = os.path.dirname(os.path.abspath(__file__))
    files = sorted(
        (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
        for entry in os.scandir(code)
        if entry.name.endswith(".py")
    )
    signatures = sorted((name, signature.letters) for name, signature in question.signatures.items())
    rest = (
        files, _libclang(), question.path, question.language, question.standard, sorted(question.stubbed), signatures,
        question.candidates, question.arguments, question.expanded,
    )  # fmt: skip
    return digest(repr(rest).encode("utf-8", "surrogateescape") + b"\0" + question.text)


def _libclang() -> tuple[str, int] | None:
    """Where the bindings are, and since when, without importing them."""
    for folder in os.environ.get("ALLOCSCC_PATH", "").split(":"):
        path = os.path.join(folder, "clang", "cindex.py")
        try:
            return path, os.stat(path).st_mtime_ns
        except OSError:
            continue
    return None


def _load(path: str) -> Reading | None:
    try:
        with open(path, "rb") as file:
            sources, definitions, sites = marshal.load(file)
        if not all(digest(_contents(name)) == known for name, known in sources):
            return None
        return Reading(
            [Definition(*row) for row in definitions],
            [_site(row) for row in sites],
        )
    except (OSError, ValueError, EOFError, TypeError, MemoryError, IndexError):  # damaged: read the source again
        return None


def _store(path: str, reading: Reading, sources: dict[str, bytes]) -> None:
    value = (
        [(name, digest(text)) for name, text in sources.items()],
        [_row(definition) for definition in reading.definitions],
        [_row(site) for site in reading.sites],
    )
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
        if os.path.basename(path).startswith(_TURN):
            tidy(folder, _MOST)
        write(path, marshal.dumps(value))
    except (OSError, ValueError):
        pass  # a full disk: the next compile reads again


def _site(row: tuple[Any, ...]) -> SourceSite:
    fields: list[Any] = [Sized(*field) if isinstance(field, tuple) else field for field in row]
    return SourceSite(*fields)


def _row(value: Definition | SourceSite | Sized) -> tuple[Any, ...]:
    fields = (getattr(value, name) for name in value.__match_args__)
    return tuple(_row(field) if isinstance(field, Sized) else field for field in fields)


def _contents(path: str) -> bytes:
    """What a source holds, as `SourceLines` sees it."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError):
        return b""
