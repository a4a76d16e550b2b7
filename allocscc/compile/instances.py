"""Templates: one line of source, as many functions as it has instances; the symbol of each tells which it is."""

from __future__ import annotations

import re
from functools import lru_cache

from allocscc.compile.containers import allocated_type
from allocscc.compile.mangled import readable_name
from allocscc.compile.source import Sized, SourceSite
from allocscc.values import replace

_PARAMETER = re.compile(r"type-parameter-(\d+)-(\d+)|(?<![\w:.])[A-Za-z_]\w*(?!::)\b")
# What is left of a type that a symbol does not tell.
_DEPENDENT = re.compile(r"type-parameter-\d|<dependent type>|\b(?:typename|decltype|auto)\b|\.\.\.")
_SCOPE = re.compile(r"(\S+?)<([^>]*)>")
_OPENING, _CLOSING = "<([{", ">)]}"


@lru_cache(maxsize=4096)
def function_name(symbol: str) -> str:
    """A function under the name that people write: that of its symbol, without parameters."""
    return readable_name(symbol) or symbol


def without_arguments(name: str) -> str:
    """A qualified name without template arguments, as the source scan names functions."""
    return "::".join(part if part.startswith("operator") else part.partition("<")[0] for part in _split(name, "::"))


def instance(site: SourceSite, symbol: str) -> tuple[Sized | None, str]:
    """What a source site allocates in the function of a symbol, and that function's name.

    Args:
        site: of a template or not.
        symbol: of the function that holds the call; another one's, where the call was inlined into it, does no harm.
    """
    if not site.scopes:
        dependent = site.sized is not None and _DEPENDENT.search(site.sized.type) is not None
        return (None if dependent else site.sized), site.function
    instantiated = readable_name(symbol)
    known = _arguments(instantiated)
    scopes = [(match[1], match[2].split(",")) for match in _SCOPE.finditer(site.scopes)]
    arguments = [known.get(name) for name, _ in scopes]
    function = site.function
    for (name, _), found in zip(scopes, arguments, strict=True):
        if found is not None:
            function = _with_arguments(function, name, found)
    if site.sized is None:
        return None, function
    kind = _substituted(site.sized.type, scopes, arguments)
    if not kind:
        held = allocated_type([instantiated]) if instantiated.startswith("std::") else None
        return (replace(held, evidence=site.sized.evidence) if held else None), function
    if kind.startswith("std::_"):  # what the library puts around a value
        held = allocated_type((f"std::allocator<{kind}>",))
        kind = held.type if held is not None else kind
    return (site.sized if kind == site.sized.type else replace(site.sized, type=kind, size=0)), function


def _substituted(kind: str, scopes: list[tuple[str, list[str]]], arguments: list[list[str] | None]) -> str:
    """The type with arguments in the place of parameters; "" if one is not known."""
    unknown = False
    by_name: dict[str, str] = {}
    for (_, parameters), found in zip(scopes, arguments, strict=True):
        for number, parameter in enumerate(parameters):
            by_name[parameter] = found[number] if found is not None and number < len(found) else ""

    def argument(match: re.Match[str]) -> str:
        nonlocal unknown
        if match[1] is None:
            if match[0] not in by_name:
                return match[0]
            value = by_name[match[0]]
        else:
            depth, number = int(match[1]), int(match[2])
            parameters = scopes[depth][1] if depth < len(scopes) else []
            value = by_name[parameters[number]] if number < len(parameters) and parameters[number] else ""
        unknown = unknown or not value
        return value

    for (name, _), found in zip(scopes, arguments, strict=True):
        if re.search(rf"\b{re.escape(name)}::", kind):
            if found is None:
                return ""
            kind = re.sub(rf"\b{re.escape(name)}::", lambda _: f"{name}<{', '.join(found)}>::", kind)  # noqa: B023
    kind = _PARAMETER.sub(argument, kind)
    return "" if unknown or _DEPENDENT.search(kind) else kind


def _with_arguments(function: str, name: str, arguments: list[str]) -> str:
    """The function's name with the arguments behind the last component that has a name."""
    matches = list(re.finditer(rf"(?:(?<=::)|^){re.escape(name)}(?=::|$)", function))
    if not matches:
        return function
    at = matches[-1] if len(matches) == 1 else matches[0]  # a constructor is named as its class
    return f"{function[: at.end()]}<{', '.join(arguments)}>{function[at.end() :]}"


def _arguments(name: str) -> dict[str, list[str]]:
    """The template arguments of each component of a qualified name."""
    found: dict[str, list[str]] = {}
    for part in _split(name, "::"):
        stem, opening, rest = part.partition("<")
        if opening and rest.endswith(">") and stem:
            found[stem] = _split(rest[:-1], ", ")
    return found


def _split(text: str, separator: str) -> list[str]:
    """The text cut at separators outside of brackets."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        depth += (text[at] in _OPENING) - (text[at] in _CLOSING)
        if depth == 0 and text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
            at = start
        else:
            at += 1
    return [*parts, text[start:]]
