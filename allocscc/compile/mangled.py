"""Reads C++ symbols (Itanium C++ ABI, "External Names (a.k.a. Mangling)", 5.1) without running a demangler.

Only names and types: of an expression or a decltype nothing is said.
"""

from collections.abc import Iterator

from allocscc.compile.cxxtypes import (
    BUILTIN,
    OPERATORS,
    QUALIFIERS,
    STANDARD,
    Spelling,
    join,
    pointer,
    qualified,
    spell,
    without_defaults,
)
from allocscc.compile.symboltext import SymbolText, UnreadableError


def readable_name(symbol: str) -> str:
    """The qualified name in a symbol, with template arguments and without parameters; "" if it can't be read.

    Args:
        symbol: e.g. `_ZNSt15__new_allocatorI4nodeE8allocateEmPKv`, which gives
            `std::__new_allocator<node>::allocate`.
    """
    if not symbol.startswith("_Z"):
        return ""
    try:
        return _Reader(SymbolText(symbol, 2)).name(outermost=True)
    except UnreadableError:
        return ""


class _Reader:
    """Reads one symbol; each method reads the production of the ABI's grammar that it is named after."""

    def __init__(self, text: SymbolText) -> None:
        self._text = text
        self._arguments: list[Spelling] = []  # of the encoding's template, for T_
        self._function = ""  # that local names are in
        self._generic = False  # inside a lambda's parameters, where T_ may be its own

    def name(self, outermost: bool = False) -> str:
        text = self._text
        text.enter()
        if text.take("N"):
            found = self._nested_name(outermost)
        elif text.take("Z"):
            found = self._local_name()
        else:
            found, substituted = self._unscoped_name()
            if text.peek() == "I":
                if not substituted:
                    text.remember((found, ""))
                found = self._with_arguments(found, outermost)
        text.leave()
        return found

    def _nested_name(self, outermost: bool) -> str:
        text = self._text
        while text.peek() in ("r", "V", "K", "R", "O"):
            text.at += 1
        name = last = ""
        while not text.take("E"):
            char = text.peek()
            if text.take("St"):
                name = "std"
                continue
            if char == "S":
                name = spell(self._substitution())
                continue
            if text.take("M"):  # a lambda in a member's initialiser
                continue
            if char == "I":
                name = self._with_arguments(name, outermost)
            elif char == "T":
                name = spell(self._template_param())
            else:
                last = self._unqualified_name(name, last)
                name = join(name, last)
            text.remember((name, ""))
        if not name or not text.known:
            raise UnreadableError
        text.known.pop()  # the whole is a candidate only as a type: `type` sees to that
        return name

    def _unscoped_name(self) -> tuple[str, bool]:
        """A name, and whether it was a substitution."""
        if self._text.take("St"):
            return join("std", self._unqualified_name("std", "")), False
        if self._text.peek() == "S":
            return spell(self._substitution()), True
        return self._unqualified_name("", ""), False

    def _local_name(self) -> str:
        text = self._text
        outer, self._arguments = self._arguments, []
        function = self.name(outermost=True)
        while not text.take("E"):
            self.type()
        self._arguments = outer
        around, self._function = self._function, function
        if text.take("s"):
            raise UnreadableError  # a string literal has no name
        if text.take("d"):  # in a default argument
            text.number()
            text.expect("_")
        nested = text.peek() in ("N", "Z", "S")
        found = self.name() if nested else self._unqualified_name("", "")
        self._function = around
        if not nested and text.peek() == "I":
            text.remember((found, ""))
            found = self._with_arguments(found, False)
        if text.take("__"):  # which of several with one name
            text.number()
            text.expect("_")
        elif text.take("_"):
            text.number()
        return found

    def _unqualified_name(self, scope: str, last: str) -> str:
        """A name, given its scope's spelling and the scope's last component, which is a constructor's name."""
        text = self._text
        text.take("L")
        char, two = text.peek(), text.peek(2)
        if char.isdigit():
            found = text.source_name()
            if found.startswith("$_"):  # clang's for what has no name and no linkage
                found = self._without_name("unnamed", scope)
        elif text.take("CI"):  # inherited constructor
            text.at += 1
            self.type()
            found = last
        elif char in ("C", "D") and two[1:].isdigit():
            text.at += 2
            found = ("~" if char == "D" else "") + (last or scope.partition("<")[0].rpartition("::")[2])
        elif two in ("Ul", "Ut"):
            found = self._unnamed(scope)
        elif text.take("cv"):
            found = f"operator {spell(self.type())}"
        elif text.take("li"):
            found = f'operator""{text.source_name()}'
        elif two in OPERATORS:
            text.at += 2
            found = f"operator{OPERATORS[two]}"
        else:
            raise UnreadableError
        while text.take("B"):  # ABI tags
            text.source_name()
        return found

    def _unnamed(self, scope: str) -> str:
        text = self._text
        what = "unnamed" if text.peek(2) == "Ut" else "lambda"
        text.at += 2
        if what == "lambda":
            outer, self._generic = self._generic, True
            while not text.take("E"):
                self.type()
            self._generic = outer
        text.number()
        text.expect("_")
        return self._without_name(what, scope)

    def _without_name(self, what: str, scope: str) -> str:
        where = scope or self._function
        return f"<{what} in {where}>" if where else f"<{what}>"

    def type(self) -> Spelling:
        self._text.enter()
        found, is_candidate = self._type()
        if is_candidate:
            self._text.remember(found)
        self._text.leave()
        return found

    def _type(self) -> tuple[Spelling, bool]:
        """A type, and whether it is a substitution candidate."""
        text = self._text
        char, two = text.peek(), text.peek(2)
        for key in (two, char):
            if key in BUILTIN:
                text.at += len(key)
                return (BUILTIN[key], ""), False
        if char in QUALIFIERS:
            words: list[str] = []
            while text.peek() in QUALIFIERS:
                words.insert(0, QUALIFIERS[text.peek()])
                text.at += 1
            return qualified(self.type(), " ".join(filter(None, words))), True
        for key, sign in (("P", "*"), ("R", "&"), ("O", "&&")):
            if text.take(key):
                return pointer(self.type(), sign), True
        if char == "F" or two in ("Do", "Dx"):
            return self._function_type(), True
        if text.take("A"):
            bound = "" if text.peek() == "_" else str(text.number())
            text.expect("_")
            left, right = self.type()
            return (left, f"[{bound}]{right}"), True
        if text.take("M"):
            owner = spell(self.type())
            return pointer(self.type(), f"{owner}::*"), True
        if text.take("Dp"):
            return self.type(), True
        if char == "T":
            found, is_candidate = self._template_param(), True
            if text.peek() == "I":
                text.remember(found)
        elif char == "S" and two != "St":
            found, is_candidate = self._substitution(), False
        else:
            return (self.name(), ""), True
        if text.peek() == "I":
            return (self._with_arguments(spell(found), False), ""), True
        return found, is_candidate

    def _function_type(self) -> Spelling:
        text = self._text
        if text.take("D"):  # noexcept, transaction-safe
            text.at += 1
        text.expect("F")
        text.take("Y")
        left, right = self.type()
        parameters = []
        while not (text.take("E") or text.take("RE") or text.take("OE")):
            parameters.append(spell(self.type()))
        return left, f" ({', '.join(parameters) if parameters != ['void'] else ''}){right}"

    def _with_arguments(self, name: str, outermost: bool) -> str:
        """The name with the <template-args> that follow."""
        self._text.expect("I")
        arguments = list(self._template_args())
        if outermost:
            self._arguments = arguments
        return f"{name}<{', '.join(map(spell, without_defaults(name, arguments)))}>"

    def _template_args(self) -> Iterator[Spelling]:
        while not self._text.take("E"):
            if self._text.take("J"):
                self._text.enter()
                yield from list(self._template_args())
                self._text.leave()
            elif self._text.take("L"):
                yield self._literal(), ""
            else:
                yield self.type()

    def _literal(self) -> str:
        text = self._text
        if text.take("_Z"):
            name = self.name()
            while not text.take("E"):
                self.type()
            return f"&{name}"
        kind = spell(self.type())
        end = text.text.find("E", text.at)
        if end < 0:
            raise UnreadableError
        value = text.text[text.at : end].replace("n", "-")
        text.at = end + 1
        if kind == "bool":
            return "true" if value == "1" else "false"
        return value if kind in BUILTIN.values() else f"({kind}){value}"

    def _template_param(self) -> Spelling:
        self._text.expect("T")
        index = self._text.sequence(10)
        if index < len(self._arguments):
            return self._arguments[index]
        if self._generic:
            return "auto", ""
        raise UnreadableError

    def _substitution(self) -> Spelling:
        text = self._text
        text.expect("S")
        if text.peek() in STANDARD:
            text.at += 1
            return STANDARD[text.text[text.at - 1]], ""
        index = text.sequence(36)
        if index >= len(text.known):
            raise UnreadableError
        return text.known[index]
