"""Whether a unit can have anything to record: plain text searches, for what most compiles have to pay (hot path)."""

from __future__ import annotations

import os

from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocscc.config.roles import Roles

# Folders whose headers are the system's: libc's and other installed libraries', and the compiler's own.
_SYSTEM = ("/usr/include/", "/usr/lib/", "/usr/local/include/")
# A compiler that is installed elsewhere has its C++ library there.
_CXX_LIBRARY = "/include/c++/"
# Where pipes have names.
_DEVICES = ("/dev/", "/proc/")
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C")
# Headers larger than this (bytes) are generated tables.
_LARGE = 4 << 20


@dataclass(frozen=True)
class Needs:
    """What a unit is to be looked through for, beside calls of functions of a role.

    Attributes:
        declares: whether its files may declare functions by attributes.
        on_stack: whether they may call alloca.
        arrays: whether they may have arrays of variable length.
    """

    declares: bool = False
    on_stack: bool = False
    arrays: bool = False


def is_system_header(path: str) -> bool:
    """Whether a file is a header that no person of this build wrote."""
    return (path.startswith(_SYSTEM) or _CXX_LIBRARY in path) and not path.endswith(_SOURCES)


def names_a_role(text: str, roles: Roles) -> bool:
    """Whether the assembly calls a function whose calls are sites, or defines one of a role."""
    called = _targets(text)
    if not called.isdisjoint(roles.signatures):
        return True
    if any(f"\n{name}:" in text for _, name, _, _ in roles.scoped):
        return True
    if any(f"\n{name}:" in text for name in roles.entries):
        return True
    # A wrapper that got inlined into the only functions that call it, and itself calls through a pointer.
    if not _exported(text).isdisjoint(roles.signatures):
        return True
    return bool(roles.patterns) and _matches_a_pattern(called, roles)


def _exported(text: str) -> set[str]:
    """What the assembly defines for other units."""
    found, start = set(), "\t.globl\t"
    at = text.find(start)
    while at >= 0:
        line = text[at + len(start) : text.find("\n", at) + 1]
        found.update(line.split(None, 1)[:1])  # clang has a comment behind it
        at = text.find(start, at + 1)
    return found


def _targets(text: str) -> set[str]:
    """What the assembly calls or jumps to, in text with AT&T, Intel's or aarch64's instructions; labels left out.

    A search for each name would read the text as often as there are names.
    """
    found = set()
    for start in ("\tcall", "\tj", "\tb"):  # call, jmp and jCC, b and bl
        at = text.find(start)
        while at >= 0:
            tab = text.find("\t", at + 2, at + 10)
            if tab > 0 and text[tab + 1] not in ".(%0123456789":
                end = tab + 1
                while end < len(text) and text[end] not in "@ \t\n(":
                    end += 1
                found.add(text[tab + 1 : end].lstrip("*"))
            at = text.find(start, at + 2)
    return found


def hands_out_a_role(text: str, roles: Roles) -> bool:
    """Whether the assembly takes the address of a function whose calls are sites, to put it into a table."""
    found = set()
    for start, inside in (("\t.quad\t", 7), ("\t.xword\t", 8), ("@GOTPCREL", 0)):
        at = text.find(start)
        while at >= 0:
            begin = at + inside if inside else max(text.rfind("\t", 0, at), text.rfind(" ", 0, at), 0) + 1
            end = begin
            while end < len(text) and text[end] not in "@+- \t\n(":
                end += 1
            found.add(text[begin:end])
            at = text.find(start, at + 6)
    return not found.isdisjoint(roles.signatures)


def _matches_a_pattern(called: set[str], roles: Roles) -> bool:
    import re  # only projects with globs pay for it

    from allocscc.config.globs import glob_regex

    wild = re.compile("|".join(glob_regex(pattern) for pattern, _, _ in roles.patterns))
    return any(wild.fullmatch(name) for name in called)


def declares(files: Iterable[str], arguments: list[str]) -> bool:
    """Whether a unit's files, or macros on its command line, may declare functions by attributes (R5).

    Args:
        files: the source and its headers; the system's are skipped.
        arguments: the compiler's arguments.
    """
    if any(_has_mark(word) for word in arguments if "alloc" in word):
        return True
    return any(_has_mark(text) for path in files if (text := _project_text(path)))


def mentions_alloca(files: Iterable[str]) -> bool:
    """Whether a unit's files may call alloca: words that end in its name, or in that of glibc's macros (`strdupa`)."""
    return any(_has_end(text, "alloca") or _has_end(text, "dupa") for path in files if (text := _project_text(path)))


def _has_end(text: str, end: str) -> bool:
    at = text.find(end)
    while at >= 0:
        behind = text[at + len(end) : at + len(end) + 1]
        if not (behind.isalnum() or behind == "_"):
            return True
        at = text.find(end, at + 1)
    return False


