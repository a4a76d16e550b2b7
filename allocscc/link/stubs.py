"""Writes the C of stubs from decisions: text only (macros in stubgen/stubgen.h)."""

from __future__ import annotations

from allocscc.config.model import Allocator, Config, functions_of, gives_chunk
from allocscc.config.signature import C_TYPES, Signature
from allocscc.elf.edit import IDENTITY_PREFIX, OWN_PREFIX
from allocscc.errors import ConfigError
from allocscc.link.plan import ENTRY, MARK, REDIRECT, WRAP, Decision
from allocscc.link.stubtext import (
    Names,
    alignment,
    c_type,
    frees_whole,
    grown_arguments,
    has_regions,
    instance_symbol,
    label_of,
    lists_of,
    parameters_of,
    product,
    quoted,
    region_arg,
)
from allocscc.values import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Names", "Setting", "entry_points", "instance_symbol", "stub_source"]

_VISIBILITY = {0: "default", 1: "internal", 2: "hidden", 3: "protected"}
# Granule of a generated instance's index: 8 bytes, the finest alignment that allocators hand out.
_SHIFT = 3
# Letters of a free function's arguments that are known of any chunk, and C of their values.
_KNOWN = {"P": "p", "s": '"alloc_free"', **dict.fromkeys(("z", "Z", "I", "U", "L"), "size")}


@dataclass(frozen=True)
class Setting:
    """What stubs are made for.

    Attributes:
        header: the C header with their macros, as `#include` names it.
        present: functions that have an entry stub anywhere in the link.
        main: the family whose instance in this link is the whole process's, or "".
        type_sizes: typed primitive → size of its type in bytes, where stubs have to know it.
    """

    header: str = "stubgen.h"
    present: frozenset[str] = frozenset()
    type_sizes: Mapping[str, int] = field(default_factory=dict)
    main: str = ""


def stub_source(
    decisions: Iterable[Decision], config: Config, names: Names | None = None, setting: Setting | None = None
) -> str:
    """One C file: the project's headers, the stubs of `decisions`, identities of their wrappers, allocator instances.

    A family's `struct allocator` stands in the file of its key symbol (R10); other files refer to it.

    Args:
        decisions: those whose stubs are to be in the file.
        config: the merged config.
        names: how names stand in it.
        setting: what they are made for; left out, the embedded runtime.

    Raises:
        ConfigError: an entry point that allocates does not say where its chunk is.
    """
    return _File(list(decisions), config, names or Names(), setting or Setting()).text()


def entry_points(groups: Iterable[Iterable[Decision]]) -> frozenset[str]:
    """The functions that have an entry stub."""
    return frozenset(decision.symbol for group in groups for decision in group if decision.stub == ENTRY)


