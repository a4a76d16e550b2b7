"""Scans preprocessed source with libclang for allocation sites and the types they allocate (R4).

libclang reads gcc's preprocessed output with harmless diagnostics (gcc's own attributes and builtins); whatever parsed
is kept. Only what lies on the way to a callee's name is looked at: a Python walk of the whole tree is slow.
"""

import re
from collections import Counter

from allocscc.compile import tree
from allocscc.compile.apart import Definition
from allocscc.compile.calls import (
    call_type,
    callee_of,
    candidate_symbol,
    constructor_places,
    new_type,
    outer_places,
    own_places,
)
from allocscc.compile.columns import SourceLines
from allocscc.compile.enclosing import (
    FIELD,
    FUNCTIONS,
    FunctionNames,
    enclosing_definition,
    is_template,
    template_scopes,
)
from allocscc.compile.sizes import SizeReader
from allocscc.compile.source import NEW, SourceSite
from allocscc.compile.tree import CALL, Node, Parsed, parse
from allocscc.config.signature import Signature
from allocscc.values import dataclass

__all__ = ["Parsed", "definitions", "identifiers", "parse", "scan"]

# What stands behind the parentheses of a call or of a declaration, and never behind those of a definition.
_AFTER_A_CALL = re.compile(rb"\s*(?:[;,)=+*/%?&|<>.!\]}]|-(?!>))")
_LENGTH = re.compile(r"[1-9][0-9]{0,3}")
_WORD = re.compile(rb"[\w$]")
_BUILTIN = b"__builtin_"
# Names whose ways are held in memory at a time.
_BATCH = 2000
# What a `new` is by clang's name where a library calls it as a function.
_BUILTIN_NEW = Signature(NEW, ("Z",), "p")
# Of a function that nothing is known of, any argument may be the size.
_ANY_SIZE = Signature("", ("Z",) * 32, "p")


def scan(
    parsed: Parsed,
    signatures: dict[str, Signature],
    sources: SourceLines,
    *,
    candidates: bool = False,
    arguments: bool = False,
    expanded: bool = False,
) -> list[SourceSite]:
    """All calls of the functions in `signatures`, and in C++ all `new` expressions, in functions of the unit.

    Args:
        parsed: the unit.
        signatures: the functions of interest by symbol.
        sources: where the lines of the sources are looked up.
        candidates: whether to give all other calls, too, that give a pointer and have a `sizeof` in their arguments.
        arguments: whether the compiler places a call in a macro's argument there, not at the macro.
        expanded: whether the compiler was given this very text: columns are those of its lines then.
    """
    names = {word for symbol in signatures for word in identifiers(symbol)}
    names |= {"new", "operator_new"} if parsed.language == "c++" else set()
    if not names:
        return []
    hits = _occurrences(parsed.text, names | ({"sizeof"} if candidates else set()))
    scanner = _Scanner(parsed, signatures, hits, sources, candidates, arguments, expanded)
    sites, seen = [], set()
    for first in range(0, len(hits), _BATCH):
        for node in parsed.ways(hits[first : first + _BATCH]):
            if node.kind in (CALL, tree.NEW) and (node.start, node.end, node.kind) not in seen:
                seen.add((node.start, node.end, node.kind))
                site = scanner.site(node)
                sites += [site] if site is not None else []
    return sites


def _occurrences(text: bytes, names: set[str]) -> list[int]:
    """Offsets of the names as words of the text, ascending; also as compilers' builtins."""
    found = []
    for name in names:
        word = name.encode("utf-8", "surrogateescape")
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            before = text[max(at - len(_BUILTIN), 0) : at]
            if not _WORD.match(text, end) and (before == _BUILTIN or not _WORD.match(before[-1:])):
                found.append(at)
            at = text.find(word, end)
    return sorted(found)


@dataclass(frozen=True)
class _Function:
    """What the sites of one function share."""

    reader: SizeReader
    scopes: str
    places: list[tuple[int, int]]


