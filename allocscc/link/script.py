"""Linker scripts that stand in the place of a library: `INPUT`, `GROUP`, `AS_NEEDED` (GNU ld manual, "File Commands").

`libc.so` is one. Where a script brings archives or objects, its words are put in its place, so that what is in them can
be looked at and replaced like any other input.
"""

import re

_TOKEN = re.compile(r"/\*.*?\*/|\"[^\"]*\"|[(),;]|[^\s(),;\"]+", re.S)
_MOST = 65536  # bytes; a script that is larger lays out sections
# Statements that do not bring inputs and do not matter where the output's format is the usual one.
_IGNORED = ("OUTPUT_FORMAT", "OUTPUT_ARCH", "TARGET")


def script_words(data: bytes) -> list[str] | None:
    """The command line that means the same as a script; None for a script with other statements, or no script.

    Args:
        data: the file's contents.
    """
    if len(data) > _MOST or b"\0" in data:
        return None
    tokens = [t for t in _TOKEN.findall(data.decode("utf-8", "surrogateescape")) if not t.startswith("/*") and t != ";"]
    words: list[str] = []
    at = 0
    while at < len(tokens):
        name, opening = tokens[at], tokens[at + 1 : at + 2]
        end = _closing(tokens, at + 1)
        if opening != ["("] or end < 0:
            return None
        inside = tokens[at + 2 : end]
        if name == "GROUP":
            words += ["--start-group", *_files(inside), "--end-group"]
        elif name == "INPUT":
            words += _files(inside)
        elif name not in _IGNORED:
            return None
        at = end + 1
    return words if any(word not in ("--start-group", "--end-group") for word in words) else None


def _closing(tokens: list[str], at: int) -> int:
    depth = 0
    for place in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place], 0)
        if depth == 0:
            return place
    return -1


def _files(tokens: list[str]) -> list[str]:
    words = []
    for before, token in zip(["", *tokens], tokens, strict=False):
        if token == "AS_NEEDED":
            words += ["--push-state", "--as-needed"]
        elif token == ")":
            words.append("--pop-state")
        elif token not in ("(", ",") or before == "\\":
            words.append(token.strip('"'))
    return words
