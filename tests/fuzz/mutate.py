"""Seeded damage: bits, lengths and pieces anywhere; numbers in the fields of ELF files, archives and JSON."""

import random
import re
import struct
from collections.abc import Callable

from allocscc.elf.object import ElfObject
from allocscc.errors import FormatError
from tests.fuzz.corpus import ARCHIVE, OBJECT, PLAN, SHARED, SIDECAR, SUFFIX, Specimen

_NUMBERS = (
    0, 1, 2, 3, 4, 7, 8, 11, 24, 62, 64, 0x7F, 0x80, 0xFF, 0xFF00, 0xFFF1, 0xFFF2, 0xFFFF, 0x10000, 2**31 - 1, 2**31,
    2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 64, 2**64 - 1,
)  # fmt: skip
# (offset, width) of the fields of an ELF header, a section header, a symbol, a relocation (gABI).
_EHDR = ((4, 1), (5, 1), (6, 1), (7, 1), (16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (48, 4), (52, 2),
         (54, 2), (56, 2), (58, 2), (60, 2), (62, 2))  # fmt: skip
_SHDR = ((0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8))
_SYMBOL = ((0, 4), (4, 1), (5, 1), (6, 2), (8, 8), (16, 8))
_RELA = ((0, 8), (8, 4), (12, 4), (16, 8))
_WORDS = (
    b"0", b"-1", b"1e999", b"NaN", b"1" * 5000, b"18446744073709551616", b"null", b"true", b"[]", b"{}", b'""',
    b"[" * 50,
    b'"\\ud800"', b'"\\u0000"', b'"../../etc/passwd"', b'"$(touch x)"', b'"\\n"', b'"x(Z)p; int y"',
    b'"*/ #include \\"/etc/passwd\\""', b'"\\u001b]0;x"', b'"' + b"a" * 3000 + b'"', b'"\\udcff"',
)  # fmt: skip
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+|true|false|null|[\[\]{}:,]')

Damage = Callable[[random.Random, bytearray, list[Specimen]], None]


def mutant(
    seed: int, number: int, specimens: list[Specimen], kinds: tuple[str, ...] = tuple(SUFFIX)
) -> tuple[Specimen, bytes]:
    """The damaged input of a number: the same for the same seed and corpus.

    Args:
        seed: of the whole run.
        number: of the input.
        specimens: the corpus, which pieces are taken from, too.
        kinds: what the input is made from.

    Returns:
        What it was made from, and its bytes.
    """
    rng = random.Random(f"{seed}:{number}")
    specimen = rng.choice([one for one in specimens if one.kind in kinds])
    data = bytearray(specimen.data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        damages = _ANYWHERE if rng.random() < 0.35 else _BY_KIND[specimen.kind]
        rng.choice(damages)(rng, data, specimens)
    return specimen, bytes(data)


def _flip(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    for _i in range(rng.choice((1, 1, 2, 8))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _truncate(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    del data[rng.choice((rng.randint(0, len(data)), rng.randint(0, min(len(data), 100)), max(0, len(data) - 1))) :]


def _remove(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    at = rng.randint(0, len(data))
    del data[at : at + rng.choice((1, 2, 8, 60, 64, 500))]


def _insert(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.choice((b"\0", b"\n", b"/", b"\xff" * 8, bytes(data[at : at + 60]), bytes(64)))


def _splice(rng: random.Random, data: bytearray, specimens: list[Specimen]) -> None:
    other = rng.choice(specimens).data
    start = rng.randint(0, len(other))
    piece = other[start : start + rng.choice((8, 64, 512, len(other)))]
    at = rng.randint(0, len(data))
    if rng.random() < 0.5:
        data[at : at + len(piece)] = piece
    else:
        data[at:] = piece


def _blank(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    at, size = rng.randint(0, len(data)), rng.choice((1, 8, 64, 300))
    data[at : at + size] = bytes([rng.choice((0, 10, 32, 255))]) * len(data[at : at + size])


def _number(rng: random.Random, data: bytearray, at: int, width: int, order: str = "<") -> None:
    """Write an interesting number, or one near to what stands there or to the file's size."""
    if at < 0 or at + width > len(data):
        return
    code = order + {1: "B", 2: "H", 4: "I", 8: "Q"}[width]
    near = rng.choice((struct.unpack_from(code, data, at)[0], len(data)))
    value = rng.choice((rng.choice(_NUMBERS), near + rng.choice((-64, -8, -1, 1, 8, 64)), rng.getrandbits(8)))
    struct.pack_into(code, data, at, value % (1 << 8 * width))


def _elf_field(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    """A field of the ELF file, or of one that is an archive's member."""
    start = 0
    if not data.startswith(b"\x7fELF"):
        starts = [match.start() for match in re.finditer(rb"\x7fELF", bytes(data))]
        if not starts:
            return
        start = rng.choice(starts)
    if start + 64 > len(data):
        return
    table = struct.unpack_from("<Q", data, start + 40)[0]
    count = struct.unpack_from("<H", data, start + 60)[0] or 20
    kind = rng.random()
    if kind < 0.2:
        field, width = rng.choice(_EHDR)
        _number(rng, data, start + field, width)
        return
    header = start + table + 64 * rng.randrange(count)
    if kind < 0.65:
        field, width = rng.choice(_SHDR)
        _number(rng, data, header + field, width)
        return
    wanted = 2 if kind < 0.85 else 4
    tables = []
    for index in range(count):
        header = start + table + 64 * index
        if header + 64 <= len(data) and struct.unpack_from("<I", data, header + 4)[0] in (wanted, 11):
            tables.append(struct.unpack_from("<QQ", data, header + 24))
    if tables:
        offset, size = rng.choice(tables)
        field, width = rng.choice(_SYMBOL if wanted == 2 else _RELA)
        _number(rng, data, start + offset + 24 * rng.randrange(max(1, min(size, len(data)) // 24)) + field, width)


def _transplant(rng: random.Random, data: bytearray, specimens: list[Specimen]) -> None:
    """A damaged sidecar or plan in the place of an object's or library's own."""
    try:
        elf = ElfObject(bytes(data), "")
    except FormatError:
        return
    for section in elf.sections:
        if section.name in (b".allocs.sidecar", b".allocs.plan"):
            kind = SIDECAR if section.name == b".allocs.sidecar" else PLAN
            part = bytearray(rng.choice([s.data for s in specimens if s.kind == kind] or [elf.contents(section)]))
            for _i in range(rng.choice((0, 1, 2))):
                _token(rng, part, specimens)
            struct.pack_into("<QQ", data, elf.section_offset + 64 * section.index + 24, len(data), len(part))
            data += part


def _archive_field(rng: random.Random, data: bytearray, specimens: list[Specimen]) -> None:
    """A member header's field, the index, the table of long names, or the magic."""
    headers = [match.start() - 58 for match in re.finditer(rb"`\n", bytes(data)) if match.start() >= 58]
    kind = rng.random()
    if not headers or kind < 0.05:
        data[: len(data[:8])] = rng.choice((b"!<arch>\n", b"!<thin>\n", b"!<arch>\r", b"<bigaf>\n"))[: len(data)]
    elif kind < 0.3:
        size = rng.choice((b"0", b"1", b"-1", b"9999999999", b" 12", b"0x10", b"1e3", b"", b"%d" % len(data)))
        _put(data, rng.choice(headers) + 48, size.ljust(10))
    elif kind < 0.5:
        name = rng.choice((b"/", b"//", b"/SYM64/", b"/0", b"/99999", b"/0:8", b"#1/8", b"#1/99999", b"", b"a/", b"\0/",
                           b"../x/", b"__.SYMDEF", b"/-1"))  # fmt: skip
        _put(data, rng.choice(headers), name.ljust(16))
    elif kind < 0.8:
        index = headers[0] + 60
        _number(rng, data, index + 4 * rng.randrange(8), 4, ">")
    elif kind < 0.9:
        _put(data, rng.choice(headers) + 58, rng.choice((b"``", b"\n\n", b"\0\0")))
    else:
        _elf_field(rng, data, specimens)


def _put(data: bytearray, at: int, text: bytes) -> None:
    data[at : at + len(text)] = text[: len(data[at : at + len(text)])]


def _token(rng: random.Random, data: bytearray, _: list[Specimen]) -> None:
    """A token of the JSON; the record's length is mostly put right again."""
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return
    match = rng.choice(tokens)
    start, end = match.span()
    del match, tokens  # they hold the buffer
    data[start:end] = rng.choice((*_WORDS, b"", bytes(data[start:end]) * 2))
    if rng.random() < 0.8:
        _mend(data)


def _mend(data: bytearray) -> None:
    """Right lengths in the headers of sidecar records."""
    parts = re.split(rb"(allocs-sidecar [^ \n]* )[^ \n]*\n", bytes(data))
    pieces = [parts[0]]
    for head, body in zip(parts[1::2], parts[2::2], strict=True):
        pieces.append(b"%s%d\n%s" % (head, len(body), body))
    data[:] = b"".join(pieces)


_ANYWHERE: tuple[Damage, ...] = (_flip, _flip, _truncate, _remove, _insert, _splice, _blank)
_BY_KIND: dict[str, tuple[Damage, ...]] = {
    OBJECT: (_elf_field, _elf_field, _elf_field, _transplant),
    SHARED: (_elf_field, _transplant),
    ARCHIVE: (_archive_field, _archive_field, _elf_field),
    SIDECAR: (_token,),
    PLAN: (_token,),
}