class _Scanner:
    """Makes sites of the nodes of one unit, in text order; what concerns a function is found once."""

    def __init__(
        self, parsed: Parsed, signatures: dict[str, Signature], hits: list[int], sources: SourceLines,
        candidates: bool, arguments: bool, expanded: bool,
    ) -> None:  # fmt: skip
        self._parsed, self._signatures, self._candidates = parsed, signatures, candidates
        self._arguments, self._expanded = arguments, expanded
        self._sources, self._names = sources, FunctionNames(parsed)
        self._function: tuple[tuple[int, int], _Function] | None = None
        self._lines: dict[int, tuple[int, bytes]] = {}
        self._crowded = Counter(parsed.place(hit)[:2] for hit in hits)

    def site(self, node: Node) -> SourceSite | None:
        """The site of a call or `new`; None if it is none of interest, or stands in no function."""
        callee = callee_of(node, self._parsed, self._signatures)
        candidate = "" if callee else self._candidate(node)
        callee = callee or candidate
        definition = enclosing_definition(node) if callee else None
        if definition is None:
            return None
        function = self._known(definition)
        if node.kind == tree.NEW:
            sized = new_type(node, self._parsed)
        else:
            signature = _ANY_SIZE if candidate else self._signatures.get(callee, _BUILTIN_NEW)
            sized = call_type(node, signature, function.reader, self._parsed)
        if candidate and (sized is None or sized.evidence not in ("sizeof", "offsetof", "flow")):
            return None
        around = outer_places(node, self._parsed)
        offsets = own_places(node, self._parsed)
        own = [self._place(offset, bool(around)) for offset in offsets]
        own += [found for at in offsets if (found := self._argument_place(at))] if self._arguments else []
        outer = [self._place(offset) for offset in around] + function.places
        if self._expanded:
            own += map(self._expanded_place, offsets)
            outer += map(self._expanded_place, around)
        file, _, column = self._parsed.place(node.start)
        return SourceSite(
            file,
            own[0][0],
            own[0][1] or column,
            own[0][1] > 0,
            callee,
            self._names.name(node, definition),
            sized,
            _written(own),
            _written(outer),
            function.scopes,
            bool(candidate),
        )

    def _candidate(self, node: Node) -> str:
        """The symbol that a call of unknown role calls, if it has a `sizeof` in its arguments and gives a pointer."""
        if not self._candidates or node.kind != CALL or b"sizeof" not in self._parsed.text[node.start : node.end]:
            return ""
        return candidate_symbol(node.cursor)

    def _known(self, definition: Node) -> _Function:
        key = definition.start, definition.end
        if self._function is None or self._function[0] != key:
            parsed, cursor = self._parsed, definition.cursor
            scopes = template_scopes(definition) if parsed.language == "c++" else ""
            if definition.kind == FIELD:
                offsets = constructor_places(definition, parsed)
            else:
                offsets = [cursor.location.offset] if definition.kind in FUNCTIONS else []
            places = [self._place(offset) for offset in offsets]
            self._function = key, _Function(SizeReader(parsed, cursor), scopes, places)
        return self._function[1]

    def _place(self, offset: int, look: bool = False) -> tuple[int, int]:
        """Line and column of a token in the source; column 0 if it isn't known."""
        file, line, _ = self._parsed.place(offset)
        first, expanded = self._line(offset)
        look = look or self._crowded[file, line] > 1
        return self._sources.place(file, line, expanded, offset - first, look)

    def _argument_place(self, offset: int) -> tuple[int, int] | None:
        """Line and column of a token in the argument of the macro that hides it."""
        file, line, _ = self._parsed.place(offset)
        first, expanded = self._line(offset)
        return self._sources.argument_place(file, line, expanded, offset - first)

    def _expanded_place(self, offset: int) -> tuple[int, int]:
        """Line and column of a token as who reads the preprocessed text sees them."""
        _, line, column = self._parsed.place(offset)
        return line, column

    def _line(self, offset: int) -> tuple[int, bytes]:
        start = self._parsed.line_start(offset)
        if start not in self._lines:
            self._lines[start] = self._parsed.logical_line(offset)
        return self._lines[start]


def _written(places: list[tuple[int, int]]) -> str:
    return " ".join(f"{line}:{column}" for line, column in dict.fromkeys(places))


def definitions(parsed: Parsed, symbols: set[str]) -> list[Definition]:
    """Where the unit defines functions of these symbols; templates are left out, they have no definition of their own.

    Args:
        parsed: the unit.
        symbols: link-time symbols; of a static function its name.
    """
    words = [re.escape(word.encode()) for symbol in symbols for word in identifiers(symbol)[-1:]]
    if any(symbol.startswith(("_Znw", "_Zna")) for symbol in symbols):
        words.append(rb"operator[ \t\n]+new(?:[ \t\n]*\[[ \t\n]*\])?")
    if not words:
        return []
    any_word = b"|".join(sorted({*words}))
    found: dict[str, Definition] = {}
    for match in re.finditer(rb"\b(%s)[ \t\n)]*\(" % any_word, parsed.text):
        if _AFTER_A_CALL.match(parsed.text, _closing(parsed.text, match.end())):
            continue
        cursor = parsed.cursor(match.start())
        if cursor.kind.value not in FUNCTIONS or is_template(cursor) or not cursor.is_definition():
            continue
        name = match[1].decode()
        symbol = name if name in symbols else str(cursor.mangled_name)
        start = parsed.span(cursor)[0]
        if symbol in symbols and start <= match.start():
            file, line, _ = parsed.place(start)
            before = parsed.text[parsed.line_start(start) : start]
            found.setdefault(symbol, Definition(symbol, name, file, line, before))
    return list(found.values())


def _closing(text: bytes, at: int) -> int:
    """The offset behind the parenthesis that closes the one before `at`."""
    depth = 1
    for match in re.compile(rb"[()]").finditer(text, at):
        depth += 1 if match[0] == b"(" else -1
        if depth == 0:
            return match.end()
    return len(text)


def identifiers(symbol: str) -> list[str]:
    """The words by which a source may name the function: of a mangled symbol, those that it spells out.

    Itanium ABI, `<source-name> ::= <length> <identifier>`.
    """
    if not symbol.startswith("_Z"):
        return [symbol]
    words, at = [], 2
    while (match := _LENGTH.search(symbol, at)) is not None:
        at = match.end() + int(match[0])
        words.append(symbol[match.end() : at])
    return [word for word in words if word.isidentifier()]
