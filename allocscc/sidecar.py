r"""The sidecar: what the compile phase tells the link phase and the tools about one translation unit (R4).

One record is a header line `allocs-sidecar VERSION LENGTH\n` and LENGTH bytes of JSON and a final newline, so records
can be concatenated (`ld -r`) and cut apart again. It travels in section `.allocs.sidecar` (SHF_EXCLUDE: dropped by the
final link) and, where that is not possible, in a file. Unknown keys are ignored, so newer writers stay readable.
"""

import json
from dataclasses import asdict, dataclass

from allocscc.errors import FormatError

VERSION = 1
_MAGIC = b"allocs-sidecar "

# Order is the number in a site record's flags; stubgen/runtime/module.c has the same list.
EVIDENCE = ("none", "sizeof", "offsetof", "flow", "new", "return-type", "cast", "strlen")
FLAG_ARRAY = 1 << 8
FLAG_TAIL = 1 << 9
FLAG_NAMES = {FLAG_ARRAY: "array", FLAG_TAIL: "tail"}


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

    @property
    def flags(self) -> int:
        """The `flags` word of the site's record: evidence in the low byte, then `FLAG_*`."""
        return EVIDENCE.index(self.evidence) | (FLAG_ARRAY if self.array else 0) | (FLAG_TAIL if self.tail else 0)


def encode(source: str, compiler: str, sites: tuple[Site, ...]) -> bytes:
    """One record for a translation unit; ASCII, so that it can be written in an assembler's string."""
    body = {"source": source, "compiler": compiler, "sites": [asdict(site) for site in sites]}
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
    sites: list[Site] = []
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
        sites += _sites(body, f"{where}, record at byte {at}")
        at = end + 1 + length
    return sites


def _is_length(word: bytes) -> bool:
    return word.isdigit() and len(word) < 16


def _sites(body: bytes, where: str) -> list[Site]:
    try:
        return [_site(raw) for raw in json.loads(body)["sites"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"{where}: not a list of sites: {error}") from error


def _site(raw: dict[str, object]) -> Site:
    kinds = {"line": int, "column": int, "array": bool, "tail": bool}
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
