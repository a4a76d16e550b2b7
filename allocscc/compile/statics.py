"""Makes static functions of a role visible to the link phase: in the assembly, a matter of names (DESIGN §2.5).

A static function's symbol is local, and gas resolves references to it on the spot. Under a name that no other unit has,
global and hidden, it stays as private as it was, and every reference to it is a relocation against a symbol, which the
link phase can send to a stub. Debug info still has the function's own name.
"""

import re

from allocscc.digest import digest

_MARK = ".allocs."
# Lines whose text is not code or data: strings, file names, line numbers, comments.
_TEXT = re.compile(r"^[ \t]*(?:\.(?:string|asci[iz]|file|ident|loc)\b|[#/]).*$", re.M)


def local_functions(text: str, names: set[str]) -> set[str]:
    """Those of `names` that the assembly defines as local functions."""
    return {
        name
        for name in names
        if f"\n{name}:" in text
        and re.search(rf"^\t\.type[ \t]+{re.escape(name)}, ?[@%]function", text, re.M)
        and not re.search(rf"^\t\.(?:globa?l|weak)[ \t]+{re.escape(name)}(?![\w.$])", text, re.M)
    }


def exposed_symbols(text: str, names: set[str]) -> dict[str, str]:
    """A symbol for each static function of a unit, the same whenever the unit is compiled to the same code.

    Args:
        text: the unit's assembly.
        names: the functions.
    """
    if not names:
        return {}
    unit = digest(text.encode("utf-8", "surrogateescape"), 6)
    return {name: f"{name}{_MARK}{unit}" for name in sorted(names)}


def expose(text: str, symbols: dict[str, str]) -> str:
    """The assembly with local functions under global, hidden symbols."""
    if not symbols:
        return text
    # In AT&T syntax `$` in front makes an address an operand; elsewhere it is a letter of a name.
    before = r"(?:(?<![\w.$@\"])|(?<=[\s,]\$))"
    word = re.compile(rf"{before}({'|'.join(map(re.escape, symbols))})(?![\w.$])")
    pieces, at = [], 0
    for line in _TEXT.finditer(text):
        pieces.append(word.sub(lambda match: symbols[match[1]], text[at : line.start()]))
        pieces.append(line[0])
        at = line.end()
    pieces.append(word.sub(lambda match: symbols[match[1]], text[at:]))
    lines = "".join(f"\t.globl\t{symbol}\n\t.hidden\t{symbol}\n" for symbol in symbols.values())
    result = "".join(pieces)
    return result + ("" if result.endswith("\n") else "\n") + lines
