r"""The sidecar: what the compile phase tells the link phase and the tools about one translation unit (R4).

One record is a header line `allocs-sidecar VERSION LENGTH\n` and LENGTH bytes of JSON and a final newline, so records
can be concatenated (`ld -r`) and cut apart again. It travels in section `.allocs.sidecar` (SHF_EXCLUDE: dropped by the
final link) and, where that is not possible, in a file. Unknown keys are ignored, so newer writers stay readable.
"""

import json
from collections.abc import Iterator, Mapping

from allocscc.errors import FormatError
from allocscc.values import asdict, dataclass

VERSION = 1
_MAGIC = b"allocs-sidecar "

# Order is the number in a site record's flags; stubgen/runtime/module.c has the same list.
EVIDENCE = (
    "none",
    "sizeof",
    "offsetof",
    "flow",
    "new",
    "return-type",
    "cast",
    "strlen",
    "override",
    "inlined",
    "dwarf",
)
FLAG_ARRAY = 1 << 8
FLAG_TAIL = 1 << 9
FLAG_CANDIDATE = 1 << 10
FLAG_MATCHED = 1 << 11
FLAG_NAMES = {FLAG_ARRAY: "array", FLAG_TAIL: "tail", FLAG_CANDIDATE: "candidate", FLAG_MATCHED: "matched"}


@dataclass(frozen=True)
class Site:
    """One allocation site: a call instruction that calls an entry point, a wrapper or an ALLOCSZ function.

    Attributes:
        file: absolute path of the source, after any prefix map of the compiler.
        line: 1-based; 0 when unknown.
        column: 1-based; 0 when unknown.
        function: the enclosing function as the source names it (the inlined one, where it was inlined).
        callee: symbol that the instruction calls.
        type: C spelling of the allocated (element) type, or "".
        evidence: how the type is known, one of `EVIDENCE`.
        array: whether the chunk may hold several of the type.
        tail: whether the compiler had made the call a jump.
        candidate: whether the function called has no role, but is called with a `sizeof` and gives a pointer.
        matched: whether the call was found in the source.
    """

    file: str
    line: int
    column: int
    function: str
    callee: str
    type: str = ""
    evidence: str = "none"
    array: bool = False
    tail: bool = False
    candidate: bool = False
    matched: bool = False

    @property
    def flags(self) -> int:
        """The `flags` word of the site's record: evidence in the low byte, then `FLAG_*`."""
        words = [self.array, self.tail, self.candidate, self.matched]
        return EVIDENCE.index(self.evidence) | sum(bit for bit, is_set in zip(FLAG_NAMES, words, strict=True) if is_set)


@dataclass(frozen=True)
class Declaration:
    """What a source says of one of its functions by attributes (R5).

    Attributes:
        kind: the kind of config entry that it amounts to: `wrapper`, `allocator` or `sized`.
        list: the entry's list that the function belongs in, e.g. `alloc` or `free`.
        entry: the entry's name.
        signature: the function in the signature mini-language.
        free: signatures of the functions that free what it allocates.
        suballocates: for an allocator, the family whose chunks it carves up, or "".
        origin: file:line of the declaration.
    """

    kind: str
    list: str
    entry: str
    signature: str
    free: tuple[str, ...] = ()
    suballocates: str = ""
    origin: str = ""


