"""What our records change in code that only the link makes: the one case in which the links' objects differ (R15)."""

import re

from allocscc.link.difference import Line
from allocscc.link.outcome import ObjectFacts, SymbolFact

LTO_CAUSE = "register, lto: this link makes the machine code; ours has records, and calls for tail calls"
# struct site_record of stubgen/runtime/rt.h
_RECORD, _SITES = 32, "allocs_sites"
# A record's strings are four; the longest is a path (PATH_MAX is 4096, sources' are shorter).
_STRINGS = 1024
# `sub $8,%rsp`, `add $8,%rsp` and `ret` around a call, with alignment; and their CFI.
_TAIL_CALL = 32
_STRING_LABEL = re.compile(r"\.Lallocs_str\d+")


class LtoEffects:
    """The lines that records in link-time code explain.

    Attributes:
        resized: functions that both outputs have, of different sizes.
        facts: what the records may have brought into sections.
    """

    def __init__(self, lines: tuple[Line, ...]) -> None:
        seen: dict[tuple[str, ...], set[str]] = {}
        for line in lines:
            if line.kind == "symbol" and line.fact and line.fact.kind == "function":
                seen.setdefault(_identity(line.fact), set()).add(line.sign)
        self.resized = {identity for identity, signs in seen.items() if len(signs) == 2}
        grown = next((line.growth for line in lines if line.kind == "section" and line.name == _SITES), 0)
        records = max(grown // _RECORD, 0)
        code = _TAIL_CALL * (records + len(self.resized))
        self.facts = ObjectFacts(
            sections=(
                (_SITES, _RECORD * records, 1),
                (".rodata.str1.1", _STRINGS * records, 1),
                (".text", code, 1),
                (".eh_frame", code, 1),
            )
        )

    def explains(self, fact: SymbolFact) -> bool:
        """Whether a symbol's line comes from records in link-time code."""
        is_string = fact.binding == "local" and not fact.size and _STRING_LABEL.fullmatch(fact.name) is not None
        return is_string or _identity(fact) in self.resized


def _identity(fact: SymbolFact) -> tuple[str, ...]:
    return fact.name, fact.kind, fact.binding, fact.visibility, fact.section
