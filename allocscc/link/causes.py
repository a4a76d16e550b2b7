"""Who caused a line of the difference of two links: by exact name, kind and size, and once each (R15)."""

import os
from collections import Counter

from allocscc.link.accounts import Budget, brought, is_within
from allocscc.link.apply import UNWIND_TABLE
from allocscc.link.claims import REGISTER_CAUSE, RUNTIME_CAUSE, SCRIPT_CAUSE, Claims, interpose_cause, keep_cause
from allocscc.link.difference import Line
from allocscc.link.ltoeffects import LTO_CAUSE, LtoEffects
from allocscc.link.outcome import Outcome, SymbolFact
from allocscc.link.plan import MARK, REDIRECT, REPLACE, WRAP
from allocscc.link.trace import split_member
from allocscc.link.twolinks import EditedInput, is_imported, own_names, stub_name, title

_DF_TEXTREL = 4  # ELF gABI, "Dynamic Section": DT_FLAGS
_EXPORTING = ("E", "export-dynamic", "dynamic-list")  # options of all four linkers, without their dashes
# mold names PLT and GOT entries: printf$plt
_MOLD_SUFFIXES = ("plt", "pltgot", "got", "gottpoff", "tlsgd", "tlsdesc")


def _is_ifunc(fact: SymbolFact) -> bool:
    """Whether an output's symbol is an ifunc; lld shows one whose address is taken as its PLT entry, a function."""
    return fact.kind == "ifunc" or (fact.kind, fact.size, fact.section) == ("function", 0, ".iplt")


def _is_alike(one: SymbolFact, other: SymbolFact) -> bool:
    """Whether two symbols of one output and another, whatever their names, are the same thing."""
    if (one.kind, one.size, one.section) == (other.kind, other.size, other.section):
        return True
    return _is_ifunc(one) and _is_ifunc(other) and one.kind != other.kind


def _flags(line: Line) -> int:
    """The value of a `FLAGS` line; 0 for others."""
    name, _, value = line.name.partition(" ")
    return int(value, 16) if name == "FLAGS" else 0


def _versions(outcome: Outcome) -> set[str]:
    """The versions of the symbols in an output's dynamic symbol table."""
    return {fact.version for fact in outcome.dynamic}


