"""Which files and archive members took part in a link: what the four linkers print for `--trace --trace` (R15)."""

import functools
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping

from allocscc.elf import archive
from allocscc.errors import FormatError

# bfd: (lib.a)member.o; the others: lib.a(member.o). mold puts "trace: " in front.
_BFD_MEMBER = re.compile(r"\((.+)\)([^()]+)")
_MEMBER = re.compile(r"(.+)\(([^()]+)\)")
# What lto-wrapper makes has a random name: /tmp/ccXXXXXX.ltrans0.ltrans.o
_LTO_OBJECT = "<LTO>"
_LTO_FILE = re.compile(r".*/cc\w{6}(\.ltrans\d*(?:\.ltrans)?\.o|\.lto\.o)")


def split_member(path: str) -> tuple[str, str]:
    """`lib.a(member.o)` as archive and member; the member is "" for another file."""
    found = _MEMBER.fullmatch(path)
    return (found[1], found[2]) if found else (path, "")


def read_trace(text: str, cwd: str, is_file: Callable[[str], bool], map_text: str | None = None) -> list[str]:
    """The inputs that a linker took, each once and in order, with absolute paths.

    Args:
        text: what it printed; other lines may stand between.
        cwd: where it ran.
        is_file: whether a path is that of a file that is no archive: bfd names an archive beside its members.
        map_text: mold's map; mold names every member of an archive that it looks into, used or not.
    """
    found: dict[str, None] = {}
    for line in text.splitlines():
        word = line.strip().removeprefix("trace: ")
        member = _BFD_MEMBER.fullmatch(word) or _MEMBER.fullmatch(word)
        path = _LTO_FILE.sub(rf"{_LTO_OBJECT}\1", member[1] if member else word)
        if not path.startswith(_LTO_OBJECT):
            path = os.path.normpath(os.path.join(cwd, path))
            if not member and not is_file(path):
                continue
        if member and map_text is not None and f"{word}:(" not in map_text:
            continue
        found[f"{path}({member[2]})" if member else path] = None
    return list(found)


def read_options(args: list[str]) -> list[str]:
    """The options among a linker's arguments; those that take a word and that we may add, joined with it."""
    words: list[str] = []
    index = 0
    while index < len(args):
        joined = args[index] in ("-u", "-z", "--wrap", "-l") and index + 1 < len(args)
        if args[index].startswith("-"):
            words.append(" ".join(args[index : index + 1 + joined]))
        index += 1 + joined
    return words


@functools.cache
def archive_members(path: str) -> tuple[archive.Member, ...]:
    """An archive's members; read once, libc's has two thousand.

    Raises:
        FormatError, OSError: the archive is damaged, or cannot be read.
    """
    with open(path, "rb") as file:
        return tuple(archive.members(file.read(), path, os.path.dirname(path) or "."))


def read_member(path: str, name: str) -> bytes:
    """The bytes of an archive's member.

    Raises:
        FormatError: the archive has no such member, or is damaged.
    """
    for member in archive_members(path):
        if member.name == name:
            return member.data
    raise FormatError(f"{path}: has no member {name}")


def thin_members(archives: Iterable[str], given: Collection[str]) -> dict[str, str]:
    """The files that are members of thin archives → each as `archive(member)`, as the archive names it.

    Args:
        archives: paths of archives of any kind.
        given: inputs that are given by themselves: a file among them is no member to the linker.

    Raises:
        FormatError, OSError: an archive is damaged, or cannot be read.
    """
    known = {os.path.normpath(path) for path in given}
    found: dict[str, str] = {}
    for path in map(os.path.normpath, archives):
        folder = os.path.dirname(path)
        with open(path, "rb") as file:
            is_thin = file.read(len(archive.THIN_MAGIC)) == archive.THIN_MAGIC
            data = archive.THIN_MAGIC + file.read() if is_thin else b""
        for member in archive.members(data, path, folder) if is_thin else ():
            at = os.path.normpath(os.path.join(folder, member.name))
            if at not in known:
                found[at] = f"{path}({member.name})"
    return found


def with_thin_members(inputs: Iterable[str], members: Mapping[str, str], cwd: str) -> tuple[str, ...]:
    """Inputs in which a thin archive's members are named as the archive names them.

    bfd names the file alone, gold and mold both archive and file (`sub/l.a(sub/x.o)`), lld as the archive does.
    """

    def named(path: str) -> str:
        file, member = split_member(path)
        for base in (cwd, os.path.dirname(file)) if member else ():
            name = members.get(os.path.normpath(os.path.join(base, member)), "")
            if split_member(name)[0] == file:
                return name
        return members.get(path, path)

    return tuple(named(path) for path in inputs)
