"""Writes site records and the sidecar into assembly (R4, DESIGN §2).

A record is eight 32-bit words in section `allocs_sites`: offsets, relative to their own place, of the return address
and of the strings for file, function, callee and type (0: none), then line, column and flags. Self-relative offsets
need no dynamic relocations. The section carries `o` (SHF_LINK_ORDER to the code's section: `--gc-sections` drops the
record with its function) and `?` (same COMDAT group), see the gas manual, "Section". `struct site_record` in
stubgen/runtime/rt.h is the reader.
"""

import re

from allocscc.compile.asm import CONDITIONS, MachineSite, is_aarch64
from allocscc.gastext import quote
from allocscc.sidecar import Site
from allocscc.sidecar_names import SIDECAR_SECTION, SITES_SECTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from allocscc.backends.interface import Records

# -masm=intel: our own instructions are in the other syntax (gas manual, "i386-Syntax")
_INTEL = "\t.intel_syntax noprefix\n"
_PLAIN_NAME = re.compile(r"[\w.]+")
_STRINGS = ".rodata.allocs.str1.1"


def add_records(
    text: str, machine: list[MachineSite], sites: tuple[Site, ...], sidecar: bytes, extra: "Records | None" = None
) -> str:
    """The assembly with a label behind every site's call, its record, and the sidecar section.

    Args:
        text: assembly.
        machine: its sites, in text order.
        sites: what is known of each, in the same order.
        sidecar: the unit's encoded sidecar.
        extra: what a backend adds.
    """
    strings: dict[str, str] = {}
    pieces: list[str] = []
    tail_call = _aarch64_tail_call if is_aarch64(text) else _intel_tail_call if _INTEL in text else _tail_call
    at = 0
    for number, (place, site) in enumerate(zip(machine, sites, strict=True)):
        pieces.append(text[at : place.start])
        if extra is not None and number in extra.before:
            pieces.append(extra.before[number])
        label = f".Lallocs_site{number}"
        if place.tail:
            pieces.append(tail_call(place, label))
        else:
            pieces.append(f"{text[place.start : place.end]}\n{label}:")
        # gas reads a linked-to section's name as a symbol: with other characters than a symbol's it finds none
        linked = place.section if _PLAIN_NAME.fullmatch(place.section) else label
        pieces.append(_record(label, linked, site, strings))
        at = place.end
    pieces.append(text[at:])
    if not text.endswith("\n"):
        pieces.append("\n")
    pieces.append(_string_section(strings))
    pieces.append(_sidecar_section(sidecar))
    if extra is not None:
        pieces.append(extra.behind)
    return "".join(pieces)


def _tail_call(place: MachineSite, label: str) -> str:
    """A tail call as a call and a return, with the label at its return address: it had none of its own.

    The jump stood where the frame was already gone, so one 8-byte step keeps the ABI's stack alignment. Arguments of
    these functions are in registers.
    """
    target = f"*{place.callee}@GOTPCREL(%rip)" if place.indirect else f"{place.callee}@PLT"
    number = label.removeprefix(".Lallocs_site")
    over, skip = "", ""
    if place.condition:
        over = f"\tj{CONDITIONS[place.condition]}\t.Lallocs_over{number}\n"
        skip = f"\n.Lallocs_over{number}:"
    down, up = ("\t.cfi_adjust_cfa_offset 8\n", "\t.cfi_adjust_cfa_offset -8\n") if place.cfi else ("", "")
    return f"{over}\tsubq\t$8, %rsp\n{down}\tcall\t{target}\n{label}:\n\taddq\t$8, %rsp\n{up}\tret{skip}"


def _intel_tail_call(place: MachineSite, label: str) -> str:
    return f"\t.att_syntax prefix\n{_tail_call(place, label)}\n\t.intel_syntax noprefix"


def _aarch64_tail_call(place: MachineSite, label: str) -> str:
    """The same for aarch64 (AAPCS64): a frame record keeps the chain of frames and the return address."""
    save, restore = "", ""
    if place.cfi:
        save = "\t.cfi_adjust_cfa_offset 16\n\t.cfi_rel_offset 29, 0\n\t.cfi_rel_offset 30, 8\n"
        restore = "\t.cfi_restore 30\n\t.cfi_restore 29\n\t.cfi_adjust_cfa_offset -16\n"
    return (
        f"\tstp\tx29, x30, [sp, -16]!\n{save}\tmov\tx29, sp\n\tbl\t{place.callee}\n{label}:\n"
        f"\tldp\tx29, x30, [sp], 16\n{restore}\tret"
    )


def _record(label: str, linked: str, site: Site, strings: dict[str, str]) -> str:
    def offset(value: str) -> str:
        return f"{strings.setdefault(value, f'.Lallocs_str{len(strings)}')}-." if value else "0"

    words = (f"{label}-.", offset(site.file), offset(site.function), offset(site.callee), offset(site.type))
    lines = "".join(f"\t.long\t{word}\n" for word in words)
    return (
        f'\n\t.pushsection\t{SITES_SECTION},"ao?",@progbits,{linked}\n\t.balign\t4\n{lines}'
        f"\t.long\t{site.line}, {site.column}, {site.flags}\n\t.popsection"
    )


def _string_section(strings: dict[str, str]) -> str:
    lines = "".join(f"{label}:\n\t.string\t{quote(value)}\n" for value, label in strings.items())
    return f'\t.pushsection\t{_STRINGS},"aMS",@progbits,1\n{lines}\t.popsection\n'


def _sidecar_section(sidecar: bytes) -> str:
    text = sidecar.decode("ascii")
    lines = "".join(f"\t.ascii\t{quote(text[i : i + 4000])}\n" for i in range(0, len(text), 4000))
    return f'\t.pushsection\t{SIDECAR_SECTION},"e",@progbits\n{lines}\t.popsection\n'