def encode(
    source: str, compiler: str, sites: tuple[Site, ...], declarations: tuple[Declaration, ...] = (),
    sources: tuple[dict[str, object], ...] = (), statics: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """One record for a translation unit; ASCII, so that it can be written in an assembler's string.

    Args:
        source: the unit's source.
        compiler: the driver that compiled it.
        sites: its allocation sites.
        declarations: what the source declares.
        statics: static functions of the config that the unit has under symbols of ours: `file.c::name` → symbol.
        sources: of a unit whose machine code is made at the link, its calls in the source (`allocscc.compile.lto`).
    """
    body: dict[str, object] = {"source": source, "compiler": compiler, "sites": [asdict(site) for site in sites]}
    if declarations:
        body["declarations"] = [asdict(declaration) for declaration in declarations]
    if sources:
        body["sources"] = list(sources)
    if statics:
        body["statics"] = dict(statics)
    text = json.dumps(body, separators=(",", ":"), sort_keys=True).encode("ascii") + b"\n"
    return b"%s%d %d\n%s" % (_MAGIC, VERSION, len(text), text)


def decode(data: bytes, where: str = "sidecar") -> list[Site]:
    """All sites of all records in `data`.

    Args:
        data: contents of a section or a file: any number of records.
        where: names the data in error messages.

    Raises:
        FormatError: the data is cut short, or is no sidecar.
    """
    return [site for body, place in _bodies(data, where) for site in _sites(body, place)]


def decode_declarations(data: bytes, where: str = "sidecar") -> list[Declaration]:
    """All declarations of all records in `data`; arguments and errors as for `decode`."""
    return [found for body, place in _bodies(data, where) for found in _declarations(body, place)]


def decode_sources(data: bytes, where: str = "sidecar") -> list[dict[str, object]]:
    """The `sources` of all records in `data`, as they were encoded; arguments and errors as for `decode`."""
    found: list[dict[str, object]] = []
    for body, place in _bodies(data, where):
        try:
            rows = json.loads(body).get("sources", [])
            if not all(isinstance(row, dict) for row in rows):
                raise TypeError("an entry is no object")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise FormatError(f"{place}: not a list of sources: {error}") from error
        found += rows
    return found


def decode_statics(data: bytes, where: str = "sidecar") -> list[dict[str, str]]:
    """The `statics` of each record in `data`; arguments and errors as for `decode`."""
    found = []
    for body, place in _bodies(data, where):
        try:
            pairs = json.loads(body).get("statics", {})
            if not all(isinstance(text, str) for pair in pairs.items() for text in pair):
                raise TypeError("a name is no text")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise FormatError(f"{place}: not a table of static functions: {error}") from error
        found.append(pairs)
    return found


def _bodies(data: bytes, where: str) -> Iterator[tuple[bytes, str]]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        words = data[at:end].split() if end >= 0 else []
        if not data.startswith(_MAGIC, at) or len(words) != 3 or not _is_length(words[2]):
            raise FormatError(f"{where}: no sidecar record at byte {at}; was the section edited?")
        length = int(words[2])
        body = data[end + 1 : end + 1 + length]
        if len(body) != length:
            raise FormatError(f"{where}: the record at byte {at} is cut short ({len(body)} of {length} bytes)")
        yield body, f"{where}, record at byte {at}"
        at = end + 1 + length


def _is_length(word: bytes) -> bool:
    return word.isdigit() and len(word) < 16


def _sites(body: bytes, where: str) -> list[Site]:
    try:
        return [_site(raw) for raw in json.loads(body)["sites"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"{where}: not a list of sites: {error}") from error


def _site(raw: dict[str, object]) -> Site:
    kinds = {"line": int, "column": int, **dict.fromkeys(("array", "tail", "candidate", "matched"), bool)}
    known = {}
    for name in Site.__dataclass_fields__:
        if name not in raw:
            continue
        value, kind = raw[name], kinds.get(name, str)
        if type(value) is not kind:
            raise TypeError(f"{name} is {value!r}")
        known[name] = value
    if known.get("evidence") not in EVIDENCE:
        known["evidence"] = EVIDENCE[0]  # a newer version's: this one does not know it
    return Site(**known)  # type: ignore[arg-type]


def _declarations(body: bytes, where: str) -> list[Declaration]:
    try:
        return [_declaration(raw) for raw in json.loads(body).get("declarations", [])]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"{where}: not a list of declarations: {error}") from error


def _declaration(raw: dict[str, object]) -> Declaration:
    texts = {name: raw[name] for name in ("kind", "list", "entry", "signature", "suballocates", "origin")}
    free = raw["free"]
    if not isinstance(free, list) or not all(isinstance(text, str) for text in (*texts.values(), *free)):
        raise TypeError(f"a declaration is {raw!r}")
    return Declaration(free=tuple(free), **texts)  # type: ignore[arg-type]
