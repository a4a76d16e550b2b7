"""Where the bodies of functions begin that call alloca: for a backend that wants a variable of its own there."""

from __future__ import annotations

import re

from allocscc.compile.columns import SourceLines
from allocscc.compile.enclosing import FUNCTIONS
from allocscc.compile.tree import CALL, Node, Parsed, children
from allocscc.libclang import CursorKind

_CALL = re.compile(rb"\b__builtin_alloca\s*\(")
_AROUND = FUNCTIONS | {CursorKind.LAMBDA_EXPR.value}


def bodies_with_alloca(parsed: Parsed) -> tuple[tuple[str, int, int], ...]:
    """File as line markers name it, line and column of the opening brace of each function that calls alloca.

    A lambda is a function of its own. A body that a macro opens is left out.
    """
    sources, found = SourceLines(), dict[tuple[str, int, int], None]()
    offsets = [match.start() for match in _CALL.finditer(parsed.text)]
    calls = set(offsets)
    for node in parsed.ways(offsets):
        brace = _brace(node, parsed) if node.kind == CALL and node.start in calls else -1
        if brace < 0:
            continue
        file, line, _ = parsed.place(brace)
        first, expanded = parsed.logical_line(brace)
        line, column = sources.place(file, line, expanded, brace - first, look=True)
        if column:
            found[file, line, column] = None
    return tuple(found)


def _brace(node: Node, parsed: Parsed) -> int:
    """The offset of the brace that opens the innermost function around a node; -1 if there is none."""
    around = next((above for above in node.ancestors() if above.kind in _AROUND), None)
    for part in reversed(children(around.cursor) if around is not None else []):
        if part.kind == CursorKind.COMPOUND_STMT:
            return parsed.span(part)[0]
    return -1
