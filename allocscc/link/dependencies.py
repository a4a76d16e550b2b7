"""A linker's dependency file (`--dependency-file`) as it would be without us: a build must not wait for our files."""

import os
from collections.abc import Mapping, Sequence


def tidy_dependencies(path: str, copies: Mapping[str, str], ours: Sequence[str]) -> None:
    """Rewrite a dependency file, if there is one.

    Args:
        path: the file.
        copies: the path of a changed copy of an input → the input as the command line names it.
        ours: folders whose other files are our own.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        changed = without_ours(text, copies, ours)
        if changed != text:
            with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(changed)
    except OSError:
        pass  # the linker made none


def without_ours(text: str, copies: Mapping[str, str], ours: Sequence[str]) -> str:
    """The text of a dependency file: one name a line, or all of a rule in one (mold); then a rule for each name."""
    lines: list[str] = []
    is_rule_gone = False
    for line in text.split("\n"):
        if is_rule_gone and not line:  # the blank line behind it
            is_rule_gone = False
            continue
        kept, gone = _line(line, copies, ours)
        is_rule_gone = gone and line.endswith(":")
        if not gone:
            lines.append(kept)
    return "\n".join(lines)


def _line(line: str, copies: Mapping[str, str], ours: Sequence[str]) -> tuple[str, bool]:
    """A line without our names, and whether nothing was left of it."""
    words = line.split(" ")
    kept, names = [], 0
    for word in words:
        path = word.removesuffix(":")
        end = word[len(path) :]
        if path in copies:
            word = copies[path] + end
        elif path and any(path.startswith(f"{os.path.join(folder, '')}") for folder in ours):
            continue
        names += bool(path) and path != "\\"
        kept.append(word)
    return " ".join(kept), names == 0 and len(kept) < len(words)
