r"""The sidecar: what the compile phase tells the link phase and the tools about one translation unit (R4).

One record is a header line `allocs-sidecar VERSION LENGTH\n` and LENGTH bytes of JSON and a final newline, so records
can be concatenated (`ld -r`) and cut apart again. It travels in section `.allocs.sidecar` (SHF_EXCLUDE: dropped by the
final link) and, where that is not possible, in a file. Unknown keys are ignored, so newer writers stay readable.
"""

from __future__ import annotations

from allocscc.errors import FormatError
from allocscc.jsontext import dump_json
from allocscc.values import asdict, dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself costs 20 ms of import
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeVar

    Row = TypeVar("Row")

VERSION = 1
_MAGIC = b"allocs-sidecar "
# Half of a surrogate pair, alone, is no character; in this range it stands for a byte of a file name.
_BYTE = range(0xDC80, 0xDD00)
_LONGEST_HEAD = 64
_PARTS = {
    "sites": "list of sites",
    "declarations": "list of declarations",
    "sources": "list of sources",
    "statics": "table of static functions",
}

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
    "declared",
)
FLAG_ARRAY = 1 << 8
FLAG_TAIL = 1 << 9
FLAG_CANDIDATE = 1 << 10
FLAG_MATCHED = 1 << 11
# Above these bits, the size of the type; the runtime takes it as it stands, so one that does not fit is unknown.
SIZE_SHIFT = 12
_LARGEST_SIZE = (1 << 32 - SIZE_SHIFT) - 1
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
        size: of the type, in bytes; 0 when unknown.
        members: types in order, with `;` between, where the chunk is not an array of `type`: that type alone, with
            something behind it or less than all of it (`offsetof`); or several, `[]` behind the last.
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
    size: int = 0
    members: str = ""

    @property
    def flags(self) -> int:
        """The `flags` word of the site's record: evidence in the low byte, then `FLAG_*`, then the size."""
        words = [self.array, self.tail, self.candidate, self.matched]
        size = self.size if 0 < self.size <= _LARGEST_SIZE else 0
        known = EVIDENCE.index(self.evidence) | size << SIZE_SHIFT
        return known | sum(bit for bit, is_set in zip(FLAG_NAMES, words, strict=True) if is_set)


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
    body: dict[str, object] = {"source": source, "compiler": compiler, "sites": [_row(site) for site in sites]}
    if declarations:
        body["declarations"] = [asdict(declaration) for declaration in declarations]
    if sources:
        body["sources"] = list(sources)
    if statics:
        body["statics"] = dict(statics)
    text = dump_json(body).encode("ascii") + b"\n"
    return b"%s%d %d\n%s" % (_MAGIC, VERSION, len(text), text)


def _row(site: Site) -> dict[str, object]:
    """A site's fields; what few sites have is left out where it is not there."""
    row: dict[str, object] = asdict(site)
    return row if site.members else {name: value for name, value in row.items() if name != "members"}


def decode(data: bytes, where: str = "sidecar") -> list[Site]:
    """All sites of all records in `data`.

    Of a record that a newer version wrote, what this one does not know is left out.

    Args:
        data: contents of a section or a file: any number of records.
        where: names the data in error messages.

    Raises:
        FormatError: the data is cut short, or is no sidecar.
    """
    return [site for record in _records(data, where) for site in record.rows("sites", _site)]


def decode_declarations(data: bytes, where: str = "sidecar") -> list[Declaration]:
    """All declarations of all records in `data`; arguments and errors as for `decode`."""
    return [found for record in _records(data, where) for found in record.rows("declarations", _declaration)]


def decode_sources(data: bytes, where: str = "sidecar") -> list[dict[str, object]]:
    """The `sources` of all records in `data`, as they were encoded; arguments and errors as for `decode`."""
    return [row for record in _records(data, where) for row in record.rows("sources", _source)]


