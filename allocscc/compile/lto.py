"""LTO: what the sources of a program say, kept in sidecars until the link makes machine code of them.

A compile with -flto makes intermediate code: there is nothing to put a record beside. The unit's calls in the source
travel in its sidecar; the link phase hands all of them to `lto1`, whose assembly gets the records.
"""

from collections.abc import Iterable

from allocscc.compile.source import Sized, SourceSite
from allocscc.sidecar import EVIDENCE, decode_sources
from allocscc.values import asdict

_TYPES = {"line": int, "column": int, "size": int, "exact": bool, "array": bool, "candidate": bool}


def encode_sources(sites: Iterable[SourceSite]) -> tuple[dict[str, object], ...]:
    """Source sites as JSON objects."""
    return tuple(asdict(site) for site in sites)


def read_sources(path: str) -> list[SourceSite]:
    """The source sites in a file of sidecar records.

    Raises:
        FormatError: it holds something else.
    """
    with open(path, "rb") as file:
        return source_sites(decode_sources(file.read(), path))


def source_sites(rows: Iterable[dict[str, object]]) -> list[SourceSite]:
    """Source sites from JSON objects; what a newer version wrote in another way is left out."""
    found = []
    for row in rows:
        try:
            sized = row["sized"]
            known = Sized(**_fields(Sized, sized)) if isinstance(sized, dict) else None  # type: ignore[arg-type]
            site = SourceSite(**_fields(SourceSite, row), sized=known)  # type: ignore[arg-type]
        except (KeyError, TypeError):
            continue
        if known is None or known.evidence in EVIDENCE:
            found.append(site)
    return found


def _fields(kind: type[SourceSite] | type[Sized], row: dict[str, object]) -> dict[str, object]:
    """The fields of a dataclass that a row has, each of the type that it must have."""
    values = {name: row[name] for name in kind.__dataclass_fields__ if name != "sized" and name in row}
    for name, value in values.items():
        if type(value) is not _TYPES.get(name, str):
            raise TypeError(f"{name} is {value!r}")
    return values
