"""What a function of the C++ library allocates, from its name: the value type of a container, and the like.

Names of libstdc++'s internals are reserved to it (C++20, [lex.name]), so no user's function has one. What a function
is not known to allocate is not guessed: the memory may be bookkeeping of the library's own.
"""

import re
from collections.abc import Iterable

from allocscc.compile.source import Sized

EVIDENCE = "inlined"

# Classes whose `allocate` allocates any number of their first template argument; functions that do so.
_ALLOCATORS = ("__new_allocator", "new_allocator", "allocator", "allocator_traits")
_MANY = ("__allocate_guarded", "get_temporary_buffer", "__valarray_get_storage")
# Functions, and classes with functions, that allocate one of their first template argument, or an array if it is one.
_ONE = ("make_unique", "make_unique_for_overwrite", "_Base_manager", "_Manager_external", "_M_create")
# Containers, and which argument is their elements' type.
_CONTAINERS = {
    "vector": 0, "_Vector_base": 0, "list": 0, "_List_base": 0, "forward_list": 0, "_Fwd_list_base": 0, "deque": 0,
    "_Deque_base": 0, "_Rb_tree": 1, "_Hashtable": 1,
}  # fmt: skip
# Those that have one element in a chunk.
_OF_NODES = ("list", "_List_base", "forward_list", "_Fwd_list_base", "_Rb_tree", "_Hashtable")
# What they allocate for themselves.
_BOOKKEEPING = ("_M_allocate_map", "_M_allocate_buckets")
# Functions that only pass on what they are asked for, or ask for room for elements.
_PASSING = frozenset((
    "allocate", "_M_allocate", "_M_create_storage", "_M_allocate_and_copy", "_Vector_base", "_M_get_node",
    "_M_create_node", "_M_allocate_node", "_M_clone_node", "_Auto_node",
))  # fmt: skip
# What holds a value for a container or a shared pointer: the value is the first argument.
_HOLDERS = ("_Rb_tree_node", "_List_node", "_Fwd_list_node", "_Hash_node", "_Sp_counted_ptr_inplace")
_OPENING, _CLOSING = "<([{", ">)]}"
_OPERATOR = re.compile(r"\boperator ?(?:<=>|<<=?|>>=?|<=?|>=?|->\*?|\(\)|\[\])")
# gcc's words for types, in names meant for people, and clang's.
_GCC_WORDS = {
    "long long unsigned int": "unsigned long long", "long unsigned int": "unsigned long", "long long int": "long long",
    "short unsigned int": "unsigned short", "long int": "long", "short int": "short",
}  # fmt: skip
_GCC_WORD = re.compile("|".join(rf"\b{words}\b" for words in _GCC_WORDS))
# clang's words for types without a name, and those of `allocscc.compile.spelling`.
_AT = re.compile(r"\((?:(lambda)|(?:unnamed|anonymous) (struct|union|enum|class)) at ((?:[^:()]|:(?!\d))*):(\d+):\d+\)")
_PARAMETERS = re.compile(r"^(?!<|\(anonymous ).*\)(?: const)?$")

# A name's components, each with its template arguments or None.
_Path = list[tuple[str, list[str] | None]]


def allocated_type(names: Iterable[str]) -> Sized | None:
    """What is allocated by the innermost of these functions, each called by the next one; None if that is not known.

    Args:
        names: qualified, without parameters, with template arguments where they are known; also an allocator's alone.
    """
    for number, name in enumerate(names):
        path = _components(_OPERATOR.sub("operator", name))
        found = _by_own_name(path, innermost=number == 0)
        if found is not None:
            return found
        if not path or path[-1][0] not in _PASSING:
            return _by_container(path)
    return None


def tidy(name: str) -> str:
    """A name from debug info as `allocated_type` takes it: spelled as clang spells types."""
    name = name.replace("__cxx11::", "")
    while "> >" in name:
        name = name.replace("> >", ">>")
    name = _GCC_WORD.sub(lambda match: _GCC_WORDS[match[0]], name)
    if " at " in name:
        name = _AT.sub(_spell_unnamed, name)
    return re.sub(r"(?<=[\w>)\]])([*&]+)", r" \1", name)


def _spell_unnamed(match: re.Match[str]) -> str:
    place = f"at {match[3].rpartition('/')[2]}:{match[4]}>"
    return f"<lambda {place}" if match[1] else f"{match[2]} <anonymous {place}"


def _by_own_name(path: _Path, innermost: bool) -> Sized | None:
    for name, arguments in path:
        if not arguments:
            continue
        if name in _ALLOCATORS:
            return _held(arguments[0]) if path[-1][0] == name or path[-1][0].startswith("allocate") else None
        if name in _MANY:
            return _held(arguments[0])
        if name in _ONE and innermost:
            return _one(arguments[0])
    return None


def _by_container(path: _Path) -> Sized | None:
    for name, arguments in path:
        index = _CONTAINERS.get(name)
        if index is None or not arguments or index >= len(arguments) or path[-1][0] in _BOOKKEEPING:
            continue
        if arguments[index] != "bool":  # vector<bool> has words
            return Sized(_local(arguments[index]), EVIDENCE, name not in _OF_NODES)
    return None


def _held(kind: str) -> Sized | None:
    """The value of what an allocator allocates, given that or the allocator."""
    path = _components(kind)
    name, arguments = path[-1] if path else ("", None)
    if name == "allocator" and arguments:
        kind = arguments[0]
        path = _components(kind)
        name, arguments = path[-1] if path else ("", None)
    if name in _HOLDERS and arguments:
        return Sized(_local(arguments[0]), EVIDENCE)
    return Sized(_local(kind), EVIDENCE, not name.startswith("_Sp_counted")) if kind != "void" else None


def _one(kind: str) -> Sized | None:
    kind = re.sub(r"^const (?=.*&$)|(?: ?const)? ?&+$", "", kind)
    if kind.endswith("[]"):
        return Sized(_local(kind[:-2]), EVIDENCE, True)
    return Sized(_local(kind), EVIDENCE)


def _local(kind: str) -> str:
    """A type of a function's own without the function in front of it, which gcc writes; a lambda with its name."""
    parts = _split(kind, "::")
    function = max((n for n, part in enumerate(parts) if _PARAMETERS.search(part)), default=-1)
    inner = parts[function + 1 :]
    if function < 0 or not inner:
        return kind
    if inner[0].startswith("<lambda"):
        return f"<lambda in {'::'.join([*parts[:function], parts[function].partition('(')[0]])}>"
    return "::".join(inner)


def _components(name: str) -> _Path:
    """The name cut at `::`; nothing if its brackets don't match."""
    path: _Path = []
    for part in _split(name, "::"):
        start = part.find("<")
        if start > 0 and part.endswith(">"):
            path.append((part[:start], _split(part[start + 1 : -1], ", ")))
        else:
            path.append((part, None))
    return path


def _split(text: str, separator: str) -> list[str]:
    """The text cut at separators outside of brackets; an empty list if brackets don't match."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
            if depth < 0:
                return []
        elif depth == 0 and text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
            at = start - 1
        at += 1
    return [*parts, text[start:]] if depth == 0 else []
