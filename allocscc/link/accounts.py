"""How much each loaded section may have grown by what our link added: no byte more is explained (R15).

What objects bring is bounded by their own sections; what the linker makes of them (symbol tables, PLT, GOT,
relocations) by the number of their symbols and relocations. Bounds, not sums: garbage collection, merged strings and
padding make the true figure smaller.
"""

from collections.abc import Iterable

from allocscc.link.outcome import ObjectFacts
from allocscc.values import dataclass

# Bytes that the linker makes for one relocation at most: a PLT entry (16; IBT's .plt.sec as many again), two words of
# GOT (a TLS descriptor), one dynamic relocation.
_EACH = {".plt": 16, ".iplt": 16, ".got": 16, ".igot": 16, ".rela": 24, ".relr": 8}
# ELF gABI: an entry of .dynsym; LSB: of .gnu.version. These two are exact.
_ENTRIES = {".dynsym": 24, ".gnu.version": 2}
_PADDING = 64
# mold and newer lld fill the rest of the last read-only page (aarch64's are 64 KiB).
_RELRO_PADDING, _PAGE = ".relro_padding", 1 << 16
# .gnu.hash: chain, bucket and bloom words of a symbol; .hash: chain and bucket.
_HASHED, _HASH_TABLES = 32, (".gnu.hash", ".hash")
_DYNAMIC_ENTRY, _NEW_TAGS = 16, 10


@dataclass(frozen=True)
class Budget:
    """What was added, in the figures that bound the growth of sections.

    Attributes:
        objects: objects that only our link has.
        edits: decisions that changed an input: its references may now need a PLT or GOT entry more, or one less.
        came: names that are new in the dynamic symbol table.
        went: names that are there no more.
        versions: symbol versions that only our link asks libraries for.
    """

    objects: tuple[ObjectFacts, ...] = ()
    edits: int = 0
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing was added: then nothing may grow."""
        return not (self.objects or self.edits)


def is_within(budget: Budget, name: str, growth: int, sections: Iterable[str]) -> bool:
    """Whether a section's growth can come from what was added.

    Args:
        budget: what was added.
        name: the section.
        growth: bytes; negative if it shrank.
        sections: names of all sections of the output.
    """
    if budget.empty:
        return False
    if name in _ENTRIES:
        return growth == _ENTRIES[name] * (len(budget.came) - len(budget.went))
    if name == _RELRO_PADDING:
        return abs(growth) < _PAGE
    low, high = _bounds(budget, name, list(sections))
    return low <= growth <= high


def _bounds(budget: Budget, name: str, sections: list[str]) -> tuple[int, int]:
    came, went = len(budget.came), len(budget.went)
    relocations = sum(one.relocations for one in budget.objects) + budget.edits
    for prefix, each in _EACH.items():
        if name == prefix or name.startswith(f"{prefix}."):
            return -each * (went + budget.edits) - _PADDING, each * relocations + _PADDING
    if name in _HASH_TABLES:
        return -_HASHED * went - _PADDING, _HASHED * came + _PADDING * 4
    if name == ".dynstr":
        return -_length(budget.went) - _PADDING, _length(budget.came) + _length(budget.versions) + _PADDING
    if name in (".gnu.version_r", ".gnu.version_d"):
        return -16 * went, 32 * came
    if name == ".dynamic":
        return -_DYNAMIC_ENTRY * _NEW_TAGS, _DYNAMIC_ENTRY * _NEW_TAGS
    if name == ".eh_frame_hdr":  # 8 bytes for each FDE, which has 20 at least
        return -8, brought(budget.objects, ".eh_frame", sections) // 2 + 8
    # gold fills what lies between the objects of a section in steps, and more than once
    growing = sum(any(output_section(one, sections) == name for one, _, _ in o.sections) for o in budget.objects)
    return -_PADDING, brought(budget.objects, name, sections) + _PADDING * max(growing, 1)


def _length(names: tuple[str, ...]) -> int:
    return sum(len(name.encode("utf-8", "surrogateescape")) + 1 for name in names)


def brought(objects: Iterable[ObjectFacts], name: str, sections: list[str]) -> int:
    """Bytes of objects that go into an output section, padding between them included."""
    return sum(
        size + max(alignment - 1, 0)
        for one in objects
        for section, size, alignment in one.sections
        if output_section(section, sections) == name
    )


def output_section(name: str, sections: list[str]) -> str:
    """The output section that an input section goes into: the longest name that it begins with, as in `.text.startup`.

    mold makes `.rodata.str` of `.rodata.str1.1`, where the others have `.rodata`.
    """
    return max((section for section in sections if name.startswith(section)), key=len, default=name)