def has_frame_pointer(text: str) -> bool:
    """Whether a function of gcc's assembly sets up a frame pointer: each that calls alloca has to (gcc 11, 12).

    Where all functions do, as without optimisation, this says nothing; clang needs none for a small size that it knows.
    """
    return "%rsp, %rbp\n" in text or "rbp, rsp\n" in text or "x29, sp" in text


def grows_stack(text: str) -> bool:
    """Whether a function of the assembly takes stack by a size that it has computed: for an array, or alloca."""
    if "\tsub\tsp, sp, x" in text or "\tsub\tsp, sp, w" in text:  # aarch64
        return True
    at = text.find(", %rsp\n")
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        if text.startswith(("\tsubq\t%", "\tmovq\t%"), start) and not text.startswith("\tmovq\t%rbp", start):
            return True
        at = text.find(", %rsp\n", at + 1)
    return False


_texts: dict[tuple[str, int], str] = {}  # several questions are asked about the same files


def _project_text(path: str, *, large: bool = False) -> str:
    """The text of a source or header, one character a byte; "" if it is the system's, or not there.

    Args:
        path: the file.
        large: whether it counts, too, if it is as large as generated tables are.
    """
    try:
        if is_system_header(path):
            return ""
        status = os.stat(path)
        if status.st_size > _LARGE and not large:
            return ""
        key = path, status.st_mtime_ns
        if key not in _texts:
            with open(path, "rb") as file:
                _texts[key] = file.read().decode("latin-1")
        return _texts[key]
    except OSError:
        return ""


def _has_mark(text: str) -> bool:
    from allocscc.config.marks import MARKS, WORDS, has_plain_mark, has_word

    if any(mark in text for mark in MARKS) or any(has_word(text, word) for word in WORDS):
        return "#ifndef ALLOCS_H\n" not in text  # not allocs.h itself
    at = text.find("__attribute")
    return at >= 0 and has_plain_mark(text, at)


def listed_files(dependencies: str) -> list[str]:
    """The files that a dependency rule (`target: file file …`, make syntax) names behind its colon."""
    _, _, names = dependencies.partition(":")
    files, word = [], ""
    names = names.replace("\\\n", " ")
    at = 0
    while at < len(names):
        char = names[at]
        if char == "\\" and at + 1 < len(names) and names[at + 1] in " #\\":
            word += names[at + 1]
            at += 1
        elif char == "$" and names[at : at + 2] == "$$":
            word += "$"
            at += 1
        elif char in " \t\n":
            if word:
                files.append(word)
            word = ""
        else:
            word += char
        at += 1
    return [*files, word] if word else files


def named_in(files: Iterable[str], roles: Roles) -> bool:
    """Whether files of the project name a function whose calls are sites; of C++ sources also `new`.

    For units whose assembly does not tell: intermediate code.
    """
    import re

    from allocscc.config.globs import glob_regex

    names = [re.escape(name) for name in roles.signatures if not name.startswith("_Z")]
    names += [glob_regex(pattern) for pattern, _, _ in roles.patterns] + [
        re.escape(name) for _, name, _, _ in roles.scoped
    ]
    word = re.compile(rf"\b(?:{'|'.join(['new', *names])})\b")
    return any(word.search(text) for path in files if (text := _project_text(path)))


def may_name(path: str, language: str, roles: Roles) -> bool:
    """Whether a source itself may call a function whose calls are sites: a guess, before there is assembly.

    Args:
        path: the source's.
        language: `c` or `c++`.
        roles: the config.
    """
    text = _project_text(path, large=True)
    if language == "c++" and "new " in text:
        return True
    return any(f"{name}(" in text or f"{name} (" in text for name in roles.signatures)


def is_rereadable(source: str, arguments: list[str]) -> bool:
    """Whether nobody is robbed by reading a source, and what it includes, beside the compiler: no pipe among them.

    Args:
        source: its path.
        arguments: the compiler's: `-include /dev/stdin`.
    """
    if not os.path.isfile(source) or any(word.startswith(_DEVICES) for word in (source, *arguments)):
        return False
    text = _project_text(source, large=True)
    return not any(_includes(text, quote + folder) for quote in '"<' for folder in _DEVICES)


def _includes(text: str, begin: str) -> bool:
    """Whether a line of the text includes a file whose name, with the quote before it, begins so."""
    at = text.find(begin)
    while at >= 0:
        line = text[text.rfind("\n", 0, at) + 1 : at]
        if line.lstrip().startswith("#") and "include" in line:
            return True
        at = text.find(begin, at + 1)
    return False


def has_sizes(files: Iterable[str]) -> bool:
    """Whether files of the project have a `sizeof`, so that there may be candidates."""
    return any("sizeof" in _project_text(path) for path in files)