class Causes:
    """Asked line by line; a symbol of a new input explains one line and no more."""

    def __init__(self, claims: Claims, lines: tuple[Line, ...]) -> None:
        self.claims, self.links, self.lines = claims, claims.links, lines
        self.left = Counter((fact.name, fact.kind, fact.size) for fact, _ in claims.pool)
        self.owns = {own: (d, name) for d in reversed(claims.acting) for own, name in own_names(d).items()}
        self.own: set[str] = set()  # further names of definitions that have explained a line
        self.table = self._unwind_table()
        dynamic = [line for line in lines if line.kind in ("export", "import")]
        came, went = (tuple(line.name for line in dynamic if line.sign == sign) for sign in "+-")
        self.lto = LtoEffects(lines) if self.links.lto and self.links.plan.register else None
        objects = [one.facts for one in self.links.new if one.path in claims.inputs]
        self.budget = Budget(
            (*objects, self.lto.facts) if self.lto else tuple(objects),
            sum(not is_imported(decision) for decision in claims.acting),
            came,
            went,
            tuple(_versions(self.links.ours) - _versions(self.links.vanilla)),
        )

    def cause(self, line: Line) -> str:
        """The cause of a line, or "" if there is none."""
        if (line.sign, line.kind, line.name) in self.links.written_out:
            return SCRIPT_CAUSE
        ask = {
            "option": self._option,
            "input": self._input,
            "section": self._section,
            "property": self._property,
        }.get(line.kind)
        if ask is not None:
            return ask(line)
        if line.fact is None:
            return ""
        if line.kind in ("export", "import"):
            return self._dynamic(line.sign, line.fact)
        return self._symbol(line.sign, line.fact)

    def _option(self, line: Line) -> str:
        if line.sign == "-":
            return next((self._of_copy(one) for one in self.links.edited if one.word == line.name), "")
        name, _, value = line.name.replace(" ", "=").partition("=")
        decision = self.claims.by_symbol.get(value)
        if name == "--wrap" and decision is not None and decision.action in (WRAP, REDIRECT):
            return title(decision)
        if line.name == UNWIND_TABLE:
            return self.table
        if self.links.plan.register and line.name == "-z start-stop-gc":
            return REGISTER_CAUSE
        if self.links.plan.runtime and (
            line.name == "-u __allocs_runtime"
            or (name == "--dynamic-list" and os.path.normpath(value) == self.links.exports)
        ):
            return RUNTIME_CAUSE
        family = value.removeprefix("__allocs_interpose_")
        if name == "-u" and value != family and family in self.links.plan.interpose:
            return interpose_cause(family)
        kept = value.removeprefix("__allocs_keep_")
        if name == "-u" and value != kept and kept in self.links.plan.keep:
            return keep_cause(kept)
        return ""

    def _unwind_table(self) -> str:
        """The decision for whose sake our link has the sorted table of unwind tables, and the vanilla one has not."""
        is_ours = any((line.sign, line.kind, line.name) == ("+", "option", UNWIND_TABLE) for line in self.lines)
        return next((title(d) for d in self.claims.acting if d.action == MARK and is_ours), "")

    def _input(self, line: Line) -> str:
        if line.sign == "+" and line.name in self.claims.inputs:
            return self.claims.inputs[line.name]
        archive, member = split_member(line.name)
        for one in self.links.edited:
            here, there = (one.path, one.original) if line.sign == "+" else (one.original, one.path)
            others = self.links.vanilla.inputs if line.sign == "+" else self.links.ours.inputs
            if line.name == here and there in others:
                return self._of_copy(one)
            if member and archive == here and f"{there}({member})" in others:
                return self._of_copy(one)
        return ""

    def _of_copy(self, one: EditedInput) -> str:
        return next((title(self.claims.by_symbol[name]) for name in one.symbols if name in self.claims.by_symbol), "")

    def _symbol(self, sign: str, fact: SymbolFact) -> str:
        if not fact.defined:
            return self._reference(sign, fact)
        if self._is_mark(fact) or (sign == "-" and self._is_bound(fact)):
            return self.claims.refers.get(fact.name, "")
        base, _, suffix = fact.name.rpartition("$")
        if suffix in _MOLD_SUFFIXES and fact.binding == "local" and not fact.size and base:
            return self._entry(sign, base)
        if self.lto and self.lto.explains(fact):
            return LTO_CAUSE
        if sign == "+":
            if (fact.name, fact.binding, fact.size) == ("__GNU_EH_FRAME_HDR", "local", 0):
                return self.table  # bfd's
            decision, name = self.owns.get(fact.name, (None, ""))
            if decision and fact.name not in self.own and self._is_same(fact, name, self.links.vanilla):
                self.own.add(fact.name)
                return title(decision)
            return self._from_pool(fact) or self._from_linker(fact)
        decision = self.claims.by_symbol.get(fact.name)
        if decision and decision.action == REPLACE and self._is_same(fact, f"__real_{fact.name}", self.links.ours):
            same = (fact.binding, fact.visibility)
            now = [one for one in self.links.ours.symbols if one.name == fact.name and one.defined]
            return title(decision) if any((one.binding, one.visibility) == same for one in now) else ""
        return ""

    def _is_same(self, fact: SymbolFact, name: str, where: Outcome) -> bool:
        """Whether an outcome defines under another name what a fact is about."""
        return any(one.name == name and _is_alike(fact, one) for one in where.symbols)

    def _no_ifunc_any_more(self) -> str:
        """The decision that put an ordinary function, its stub, into the place of an ifunc; or ""."""
        ifuncs = {one.name for one in self.links.vanilla.symbols if _is_ifunc(one)}
        found = (d for d in self.claims.acting if d.action == REPLACE and d.symbol in ifuncs)
        return next(map(title, found), "")

    def _property(self, line: Line) -> str:
        """The cause of a text relocation that is gone: mold makes one for an ifunc whose address code has."""
        changed = [one for one in self.lines if one.kind == "property" and one.name.startswith(("TEXTREL ", "FLAGS "))]
        if line not in changed:
            return ""
        flags = {sign: sum(_flags(one) for one in changed if one.sign == sign) for sign in "+-"}
        is_gone = flags["-"] == flags["+"] | _DF_TEXTREL and not flags["+"] & _DF_TEXTREL
        return self._no_ifunc_any_more() if is_gone and (line.sign, line.name[:5]) != ("+", "TEXTR") else ""

    def _from_pool(self, fact: SymbolFact) -> str:
        key = (fact.name, fact.kind, fact.size)
        # mold lists a stub a second time, for a reference in its own object that --wrap sends to it
        wrapped = (stub_name(d) for d in self.claims.acting if d.action != REPLACE)
        if self.left[key] <= 0 and not (fact.binding == "local" and fact.name in wrapped):
            return ""
        self.left[key] -= 1
        return next((cause for one, cause in self.claims.pool if (one.name, one.kind, one.size) == key), "")

    def _from_linker(self, fact: SymbolFact) -> str:
        """The cause of a symbol that the linker makes, since a new input refers to it (`__start_allocs_sites`)."""
        is_new = self._is_bound(fact) or fact.name not in self.claims.was_defined
        if fact.size or fact.kind not in ("notype", "object") or not is_new:
            return ""
        return self.claims.refers.get(fact.name, "")

    def _is_bound(self, fact: SymbolFact) -> bool:
        """Whether a symbol is what the linker makes for who asks where a section begins or ends, and still does.

        mold lists these two of each section anyway, and again for who refers to them; bfd exports them where a shared
        object has any, unless somebody here refers to them as hidden.
        """
        is_named = fact.name in (f"__start_{fact.section}", f"__stop_{fact.section}")
        return is_named and any(one.name == fact.name and one.defined for one in self.links.ours.symbols)

    def _entry(self, sign: str, name: str) -> str:
        """The cause of a PLT or GOT entry that mold gives a symbol of its own: who refers to its function."""
        changed = self.claims.by_symbol.get(name)
        found = self.claims.defines.get(name) or (title(changed) if changed and sign == "-" else "")
        return found or self.claims.refers.get(name, "")

    def _is_mark(self, fact: SymbolFact) -> bool:
        """Whether a symbol of the linker's (`_end`) is in both outputs, and only seen by others."""
        found = [line.fact for line in self.lines if line.kind == "symbol" and line.name == fact.name and line.fact]
        return (
            len(found) == 2
            and not fact.size
            and {(one.kind, one.size, one.section) for one in found} == {("notype", 0, "ABS")}
        )

    def _reference(self, sign: str, fact: SymbolFact) -> str:
        if sign == "+":
            return self.claims.refers.get(fact.name, "")
        # a weak reference that has become a strong one, or the other way round
        others = (line.fact for line in self.lines if line.sign == "+" and line.name == fact.name)
        stays = any(one is not None and not one.defined for one in others)
        return self.claims.defines.get(fact.name) or (self.claims.refers.get(fact.name, "") if stays else "")

    def _dynamic(self, sign: str, fact: SymbolFact) -> str:
        if not fact.defined:
            return self._reference(sign, fact)
        other = [line.fact for line in self.lines if line.kind == "export" and line.name == fact.name]
        pair = next((one for one in other if one is not None and one != fact), None)
        same = pair is not None and (pair.version, pair.visibility, pair.binding) == (
            fact.version, fact.visibility, fact.binding,
        )  # fmt: skip
        if same and self.lto and self.lto.explains(fact):
            return LTO_CAUSE
        if sign == "-":
            if self._is_bound(fact):
                return self.claims.refers.get(fact.name, "")
            decision = self.claims.by_symbol.get(fact.name)
            if decision is None or decision.action != REPLACE:
                return ""
            # gold exports an ifunc of a program, and nothing else of it, for the relocation of its address
            is_golds = pair is None and _is_ifunc(fact) and self._exports_by_chance()
            return title(decision) if same or is_golds else ""
        if fact.visibility == "hidden":  # bfd lists what it makes for a hidden reference; loaders pass over it
            decision, _ = self.owns.get(fact.name, (None, ""))
            is_golds = decision is not None and fact.binding == "local" and _is_ifunc(fact)
            return title(decision) if decision and is_golds else self._from_linker(fact)
        if pair is not None and not same:
            return ""
        for one, cause in self.claims.pool:
            exported = one.visibility in ("default", "protected") and one.binding != "local"
            if exported and (one.name, one.kind, one.size) == (fact.name, fact.kind, fact.size):
                return cause
        return ""

    def _exports_by_chance(self) -> bool:
        """Whether the output is a program of which nobody asks for exports: then only the linker finds any needed."""
        asked = any(option.lstrip("-").startswith(_EXPORTING) for option in self.links.vanilla.options)
        return not asked and any(name == "interpreter" for name, _ in self.links.vanilla.properties)

    def _section(self, line: Line) -> str:
        """The cause of most of a section's growth, if what was added can account for all of it."""
        sections = [name for name, _ in self.links.ours.sections]
        if line.name == ".eh_frame_hdr" and self.table and line.name not in dict(self.links.vanilla.sections):
            # 8 bytes for each FDE, which has 20 at least, and 12 in front
            return self.table if line.growth <= dict(self.links.ours.sections).get(".eh_frame", 0) // 2 + 12 else ""
        if not is_within(self.budget, line.name, line.growth, sections):
            return ""
        linked = [one for one in self.links.new if one.path in self.claims.inputs]
        # what the linker makes itself (tables, PLT) comes from symbols
        share = {one.path: (brought((one.facts,), line.name, sections), len(one.facts.symbols)) for one in linked}
        most = max(share, key=lambda path: share[path], default=None)
        return self.claims.inputs[most] if most else title(self.claims.acting[0])