def decode_statics(data: bytes, where: str = "sidecar") -> list[dict[str, str]]:
    """The `statics` of each record in `data`; arguments and errors as for `decode`."""
    return [_named_symbols(record.rows("statics", _static)) for record in _records(data, where)]


def is_symbol(name: str) -> bool:
    """Whether a function can have this symbol: what a sidecar says of others would be code in a stub."""
    first, rest = name.removeprefix(".")[:1], name.removeprefix(".")[1:]
    starts = first == "_" or (first.isalnum() and not first.isdecimal())
    return starts and all(char.isalnum() or char in "_.$" for char in rest)


def load_json(data: bytes) -> object:
    """The value of a JSON text; every text in it can be printed and written, with `surrogateescape`.

    Raises:
        ValueError, RecursionError: it is none.
    """
    import json  # 5 ms that a link without declarations does not pay

    value: object = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    if b"\\u" in data:
        for code in _lone_surrogates(value):
            raise ValueError(f"U+{code:04X} is no character")
    return value


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _lone_surrogates(value: object) -> Iterator[int]:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return (ord(char) for char in text if "\ud800" <= char <= "\udfff" and ord(char) not in _BYTE)


class _Record:
    """One record: its JSON, and the place that its error messages name."""

    def __init__(self, body: bytes, version: int, where: str) -> None:
        self.body, self.is_newer = body, version > VERSION
        self.where = f"{where}, of version {version} (this allocscc reads {VERSION})" if self.is_newer else where

    def rows(self, part: str, read: Callable[[Any], Row]) -> list[Row]:
        """The entries of a list or table of the record, each through `read`; of a newer version, those that it can."""
        found: list[Row] = []
        try:
            body: Any = load_json(self.body)
            rows = body[part] if part == "sites" else body.get(part, [])
            if not isinstance(rows, list | dict if part == "statics" else list):
                raise TypeError(f"it is {rows!r}")
            for row in rows.items() if isinstance(rows, dict) else rows:
                try:
                    found.append(read(row))
                except (ValueError, TypeError, KeyError, AttributeError):
                    if not self.is_newer:
                        raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise FormatError(f"{self.where}: not a {_PARTS[part]}: {error!s:.200}") from error
        return found


def _records(data: bytes, where: str) -> Iterator[_Record]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at, at + _LONGEST_HEAD)
        words = data[at:end].split() if end >= 0 else []
        if not data.startswith(_MAGIC, at) or len(words) != 3 or not all(map(_is_number, words[1:])):
            raise FormatError(f"{where}: no sidecar record at byte {at}; was the section edited?")
        length = int(words[2])
        body = data[end + 1 : end + 1 + length]
        if len(body) != length:
            raise FormatError(f"{where}: the record at byte {at} is cut short ({len(body)} of {length} bytes)")
        yield _Record(body, int(words[1]), f"{where}, record at byte {at}")
        at = end + 1 + length


def _is_number(word: bytes) -> bool:
    return word.isdigit() and len(word) < 16


def _site(raw: dict[str, object]) -> Site:
    kinds = {"line": int, "column": int, "size": int, **dict.fromkeys(("array", "tail", "candidate", "matched"), bool)}
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


def _declaration(raw: dict[str, object]) -> Declaration:
    texts = {name: raw[name] for name in ("kind", "list", "entry", "signature", "suballocates", "origin")}
    free = raw["free"]
    if not isinstance(free, list) or not all(isinstance(text, str) for text in (*texts.values(), *free)):
        raise TypeError(f"a declaration is {raw!r}")
    return Declaration(free=tuple(free), **texts)  # type: ignore[arg-type]


def _source(raw: object) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise TypeError("an entry is no object")
    return raw


def _static(pair: tuple[str, object]) -> tuple[str, str]:
    name, symbol = pair
    if not isinstance(symbol, str):
        raise TypeError("a name is no text")
    return name, symbol


def _named_symbols(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return {name: symbol for name, symbol in pairs if is_symbol(symbol)}
