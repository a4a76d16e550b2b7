"""What a shared library of the link says of itself (R12)."""

from allocscc.elf.object import SHT_DYNSYM, ElfObject
from allocscc.errors import FormatError
from allocscc.sidecar_names import PLAN_SECTION


def identified_by(path: str, names: set[str]) -> set[str]:
    """Of `names`, those that a shared library's own plan says it identifies and that it defines."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if PLAN_SECTION.encode() + b"\0" not in data:
            return set()
        elf = ElfObject(data, path)
        plan, table = elf.section(PLAN_SECTION.encode()), elf.table(SHT_DYNSYM)
        if plan is None or table is None:
            return set()
        defined = {s.name.decode() for s in elf.symbols(table, {name.encode() for name in names}) if s.defined}
        text = elf.contents(plan)
        from allocscc.link.record import identified_wrappers

        return defined & identified_wrappers(text, path)
    except (OSError, FormatError):
        return set()  # a section of that name that is none of ours