class _File:
    """One file of stubs on its way."""

    def __init__(self, decisions: list[Decision], config: Config, names: Names, setting: Setting) -> None:
        self._decisions, self._config, self._names, self._setting = decisions, config, names, setting
        self._present = setting.present | entry_points([decisions])
        self._stubs = {d.symbol: f"stub{number}" for number, d in enumerate(decisions) if d.action != MARK}
        self._others: dict[str, str] = {}
        self._instances = dict.fromkeys(decision.entry for decision in decisions if decision.stub == ENTRY)
        self._shared: dict[str, None] = {}

    def text(self) -> str:
        """The file."""
        names = "".join(self._declaration(d, n) for n, d in enumerate(self._decisions) if d.action != MARK)
        instances = "".join(self._instance(self._config.allocators[name]) for name in self._instances)
        stubs = "".join(
            self._entry_stub(d, n) if d.stub == ENTRY else self._caller_stub(d, n)
            for n, d in enumerate(self._decisions)
        )
        includes = "".join(f"#include {quoted(header.name)}\n" for header in self._config.includes)
        others = "".join(
            f"extern void {other}(void) __asm__({self._names.symbol(symbol)}) __attribute__((weak));\n"
            for symbol, other in self._others.items()
        )
        shared = "".join(
            f"INSTANCE_SHARED({self._names.instance(name)}, {self._kind(self._config.allocators[name])})\n"
            for name in self._shared
        )
        tops = [name for name in self._instances if self._holds(self._config.allocators[name])]
        header = f"{'#define STUB_HAS_TOP' + chr(10) if tops else ''}#include {quoted(self._setting.header)}\n"
        return f"{includes}{header}{names}{others}{shared}{instances}{stubs}STUB_UNLOAD\n"

    def _kind(self, family: Allocator) -> str:
        """What the macros call a family: one in another one's chunks, the process's own, or another one."""
        return "SUB" if family.suballocates else "MAIN" if family.name == self._setting.main else "TOP"

    def _holds(self, family: Allocator) -> bool:
        """Whether the file has the instance of a family that no other one's chunks hold."""
        return not family.suballocates and family.key_symbol in self._stubs

    def _function(self, symbol: str) -> str:
        """The C name of a function: its stub if that is in this file, else what is linked, NULL if it is not."""
        return self._stubs.get(symbol) or self._others.setdefault(symbol, f"other{len(self._others)}")

    def _own_function(self, key: str, symbol: str) -> str:
        """C of a pointer to a function of an instance: not to another object's of that name."""
        is_here = symbol in self._present or key in ("meta", "usable-size")
        return f"(void (*)(void)){self._function(symbol)}" if is_here else "0"

    def _declaration(self, decision: Decision, number: int) -> str:
        """Declarations of the stub and of the real function, which the macros define and call under C names."""
        signature = _signature(decision)
        parameters, _ = parameters_of(signature)
        attributes = []
        if decision.visibility in _VISIBILITY:
            attributes.append(f'visibility("{_VISIBILITY[decision.visibility]}")')
        if decision.weak:
            attributes.append("weak")
        suffix = f" __attribute__(({', '.join(attributes)}))" if attributes else ""
        prefix, original = "", OWN_PREFIX if decision.action == REDIRECT else "__real_"
        if decision.action in (WRAP, REDIRECT):
            prefix, suffix = "__wrap_", ' __attribute__((visibility("hidden")))'
        ret = C_TYPES[signature.ret]
        symbol = self._names.symbol
        return (
            f"{ret} stub{number}{parameters} __asm__({symbol(decision.symbol, prefix)}){suffix};\n"
            f"{ret} real{number}{parameters} __asm__({symbol(decision.symbol, original)});\n"
        )

    def _common(self, signature: Signature, number: int) -> str:
        """The first arguments of every macro."""
        return f"{self._names.text(label_of(signature))}, {C_TYPES[signature.ret]}, stub{number}, real{number}"

    def _comment(self, decision: Decision, number: int) -> str:
        entry = f"{'allocator' if decision.stub == ENTRY else 'wrapper'}.{decision.entry}"
        return self._names.comment(
            f"stub{number}: {decision.signature}, {entry} ({decision.origin}); {decision.rule}: {decision.reason}"
        )

    def _free_function(self, name: str, frees: tuple[Signature, ...], instance: str = "") -> str:
        """C of a function that frees a chunk by the first one that is linked, with the arguments that it needs (R14).

        It is "" where none of them can be called with what is known of a chunk: itself, its size, its region.
        """
        known = {**_KNOWN, "p": f"STUB_REGION_OF({instance}, p)"} if instance else _KNOWN
        calls = [
            f"\tSTUB_FREE({self._function(free.name)}, ({', '.join(map(c_type, free.args))}),"
            f" ({', '.join(known[letter] for letter in free.args)}))\n"
            for free in frees
            if free.chunk_arg is not None and all(letter in known for letter in free.args)
        ]
        if not calls:
            return ""
        return f"static int {name}(void *p, size_t size)\n{{\n\t(void)size;\n{''.join(calls)}\treturn ENOTSUP;\n}}\n"

    def _instance(self, family: Allocator) -> str:
        symbol = self._names.instance(family.name)
        declared = self._usable(family, symbol) + f"INSTANCE_DECLARED({symbol}, {self._kind(family)})\n"
        if family.key_symbol not in self._stubs:
            return declared
        regions = has_regions(family)
        free = self._free_function(f"{symbol}_free", family.free, symbol if regions else "")
        functions = "".join(
            f',\n\t{{{self._names.text(label_of(signature))}, "{key}", {self._own_function(key, signature.name)}}}'
            for key, signature in functions_of(family)
            if not signature.scope and not signature.pattern
        )
        return (
            self._names.comment(f"{symbol}: the instance of allocator.{family.name} ({family.origin})")
            + f"{declared}{free}INSTANCE({symbol}, {self._kind(family)}, {self._names.text(family.name)}, "
            + f"{f'{symbol}_free' if free else '0'}, {_SHIFT}, {int(regions)}{functions})\n"
        )

    def _usable(self, family: Allocator, symbol: str) -> str:
        """A declaration of the function that tells a chunk's usable size, if there is one."""
        usable = family.usable_size
        if usable is None or usable.scope or usable.pattern:
            return ""
        return f"INSTANCE_USABLE_SIZE({symbol}, {C_TYPES[usable.ret]}, {self._names.symbol(usable.name)})\n"

    def _caller_stub(self, decision: Decision, number: int) -> str:
        signature = _signature(decision)
        wrapper = self._config.wrappers.get(decision.entry)
        sized = wrapper is None or signature.name not in {s.name for s in (*wrapper.alloc, *wrapper.resize)}
        frees = () if wrapper is None else wrapper.free  # an ALLOCSZ function has none
        undoing = [f for f in frees if f.undoes in (signature.name, signature.full_name)]
        mine = (*undoing, *(f for f in frees if not f.undoes))
        code = self._free_function(f"free{number}", mine)
        identity = f"wrapper{number}"
        # Several objects may wrap the same imported function: one identity in the process.
        shared = decision.action == WRAP or (decision.action == MARK and decision.place is None)
        sharing = 'weak, visibility("default")' if shared else 'visibility("hidden")'
        label = self._names.symbol(decision.symbol, IDENTITY_PREFIX)
        freeing = self._freeing((*mine, *wrapper.resize) if wrapper and mine else ())
        free = f"free{number}" if code else "0"
        code += f"static void (*const frees{number}[])(void) = {{{', '.join(freeing)}}};\n" if freeing else ""
        listed = f", .frees = frees{number}, .free_count = {len(freeing)}" if freeing else ""
        head = (
            f"{self._comment(decision, number)}{code}WRAPPER({identity}, {label}, ({sharing}), "
            f".name = {self._names.text(label_of(signature))}, .free_chunk = {free}"
            f"{', .sized = 1' if sized else ''}{listed})\n"
        )
        if decision.action == MARK:
            return head + self._ranges(decision, number)
        parameters, arguments = parameters_of(signature)
        macro = "CALLER_VOID_STUB" if signature.ret == "v" else "CALLER_STUB"
        size = self._asked(signature, "0")
        return head + (
            f"{macro}({self._common(signature, number)}, {identity}, {parameters}, {arguments}, {size}, {int(sized)})\n"
        )

    def _freeing(self, functions: tuple[Signature, ...]) -> list[str]:
        """C of the functions that may free or resize a wrapper's chunks (R14)."""
        names = [signature.name for signature in functions if not signature.scope and not signature.pattern]
        return [f"(void (*)(void)){self._function(name)}" for name in dict.fromkeys(names)]

    def _ranges(self, decision: Decision, number: int) -> str:
        """C that tells where a wrapper's code is: its own, and what the compiler split off it."""
        prefix, macro = ("", "WRAPPER_RANGE_IMPORTED") if decision.place is None else (OWN_PREFIX, "WRAPPER_RANGE")
        hidden = "" if decision.place is None else ', visibility("hidden")'
        name, text = self._names.text(label_of(_signature(decision))), ""
        for part, symbol in enumerate((decision.symbol, *decision.parts)):
            code, mark = f"code{number}_{part}", f"mark{number}_{part}"
            label = self._names.symbol(symbol, prefix)
            text += f"extern const char {code}[] __asm__({label}) __attribute__((weak{hidden}));\n"
            text += f"{macro}({name}, {mark}, wrapper{number}, {code})\n"
        return text

    def _entry_stub(self, decision: Decision, number: int) -> str:
        signature, family = _signature(decision), self._config.allocators[decision.entry]
        lists = lists_of(family, signature.name)
        if lists & {"alloc", "resize"} or not lists:
            return self._comment(decision, number) + self._alloc_stub(decision, signature, family, number)
        parameters, arguments = parameters_of(signature)
        macro = "ENTRY_FREE_VOID_STUB" if signature.ret == "v" else "ENTRY_FREE_STUB"
        removals, chunk = self._removals(signature, family, lists), "0"
        if "free" in lists and signature.first_pointer is not None:
            chunk = f"a{signature.first_pointer}"
        instance = self._names.instance(family.name)
        return (
            f"{self._comment(decision, number)}"
            f"{macro}({self._common(signature, number)}, {instance}, {parameters}, {arguments}, {removals}, {chunk})\n"
        )

    def _alloc_stub(self, decision: Decision, signature: Signature, family: Allocator, number: int) -> str:
        if not gives_chunk(signature):
            entry = f"allocator.{family.name}"
            raise ConfigError(
                f"{decision.origin}: {entry}: {signature} gives no chunk; it must return a pointer (p), or store it"
                " through an argument (P*)"
            )
        parameters, arguments = parameters_of(signature)
        chunk = family.chunk_of(signature)
        out = signature.out_arg if chunk is None or signature.ret == "v" else None
        result = f"*(void **)a{out}" if out is not None else "(void *)stub_result"
        usable, size = self._size(signature, family, result, number)
        instance = self._names.instance(family.name)
        head = f"{self._common(signature, number)}, {instance}, {parameters}, {arguments}, {size}"
        region = self._region(signature, family, chunk)
        grown = f"{alignment(signature)}, {arguments if family.suballocates else grown_arguments(signature)}"
        if out is not None:
            macro = "ENTRY_OUT_VOID_STUB" if signature.ret == "v" else "ENTRY_OUT_STUB"
            return f"{usable}{macro}({head}, {region}, {grown}, a{out})\n"
        if chunk is not None:
            return f"{usable}ENTRY_RESIZE_STUB({head}, {region}, {grown}, a{chunk})\n"
        return f"{usable}ENTRY_ALLOC_STUB({head}, {region}, {grown})\n"

    def _region(self, signature: Signature, family: Allocator, chunk: int | None) -> str:
        """C of the region that a new chunk belongs to."""
        if not has_regions(family):
            return "STUB_NO_REGION"
        region = next((i for i, letter in enumerate(signature.args) if letter == "p" and i != chunk), None)
        if region is not None:
            return f"a{region}"
        if chunk is not None:
            return f"STUB_REGION_OF({self._names.instance(family.name)}, a{chunk})"
        return "STUB_WHOLE" if frees_whole(family) else "STUB_NO_REGION"

    def _size(self, signature: Signature, family: Allocator, chunk: str, number: int) -> tuple[str, str]:
        """A declaration, and C of the size in bytes that a call asks for."""
        otherwise = self._asked(signature, "1")
        usable = family.usable_size
        known = signature.size_args or signature.string_arg is not None
        if known or usable is None or usable.scope or usable.pattern:
            return "", otherwise
        symbol = self._names.symbol(usable.name)
        ret = C_TYPES[usable.ret]
        return (
            f"extern {ret} usable{number}(void *) __asm__({symbol}) __attribute__((weak));\n",
            f"STUB_USABLE_SIZE(usable{number}, {chunk}, {otherwise})",
        )

    def _asked(self, signature: Signature, unknown: str) -> str:
        """C of the size in bytes that a call's arguments ask for, or that the type of a typed primitive has."""
        string = signature.string_arg
        if signature.size_args:
            return product([f"(size_t)a{i}" for i in signature.size_args])
        if string is not None:
            limited = signature.args[string + 1 : string + 2] == ("z",)
            length = f"__builtin_strnlen(a{string}, a{string + 1})" if limited else f"__builtin_strlen(a{string})"
            return f"(a{string} ? {length} + 1 : 1)"
        if not signature.typed:
            return unknown
        size = self._setting.type_sizes.get(signature.name, 0)
        return str(size) if size else "STUB_TYPE_SIZE"

    def _removals(self, signature: Signature, family: Allocator, lists: set[str]) -> str:
        """C of what a freeing function takes out of the index."""
        instance, chunk = self._names.instance(family.name), signature.first_pointer
        found = []
        if "free" in lists:
            found.append(f"STUB_REMOVE({instance}, a{chunk})")
        if "free-chain" in lists:
            behind = range((chunk or 0) + 1, len(signature.args))
            offset = next((f"a{i}" for i in behind if signature.args[i] in ("z", "i", "u", "l")), "0")
            found.append(f"STUB_REMOVE_CHAIN({instance}, a{chunk}, {offset})")
        if "free-since" in lists:
            own = region_arg(signature) if signature.chunk_arg is not None else None
            region = f"a{own}" if own is not None else f"STUB_REGION_OF({instance}, a{chunk})"
            found.append(f"STUB_RELEASE_SINCE({instance}, {region}, a{chunk})")
        if "free-all" in lists:
            for other in self._config.allocators.values():
                is_here = other.name in self._instances or other.key_symbol in self._present
                if is_here and "free-all" in lists_of(other, signature.name):
                    found.append(self._release(signature, other))
        return " ".join(found)

    def _release(self, signature: Signature, family: Allocator) -> str:
        if family.name not in self._instances:  # another family that shares the function; weak, to pull in no member
            self._shared[family.name] = None
        instance = self._names.instance(family.name)
        if signature.first_pointer is None:
            return f"STUB_RELEASE_ALL({instance})"
        return f"STUB_RELEASE({instance}, a{signature.first_pointer})"


def _signature(decision: Decision) -> Signature:
    assert decision.signature is not None
    return decision.signature
