"""Debug info in assembly text as gcc and clang write it: entries in, directives out."""

import re
from dataclasses import dataclass, field

ADDR, DATA1, DATA2, DATA4, DATA8, STRP, STRING, REF4, SEC_OFFSET, EXPRLOC, UDATA, FLAG, IMPLICIT, WIDE, SIG8 = (
    0x01, 0x0B, 0x05, 0x06, 0x07, 0x0E, 0x08, 0x13, 0x17, 0x18, 0x0F, 0x19, 0x21, 0x1E, 0x20,
)  # fmt: skip
ADDRX, STRX1, STRX3, RNGLISTX = 0x1B, 0x25, 0x27, 0x23
UNIT, CLASS, SUBPROGRAM, INLINED, BLOCK, TYPEDEF = 0x11, 0x02, 0x2E, 0x1D, 0x0B, 0x16
NAME, LOW, HIGH, ORIGIN, SPECIFICATION, RANGES, LINKAGE = 0x03, 0x11, 0x12, 0x31, 0x47, 0x55, 0x6E
CALL_FILE, CALL_LINE, CALL_COLUMN, FRAME_BASE, EXTERNAL, CONSTANT = 0x58, 0x59, 0x57, 0x40, 0x3F, 0x1C
STRINGS_BASE, ADDRESSES_BASE, RANGES_BASE = 0x72, 0x73, 0x74

_SIZES = {"byte": 1, "value": 2, "short": 2, "long": 4, "quad": 8}


def _length(text: str) -> int:
    """How many bytes a gas string makes."""
    return len(re.sub(r"\\([0-7]{3}|.)", "x", text))


@dataclass
class Entry:
    """An entry: its tag, its attributes (attribute, form, value), the entries in it, a name to refer to it by."""

    tag: int
    attributes: list[tuple[int, int, object]]
    children: list["Entry"] = field(default_factory=list)
    label: str = ""


