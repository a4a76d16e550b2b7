"""C++ symbols as a person writes them (Itanium ABI), by binutils' c++filt where it is installed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from allocscc import toolchain
from allocscc.errors import ToolError
from allocscc.report.profile import Profile, Row


def readable(profile: Profile) -> Profile:
    """The profile with demangled names of wrappers, functions and symbols; as it was where c++filt is missing."""
    return replace(profile, rows=readable_rows(profile.rows))


def readable_rows(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The same for rows, in their order."""
    known = tuple(rows)
    mangled = {name for row in known for name in _names(row) if name.startswith("_Z")}
    if not mangled:
        return known
    try:
        names = _demangle(sorted(mangled))
    except ToolError:
        return known
    return tuple(_renamed(row, names) for row in known)


def _names(row: Row) -> Iterable[str]:
    yield from row.wrappers
    yield row.place.function or ""
    yield row.place.symbol or ""


def _demangle(names: list[str]) -> Mapping[str, str]:
    lines = toolchain.run([toolchain.find_program("c++filt"), *names]).splitlines()
    return dict(zip(names, lines, strict=False))


def _renamed(row: Row, names: Mapping[str, str]) -> Row:
    place = replace(
        row.place,
        function=row.place.function and names.get(row.place.function, row.place.function),
        symbol=row.place.symbol and names.get(row.place.symbol, row.place.symbol),
    )
    return replace(row, wrappers=tuple(names.get(name, name) for name in row.wrappers), place=place)
