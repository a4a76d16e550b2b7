"""`-ffile-prefix-map` and `-fdebug-prefix-map`: how paths are told to the world (gcc manual, "Overall Options")."""

from collections.abc import Iterable

_OPTIONS = ("-ffile-prefix-map=", "-fdebug-prefix-map=")
_MACROS = "-fmacro-prefix-map="


def mapped(path: str, arguments: Iterable[str]) -> str:
    """A path as debug info has it: the last option whose old prefix fits replaces it.

    Args:
        path: an absolute path.
        arguments: the compiler's.
    """
    for word in reversed(list(arguments)):
        for option in _OPTIONS:
            if word.startswith(option):
                old, equals, new = word.removeprefix(option).rpartition("=")
                if equals and path.startswith(old):
                    return new + path[len(old) :]
    return path


def unmapped(arguments: Iterable[str]) -> tuple[str, ...]:
    """A command line as it may be told to the world: paths in it are mapped, the options that map them left out."""
    words = list(arguments)
    if not any(word.startswith(_OPTIONS) for word in words):
        return tuple(words)
    kept = [word for word in words if not word.startswith((*_OPTIONS, _MACROS))]
    return tuple("-I" + mapped(word[2:], words) if word.startswith("-I/") else mapped(word, words) for word in kept)