class Writer:
    """Writes the debug sections of one unit.

    Args:
        clang: whether as clang does it: LEB128 as bytes, comments, labels in front of strings by another name.
        version: of DWARF.
    """

    def __init__(self, clang: bool = False, version: int = 5) -> None:
        self.clang, self.version = clang, version
        self.strings: list[str] = []
        self.addresses: list[str] = []
        self.lists: list[list[tuple[str, str]]] = []
        self._abbreviations: list[tuple[object, ...]] = []
        self._offsets: dict[str, int] = {}

    def text(self, root: Entry, kind: int = 1) -> str:
        """All debug sections of a unit with this root."""
        for _ in range(2):  # the second time references know their offsets
            lines: list[str] = []
            header = ["long\t0x99", f"value\t{self.version}"]
            last = ["long\t.Labbrev0", "byte\t8"]
            header += last if self.version < 5 else [f"byte\t{kind}", *reversed(last)]
            self._lines, self._offset = lines, 0
            for directive in header:
                self._put(directive)
            self._entry(root)
        body = "".join(f"\t.{line}\n" for line in lines)
        return f'\t.section\t.debug_info,"",@progbits\n.Linfo0:\n{body}{self._tables()}'

    def _put(self, directive: str, size: int = -1) -> None:
        comment = "                              # DW_AT_something" if self.clang else ""
        self._lines.append(directive + comment)
        self._offset += size if size >= 0 else _SIZES[directive.split("\t")[0]]

    def _leb(self, value: int) -> None:
        self._put(self._leb_text(value), 1 if value < 128 else 2 if value < 1 << 14 else 3)

    def _leb_text(self, value: int) -> str:
        if not self.clang:
            return f"uleb128 {value:#x}"
        if value < 128:
            return f"byte\t{value}"
        pieces = []
        while value:
            value, low = value >> 7, value & 127
            pieces.append(f"\\{low | (128 if value else 0):03o}")
        return f'ascii\t"{"".join(pieces)}"'

    def _entry(self, entry: Entry) -> None:
        forms = ((name, form, value if form == IMPLICIT else None) for name, form, value in entry.attributes)
        shape = (entry.tag, bool(entry.children), *forms)
        if shape not in self._abbreviations:
            self._abbreviations.append(shape)
        self._offsets[entry.label] = self._offset
        self._leb(self._abbreviations.index(shape) + 1)
        for _, form, value in entry.attributes:
            self._value(form, value)
        for child in entry.children:
            self._entry(child)
        if entry.children:
            self._put("byte\t0")

    def _value(self, form: int, value: object) -> None:
        if form in (FLAG, IMPLICIT):
            self._lines[-1] += "\n                                        # DW_AT_something" if self.clang else ""
        elif form == EXPRLOC:
            assert isinstance(value, int)
            self._leb(value)
            for _ in range(value):
                self._put("byte\t0x9c")
        elif form == STRING:
            *pieces, last = str(value).split("|")  # gcc cuts long ones
            for piece in pieces:
                self._put(f'ascii\t"{piece}"', _length(piece))
            self._put(f'string\t"{last}"', _length(last) + 1)
        elif form in (STRP, STRX1, STRX3):
            index = self._index(self.strings, str(value))
            if form == STRP:
                self._put(f"long\t.LASF{index}")
            elif form == STRX1:
                self._put(f"byte\t{index}")
            else:
                self._put(f"short\t{index & 0xFFFF}")
                self._put(f"byte\t{index >> 16}")
        elif form == ADDRX:
            self._leb(self._index(self.addresses, str(value)))
        elif form in (SEC_OFFSET, RNGLISTX) and isinstance(value, list):
            index = self._index(self.lists, value)
            if form == RNGLISTX:
                self._leb(index)
            elif self.version >= 5:
                self._put(f"long\t.LLRL{index}")
            else:
                before = sum(16 * (len(pairs) + 1) for pairs in self.lists[:index])
                self._put(f"long\t.Lranges0+{before:#x}" if before else "long\t.Lranges0")
        elif form == REF4:
            self._put(f"long\t{self._offsets.get(str(value), 0):#x}")
        elif form == WIDE:
            self._put("quad\t1")
            self._put("quad\t2")
        elif form == SIG8:
            for _ in range(8):
                self._put("byte\t0x1")
        elif form == UDATA:
            assert isinstance(value, int)
            self._leb(value)
        else:
            names = {ADDR: "quad", DATA8: "quad", DATA1: "byte", DATA2: "value", DATA4: "long", SEC_OFFSET: "long"}
            self._put(f"{names[form]}\t{value}")

    @staticmethod
    def _index(table: list, value: object) -> int:
        if value not in table:
            table.append(value)
        return table.index(value)

    def _tables(self) -> str:
        out = ['\t.section\t.debug_abbrev,"",@progbits\n.Labbrev0:']
        for code, (tag, children, *fields) in enumerate(self._abbreviations, 1):
            out += [f"\t.{self._leb_text(code)}", f"\t.{self._leb_text(tag)}", f"\t.byte\t{int(children)}"]
            for attribute, form, value in fields:
                out += [f"\t.{self._leb_text(attribute)}", f"\t.{self._leb_text(form)}"]
                out += [f"\t.sleb128 {value}"] if form == IMPLICIT else []
            out += ["\t.byte\t0", "\t.byte\t0"]
        out += ["\t.byte\t0"]
        if self.version >= 5:
            out += ['\t.section\t.debug_rnglists,"",@progbits']
            out += ["\t.long\t0x99", "\t.value\t5", "\t.byte\t8", "\t.byte\t0"]
            out += [f"\t.long\t{len(self.lists)}", ".Lrnglists_base0:"]
            out += [f"\t.long\t.LLRL{n}-.Lrnglists_base0" for n in range(len(self.lists))]
            for number, pairs in enumerate(self.lists):
                out += [f".LLRL{number}:", *(line for pair in pairs for line in self._range(*pair)), "\t.byte\t0"]
        else:
            out += ['\t.section\t.debug_ranges,"",@progbits', ".Lranges0:"]
            for pairs in self.lists:
                out += [f"\t.quad\t{label}-.Ltext0" for pair in pairs for label in pair] + ["\t.quad\t0", "\t.quad\t0"]
        out += ['\t.section\t.debug_str,"MS",@progbits,1']
        for number, text in enumerate(self.strings):
            *pieces, last = text.split("|")
            out += [f".LASF{number}:", *(f'\t.ascii\t"{piece}"' for piece in pieces), f'\t.string\t"{last}"']
        out += ['\t.section\t.debug_str_offsets,"",@progbits']
        out += ["\t.long\t99", "\t.short\t5", "\t.short\t0", ".Lstr_base0:"]
        out += [f"\t.long\t.LASF{number}" for number in range(len(self.strings))]
        out += ['\t.section\t.debug_addr,"",@progbits']
        out += ["\t.long\t99", "\t.short\t5", "\t.byte\t8", "\t.byte\t0", ".Laddr0:"]
        out += [f"\t.quad\t{label}" for label in self.addresses]
        return "\n".join([*out, '\t.ident\t"some compiler"', '\t.section\t.note.GNU-stack,"",@progbits', ""])

    def _range(self, low: str, high: str) -> list[str]:
        if self.clang:  # startx_length
            index = self._index(self.addresses, low)
            return ["\t.byte\t3", f"\t.{self._leb_text(index)}", f"\t.uleb128 {high}-{low}    #  length"]
        base = ["\t.byte\t0x5", f"\t.quad\t{low}"]
        return [*base, "\t.byte\t0x4", f"\t.uleb128 {low}-{low}", f"\t.uleb128 {high}-{low}"]
