"""How C++ types that a symbol names are spelled: as clang does (`allocscc.compile.spelling`).

So one type has one name however it was found: no inline namespaces, no default arguments of the standard's templates,
`const` in front, no enclosing function in front of a local class.
"""

# <builtin-type> (Itanium C++ ABI, 5.1.5.2)
BUILTIN = {
    "v": "void", "w": "wchar_t", "b": "bool", "c": "char", "a": "signed char", "h": "unsigned char", "s": "short",
    "t": "unsigned short", "i": "int", "j": "unsigned int", "l": "long", "m": "unsigned long", "x": "long long",
    "y": "unsigned long long", "n": "__int128", "o": "unsigned __int128", "f": "float", "d": "double",
    "e": "long double", "g": "__float128", "z": "...", "Dn": "std::nullptr_t", "Di": "char32_t", "Ds": "char16_t",
    "Du": "char8_t", "Da": "auto", "Dc": "decltype(auto)",
}  # fmt: skip
# <operator-name> (5.1.3)
OPERATORS = {
    "nw": " new", "na": " new[]", "dl": " delete", "da": " delete[]", "aw": " co_await", "ps": "+", "ng": "-",
    "ad": "&", "de": "*", "co": "~", "pl": "+", "mi": "-", "ml": "*", "dv": "/", "rm": "%", "an": "&", "or": "|",
    "eo": "^", "aS": "=", "pL": "+=", "mI": "-=", "mL": "*=", "dV": "/=", "rM": "%=", "aN": "&=", "oR": "|=",
    "eO": "^=", "ls": "<<", "rs": ">>", "lS": "<<=", "rS": ">>=", "eq": "==", "ne": "!=", "lt": "<", "gt": ">",
    "le": "<=", "ge": ">=", "ss": "<=>", "nt": "!", "aa": "&&", "oo": "||", "pp": "++", "mm": "--", "cm": ",",
    "pm": "->*", "pt": "->", "cl": "()", "ix": "[]", "qu": "?",
}  # fmt: skip
# <substitution> (5.1.10)
STANDARD = {
    "a": "std::allocator", "b": "std::basic_string", "s": "std::basic_string<char>", "i": "std::basic_istream<char>",
    "o": "std::basic_ostream<char>", "d": "std::basic_iostream<char>",
}  # fmt: skip
QUALIFIERS = {"r": "", "V": "volatile", "K": "const"}
_INLINE_NAMESPACES = ("__cxx11", "_V2", "__1")
# Templates of namespace std with default arguments: how many arguments have none.
_REQUIRED = {
    "vector": 1, "deque": 1, "list": 1, "forward_list": 1, "set": 1, "multiset": 1, "unordered_set": 1,
    "unordered_multiset": 1, "basic_string": 1, "basic_string_view": 1, "unique_ptr": 1, "priority_queue": 1,
    "queue": 1, "stack": 1, "basic_istream": 1, "basic_ostream": 1, "basic_iostream": 1, "map": 2, "multimap": 2,
    "unordered_map": 2, "unordered_multimap": 2,
}  # fmt: skip
_DEFAULTS = ("allocator", "less", "hash", "equal_to", "char_traits", "default_delete", "vector", "deque")

# A type's spelling in front of and behind what it declares: ("void (*", ")(int)").
Spelling = tuple[str, str]


def spell(found: Spelling) -> str:
    """The type alone."""
    return found[0] + found[1]


def join(scope: str, name: str) -> str:
    """The qualified name."""
    if name in _INLINE_NAMESPACES:
        return scope
    return f"{scope}::{name}" if scope and not name.startswith(("<lambda", "<unnamed")) else name


def qualified(found: Spelling, words: str) -> Spelling:
    """The type, perhaps of a member function, with `const` or `volatile`, or "" for none of them."""
    left, right = found
    if not words:
        return found
    if right.startswith(" ("):
        return left, f"{right} {words}"
    return (f"{left}{words}" if left.endswith(("*", "&")) else f"{words} {left}"), right


def pointer(found: Spelling, sign: str) -> Spelling:
    """A pointer, a reference or a member pointer (`C::*`) to the type."""
    left, right = found
    if right.startswith(("[", " (")):
        return f"{left} ({sign}", f"){right.lstrip(' ')}"
    close = left.endswith(("*", "&", "(")) and sign[0] in "*&"
    return f"{left}{'' if close else ' '}{sign}", right


def without_defaults(name: str, arguments: list[Spelling]) -> list[Spelling]:
    """The arguments of a template without those at the end that are its default ones."""
    required = _REQUIRED.get(name.removeprefix("std::"), 0) if name.startswith("std::") else 0
    if not required or len(arguments) <= required:
        return arguments
    first = spell(arguments[0])
    defaults = {f"std::{default}<{first}>" for default in _DEFAULTS}
    if required == 2:
        pair = f"std::pair<{spell(qualified(arguments[0], 'const'))}, {spell(arguments[1])}>"
        defaults.add(f"std::allocator<{pair}>")
    kept = list(arguments)
    while len(kept) > required and spell(kept[-1]) in defaults:
        kept.pop()
    return kept
